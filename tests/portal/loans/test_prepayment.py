"""Early repayment and settlement quotes, worked by hand, and by a walk over every fen."""

from __future__ import annotations

import datetime as dt
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.work import unit_of_work
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.allocation import CIVIL_CODE_ORDER
from portal.loans.books import Books
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Charge, LoanStatus, RepaymentKind
from portal.loans.positions import positions
from portal.loans.prepayment import plan_prepayment, prepay, take_prepayment
from portal.loans.quotes import quote
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import payoff, repay, settle_early
from portal.loans.reversals import reverse
from portal.loans.schedule import Terms, build_schedule
from portal.products.terms import GRACEFUL, DayCount, Method, Rounding
from tests.portal.loans.conftest import START, Company, balances, open_on, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
SECOND_DUE = dt.date(2026, 3, 5)


def asked(loan) -> list[tuple[dt.date, int, int]]:
    """What each instalment asks for that asks for anything, by due date."""
    lines = [(i.due_date, i.principal, i.interest) for i in loan.instalments if i.principal + i.interest]
    return sorted(lines)


def with_fee(company: Company, ppm: int, method: Method = Method.LEVEL) -> None:
    with unit_of_work("tests.fee"):
        company.product(method).prepayment_fee = ppm


def test_interest_only_repaid_in_part_bears_interest_on_the_rest_from_that_day(company: Company):
    """10,000.00 at 12 %, interest only, three months; 4,000.00 repaid on 19 February, 14 of 28 days into a period.

    Interest of a month: 100.00. Up to the day: 100.00 x 14/28 = 50.00. On 6,000.00: 60.00 a month, 30.00 for the other
    half of February's period. Received: 4,000.00 + 50.00.
    """
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    on = FIRST_DUE + dt.timedelta(days=14)
    open_on(on)
    repay(loan, 10_000, FIRST_DUE, "R1")
    repayment = prepay(loan, 400_000, on, "R2", RepaymentKind.LOWER, 405_000)
    assert (repayment.amount, repayment.kind) == (405_000, RepaymentKind.LOWER)
    assert asked(loan) == [
        (FIRST_DUE, 0, 10_000),
        (on, 400_000, 5_000),
        (SECOND_DUE, 0, 3_000),
        (dt.date(2026, 4, 5), 600_000, 6_000),
    ]
    assert balances(loan)["LOANS principal"] == 600_000
    assert reconcile() == []


def test_a_shorter_term_keeps_the_instalment_and_drops_the_last_ones(company: Company):
    """12,000.00 at 12 % over a year: 1,066.19 a month. On 5 February, after the first instalment, 11,053.81 are left;
    5,000.00 are repaid early: 6,053.81. At 1,066.19 a month: interest 60.54, 50.48, 40.33, 30.07, 19.71 and at last
    9.24 on 923.51 + … worked out below by the same recursion in plain numbers.
    """
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    prepay(loan, 500_000, FIRST_DUE, "R2", RepaymentKind.SHORTEN, 500_000)
    left, expected = 605_381, []
    while left:
        interest = (left + 50) // 100  # 1 % a month, half up
        principal = min(106_619 - interest, left)
        expected.append((principal, interest))
        left -= principal
    assert expected[0] == (100_565, 6_054)
    coming = [(i.principal, i.interest) for i in loan.instalments if i.due_date > FIRST_DUE]
    assert coming == expected + [(0, 0)] * (11 - len(expected))
    assert loan.matures_on == dt.date(2026, 2 + len(expected), 5)
    assert all(i.settled_on == FIRST_DUE for i in loan.instalments if not i.principal + i.interest)
    assert reconcile() == []


def test_lower_instalments_keep_the_term(company: Company):
    """6,053.81 at 1 % a month over 11 months: 6,053.81 x 0.01 / (1 - 1.01^-11) = 583.91."""
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    matures_on = loan.matures_on
    prepay(loan, 500_000, FIRST_DUE, "R2", RepaymentKind.LOWER)
    coming = [i.principal + i.interest for i in loan.instalments if i.due_date > FIRST_DUE]
    assert coming[:-1] == [58_391] * 10
    assert abs(coming[-1] - 58_391) < 11
    assert loan.matures_on == matures_on


def test_arrears_and_penalty_are_paid_before_anything_is_repaid_early(company: Company):
    """12 % level; 1,066.19 fell due 28 days ago: penalty 1,066.19 x 18 % x 28 / 360 = 14.93. The second instalment is
    due that day: 1,066.19. So 1,000.00 repaid early take 3,147.31."""
    loan = company.lend()
    open_on(SECOND_DUE)
    with pytest.raises(Refused, match=r"takes 3,147\.31 yuan"):
        prepay(loan, 100_000, SECOND_DUE, "R1", RepaymentKind.LOWER, 100_000)
    prepay(loan, 100_000, SECOND_DUE, "R1", RepaymentKind.LOWER, 314_731)
    assert [i.settled_on for i in loan.instalments[:2]] == [SECOND_DUE, SECOND_DUE]
    assert loan.instalments[0].paid_penalty == 1_493
    assert reconcile() == []


def test_the_fee_is_what_the_contract_says_and_not_what_the_product_says_later(company: Company):
    """1 % of 4,000.00: 40.00."""
    with_fee(company, 10_000, Method.INTEREST_ONLY)
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    with_fee(company, 90_000, Method.INTEREST_ONLY)
    open_on(FIRST_DUE)
    prepay(loan, 400_000, FIRST_DUE, "R1", RepaymentKind.LOWER, 10_000 + 400_000 + 4_000)
    assert balances(loan)["FEE_INCOME fee"] == -4_000
    assert payoff(loan, FIRST_DUE) == 600_000 + 6_000
    settle_early(loan, FIRST_DUE, "R2", 606_000)
    assert loan.status is LoanStatus.SETTLED
    assert balances(loan)["FEE_INCOME fee"] == -10_000
    assert reconcile() == []


def test_the_quote_says_what_it_is_made_of_and_settles_the_loan(company: Company):
    """10,000.00 at 12 %, interest only; on 19 February: interest due 100.00, up to the day 50.00 (14 of 28 days),
    penalty 100.00 x 18 % x 14 / 360 = 0.70, fee 1 % of 10,000.00. Saved: the other 50.00 and March's 100.00."""
    with_fee(company, 10_000, Method.INTEREST_ONLY)
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    on = FIRST_DUE + dt.timedelta(days=14)
    open_on(on)
    before = table_sizes()
    found = quote(loan, on)
    assert (found.principal_due, found.principal_coming) == (0, 1_000_000)
    assert (found.interest_due, found.interest_running, found.penalty) == (10_000, 5_000, 70)
    assert (found.early_fee, found.saved, found.costs, found.fees) == (10_000, 15_000, 0, 0)
    assert found.total == 1_025_070 == payoff(loan, on)
    assert found.as_json(loan)["total"] == "10250.70"
    assert table_sizes() == before
    settle_early(loan, on, "R1", found.total)
    assert loan.status is LoanStatus.SETTLED
    with pytest.raises(Refused, match="closed"):
        quote(loan, on)


def test_nonsense_is_refused_and_nothing_changes(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    before = table_sizes()
    for principal, on, sentence in (
        (0, FIRST_DUE, "more than zero"),
        (-1, FIRST_DUE, "more than zero"),
        (1_105_381, FIRST_DUE, r"Only 11,053\.81 yuan are not due yet"),
        (5, FIRST_DUE + dt.timedelta(days=1), "has not happened yet"),
        (5, START, "later booking"),
    ):
        with pytest.raises((InvalidValues, Refused), match=sentence):
            prepay(loan, principal, on, "R2", RepaymentKind.LOWER)
    assert table_sizes() == before
    assert prepay(loan, 500, FIRST_DUE, "R2", RepaymentKind.LOWER).id == (
        prepay(loan, 500, FIRST_DUE, "R2", RepaymentKind.LOWER, 500).id
    ), "the same receipt again changes nothing"


@pytest.mark.parametrize("how", [RepaymentKind.SHORTEN, RepaymentKind.LOWER])
@pytest.mark.parametrize("method", [Method.LEVEL, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY, Method.BULLET])
def test_reversing_an_early_repayment_brings_the_schedule_back(company: Company, method: Method, how: RepaymentKind):
    loan = company.lend(method, amount=1_200_000, count=6)
    on = START + dt.timedelta(days=20)
    open_on(on)
    before = [(i.period_start, i.due_date, i.principal, i.interest, i.settled_on) for i in loan.instalments]
    matures_on = loan.matures_on
    prepay(loan, 300_000, on, "R1", how)
    assert len(loan.instalments) == len(before) + 1
    assert reconcile() == []
    assert sum(i.principal for i in loan.instalments) == 1_200_000
    journal = db.session.scalars(select(Journal).where(Journal.kind == JournalKind.REPAYMENT)).one()
    reverse(journal, "the customer withdrew it")
    after = [(i.period_start, i.due_date, i.principal, i.interest, i.settled_on) for i in loan.instalments]
    assert after[:-1] == before
    assert after[-1][2:] == (0, 0, on), "the trace of what was"
    assert loan.matures_on == matures_on
    assert sum(c.amount for c in db.session.scalars(select(Charge))) == 0
    prepay(loan, 300_000, on, "R1", how)
    assert reconcile() == []


def test_an_earlier_day_is_told_by_the_schedule_of_then(company: Company):
    """An early repayment that is booked five days later changes what was not known before it was booked."""
    loan = company.lend()
    open_on(SECOND_DUE + dt.timedelta(days=1))
    repay(loan, 106_619, FIRST_DUE, "R1")
    late = SECOND_DUE + dt.timedelta(days=1)
    before = db.session.execute(positions(late, late)).one()
    assert (before.days_past_due, before.overdue_principal, before.overdue_interest) == (1, 95_565, 11_054)
    open_on(late + dt.timedelta(days=5))
    prepay(loan, 500_000, late, "R2", RepaymentKind.SHORTEN)
    then = db.session.execute(positions(late, late)).one()
    assert then == before, "as it was known then"
    now = db.session.execute(positions(late, late + dt.timedelta(days=5))).one()
    assert (now.days_past_due, now.balance) == (0, 1_105_381 - 95_565 - 500_000)


def account(method: Method, amount: int, rate: int, count: int, day_count: DayCount, grace: int) -> LoanAccount:
    terms = Terms(amount, rate, count, method, START, None, day_count, Rounding.HALF_UP, grace)
    lines = [
        Line(i.number, i.period_start, i.period_end, i.due_date, i.principal, i.interest) for i in build_schedule(terms)
    ]
    loan = LoanAccount(
        1, "L", rate, day_count, 500_000, LoanStatus.ACTIVE, START, Owner(1, None, None), START, lines, balance=amount
    )
    loan.method, loan.matures_on, loan.grace = method, lines[-1].due_date, grace
    return loan


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(list(Method)),
    st.integers(10_000, 5_000_000),
    st.integers(0, 240_000),
    st.integers(1, 24),
    st.sampled_from(list(DayCount)),
    st.integers(0, 700),
    st.integers(1, 999),
    st.sampled_from([RepaymentKind.SHORTEN, RepaymentKind.LOWER]),
    st.integers(0, 23),
)
def test_whatever_is_repaid_early_the_rest_is_owed_to_the_fen_and_bears_less(
    words, method, amount, rate, count, day_count, day, promille, how, grace
):
    """Principal is neither lost nor made; interest never rises; a shorter term costs no more than lower instalments."""
    on = START + dt.timedelta(days=day)
    grace = min(grace, count - 1) if method in GRACEFUL else 0
    loan = account(method, amount, rate, count, day_count, grace)
    left = sum(line.principal for line in loan.coming(on))
    principal = left * promille // 1000
    if not 0 < principal < left:
        with pytest.raises(InvalidValues):
            plan_prepayment(loan, principal, on, how)
        return
    interest_before = sum(line.interest for line in loan.lines)
    opened = Books(on)
    with patch("portal.loans.prepayment.allocation_order", lambda _on: CIVIL_CODE_ORDER):
        receipt = take_prepayment(opened, loan, principal, on, "R1", how)
    assert sum(line.principal for line in loan.lines) == amount
    assert sum(line.interest for line in loan.lines) <= interest_before + len(loan.lines)
    assert all(line.paid_principal <= line.principal and line.paid_interest <= line.interest for line in loan.lines)
    assert receipt.amount == sum(part for _line, _component, part in receipt.parts)
    assert loan.balance == sum(line.principal - line.paid_principal for line in loan.lines) == left - principal
    assert not any(line.ageing for line in loan.lines if line.due_date <= on)
    assert loan.days_past_due(on + dt.timedelta(days=1), 0) in (0, 1)
    within_grace = [line for line in loan.lines[:grace] if line.due_date > on]
    assert not any(line.principal for line in within_grace), "months without principal stay so"
