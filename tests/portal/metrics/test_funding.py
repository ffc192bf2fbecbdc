"""What the company must repay, and what is left: against plain loops over borrowings and dues, and who is told."""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction

import pytest
from sqlalchemy import delete

from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.metric import evaluate
from portal.core.scope import NOBODY, SYSTEM, Actor, acting
from portal.core.work import unit_of_work
from portal.limits.borrowings import Borrowing, FundingKind
from portal.limits.parameters import COLLECTED
from portal.parameters.services import set_parameter
from tests.portal.metrics.brute_force import Books, next_month_start
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import ACTORS, LOGINS

KEYS = ("funding_due", "funding_due_soon", "cash_gap", "cash_gap_soon")
FINANCE = Actor("finance", user_id=1, grants={("Loan", "list"): "all", ("Borrowing", "list"): "all"})
HEAD = Actor(
    "a branch head who may read borrowings",
    user_id=1,
    grants={("Loan", "list"): "branch", ("Borrowing", "list"): "all"},
    home=2,
    branches=frozenset({2, 4, 5}),
)
ROWS = (
    ("late", 700_001, dt.date(2025, 4, 1), dt.date(2026, 5, 20)),
    ("this month", 1_000_003, dt.date(2025, 4, 1), dt.date(2026, 6, 1)),
    ("soon", 3_000_000, dt.date(2025, 12, 1), dt.date(2026, 9, 30)),
    ("not so soon", 5_000_000, dt.date(2025, 12, 1), dt.date(2026, 10, 1)),
    ("later", 9_000_000, dt.date(2026, 6, 10), dt.date(2028, 2, 29)),
    ("repaid", 0, dt.date(2025, 4, 1), dt.date(2026, 8, 1)),
)
"""What, outstanding, from, until; the date is in June 2026."""


@pytest.fixture
def borrowed(company: object) -> Iterator[None]:
    with acting(SYSTEM):
        with unit_of_work("tests.borrowed"):
            for code, left, drawn, due in ROWS:
                given = {"kind": FundingKind.BONDS, "lender": "x", "rate": 1, "account": "1", "source": "2"}
                row = Borrowing(code=code, amount=10_000_000, outstanding=left, drawn_on=drawn, matures_on=due, **given)
                db.session.add(row)
        set_parameter(COLLECTED, "92.5", dt.date(2026, 1, 1), "a test")
        yield
        with unit_of_work("tests.repaid"):
            db.session.execute(delete(Borrowing))


def expected(books: Books, day: dt.date) -> dict[int, dict[str, Fraction]]:
    """By month: what comes in of loans that are not lost, and what goes out."""
    first, months = day.replace(day=1), {}
    for row in books.dues(day, day):
        if row.due >= first and not row.lost:
            held = months.setdefault(row.due.year * 100 + row.due.month, {"in": 0, "out": 0})
            held["in"] += row.amount if row.step.startswith("due") else -row.amount
    for _code, left, drawn, due in ROWS:
        if drawn <= day:
            at = max(due, first)
            months.setdefault(at.year * 100 + at.month, {"in": 0, "out": 0})["out"] += left
    return months


def fen(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()


@pytest.mark.parametrize("day", [OPEN, SNAPSHOTS[0], dt.date(2026, 5, 15)])
def test_they_equal_their_twins_by_month_and_in_all(books: Books, borrowed: None, day: dt.date):
    months = expected(books, day)
    soon = next_month_start(day, 4)
    with acting(FINANCE):
        found = evaluate(KEYS, ("due_month",), as_of=day)
    share = Fraction(925, 1000)
    rows = {row.by["due_month"]: row.values for row in found.rows}
    for month, held in months.items():
        near = month < soon.year * 100 + soon.month
        net = fen(held["in"] * share - held["out"])
        assert rows[month]["cash_gap"] == net
        assert rows[month]["cash_gap_soon"] == (net if near else 0)
        assert (rows[month]["funding_due"] or 0) == held["out"]
    near = [held for month, held in months.items() if month < soon.year * 100 + soon.month]
    assert found.total["funding_due"] == sum(held["out"] for held in months.values()) > 0
    assert found.total["funding_due_soon"] == sum(held["out"] for held in near)
    assert found.total["cash_gap_soon"] == fen(sum(held["in"] for held in near) * share - sum(h["out"] for h in near))
    assert found.total["cash_gap"] == fen(
        sum(held["in"] for held in months.values()) * share - sum(held["out"] for held in months.values())
    )


def test_what_nobody_entered_is_unavailable_not_nothing(company: object):
    with acting(FINANCE):
        found = evaluate(KEYS, ("due_month",))
    assert set(found.total.values()) == {None}
    assert all(value is None for row in found.rows for value in row.values.values())


@pytest.mark.parametrize("who", ["head office", "one branch", "a stranger"])
def test_they_are_unavailable_to_whoever_may_not_read_borrowings(borrowed: None, who: str):
    with acting(ACTORS[who]):
        assert set(evaluate(KEYS).total.values()) == {None}


def test_they_are_unavailable_to_whoever_sees_a_part_of_the_loans(borrowed: None):
    with acting(HEAD):
        assert set(evaluate(KEYS).total.values()) == {None}
        assert evaluate(["expected_soon"]).total["expected_soon"]


@pytest.mark.parametrize(
    "where", [{"branch": [2]}, {"product": [1]}, {"manager": [1]}, {"product_channel": ["online"]}]
)
def test_they_are_unavailable_within_a_part_of_the_loans(borrowed: None, where: dict[str, list[object]]):
    with acting(FINANCE):
        assert set(evaluate(KEYS, where=where).total.values()) == {None}


def test_they_are_refused_to_who_may_not_list_loans(company: object):
    with acting(NOBODY), pytest.raises(Forbidden):
        evaluate(KEYS)


def test_the_branch_head_is_told_what_is_expected_but_not_the_funding(borrowed: None):
    with acting(LOGINS["branch_head"]):
        found = evaluate(["expected_amount", "funding_due"])
    assert found.total["expected_amount"]
    assert found.total["funding_due"] is None
