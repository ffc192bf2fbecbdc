"""Importing master data: every kind, what is refused row by row, the same file twice, changes."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
import shapely
from sqlalchemy import func, select

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import Forbidden, Refused
from portal.core.scope import Actor, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType
from portal.grids.models import Grid, GridKind
from portal.imports.checks import FileProblem
from portal.imports.kinds import Status, kinds
from portal.imports.mapping import MappingProblem
from portal.imports.models import BatchState, ImportBatch
from portal.imports.services import run_import
from portal.organization.models import Branch, BranchKind, Level, Post, Staff, Team
from portal.parameters.known import Operator
from portal.parameters.models import Parameter
from portal.products.models import Product
from portal.products.terms import DayCount, HolidayRule, Method, Rounding
from seed.identity import credit_code, mobile, resident_id
from tests.portal.imports.conftest import checking, imported, mapping, problems_of

CUSTOMERS = "Customer code,Name,Customer group,Resident ID,Phone,Branch,Team,Customer manager,Address"
BORN = dt.date(1980, 5, 17)


def person(number: int, **changes: str) -> list[str]:
    row = {
        "code": f"C{number}",
        "name": f"王{number}",
        "type": "individual",
        "resident_id": resident_id(BORN, "male", number),
        "phone": mobile(number),
        "branch": "QX",
        "team": "T1",
        "manager": "M1",
        "address": f"栖霞市{number}号",
    } | changes
    return list(row.values())


def only(model, code: str):
    return db.session.scalars(select(model).where(model.code == code)).one()


# --- one file of each kind --------------------------------------------------------------------------------------------


def test_branches_come_in_any_order_with_their_parents(company, csv_file):
    path = csv_file(
        "Branch code,Branch,Kind,Parent branch,Opened on",
        ["QX02", "观里网点", "Outlet", "QX01", ""],
        ["QX01", "城关支行", "branch", "HQ", "2020/1/1"],
    )
    batch = imported(path, "branches")
    assert (batch.rows_new, batch.state) == (2, BatchState.DONE)
    outlet = only(Branch, "QX02")
    assert (outlet.parent.code, outlet.parent.parent.code, outlet.kind) == ("QX01", "HQ", BranchKind.OUTLET)
    assert outlet.parent.opened_on == dt.date(2020, 1, 1)


def test_teams_and_staff_are_imported_with_references_by_code(company, csv_file):
    imported(csv_file("Team code,Team,Branch", ["T2", "二队", "SD"]), "teams")
    path = csv_file(
        "Staff code,Name,Post,Level,Branch,Team,Reports to,Joined on",
        ["M9", "赵", "Customer manager", "Junior", "SD", "T2", "L9", "2024-03-01"],
        ["L9", "钱", "Team lead", "", "SD", "T2", "", ""],
    )
    imported(path, "staff")
    manager = only(Staff, "M9")
    assert (manager.post, manager.level, manager.team.code) == (Post.CUSTOMER_MANAGER, Level.JUNIOR, "T2")
    assert manager.supervisor.code == "L9"


def test_products_are_imported_with_rates_in_percent(company, csv_file):
    path = csv_file(
        "Product code,Product,Purpose,Channel,Lowest annual rate (%),Highest annual rate (%),Shortest term (months),"
        "Longest term (months),Repayment method,Day count,Rounding,Holiday rule",
        ["P9", "苹果贷", "business", "offline", "7.2", "9.6", "6", "12", "bullet", "30/360", "half-up", "following"],
    )
    imported(path, "products")
    product = only(Product, "P9")
    assert (product.rate_min, product.rate_max, product.penalty_markup) == (72_000, 96_000, 500_000)
    assert (product.method, product.day_count) == (Method.BULLET, DayCount.THIRTY_360)
    assert (product.rounding, product.holiday_rule, product.active) == (Rounding.HALF_UP, HolidayRule.FOLLOWING, True)


def test_customers_are_imported_with_their_personal_values_sealed(company, csv_file):
    imported(csv_file(CUSTOMERS, person(1), person(2, phone="")), "customers")
    customer = only(Customer, "C1")
    assert (customer.resident_id, customer.phone) == (resident_id(BORN, "male", 1), mobile(1))
    assert customer.resident_id_index == Customer.resident_id.index(resident_id(BORN, "male", 1))
    assert resident_id(BORN, "male", 1).encode() not in customer.resident_id_sealed
    assert (customer.manager.code, customer.type) == ("M1", CustomerType.INDIVIDUAL)
    assert only(Customer, "C2").phone is None


def test_parameters_are_imported_by_key_and_date(company, csv_file):
    path = csv_file(
        "Key,Value,Operator,Valid from,Source,Confirmed by compliance",
        ["accrual.stop", "60", ">", "2026-07-01", "Board decision", "是"],
    )
    imported(path, "parameters")
    row = db.session.scalars(select(Parameter).where(Parameter.valid_from == dt.date(2026, 7, 1))).one()
    assert (row.key, row.number, row.operator, row.confirmed) == ("accrual.stop", 60, Operator.GREATER, True)
    wrong = csv_file(
        "Key,Value,Operator,Valid from,Source",
        ["cat.colour", "1", "", "2026-07-01", "x"],
        ["accrual.stop", "soon", ">", "2026-08-01", "x"],
    )
    assert [line for line, _column, _reason in problems_of(wrong, "parameters")] == [2, 3]


# --- what is wrong, row by row ----------------------------------------------------------------------------------------


def test_every_wrong_cell_is_named_with_row_column_and_reason_and_nothing_is_imported(company, csv_file):
    path = csv_file(
        CUSTOMERS,
        person(1),
        person(2, resident_id=resident_id(BORN, "male", 2)[:-1] + "A"),
        person(3, resident_id="37066019990231001X"),
        person(4, branch="XX"),
        person(5, phone="1234"),
        person(6, type="alien"),
        person(7, name=""),
        person(8, code=""),
        person(9, code="C1"),
        person(10, resident_id=resident_id(BORN, "male", 1)),
        person(11, branch="SD"),
        person(12, name="名" * 121),
    )
    found = problems_of(path, "customers")
    assert found == [
        (3, "Resident ID", "A resident ID has 17 digits and then a digit or X."),
        (4, "Resident ID", "The birth date in the resident ID does not exist."),
        (5, "Branch", "There is no branch with the code “XX”."),
        (6, "Phone", "A mobile number has 11 digits and begins with 13 to 19."),
        (7, "Customer group", found[4][2]),
        (8, "Name", "This is needed."),
        (9, "Customer code", "This is needed."),
        (10, "Customer code", "Row 2 has the same value."),
        (11, "Resident ID", "Row 2 has the same value."),
        (12, "Team", "This team does not belong to the branch."),
        (13, "Name", "At most 120 characters; this has 121."),
    ]
    assert db.session.scalar(select(func.count()).select_from(Customer)) == 0
    assert db.session.scalar(select(func.count()).select_from(ImportBatch)) == 0


def test_an_id_with_a_wrong_check_digit_is_shown_masked(company, csv_file):
    right = resident_id(BORN, "female", 3)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    with checking(csv_file(CUSTOMERS, person(1, resident_id=wrong)), "customers") as checked:
        (problem,) = checked.problems.ordered()
        assert "check digit" in problem.reason
        assert problem.value == wrong[:6] + "********" + wrong[-4:]
        shown = checked.first_rows[0]
        assert (shown["phone"], shown["address"]) == (mobile(1)[:3] + "****" + mobile(1)[-4:], "栖霞***")


def test_a_formula_is_named_by_its_cell_and_only_where_the_column_is_read(company, xlsx_file):
    def write(_book, sheet):
        sheet.write_row(0, 0, ["Team code", "Team", "Branch", "remark"])
        sheet.write_row(1, 0, ["T7", "七队", "QX"])
        sheet.write_formula(1, 3, "=1+1", None, 2)
        sheet.write_row(2, 0, ["T8", "", "QX"])
        sheet.write_formula(2, 1, '="八"&"队"', None, "八队")

    ((line, column, reason),) = problems_of(xlsx_file(write), "teams")
    assert (line, column) == (3, "Team")
    assert reason == "Cell B3: This cell holds a formula; paste its value instead."


def test_a_row_of_another_width_is_refused(company, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Team code,Team,Branch\nT7,七队,QX,and,more\nT8,八队\n")
    found = problems_of(path, "teams")
    assert found[0] == (2, "", "The row has 5 cells, the heading 3.")
    assert found[1] == (3, "", "The row has 2 cells, the heading 3.")


def test_no_branch_may_stand_above_itself(company, csv_file):
    path = csv_file(
        "Branch code,Branch,Kind,Parent branch",
        ["HQ", "总部", "head_office", "QX"],
        ["N1", "n", "outlet", "N2"],
        ["N2", "n", "outlet", "N1"],
        ["N3", "n", "outlet", "N3"],
        ["N4", "n", "outlet", "nobody"],
    )
    reasons = {line: reason for line, _column, reason in problems_of(path, "branches")}
    assert reasons == {
        2: "This record would stand above itself.",
        3: "This record would stand above itself.",
        4: "This record would stand above itself.",
        5: "This record would stand above itself.",
        6: "There is no parent branch with the code “nobody”.",
    }


def test_a_unique_value_that_another_record_has_already_is_refused(company, csv_file):
    heads = "Customer code,Name,Customer group,Unified social credit code,Resident ID,Branch"
    code = credit_code("enterprise", 1)
    imported(
        csv_file(heads, ["E1", "果业", "enterprise", code, "", "QX"], ["I1", "王", "farmer", "", person(1)[3], "QX"]),
        "customers",
    )
    path = csv_file(heads, ["E2", "果品", "enterprise", code, "", "QX"], ["I2", "李", "farmer", "", person(1)[3], "QX"])
    assert problems_of(path, "customers") == [
        (2, "Unified social credit code", "Another record has this value already."),
        (3, "Resident ID", "Another record has this value already."),
    ]


def test_a_file_without_a_needed_column_or_without_rows_is_refused(company, csv_file):
    with pytest.raises(FileProblem, match="no column for “Branch code”"):
        problems_of(csv_file("Branch,Kind", ["a", "outlet"]), "branches")
    with pytest.raises(FileProblem, match="headings but no rows"):
        problems_of(csv_file("Branch code,Branch,Kind"), "branches")
    ((_line, _column, reason),) = problems_of(csv_file("Branch code,Kind", ["a", "outlet"]), "branches")
    assert reason == "New records need this column."


def test_a_mapping_must_fit_the_file_and_the_kind(company, csv_file):
    path = csv_file("a,b", ["1", "2"])
    with pytest.raises(FileProblem, match="no column “nr”, which the mapping names"):
        problems_of(path, "teams", {"code": "nr", "name": "b", "branch": {"constant": "QX"}})
    with pytest.raises(MappingProblem, match="is for teams, not for branches"):
        problems_of(path, "branches", mapping=mapping({"kind": "teams", "fields": {"code": "a"}}))


# --- again, and changed -----------------------------------------------------------------------------------------------


def test_the_same_file_twice_changes_nothing(company, csv_file):
    path = csv_file(CUSTOMERS, person(1), person(2))
    imported(path, "customers")
    before = {row.code: (row.id, row.version, row.data_key) for row in db.session.scalars(select(Customer))}
    again = imported(path, "customers")
    after = {row.code: (row.id, row.version, row.data_key) for row in db.session.scalars(select(Customer))}
    assert (again.rows_new, again.rows_changed, again.rows_unchanged) == (0, 0, 2)
    assert before == after


def test_a_row_that_differs_changes_the_record_and_a_blank_cell_leaves_it(company, csv_file):
    imported(csv_file(CUSTOMERS, person(1), person(2)), "customers")
    path = csv_file(CUSTOMERS, person(1, phone=mobile(99), address="", name="王改"), person(2))
    batch = imported(path, "customers")
    assert (batch.rows_changed, batch.rows_unchanged) == (1, 1)
    customer = only(Customer, "C1")
    assert (customer.name, customer.phone, customer.address) == ("王改", mobile(99), "栖霞市1号")
    assert (customer.version, customer.resident_id) == (2, person(1)[3])


def test_some_columns_are_enough_to_change_records_that_exist(company, csv_file):
    imported(csv_file(CUSTOMERS, person(1)), "customers")
    imported(csv_file("Customer code,Phone", ["C1", mobile(50)]), "customers")
    assert only(Customer, "C1").phone == mobile(50)


def test_a_branch_can_be_moved_under_another_one(company, csv_file):
    heads = "Branch code,Branch,Kind,Parent branch"
    imported(csv_file(heads, ["SD", "SD", "branch", "N1"], ["N1", "新", "branch", "HQ"]), "branches")
    assert only(Branch, "SD").parent.code == "N1"


def test_one_audit_entry_tells_of_the_file_without_personal_data(company, csv_file):
    path = csv_file(CUSTOMERS, person(1), person(2))
    with checking(path, "customers") as checked:
        digest = checked.sha256
    imported(path, "customers")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "imports.run")).one()
    assert entry.changes["sha256"] == digest
    assert (entry.changes["new"], entry.resource) == (2, "ImportBatch")
    assert "王1" not in str(entry.changes) and mobile(1) not in str(entry.changes)


def test_importing_needs_the_right_to_import_this_kind_in_the_whole_company(company, csv_file):
    path = csv_file("Team code,Team,Branch", ["T7", "七队", "QX"])
    grants = {("ImportBatch", "run"): "all", ("Team", "import"): "all"}
    with acting(Actor("importer", grants=grants)):
        assert problems_of(path, "teams") == []
    refused = [{key: scope} for key, scope in grants.items()] + [grants | {key: "branch"} for key in grants]
    refused.append({("ImportBatch", "run"): "all", ("Team", "list"): "all", ("Team", "show"): "all"})
    for lacking in refused:
        with acting(Actor("nearly", grants=lacking)), pytest.raises(Forbidden, match="may not import Teams"):
            problems_of(path, "teams")


def test_what_changed_between_check_and_import_stops_the_import(company, csv_file):
    path = csv_file("Team code,Team,Branch", ["T7", "七队", "QX"], ["T8", "八队", "QX"])
    with checking(path, "teams") as checked:
        with unit_of_work("tests.meanwhile"):
            db.session.add(Team(code="T8", name="another", branch_id=only(Branch, "SD").id))
        with pytest.raises(Refused, match="contradict other records"):
            run_import(checked)
    assert db.session.scalars(select(Team.code).where(Team.code == "T7")).all() == []


# --- grids ------------------------------------------------------------------------------------------------------------

GRIDS = {
    "code": "name",
    "name": "name",
    "town": {"constant": "庄园街道"},
    "kind": {"constant": "village"},
    "branch": {"constant": "QX"},
    "geometry": "geometry",
}


@pytest.mark.shared
def test_grid_outlines_that_cross_themselves_are_repaired_and_that_is_said(company, shared_data):
    path = shared_data / "qixia_geo" / "yantai_echarts_mit.geojson"
    with checking(path, "grids", GRIDS) as checked:
        assert checked.counts[Status.NEW] == 12
        assert "An outline that crosses itself was repaired. (9)" in checked.warnings
    imported(path, "grids", GRIDS)
    for row in db.session.scalars(select(Grid)):
        assert shapely.from_geojson(row.geometry).is_valid
        assert row.area > 0


@pytest.mark.shared
def test_cells_become_grids_with_outline_code_and_area(company, shared_data):
    rules = {name: rule for name, rule in GRIDS.items() if name not in ("code", "geometry")} | {
        "cell": "h3",
        "name": "h3",
    }
    imported(shared_data / "qixia_geo" / "qixia_h3_res7.geojson", "grids", rules)
    count, area = db.session.execute(select(func.count(), func.sum(Grid.area))).one()
    assert count == 594
    assert area / 1e6 == pytest.approx(2_008.3, rel=0.01)
    row = db.session.scalars(select(Grid).limit(1)).one()
    assert (row.kind, len(row.code)) == (GridKind.VILLAGE, 15)


def test_a_grid_without_a_usable_outline_is_refused(company, tmp_path, csv_file):
    square = '{"type":"Polygon","coordinates":[[[120,37],[121,37],[121,38],[120,38],[120,37]]]}'
    shapes = {
        "point": '{"type":"Point","coordinates":[120,37]}',
        "metres": square.replace("120", "40512345"),
        "line": '{"type":"Polygon","coordinates":[[[120,37],[121,37],[120,37],[120,37]]]}',
        "text": "here",
        "good": square,
    }
    path = csv_file("name,geometry", *shapes.items())
    reasons = {line: reason for line, _column, reason in problems_of(path, "grids", GRIDS)}
    assert reasons == {
        2: "A grid needs an outline: a polygon.",
        3: "The coordinates must be degrees of longitude and latitude (WGS 84).",
        4: "The outline encloses no area.",
        5: "This is not a GeoJSON geometry.",
    }
    with pytest.raises(FileProblem, match="FeatureCollection"):
        (tmp_path / "a.json").write_text('{"type":"Feature"}')
        problems_of(tmp_path / "a.json", "grids", GRIDS)
    with pytest.raises(FileProblem, match="not valid GeoJSON"):
        (tmp_path / "a.json").write_text("{")
        problems_of(tmp_path / "a.json", "grids", GRIDS)


def test_every_kind_says_what_it_is_and_what_it_needs(company):
    for key, kind in kinds.items():
        assert str(kind.label) and kind.resource
        assert all(name in kind.fields for name in kind.needed({}))
        assert all(str(described.label) for described in kind.fields.values()), key


def test_a_chunked_file_is_judged_as_a_whole(company, csv_file, monkeypatch):
    monkeypatch.setattr("portal.imports.reading.CHUNK", 2)
    monkeypatch.setattr("portal.imports.reading.Table.chunks.__defaults__", (2,))
    rows = [[f"N{n}", f"网点{n}", "outlet", f"N{n + 1}" if n < 6 else "HQ"] for n in range(7)]
    path = csv_file("Branch code,Branch,Kind,Parent branch", *rows)
    assert imported(path, "branches").rows_new == 7
    assert only(Branch, "N0").parent.parent.code == "N2"
    path = csv_file("Team code,Team,Branch", *[[f"T{n % 4}{n // 4}", "t", "QX"] for n in range(4)], ["T00", "t", "QX"])
    assert problems_of(path, "teams") == [(6, "Team code", "Row 2 has the same value.")]


def test_the_frames_that_wait_for_writing_are_gone_afterwards(company, csv_file):
    with checking(csv_file("Team code,Team,Branch", ["T7", "七队", "QX"]), "teams") as checked:
        assert pl.read_ipc(checked.spooled(0, 0))["code"].to_list() == ["T7"]
        folder = checked.folder
    assert not folder.exists()


def test_a_new_customer_without_a_team_has_that_of_the_manager(company, csv_file):
    imported(csv_file(CUSTOMERS, person(1, team=""), person(2, team="", manager="")), "customers")
    teams = dict(db.session.execute(select(Customer.code, Team.code).outerjoin(Team)).all())
    assert teams == {"C1": "T1", "C2": None}


def test_a_file_may_not_take_a_customer_from_its_managers_team(company, csv_file):
    imported(csv_file(CUSTOMERS, person(1)), "customers")
    path = csv_file("Customer code,Team,Branch", ["C1", "", "SD"])
    assert problems_of(path, "customers") == [(2, "Branch", "This team does not belong to the branch.")]
    assert (2, "Customer manager", "This customer manager does not belong to the branch.") in problems_of(
        csv_file(CUSTOMERS, person(3, team="", branch="SD")), "customers"
    )


def test_what_a_file_leaves_alone_is_not_asked(company, csv_file):
    """A customer whose manager has moved to another branch is still corrected by a file with its name."""
    imported(csv_file(CUSTOMERS, person(1)), "customers")
    with unit_of_work("tests.move"):
        manager = db.session.scalars(select(Staff).where(Staff.code == "M1")).one()
        manager.team_id, manager.branch_id = (
            None,
            db.session.scalars(select(Branch.id).where(Branch.code == "SD")).one(),
        )
    assert imported(csv_file("Customer code,Name", ["C1", "李"]), "customers").rows_changed == 1
