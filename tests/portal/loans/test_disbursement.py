"""Paying out a loan: its terms are the product's, its schedule the contract's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope
from portal.core.scope import BRANCH, Actor, acting
from portal.core.work import unit_of_work
from portal.loans.accounts import Owner
from portal.loans.booking import RowsRefused
from portal.loans.disbursement import NewLoan, bulk_disburse, disburse, problems_of
from portal.loans.schedule import Terms, build_schedule
from portal.parameters.services import set_parameter
from portal.products.models import Product
from portal.products.terms import HolidayRule, Method
from tests.portal.loans.conftest import START, Company, balances, product, state_of, table_sizes


def test_the_schedule_is_that_of_the_terms_and_the_principal_what_was_paid_out(company: Company):
    loan = company.lend(first_due_on=dt.date(2026, 2, 20))
    terms = Terms(1_200_000, 120_000, 12, Method.LEVEL, START, dt.date(2026, 2, 20))
    wanted = [(line.due_date, line.principal, line.interest) for line in build_schedule(terms)]
    assert [(line.due_date, line.principal, line.interest) for line in loan.instalments] == wanted
    assert balances(loan) == {"LOANS principal": 1_200_000, "CASH principal": -1_200_000}
    assert (loan.matures_on, loan.disbursed_on, loan.method) == (dt.date(2027, 1, 20), START, Method.LEVEL)
    state = state_of(loan)
    assert state and (state.balance, state.days_past_due, state.rate) == (1_200_000, 0, 120_000)


def test_it_belongs_to_whoever_looks_after_the_customer(company: Company):
    customer = company.customer()
    loan = company.lend()
    assert (loan.branch_id, loan.team_id, loan.manager_id) == (
        customer.branch_id,
        customer.team_id,
        customer.manager_id,
    )


def test_due_dates_follow_the_holiday_rule_and_the_days_the_company_recorded(company: Company):
    set_parameter("calendar.holidays", "2027-01-05", START, "Announcement for 2027")
    with unit_of_work("tests.product"):
        db.session.add(product(Method.BULLET, "moving", holiday_rule=HolidayRule.FOLLOWING))
    moving = db.session.scalars(select(Product).where(Product.code == "moving")).one()
    loan = disburse("L", company.customer(), moving, 100_000, 120_000, 12)
    only = loan.instalments[0]
    assert (only.period_end, only.due_date) == (dt.date(2027, 1, 5), dt.date(2027, 1, 6))
    assert only.interest == 12_000, "interest does not follow the move"


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("code", {"code": ""}),
        ("amount", {"amount": 0}),
        ("amount", {"amount": -5}),
        ("amount", {"amount": 10**15 + 1}),
        ("rate", {"rate": 360_001}),
        ("rate", {"rate": -1}),
        ("count", {"count": 0}),
        ("count", {"count": 61}),
        ("disbursed_on", {"disbursed_on": START + dt.timedelta(days=1)}),
        ("first_due_on", {"first_due_on": START}),
    ],
)
def test_terms_that_are_not_the_products_are_told_by_field(field: str, terms: dict[str, Any], words: Flask):
    new = NewLoan("L", 1, 1, 1_200_000, 120_000, 12, START, Owner(1, 1, 1))
    assert problems_of(new, product(Method.LEVEL), START) == {}
    assert list(problems_of(replace(new, **terms), product(Method.LEVEL), START)) == [field]


def test_terms_that_do_not_fit_are_not_lent_on(company: Company):
    before = table_sizes()
    with pytest.raises(InvalidValues, match="from 1 to 60 months"):
        company.lend(count=61)
    assert table_sizes() == before


def test_a_loan_number_is_given_once(company: Company):
    company.lend(code="L-1")
    with pytest.raises(InvalidValues, match="L-1 is taken already"):
        company.lend(code=" L-1 ")


def test_a_product_off_offer_is_not_lent(company: Company):
    with unit_of_work("tests.product"):
        company.product().active = False
    with pytest.raises(InvalidValues, match="not on offer"):
        company.lend()
    assert bulk_disburse([company.new_loan("old")]) == 1, "its old loans can still be taken in"


def test_rows_that_do_not_fit_are_named_and_nothing_is_lent(company: Company):
    company.lend(code="L-1")
    before = table_sizes()
    rows = [company.new_loan("A"), company.new_loan("B", count=99), company.new_loan("L-1"), company.new_loan("A")]
    with pytest.raises(RowsRefused) as refused:
        bulk_disburse(rows)
    assert [place for place, _problem in refused.value.problems] == [0, 1, 2, 3]
    assert table_sizes() == before


def test_nobody_lends_in_somebody_elses_name(company: Company):
    other, mine = company.owner("B2-M1"), company.owner("B1-M1")
    grants = {(name, "list"): BRANCH for name in ("Loan", "Customer", "Branch", "Team", "Staff")}
    actor = Actor("lender", home=mine.branch_id, branches=frozenset({mine.branch_id}), grants=grants)
    before = table_sizes()
    with acting(actor), pytest.raises(OutOfScope):
        company.lend(owner=other)
    assert table_sizes() == before
    with acting(actor):
        company.lend(owner=mine, code="mine")


def test_the_audit_entry_names_the_terms(company: Company):
    loan = company.lend(code="L-1")
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry and (entry.verb, entry.subject_id) == ("loans.disburse", loan.id)
    assert entry.changes == {
        "code": "L-1",
        "amount": 1_200_000,
        "rate": 120_000,
        "months": 12,
        "value_date": "2026-01-05",
    }
