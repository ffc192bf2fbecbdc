"""What a payment settles first where the contract says so, and the debtor's words."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans.allocation import AGREED_ORDERS, CIVIL_CODE_ORDER
from portal.loans.backdating import repay_backdated
from portal.loans.booking import account_of
from portal.loans.components import Component
from portal.loans.disbursement import disburse
from portal.loans.models import Allocation, Loan, Repayment
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, repay
from portal.parameters.services import set_parameter
from portal.products.terms import ClaimsOrder, Method
from tests.portal.loans.conftest import Company, open_on, product

LATE = dt.date(2026, 3, 7)
"""30 days after 5 February: penalty interest of 10,100.00 x 18 % x 30 / 360 = 151.50."""


def lent(company: Company, order: ClaimsOrder | None) -> Loan:
    with unit_of_work("tests.product"):
        row = product(Method.BULLET, code="agreed", claims_order=order)
        db.session.add(row)
    return disburse("A1", company.customer(), row, 1_000_000, 120_000, 1)


def paid(loan: Loan) -> dict[Component, int]:
    parts = db.session.scalars(select(Allocation).where(Allocation.loan_id == loan.id))
    found: dict[Component, int] = {}
    for part in parts:
        found[part.component] = found.get(part.component, 0) + part.amount
    return found


@pytest.mark.parametrize("order", list(ClaimsOrder))
def test_costs_interest_and_principal_keep_their_order(order: ClaimsOrder):
    law = [component for component in CIVIL_CODE_ORDER if component not in (Component.FEE, Component.PENALTY)]
    agreed = AGREED_ORDERS[order]
    assert [component for component in agreed if component in law] == law
    assert sorted(agreed) == sorted(Component)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, {Component.INTEREST: 10_000, Component.PRINCIPAL: 990_000}),
        (
            ClaimsOrder.PENALTY_BEFORE_PRINCIPAL,
            {Component.INTEREST: 10_000, Component.PENALTY: 15_150, Component.PRINCIPAL: 974_850},
        ),
    ],
)
def test_ten_thousand_yuan_settle_what_the_contract_puts_first(company: Company, order, expected):
    loan = lent(company, order)
    open_on(LATE)
    repay(loan, 1_000_000, LATE, "R1", designation="for loan A1")
    assert paid(loan) == expected
    assert db.session.scalars(select(Repayment)).one().designation == "for loan A1"
    assert reconcile() == []


def test_what_was_agreed_stays_when_the_product_or_the_dated_order_changes(company: Company):
    loan = lent(company, ClaimsOrder.PENALTY_BEFORE_PRINCIPAL)
    with unit_of_work("tests.product"):
        loan.product.claims_order = None
    set_parameter("allocation.order", "principal,interest,fee,penalty", dt.date(2026, 2, 1), "a test")
    assert account_of(loan, lock=False).claims_order is ClaimsOrder.PENALTY_BEFORE_PRINCIPAL
    open_on(LATE)
    repay(loan, 25_150, LATE, "R1")
    assert paid(loan) == {Component.INTEREST: 10_000, Component.PENALTY: 15_150}


def test_a_payment_that_is_booked_anew_keeps_order_and_words(company: Company):
    """100.00 told late leave 10,000.00 of principal late from 5 February: 150.00 of penalty interest instead."""
    loan = lent(company, ClaimsOrder.PENALTY_BEFORE_PRINCIPAL)
    open_on(LATE)
    repay(loan, 20_000, LATE, "R1", designation="for loan A1")
    assert paid(loan) == {Component.INTEREST: 10_000, Component.PENALTY: 10_000}
    repay_backdated(loan, Payment(loan.id, "R2", 10_000, dt.date(2026, 2, 5)), "told late")
    assert paid(loan) == {
        Component.INTEREST: 10_000,
        Component.PENALTY: 15_000,
        Component.PRINCIPAL: 5_000,
    }
    again = db.session.scalars(select(Repayment).where(Repayment.code == "R1")).one()
    assert again.designation == "for loan A1"
    assert reconcile() == []
