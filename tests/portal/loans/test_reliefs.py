"""Reliefs: what may be let go, by whom, and what is booked for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, PortalError, Refused
from portal.core.scope import SYSTEM, acting
from portal.loans.booking import account_of
from portal.loans.components import Component
from portal.loans.costs import charge_cost
from portal.loans.granting import approve, propose, refuse
from portal.loans.ledger import Journal
from portal.loans.models import LoanStatus
from portal.loans.reconciliation import reconcile
from portal.loans.reliefs import ReliefState
from portal.loans.repayments import repay
from portal.loans.reversals import reverse
from portal.products.terms import Method
from tests.portal.loans.conftest import Company, balances, open_on, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
LATE = FIRST_DUE + dt.timedelta(days=30)
PENALTY = 15_150
"""10,100.00 x 18 % x 30 / 360 = 151.50."""

ONE, OTHER = replace(SYSTEM, name="one"), replace(SYSTEM, name="other")


def test_penalty_that_has_run_up_is_let_go_and_does_not_run_up_again(company: Company):
    """151.50 by 7 March; 100.00 let go leave 51.50, and the next day adds 10,100.00 x 18 % / 360 = 5.05."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(LATE)
    relief = propose(loan, Component.PENALTY, 10_000, LATE, "flood, request of 1 March")
    assert relief.state is ReliefState.BOOKED
    only = loan.instalments[0]
    assert (only.penalty, only.paid_penalty) == (PENALTY - 10_000, 0)
    assert account_of(loan, lock=False).due_by(LATE + dt.timedelta(days=1)) == 1_010_000 + 5_150 + 505
    assert balances(loan)["WAIVED penalty"] == 10_000
    assert relief.journal is not None
    assert relief.journal.reason == "flood, request of 1 March"
    assert reconcile() == []
    reverse(relief.journal, "the flood was elsewhere")
    assert loan.instalments[0].penalty == 0
    assert account_of(loan, lock=False).due_by(LATE) == 1_010_000 + PENALTY
    assert reconcile() == []


def test_interest_that_is_let_go_leaves_income(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)  # 100.00 a month
    open_on(FIRST_DUE)
    repay(loan, 100, FIRST_DUE, "R1")
    propose(loan, Component.INTEREST, 4_000, FIRST_DUE, "goodwill")
    assert loan.instalments[0].interest == 6_000
    repay(loan, 5_900, FIRST_DUE, "R2")
    assert loan.instalments[0].settled_on == FIRST_DUE
    assert balances(loan)["INTEREST_INCOME interest"] == -6_000
    assert reconcile() == []


def test_costs_that_are_let_go_are_borne_by_the_lender(company: Company):
    loan = company.lend(Method.BULLET, amount=100_000, count=1)
    open_on(FIRST_DUE)
    charge_cost(loan, 9_000, FIRST_DUE, "Court fee, voucher 3")
    repay(loan, 9_000 + 101_000 - 2_000, FIRST_DUE, "R1")
    charge_cost(loan, 500, FIRST_DUE, "Delivery, voucher 4")
    propose(loan, Component.COST, 500, FIRST_DUE, "our own mistake")
    assert balances(loan)["COSTS_BORNE cost"] == 500
    assert "COSTS cost" not in balances(loan)
    assert reconcile() == []


def test_a_loan_of_which_the_rest_is_let_go_is_settled_and_open_again_after_a_reversal(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(LATE)
    repay(loan, 1_010_000, LATE, "R1")  # all but the penalty
    relief = propose(loan, Component.PENALTY, PENALTY, LATE, "paid as promised")
    assert loan.status is LoanStatus.SETTLED
    assert relief.journal is not None
    reverse(relief.journal, "not as promised")
    assert loan.status is LoanStatus.ACTIVE
    assert loan.instalments[0].penalty == PENALTY
    assert reconcile() == []


def test_beyond_the_limit_of_a_year_a_second_person_decides(company: Company):
    """The limit is 500.00. 300.00 go at once; with another 200.01 it would be passed: that waits."""
    loan = company.lend(Method.BULLET, amount=10_000_000, count=1)
    open_on(LATE)
    with acting(ONE):
        assert propose(loan, Component.PENALTY, 30_000, LATE, "first").state is ReliefState.BOOKED
        waiting = propose(loan, Component.PENALTY, 20_001, LATE, "second")
    assert waiting.state is ReliefState.PROPOSED
    assert balances(loan)["WAIVED penalty"] == 30_000
    with acting(ONE), pytest.raises(Refused, match="Somebody else has to decide"):
        approve(waiting)
    with acting(OTHER):
        approve(waiting)
    assert (waiting.state, waiting.proposed_by, waiting.decided_by) == (ReliefState.BOOKED, "one", "other")
    assert balances(loan)["WAIVED penalty"] == 50_001
    with acting(OTHER), pytest.raises(Refused, match="decided on already"):
        approve(waiting)
    with acting(ONE):
        third = propose(loan, Component.PENALTY, 1, LATE, "third")
    with acting(OTHER):
        with pytest.raises(InvalidValues, match="say why"):
            refuse(third, "")
        refuse(third, "enough")
    assert third.state is ReliefState.REFUSED
    assert balances(loan)["WAIVED penalty"] == 50_001
    assert reconcile() == []


def test_nonsense_is_refused_and_nothing_changes(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(LATE)
    before = table_sizes()
    for component, amount, on, reason, sentence in (
        (Component.PRINCIPAL, 1, LATE, "x", "written off"),
        (Component.PENALTY, 0, LATE, "x", "more than zero"),
        (Component.PENALTY, PENALTY + 1, LATE, "x", r"Only 151\.50 yuan"),
        (Component.FEE, 1, LATE, "x", r"Only 0\.00 yuan"),
        (Component.PENALTY, 1, LATE, "  ", "needs a reason"),
        (Component.PENALTY, 1, LATE + dt.timedelta(days=1), "x", "has not happened yet"),
    ):
        with pytest.raises(PortalError, match=sentence):
            propose(loan, component, amount, on, reason)
    assert table_sizes() == before
    assert db.session.scalars(select(Journal).where(Journal.reason.is_not(None))).all() == []
