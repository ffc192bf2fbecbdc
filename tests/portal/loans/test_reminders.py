"""Reminders: the cadence as days, and who is on today's list against a walk over all loans, on both engines."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans.day_end import run_day_end
from portal.loans.models import Instalment, Loan
from portal.loans.reminders import Cadence
from portal.loans.reminders_view import due_calls, late_calls
from portal.loans.reminding import BEFORE, EVERY, LATE, cadence, due_today, late_today
from portal.loans.repayments import repay
from portal.loans.state import LoanState
from portal.parameters.known import parsed_days
from portal.parameters.models import Parameter
from portal.products.terms import Method
from tests.portal.loans.conftest import Company

HOUSE = Cadence(frozenset({7, 3, 1}), frozenset({1, 3, 7}), 7)
DUE = dt.date(2026, 3, 5)

cadences = st.builds(
    Cadence,
    st.frozensets(st.integers(0, 30), max_size=4),
    st.frozensets(st.integers(1, 30), max_size=4),
    st.integers(0, 20),
)


def test_the_days_of_an_instalment_that_stays_unpaid():
    days = [(day - DUE).days for day in HOUSE.days(DUE, DUE + dt.timedelta(days=30))]
    assert days == [-7, -3, -1, 1, 3, 7, 14, 21, 28]


@given(cadences, st.integers(-60, 400))
def test_a_day_is_one_of_reminders_just_if_it_is_among_the_days(rule: Cadence, late: int):
    day = DUE + dt.timedelta(days=late)
    assert rule.reminds(late) == (day in set(rule.days(DUE, day)))


@given(cadences)
def test_nobody_is_left_alone_for_longer_than_the_cadence_says(rule: Cadence):
    late = [n for n in range(rule.last_late, rule.last_late + 200) if n > 0 and rule.reminds(n)]
    if rule.every:
        assert [after - before for before, after in itertools.pairwise(late)] == [rule.every] * (len(late) - 1)
        assert late[0] <= rule.last_late + rule.every
    else:
        assert late in ([], [rule.last_late])


@pytest.mark.parametrize(("late", "every"), [(frozenset({0}), 7), (frozenset({-1}), 7), (frozenset({1}), -7)])
def test_a_cadence_that_makes_no_sense_is_refused(late: frozenset[int], every: int):
    with pytest.raises(ValueError, match="not negative"):
        Cadence(frozenset(), late, every)


@pytest.mark.parametrize("text", ["7;3", "-1", "1.5", "400", "seven"])
def test_a_parameter_that_holds_no_days_is_refused(text: str):
    with pytest.raises(ValueError, match="no number of days"):
        parsed_days(text)


def told(day: dt.date) -> tuple[set[str], set[tuple[str, dt.date]]]:
    late = {row.loan.code for row in db.session.scalars(late_today(day))}
    due = {(row.loan.code, line.due_date) for row, line in db.session.execute(due_today(day))}
    return late, due


def walked(day: dt.date, rule: Cadence) -> tuple[set[str], set[tuple[str, dt.date]]]:
    """The same from all loans and instalments."""
    late, due = set(), set()
    for state in db.session.scalars(select(LoanState)):
        if state.days_past_due > 0:
            if rule.reminds(state.days_past_due):
                late.add(state.loan.code)
            continue
        for line in db.session.scalars(select(Instalment).where(Instalment.loan_id == state.loan_id)):
            if line.settled_on is None and line.due_date >= day and rule.reminds((day - line.due_date).days):
                due.add((state.loan.code, line.due_date))
    return late, due


def test_todays_list_is_what_a_walk_over_all_loans_finds(company: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("portal.loans.reminders_view._record", lambda row: "")  # there are no addresses here
    loans = [company.lend(Method.LEVEL, count=6, customer=company.customer(f"C{n}")).id for n in range(4)]
    seen_late, seen_due = set(), set()
    day = dt.date(2026, 1, 28)
    while day < dt.date(2026, 4, 2):
        run_day_end(day - dt.timedelta(days=1))
        for place, loan_id in enumerate(loans[:2]):  # one pays on time, one late, the others never
            loan = db.session.get_one(Loan, loan_id)
            owed = sum(line.unpaid for line in loan.instalments if line.due_date <= day)
            if owed and day.day == (5, 14)[place]:
                repay(loan, owed, day, f"P{place}-{day}")
        late, due = told(day)
        assert (late, due) == walked(day, HOUSE), day
        seen_late |= late
        seen_due |= {code for code, _due in due}
        assert {one.loan for one in late_calls(day, 50)} == late
        assert {one.loan for one in due_calls(day, 50)} == {code for code, _due in due}
        day += dt.timedelta(days=1)
    codes = [db.session.get_one(Loan, loan_id).code for loan_id in loans]
    assert seen_late == set(codes[1:]), "whoever pays on time is never told that he is late"
    assert codes[0] in seen_due


def test_the_cadence_is_a_dated_parameter(company: Company):
    company.lend(Method.LEVEL, count=6)
    on = dt.date(2026, 2, 9)
    with unit_of_work("tests.cadence"):
        for key, value in ((BEFORE, ""), (LATE, "2,4"), (EVERY, "0")):
            db.session.add(Parameter(key=key, value=value, valid_from=on, source="board"))
    assert cadence(on - dt.timedelta(days=1)) == HOUSE
    assert cadence(on) == Cadence(frozenset(), frozenset({2, 4}), 0)
    run_day_end(on - dt.timedelta(days=1))
    assert told(on) == walked(on, cadence(on))
    assert len(told(on)[0]) == 1, "four days late"
