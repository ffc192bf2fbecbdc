"""Taking back an import of master data: as long as nothing depends on it, and nobody has touched it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import Refused
from portal.core.files import open_file
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.imports.models import BatchState, ImportedChange, ImportedRange
from portal.imports.services import undo_import
from portal.imports.traces import _ranges
from portal.organization.models import Branch, Team
from tests.portal.imports.conftest import imported

CUSTOMERS = "Customer code,Name,Customer group,Phone,Address,Branch,Customer since"


def customer(code: str) -> Customer:
    return db.session.scalars(select(Customer).where(Customer.code == code)).one()


def count(model) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_added_records_go_again_and_the_file_can_be_imported_anew(company, csv_file):
    path = csv_file("Branch code,Branch,Kind,Parent branch", ["N1", "a", "branch", "HQ"], ["N2", "b", "outlet", "N1"])
    before = count(Branch)
    batch = imported(path, "branches")
    undo_import(batch.id)
    assert (count(Branch), batch.state) == (before, BatchState.UNDONE)
    assert imported(path, "branches").rows_new == 2


def test_changed_records_get_back_what_they_held(company, csv_file):
    imported(csv_file(CUSTOMERS, ["C1", "王", "farmer", "13800000001", "一号", "QX", "2020-01-01"]), "customers")
    batch = imported(
        csv_file(CUSTOMERS, ["C1", "李", "individual", "13800000002", "二号", "SD", "2021-01-01"]), "customers"
    )
    change = db.session.scalars(select(ImportedChange)).one()
    assert "一号" not in str(change.before) and "13800000001" not in str(change.before)
    undo_import(batch.id)
    row = customer("C1")
    assert (row.name, row.phone, row.address, row.branch.code) == ("王", "13800000001", "一号", "QX")
    assert (row.type, row.since.isoformat()) == ("farmer", "2020-01-01")
    assert row.phone_index == Customer.phone.index("13800000001")


def test_a_batch_is_not_undone_once_others_refer_to_it(company, csv_file):
    batch = imported(csv_file("Branch code,Branch,Kind,Parent branch", ["N1", "a", "branch", "HQ"]), "branches")
    imported(csv_file(CUSTOMERS, ["C1", "王", "farmer", "", "", "N1", ""]), "customers")
    with pytest.raises(Refused, match=r"1 records \(Customer\) already refer to what was imported \(Branch\)"):
        undo_import(batch.id)
    assert batch.state == BatchState.DONE
    assert customer("C1").branch.code == "N1"


def test_a_batch_is_not_undone_once_somebody_has_changed_its_records(company, csv_file):
    batch = imported(csv_file("Team code,Team,Branch", ["T7", "七队", "QX"]), "teams")
    changing = imported(csv_file("Team code,Team,Branch", ["T1", "新", "QX"]), "teams")
    with unit_of_work("tests.edit"):
        for code in ("T7", "T1"):
            db.session.scalars(select(Team).where(Team.code == code)).one().name = "改名"
    for touched in (batch, changing):
        with pytest.raises(Refused, match="“改名” was changed after the import"):
            undo_import(touched.id)
    assert count(Team) == 2


def test_a_batch_that_changed_nothing_can_be_undone_and_nothing_happens(company, csv_file):
    path = csv_file("Team code,Team,Branch", ["T7", "七队", "QX"])
    imported(path, "teams")
    again = imported(path, "teams")
    undo_import(again.id)
    assert count(Team) == 2


def test_there_is_no_batch_of_a_number_nobody_has(company):
    with pytest.raises(Exception, match="no such import batch"):
        undo_import(99)


def test_the_file_itself_is_kept_with_its_batch(company, csv_file):
    path = csv_file("Team code,Team,Branch", ["T7", "七队", "QX"])
    batch = imported(path, "teams")
    with open_file(batch.file) as kept:
        assert kept.read() == path.read_bytes()
    assert (batch.file_name, batch.size, batch.created_by) == ("file.csv", path.stat().st_size, "system")


def test_added_rows_are_remembered_as_ranges_of_ids(company, csv_file):
    assert list(_ranges([3, 4, 5, 7, 9, 10])) == [(3, 5), (7, 7), (9, 10)]
    rows = [[f"T{n}", "t", "QX"] for n in range(10, 60)]
    imported(csv_file("Team code,Team,Branch", *rows), "teams")
    (held,) = db.session.scalars(select(ImportedRange)).all()
    assert held.last_id - held.first_id == 49
