"""Financial statements: what one may say, the debt ratio in Python and in SQL, files, and who erases them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.core import records, timeline
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.customers.rules import debt_ratio
from portal.customers.statements import LARGEST, FinancialStatement, StatementSource
from tests.portal.imports.conftest import imported, problems_of
from tests.world import MONTH_END, TODAY, World

KIND = "financial-statement"
YEAR_END = dt.date(2025, 12, 31)
HEADINGS = (
    "Statement number,Customer,Period ends on,Months of the period,Total assets,Total liabilities,"
    "Turnover of the period,Net profit of the period,Source,Collected by,Collected on"
)


def values(world: World, code: str = "FS-1", **changed: Any) -> dict[str, Any]:
    return {
        "code": code,
        "customer": world.customers["C-A-a1-0"],
        "period_end": YEAR_END,
        "months": 12,
        "total_assets": 100_000,
        "total_liabilities": 135_000,
        "turnover": 0,
        "net_profit": -5_000,
        "source": StatementSource.AUDITED,
        "collector": world.staff["a1"],
        "collected_on": TODAY,
    } | changed


def wrong_with(world: World, **changed: Any) -> set[str]:
    """The fields that keep such a statement from being added."""
    with world.app.app_context(), acting(SYSTEM):
        found = records.problems(FinancialStatement, values(world, **changed))
        db.session.rollback()
    return set(found)


def test_what_is_odd_but_true_is_taken(world: World):
    assert wrong_with(world) == set(), "debts above assets, no turnover, a loss"
    assert wrong_with(world, total_assets=0, total_liabilities=0) == set()
    assert wrong_with(world, repaid_elsewhere=0) == set()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"total_assets": -1}, "total_assets"),
        ({"total_liabilities": -1}, "total_liabilities"),
        ({"turnover": -1}, "turnover"),
        ({"turnover": LARGEST + 1}, "turnover"),
        ({"net_profit": -LARGEST - 1}, "net_profit"),
        ({"repaid_elsewhere": -1}, "repaid_elsewhere"),
        ({"months": 0}, "months"),
        ({"months": 25}, "months"),
        ({"collected_on": YEAR_END - dt.timedelta(days=1)}, "collected_on"),
        ({"collected_on": TODAY + dt.timedelta(days=1)}, "collected_on"),
        ({"period_end": MONTH_END}, "period_end"),
        ({"collector": None}, "collector"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(world: World, changed: dict[str, Any], field: str):
    assert wrong_with(world, **changed) == {field}


def test_one_statement_of_a_customer_for_an_end_of_a_period(world: World):
    with world.app.app_context(), acting(SYSTEM):
        row = records.add(FinancialStatement, values(world))
        with pytest.raises(InvalidValues) as found:
            records.add(FinancialStatement, values(world, "FS-2"))
        assert found.value.fields == {"period_end": ["The statement FS-1 is of the same customer and day."]}
        other = records.add(FinancialStatement, values(world, "FS-2", customer=world.customers["C-A-a1-1"]))
        records.change(FinancialStatement, row.id, {"turnover": 7})
        with pytest.raises(InvalidValues):
            records.change(FinancialStatement, row.id, {"period_end": MONTH_END})
        for held in (row, other):
            records.remove(FinancialStatement, held.id)


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_the_debt_ratio_is_the_exact_share_rounded_down_to_hundredths_of_a_percent(liabilities: int, assets: int):
    ratio = debt_ratio(liabilities, assets)
    if assets == 0:
        assert ratio is None
    else:
        assert ratio is not None
        assert ratio % 100 == 0
        assert ratio * assets <= liabilities * 1_000_000 < (ratio + 100) * assets


def test_the_debt_ratio_in_sql_is_that_in_python(world: World):
    with world.app.app_context(), acting(SYSTEM):
        figures = ((0, 0), (1, 0), (0, 1), (2, 3), (135, 100), (LARGEST, 1), (LARGEST, LARGEST), (7, LARGEST))
        for place, (debts, assets) in enumerate(figures):
            ended = YEAR_END - dt.timedelta(days=place)
            given = values(world, f"R-{place}", period_end=ended, total_liabilities=debts, total_assets=assets)
            records.add(FinancialStatement, given)
        rows = db.session.execute(select(FinancialStatement, FinancialStatement.debt_ratio)).all()
        assert len(rows) > len(figures)
        assert [row.debt_ratio for row, _ in rows] == [ratio for _, ratio in rows]
        for row, _ratio in rows:
            if row.code.startswith("R-"):
                records.remove(FinancialStatement, row.id)


def test_the_timeline_of_the_customer_tells_of_it(world: World):
    with world.app.test_request_context(), acting(SYSTEM):
        customer = db.session.get_one(Customer, world.customers["C-A-a1-2"])
        events, _older = timeline.page(customer)
    found = [event for event in events if event.source == "customers.statements"]
    assert [event.day for event in found] == [TODAY]
    assert "debt ratio 39.99%" in str(found[0].text)


def client(world: World) -> FlaskClient:
    return world.login("a1")


def test_the_record_of_a_customer_shows_them(world: World):
    page = client(world).get(f"/customerview/show/{world.customers['C-A-a1-2']}").get_data(as_text=True)
    assert "Financial statements" in page
    listing = client(world).get("/financialstatementview/list/").get_data(as_text=True)
    assert "cust-A-a1-2" in listing and "cust-A-a2-0" not in listing


def test_a_file_of_statements(world: World, tmp_path: Path):
    path = tmp_path / "statements.csv"

    def line(code: str, customer: str, ended: str = "2024-12-31", profit: str = "-5,000.50") -> str:
        figures = f'100000,135000,0,"{profit}"'
        return f"{code},{customer},{ended},12,{figures},Tax return,S-a1,2025-03-01"

    def written(*lines: str) -> Path:
        path.write_text("\n".join((HEADINGS, *lines)), encoding="utf-8")
        return path

    with world.app.app_context(), acting(SYSTEM):
        good = written(line("F1", "C-A-a1-0"), line("F2", "C-A-a1-1"), line("F3", "C-A-a1-0", "2023-12-31"))
        batch = imported(good, KIND)
        assert (batch.rows_new, batch.rows_changed) == (3, 0)
        row = db.session.scalars(select(FinancialStatement).where(FinancialStatement.code == "F1")).one()
        assert (row.net_profit, row.debt_ratio) == (-500_050, 1_350_000)
        assert imported(good, KIND).rows_new == 0, "the same file again changes nothing"
        changed = imported(written(line("F1", "C-A-a1-0", profit="1")), KIND)
        assert (changed.rows_new, changed.rows_changed) == (0, 1)
        twice = problems_of(written(line("F8", "C-A-a1-2"), line("F9", "C-A-a1-2")), KIND)
        assert [(number, column) for number, column, _ in twice] == [(3, "Period ends on")]
        known = problems_of(written(line("F8", "C-A-a1-0")), KIND)
        assert [reason for _, _, reason in known] == ["The statement F1 is of the same customer and day."]
