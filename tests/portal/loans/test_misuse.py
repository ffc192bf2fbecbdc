"""Penalty interest on misuse beside that on lateness, and the limit on all charges together."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import InvalidValues, Refused
from portal.loans.allocation import misuse_interest, within_cap
from portal.loans.booking import account_of
from portal.loans.components import Component
from portal.loans.misuse import decide_misuse
from portal.loans.models import LoanStatus
from portal.loans.quotes import quote
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.reversals import reverse, standing_journals
from portal.parameters.known import Operator
from portal.parameters.services import set_parameter
from portal.products.terms import DayCount, Method
from tests.portal.loans.conftest import START, Company, open_on

DECIDED = dt.date(2026, 1, 20)
FIRST_DUE = dt.date(2026, 2, 5)


def penalty_of(loan) -> int:
    return sum(line.penalty for line in loan.instalments)


def test_misuse_costs_the_mark_up_on_what_is_not_due(company: Company):
    """10,000.00 at 12 %, mark-up 100 %, 16 days from 20 January to 5 February: 12 % x 16 / 360 of it = 53.33."""
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    open_on(DECIDED)
    decide_misuse(loan, 1_000_000, DECIDED, "bought shares; statement of 18 January")
    assert penalty_of(loan) == 0
    assert account_of(loan, lock=False).penalties(DECIDED) == []
    open_on(FIRST_DUE)
    repay(loan, 10_000, FIRST_DUE, "R1")
    assert [line.penalty for line in loan.instalments] == [0, 0, 5_333]
    assert loan.instalments[0].settled_on == FIRST_DUE
    assert reconcile() == []


def test_on_what_is_overdue_it_is_the_higher_mark_up_and_never_both(company: Company):
    """10,000.00 at 12 % over a month, misuse 80 %, lateness 50 %. By 10 February: 16 days x 12 % x 80 % of 10,000.00 =
    42.67 before it was due; 5 days x 12 % x 180 % of 10,100.00 = 30.30 since. 72.97 together."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(DECIDED)
    decide_misuse(loan, 800_000, DECIDED, "other use")
    on = dt.date(2026, 2, 10)
    open_on(on)
    assert account_of(loan, lock=False).penalties(on)[0][1] == 4_267 + 3_030
    assert quote(loan, on).total == 1_010_000 + 7_297
    settle_early(loan, on, "R1", 1_017_297)
    assert loan.status is LoanStatus.SETTLED
    assert reconcile() == []


def test_a_decision_holds_from_its_day_on_and_ends_with_another(company: Company):
    """Late since 5 February at 50 %: 10 days x 18 % of 10,100.00 = 50.50. From 15 February at 100 %: 10 days x 24 % =
    67.33 before the limit. From 25 February at 50 % again."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    first, second, last = dt.date(2026, 2, 15), dt.date(2026, 2, 25), dt.date(2026, 3, 7)
    open_on(first)
    decide_misuse(loan, 1_000_000, first, "other use")
    assert penalty_of(loan) == 5_050
    assert loan.misuse_markup == 1_000_000
    open_on(second)
    decide_misuse(loan, 0, second, "the use was put right")
    within = 1_000_000 * 24 * 10 // 36_500  # 65.75
    assert penalty_of(loan) == 5_050 + within
    assert loan.misuse_markup is None
    assert reconcile() == []
    open_on(last)
    assert account_of(loan, lock=False).penalties(last)[0][1] == 5_050


def test_a_reversed_decision_leaves_no_trace_in_what_is_owed(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(dt.date(2026, 2, 15))
    due = quote(loan, dt.date(2026, 2, 15)).total
    decide_misuse(loan, 1_000_000, dt.date(2026, 2, 15), "other use")
    reverse(standing_journals([loan.id])[loan.id][-1], "it was another customer")
    assert (loan.misuse_markup, penalty_of(loan)) == (None, 0)
    assert quote(loan, dt.date(2026, 2, 15)).total == due
    assert reconcile() == []


@pytest.mark.parametrize("markup", [499_999, 1_000_001, -1])
def test_the_mark_up_lies_within_the_dated_range(company: Company, markup: int):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    with pytest.raises(InvalidValues, match=r"50\.00 % to 100\.00 %"):
        decide_misuse(loan, markup, START, "other use")
    with pytest.raises(InvalidValues) as refused:
        decide_misuse(loan, 600_000, START, " ")
    assert list(refused.value.fields) == ["reason"]
    with pytest.raises(Refused, match="has not happened yet"):
        decide_misuse(loan, 600_000, FIRST_DUE, "other use")


def test_all_charges_together_stay_within_the_limit(company: Company):
    """10,000.00 at 20 %, a month; 30 days late: 30 % x 30 / 360 of 10,166.67 = 254.17, but 24 % x 30 / 365 of 10,000.00
    = 197.26 is all there may be. 56.91 are cut."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1, rate=200_000)
    on = dt.date(2026, 3, 7)
    open_on(on)
    account = account_of(loan, lock=False)
    assert account.penalties(on)[0][1] == 19_726
    assert account.cut_by_cap(on) == 25_417 - 19_726
    settle_early(loan, on, "R1", 1_016_667 + 19_726)
    assert reconcile() == []


def test_the_limit_is_the_one_of_the_day(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1, rate=200_000)
    set_parameter("all_in_cost.limit", "36", dt.date(2026, 3, 1), "a test", operator=Operator.GREATER)
    before, after = dt.date(2026, 2, 28), dt.date(2026, 3, 7)
    open_on(after)
    account = account_of(loan, lock=False)
    assert account.cut_by_cap(before) > 0
    assert account.cut_by_cap(after) == 0


def test_fees_of_the_days_count_against_the_limit(company: Company):
    """6.00 of fees over 31 days: 30 late days bear 30 / 31 of them, as days of the term do."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1, rate=200_000)
    account = account_of(loan, lock=False)
    account.lines[0].charge(Component.FEE, 620)
    assert account.penalties(dt.date(2026, 3, 7))[0][1] == 19_726 - 620 * 30 // 31


@given(
    amounts=st.lists(st.integers(0, 10**6), max_size=6),
    principal=st.integers(0, 10**9),
    limit=st.integers(0, 400_000),
    days=st.integers(0, 400),
    other=st.integers(0, 10**7),
)
def test_the_limit_is_never_passed_and_nothing_is_cut_within_it(amounts, principal, limit, days, other):
    kept = within_cap(amounts, principal, limit, days, other)
    room = max(principal * limit * days // 365_000_000 - other, 0)
    assert sum(kept) == min(sum(amounts), room)
    assert all(0 <= left <= asked for left, asked in zip(kept, amounts, strict=True))


@given(principal=st.integers(0, 10**9), days=st.integers(0, 400), markup=st.integers(500_000, 1_000_000))
def test_misuse_is_the_difference_to_the_contract_rate(principal, days, markup):
    both = misuse_interest(principal, 120_000, 1_000_000 + markup, days, DayCount.ACT_360)
    alone = misuse_interest(principal, 120_000, 1_000_000, days, DayCount.ACT_360)
    assert abs(both - alone - misuse_interest(principal, 120_000, markup, days, DayCount.ACT_360)) <= 1
