"""Rates that follow the LPR: set anew by day-end on their day, dated, and right across what is booked late."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans.backdating import repay_backdated
from portal.loans.booking import account_of
from portal.loans.day_end import run_day_end
from portal.loans.disbursement import disburse
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan
from portal.loans.periods import next_reset
from portal.loans.positions import positions
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, repay
from portal.loans.resets import book_resets
from portal.loans.reversals import reverse, standing_journals
from portal.loans.state import LoanSnapshot
from portal.loans.terms import TermsChange
from portal.parameters.services import set_parameter
from portal.products.terms import Method, ResetRule
from tests.portal.loans.conftest import START, Company, balances, product, state_of, table_sizes

LPR_UP = dt.date(2026, 12, 20)


def floating(company: Company, rule: ResetRule, method: Method = Method.INTEREST_ONLY, **terms: Any) -> Loan:
    """10,000.00 at 12 % (LPR 3.00 % + 9 %) over two years; the LPR is 3.50 % from 20 December on."""
    with unit_of_work("tests.product"):
        row = product(method, code=f"{method.value}-{rule.value}", reset_rule=rule)
        db.session.add(row)
    set_parameter("lpr.1y", "3.5", LPR_UP, "a test")
    values = {"code": "F1", "amount": 1_000_000, "rate": 120_000, "count": 24} | terms
    return disburse(product=row, customer=company.customer(), **values)


def asked(loan: Loan, first: int) -> list[tuple[str, int, int]]:
    db.session.expire_all()
    lines = sorted(loan.instalments, key=lambda line: (line.due_date, line.number))
    found = [(line.due_date.isoformat(), line.principal, line.interest) for line in lines]
    return [line for line in found if line[1] or line[2]][first:]


@pytest.mark.parametrize(
    ("rule", "start", "after", "expected"),
    [
        (ResetRule.JANUARY, (2026, 1, 5), (2026, 1, 5), (2027, 1, 1)),
        (ResetRule.JANUARY, (2026, 1, 1), (2026, 12, 31), (2027, 1, 1)),
        (ResetRule.ANNIVERSARY, (2026, 1, 5), (2026, 1, 5), (2027, 1, 5)),
        (ResetRule.ANNIVERSARY, (2026, 1, 5), (2027, 1, 4), (2027, 1, 5)),
        (ResetRule.ANNIVERSARY, (2024, 2, 29), (2024, 2, 29), (2025, 2, 28)),
        (ResetRule.ANNIVERSARY, (2024, 2, 29), (2027, 3, 1), (2028, 2, 29)),
    ],
)
def test_when_a_rate_is_set_anew(rule, start, after, expected):
    assert next_reset(rule, dt.date(*start), dt.date(*after)) == dt.date(*expected)


def test_on_the_anniversary_the_rest_bears_the_new_rate(company: Company):
    """On 5 January 2027 a period ends: 100.00 until then, 10,000.00 x 12.5 % / 12 = 104.17 afterwards."""
    loan = floating(company, ResetRule.ANNIVERSARY)
    assert (loan.spread, loan.next_reset_on) == (90_000, dt.date(2027, 1, 5))
    run_day_end(dt.date(2027, 1, 3))
    assert loan.rate == 120_000
    run_day_end(dt.date(2027, 1, 4))
    db.session.expire_all()
    assert (loan.rate, loan.next_reset_on) == (125_000, dt.date(2028, 1, 5))
    found = asked(loan, 11)
    assert found[0] == ("2027-01-05", 0, 10_000)
    assert found[1] == ("2027-02-05", 0, 10_417)
    assert found[-1] == ("2028-01-05", 1_000_000, 10_417)
    change = db.session.scalars(select(TermsChange)).one()
    assert (change.rate_before, change.rate, change.lpr) == (120_000, 125_000, 35_000)
    state = state_of(loan)
    assert state is not None
    assert state.rate == 125_000
    assert reconcile([dt.date(2026, 12, 31)]) == []


def test_on_1_january_the_running_period_is_cut(company: Company):
    """From 5 December to 5 January 27 of 31 days at 100.00 a month = 87.09, four at 104.17 = 13.44."""
    loan = floating(company, ResetRule.JANUARY)
    run_day_end(dt.date(2027, 1, 31))
    found = asked(loan, 11)
    assert found[:3] == [("2027-01-05", 0, 1_344), ("2027-01-05", 0, 8_709), ("2027-02-05", 0, 10_417)]
    assert reconcile([dt.date(2026, 12, 31), dt.date(2027, 1, 31)]) == []


def test_days_closed_at_once_and_one_by_one_give_the_same(company: Company):
    loan = floating(company, ResetRule.ANNIVERSARY, Method.LEVEL)
    run_day_end(dt.date(2027, 1, 2))
    for day in range(3, 12):
        run_day_end(dt.date(2027, 1, day))
    one_by_one = asked(loan, 0)
    assert [journal.value_date for journal in _resets()] == [dt.date(2027, 1, 5)]
    reset = _resets()[0]
    assert reset.booking_date == dt.date(2027, 1, 5)
    totals = [principal + interest for _due, principal, interest in one_by_one]
    assert len(set(totals[:12])) == 1
    assert len(set(totals[12:-1])) == 1
    assert totals[12] > totals[0]
    assert abs(totals[-1] - totals[12]) < 15
    assert sum(principal for _due, principal, _interest in one_by_one) == 1_000_000
    assert reconcile([dt.date(2026, 12, 31)]) == []


def test_the_same_when_many_days_are_closed_at_once(company: Company):
    loan = floating(company, ResetRule.ANNIVERSARY, Method.LEVEL)
    run_day_end(dt.date(2027, 1, 11))
    assert [(journal.value_date, journal.booking_date) for journal in _resets()] == [
        (dt.date(2027, 1, 5), dt.date(2027, 1, 5))
    ]
    assert balances(loan)["LOANS principal"] == 1_000_000
    assert reconcile([dt.date(2026, 12, 31)]) == []


def _resets() -> list[Journal]:
    statement = select(Journal).where(Journal.kind == JournalKind.RATE_RESET, Journal.reverses_id.is_(None))
    return list(db.session.scalars(statement.order_by(Journal.id)))


def test_a_reset_is_booked_once(company: Company):
    floating(company, ResetRule.ANNIVERSARY)
    run_day_end(dt.date(2027, 1, 4))
    before = table_sizes()
    assert book_resets(dt.date(2027, 1, 5)) == 0
    run_day_end(dt.date(2027, 1, 4))
    assert table_sizes() == before


def test_fixed_rates_are_left_alone(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=24)
    set_parameter("lpr.1y", "3.5", LPR_UP, "a test")
    run_day_end(dt.date(2027, 1, 31))
    assert (loan.rate, loan.next_reset_on) == (120_000, None)
    assert db.session.scalars(select(TermsChange)).all() == []


def test_a_past_day_still_tells_the_rate_of_then(company: Company):
    loan = floating(company, ResetRule.ANNIVERSARY)
    run_day_end(dt.date(2027, 1, 31))

    def rate(as_of: dt.date, known: dt.date | None = None) -> int:
        return {row.loan_id: row.rate for row in db.session.execute(positions(as_of, known))}[loan.id]

    assert rate(dt.date(2027, 1, 4)) == 120_000
    assert rate(dt.date(2027, 1, 5)) == 125_000
    assert rate(dt.date(2027, 1, 5), dt.date(2027, 1, 4)) == 120_000
    kept = db.session.scalars(select(LoanSnapshot).order_by(LoanSnapshot.as_of)).all()
    assert [row.rate for row in kept[-2:]] == [120_000, 125_000]


def test_lateness_before_the_reset_costs_the_old_rate_and_after_it_the_new_one(company: Company):
    """The 100.00 of 5 December are late by 31 days on 5 January: 100.00 x 18 % x 31 / 360 = 1.55; from then to 15
    January at 12.5 % x 1.5: 100.00 x 18.75 % x 10 / 360 = 0.52. Those of 5 January are 10 days late: 0.52, too."""
    loan = floating(company, ResetRule.ANNIVERSARY)
    for month in range(2, 12):
        day = dt.date(2026, month, 5)
        run_day_end(day - dt.timedelta(days=1))
        repay(loan, 10_000, day, f"R{month}")
    run_day_end(dt.date(2027, 1, 14))
    account = account_of(loan, lock=False)
    assert [line.penalty for line in account.lines if line.penalty] == [155]
    assert [amount for _line, amount in account.penalties(dt.date(2027, 1, 15))] == [52, 52]
    assert reconcile() == []


def test_a_payment_told_late_books_the_reset_anew(company: Company):
    """Equal principal, 10,000.00 over 24 months. 1,000.00 more of principal, there on 4 January and told on the 10th:
    the reset works on what is left and the trail shows it twice, once reversed."""
    loan = floating(company, ResetRule.JANUARY, Method.EQUAL_PRINCIPAL, amount=1_200_000)
    run_day_end(dt.date(2027, 1, 9))
    before = asked(loan, 0)
    repay_backdated(loan, Payment(loan.id, "R1", 62_000, dt.date(2026, 2, 5)), "told late")
    after = asked(loan, 0)
    assert [line for line in before if line[0] > "2027-01-01"] == [line for line in after if line[0] > "2027-01-01"]
    assert len(_resets()) == 2
    assert (loan.rate, loan.next_reset_on) == (125_000, dt.date(2028, 1, 1))
    assert reconcile([dt.date(2026, 12, 31)]) == []


def test_a_reversed_reset_is_booked_again_by_the_rate_that_is_recorded_then(company: Company):
    loan = floating(company, ResetRule.ANNIVERSARY)
    run_day_end(dt.date(2027, 1, 9))
    set_parameter("lpr.1y", "3.2", LPR_UP, "typed wrongly before")
    reverse(standing_journals([loan.id])[loan.id][-1], "the LPR was typed wrongly")
    assert (loan.rate, loan.next_reset_on) == (120_000, dt.date(2027, 1, 5))
    assert loan.next_reset_on > START
    run_day_end(dt.date(2027, 1, 10))
    db.session.expire_all()
    assert (loan.rate, loan.next_reset_on) == (122_000, dt.date(2028, 1, 5))
    assert reconcile([dt.date(2026, 12, 31)]) == []
