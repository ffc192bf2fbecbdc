"""What keeps a category down by rule: observation after arrears, contagion, and what ends them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.customers.models import CustomerType
from portal.loans.booking import account_of
from portal.loans.classification import Category, is_cured, observed_since, spreads
from portal.loans.day_end import rebuild_states, run_day_end
from portal.loans.judging import keep_down
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Loan
from portal.loans.periods import add_months
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.state import LoanSnapshot
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, open_on, state_of

FIRST_DUE = dt.date(2026, 2, 5)
LATE = dt.date(2026, 5, 11)
"""95 days after the first instalment fell due; four have by then."""


def minima_of(loan: Loan) -> list[tuple[Ground, Category, dt.date, dt.date | None]]:
    rows = db.session.scalars(
        select(CategoryMinimum).where(CategoryMinimum.loan_id == loan.id).order_by(CategoryMinimum.id)
    )
    return [(row.ground, row.category, row.first_day, row.day_after) for row in rows]


def standing(loan: Loan) -> tuple[Category, Category]:
    state = state_of(loan)
    assert state
    return state.floor, state.category


def pay_what_is_due(loan: Loan, on: dt.date, code: str) -> None:
    loan = db.session.get_one(Loan, loan.id)
    due = sum(line.unpaid for line in loan.instalments if line.due_date <= on)
    penalties = sum(amount for _line, amount in account_of(loan, lock=False).penalties(on))
    repay(loan, due + penalties, on, code)


# --- rules ------------------------------------------------------------------------------------------------------------


@given(st.dates(dt.date(2000, 1, 1), dt.date(2060, 1, 1)), st.integers(0, 24))
def test_the_latest_beginning_of_an_observation_is_found(on: dt.date, months: int):
    since = observed_since(on, months)
    assert add_months(since, months) <= on
    assert add_months(since + dt.timedelta(days=1), months) > on


@pytest.mark.parametrize(
    ("on", "due", "cured"),
    [
        (dt.date(2026, 11, 10), [], False),  # a day before six months
        (dt.date(2026, 11, 11), [dt.date(2026, 6, 5), dt.date(2026, 7, 5)], True),
        (dt.date(2026, 11, 11), [dt.date(2026, 6, 5)], False),  # six months, but one instalment only
        (dt.date(2026, 11, 11), [dt.date(2026, 5, 11), dt.date(2026, 6, 5)], False),  # the first fell due before
        (dt.date(2026, 11, 11), [dt.date(2026, 6, 5), dt.date(2026, 11, 11)], False),  # due today has not passed
        (dt.date(2027, 8, 1), [dt.date(2026, 12, 1), dt.date(2027, 7, 31)], True),  # the longer: two instalments
    ],
)
def test_a_cure_takes_the_longer_of_months_and_instalments(on: dt.date, due: list[dt.date], cured: bool):
    assert is_cured(LATE, on, 6, due, 2) is cured


def test_contagion_needs_more_than_the_share():
    tenth = Fraction(1, 10)
    assert not spreads(10, 100, tenth)
    assert spreads(11, 100, tenth)
    assert not spreads(0, 0, tenth)


# --- in the ledger ----------------------------------------------------------------------------------------------------


def test_a_loan_that_clears_ninety_days_stays_substandard(company: Company):
    loan = company.lend()
    run_day_end(LATE - dt.timedelta(days=1))
    assert standing(loan) == (Category.SUBSTANDARD, Category.SUBSTANDARD)
    pay_what_is_due(loan, LATE, "R1")
    assert standing(loan) == (Category.NORMAL, Category.SUBSTANDARD)
    assert minima_of(loan) == [(Ground.CURE, Category.SUBSTANDARD, LATE, None)]
    run_day_end()
    assert standing(loan) == (Category.NORMAL, Category.SUBSTANDARD), "a day-end forgets nothing"
    assert reconcile() == []
    rebuild_states()
    assert standing(loan) == (Category.NORMAL, Category.SUBSTANDARD)


def test_a_loan_that_was_only_special_mention_is_normal_at_once(company: Company):
    loan = company.lend()
    run_day_end(dt.date(2026, 4, 1))
    assert standing(loan) == (Category.SPECIAL_MENTION, Category.SPECIAL_MENTION)
    pay_what_is_due(loan, dt.date(2026, 4, 2), "R1")
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    assert minima_of(loan) == []


def test_it_is_upgraded_at_the_first_month_end_after_six_clear_months(company: Company):
    loan = company.lend(count=24)
    run_day_end(LATE - dt.timedelta(days=1))
    pay_what_is_due(loan, LATE, "R0")
    for number in range(1, 7):  # June to November
        on = dt.date(2026, 5 + number, 5)
        run_day_end(on - dt.timedelta(days=1))
        pay_what_is_due(loan, on, f"R{number}")
    run_day_end(dt.date(2026, 11, 29))  # six months were over on 11 November; a month-end tells
    assert standing(loan) == (Category.NORMAL, Category.SUBSTANDARD)
    run_day_end()
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    assert minima_of(loan) == [(Ground.CURE, Category.SUBSTANDARD, LATE, dt.date(2026, 11, 30))]
    kept = db.session.execute(
        select(LoanSnapshot.as_of, LoanSnapshot.category).where(LoanSnapshot.loan_id == loan.id)
    ).all()
    by_day = dict(tuple(row) for row in kept)
    assert by_day[dt.date(2026, 10, 31)] is Category.SUBSTANDARD
    assert by_day[dt.date(2026, 11, 30)] is Category.NORMAL
    assert reconcile([dt.date(2026, 10, 31), dt.date(2026, 11, 30)]) == []


def test_lateness_meanwhile_starts_the_observation_anew(company: Company):
    loan = company.lend(count=24)
    run_day_end(LATE - dt.timedelta(days=1))
    pay_what_is_due(loan, LATE, "R0")
    for number in range(1, 13):
        year, month = divmod(4 + number, 12)
        due = dt.date(2026 + year, month + 1, 5)
        on = due + dt.timedelta(days=10 if number == 3 else 0)  # the one of 5 August is paid on the 15th
        run_day_end(on - dt.timedelta(days=1))
        pay_what_is_due(loan, on, f"R{number}")
        if due == dt.date(2027, 2, 5):
            assert standing(loan) == (Category.NORMAL, Category.SUBSTANDARD), "15 August + 6 months has not come"
    assert minima_of(loan) == [(Ground.CURE, Category.SUBSTANDARD, LATE, dt.date(2027, 2, 28))]


def test_missed_days_tell_the_same_as_day_by_day(company: Company):
    loan = company.lend(count=24)
    run_day_end(LATE - dt.timedelta(days=1))
    pay_what_is_due(loan, LATE, "R0")
    loan = db.session.get_one(Loan, loan.id)
    ahead = [line for line in loan.instalments if LATE < line.due_date <= dt.date(2026, 12, 5)]
    repay(loan, sum(line.unpaid for line in ahead), LATE, "R1")  # nothing falls due unpaid until December
    run_day_end(dt.date(2026, 12, 4))  # seven months at once
    assert minima_of(loan) == [(Ground.CURE, Category.SUBSTANDARD, LATE, dt.date(2026, 11, 30))]
    assert reconcile([dt.date(2026, 10, 31), dt.date(2026, 11, 30)]) == []


def test_a_restructured_loan_is_observed_for_twelve_months(company: Company):
    loan = company.lend(Method.BULLET, count=36)
    with unit_of_work("tests.restructured"):
        keep_down(loan, Ground.RESTRUCTURED, Category.SPECIAL_MENTION, START)
    assert standing(loan) == (Category.NORMAL, Category.SPECIAL_MENTION)
    run_day_end(dt.date(2026, 12, 31))
    assert standing(loan) == (Category.NORMAL, Category.SPECIAL_MENTION)
    run_day_end(dt.date(2027, 1, 31))
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    assert minima_of(loan)[0][3] == dt.date(2027, 1, 31)


def test_an_enterprises_other_loans_follow_its_non_performing_ones(company: Company):
    with unit_of_work("tests.enterprise"):
        company.customer("C1").type = CustomerType.SMALL_ENTERPRISE
    enterprise, farmer = company.customer("C1"), company.customer("C2")
    # 1,200 yuan late beside 10,800 that are not: exactly a tenth does not spread
    bad = company.lend(amount=120_000, customer=enterprise)
    good = company.lend(Method.BULLET, amount=900_000, count=36, customer=enterprise)
    settled = company.lend(Method.BULLET, amount=180_000, count=36, customer=enterprise)
    same_of_a_farmer = company.lend(amount=1_000_000, customer=farmer)
    farmers_other = company.lend(Method.BULLET, amount=1_000, count=36, customer=farmer)
    run_day_end(dt.date(2026, 5, 31))
    assert standing(bad) == (Category.SUBSTANDARD, Category.SUBSTANDARD)
    assert standing(good) == (Category.NORMAL, Category.NORMAL)
    settle_early(db.session.get_one(Loan, settled.id), dt.date(2026, 6, 1), "R1")  # 1,200 of 10,200 are left
    run_day_end(dt.date(2026, 6, 29))
    assert standing(good)[1] is Category.NORMAL, "assessed at month-ends"
    run_day_end()
    assert standing(good) == (Category.NORMAL, Category.SUBSTANDARD)
    assert standing(same_of_a_farmer)[1] is Category.SUBSTANDARD
    assert standing(farmers_other) == (Category.NORMAL, Category.NORMAL), "natural persons are judged loan by loan"
    snapshot = db.session.scalars(
        select(LoanSnapshot.category).where(LoanSnapshot.loan_id == good.id, LoanSnapshot.as_of == dt.date(2026, 6, 30))
    ).one()
    assert snapshot is Category.SUBSTANDARD
    assert reconcile([dt.date(2026, 5, 31), dt.date(2026, 6, 30)]) == []
    open_on(dt.date(2026, 7, 1))
    pay_what_is_due(bad, dt.date(2026, 7, 1), "R2")
    run_day_end(dt.date(2026, 7, 31))
    assert standing(bad) == (Category.SPECIAL_MENTION, Category.SUBSTANDARD), "that of July is late again"
    assert standing(good) == (Category.NORMAL, Category.NORMAL), "six of twelve are paid: 7 % of the enterprise's loans"


def test_technical_lateness_helps_for_a_few_days_only(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=2))  # three days late
    on = FIRST_DUE + dt.timedelta(days=3)
    with unit_of_work("tests.technical"):
        keep_down(loan, Ground.TECHNICAL, Category.NORMAL, on, FIRST_DUE + dt.timedelta(days=8))
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    run_day_end(FIRST_DUE + dt.timedelta(days=6))
    assert standing(loan) == (Category.NORMAL, Category.NORMAL), "seven days"
    run_day_end()
    assert standing(loan) == (Category.SPECIAL_MENTION, Category.SPECIAL_MENTION), "eight"
