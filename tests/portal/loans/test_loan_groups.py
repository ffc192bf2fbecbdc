"""Groups of loans and borrowers: by industry, and with those who owe much apart."""

from __future__ import annotations

import datetime as dt
import importlib
from fractions import Fraction
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import delete, select

from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, Actor, acting, unscoped
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType, Industry
from portal.limits.exposure import Book
from portal.loans.day_end import run_day_end
from portal.loans.groups import LARGE, BorrowerGroup, LoanGroup, groups_of, owed_by_the_large
from portal.loans.ownership import hand_over
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company

fill = importlib.import_module("portal.migrations.versions.0032_industries_in_groups").fill
JANUARY = dt.date(2026, 1, 31)


def move(company: Company, code: str, industry: Industry | None) -> None:
    with unit_of_work("tests.industry"):
        company.customer(code).industry = industry


def by_industry(as_of: dt.date | None = None) -> dict[Any, tuple[Any, Any]]:
    found = evaluate(["loan_balance", "borrower_count"], by=("industry",), as_of=as_of)
    return {row.by["industry"]: (row.values["loan_balance"], row.values["borrower_count"]) for row in found.rows}


def test_figures_follow_a_customer_into_another_industry(company: Company):
    move(company, "C0", Industry.AGRICULTURE)
    for code, amount in (("C0", 1_000_000), ("C0", 500_000), ("C1", 200_000)):
        company.lend(Method.INTEREST_ONLY, amount, customer=company.customer(code))
    run_day_end(dt.date(2026, 2, 9))
    for day in (None, JANUARY):
        assert by_industry(day) == {Industry.AGRICULTURE: (1_500_000, 1), None: (200_000, 1)}
    move(company, "C1", Industry.AGRICULTURE)
    move(company, "C0", Industry.CONSTRUCTION)
    for day in (None, JANUARY):
        assert by_industry(day) == {Industry.CONSTRUCTION: (1_500_000, 1), Industry.AGRICULTURE: (200_000, 1)}
    assert reconcile([JANUARY]) == []
    move(company, "C1", None)
    assert by_industry() == {Industry.CONSTRUCTION: (1_500_000, 1), None: (200_000, 1)}
    assert reconcile([JANUARY]) == []


def test_what_is_undone_leaves_the_groups_as_they_were(company: Company):
    company.lend()
    before = groups_of(None)

    class Undone(Exception):
        pass

    with pytest.raises(Undone), unit_of_work("tests.industry"):
        company.customer().industry = Industry.AGRICULTURE
        db.session.flush()
        raise Undone
    assert groups_of(None) == before
    move(company, "C1", Industry.AGRICULTURE)  # who owes nothing
    assert groups_of(None) == before


def test_a_new_industry_and_a_repayment_in_one_unit(company: Company):
    loan = company.lend()
    with unit_of_work("tests.both"):
        company.customer().industry = Industry.CONSTRUCTION
        repay(loan, 50_000, START, "R1")
        company.customer().industry = Industry.MANUFACTURING
    assert list(by_industry()) == [Industry.MANUFACTURING]
    assert reconcile([]) == []


def apart() -> dict[str, int]:
    codes = dict(db.session.execute(select(Customer.id, Customer.code)).all())
    return {codes[one]: int(owed) for one, owed in db.session.execute(owed_by_the_large(None))}


def test_whoever_owes_much_stands_apart_and_comes_back(company: Company):
    company.lend(Method.INTEREST_ONLY, LARGE - 1)
    assert apart() == {}
    second = company.lend(Method.INTEREST_ONLY, 1)
    assert apart() == {"C0": LARGE}
    hand_over([second], company.owner("B2-M2"))
    assert apart() == {"C0": LARGE}
    assert reconcile([]) == []
    settle_early(second, START, "R1")
    assert apart() == {}
    assert reconcile([]) == []


def test_an_upgrade_fills_in_what_the_portal_would_have_kept(company: Company):
    move(company, "C0", Industry.AGRICULTURE)
    company.lend(Method.INTEREST_ONLY, LARGE)
    for owner in ("B1-M1", "B2-M2"):
        hand_over([company.lend(customer=company.customer("C1"))], company.owner(owner))
    company.lend(customer=company.customer("C2"))
    run_day_end(dt.date(2026, 2, 9))
    with acting(SYSTEM), unscoped("a test"):
        held = groups_of(None), groups_of(JANUARY)
        for group in (LoanGroup, BorrowerGroup):
            db.session.execute(delete(group))
        fill(db.session.connection())
        assert (groups_of(None), groups_of(JANUARY)) == held
    assert {kept == anew and len(kept) > 3 for kept, anew in held} == {True}


@pytest.mark.parametrize("small", [0, 1], ids=["ten who owe much", "nine, and one who owes a fen less"])
def test_the_ten_largest_are_found_among_the_large_or_among_all(company: Company, small: int):
    owed = {}
    with unit_of_work("tests.customers"):
        one = company.customer()
        owner = {name: getattr(one, name) for name in ("branch_id", "team_id", "manager_id")}
        for n in range(12):
            db.session.add(Customer(code=f"N{n}", name=f"N{n}", type=CustomerType.FARMER, **owner))
    for n in range(12):
        customer = company.customer(f"N{n}")
        owed[customer.id] = LARGE + n * 7 if n > 2 - (not small) else LARGE - 1 - n * (n > 1)
        company.lend(Method.INTEREST_ONLY, owed[customer.id], customer=customer)
    # Two loans of two owners: stands apart with less than LARGE, and with less than one who does not.
    for part, manager in ((LARGE - 20, "B1-M1"), (10, "B2-M2")):
        loan = company.lend(Method.INTEREST_ONLY, part, customer=company.customer("C1"))
        hand_over([loan], company.owner(manager))
    owed[company.customer("C1").id] = LARGE - 10
    largest = dict(sorted(owed.items(), key=lambda item: (-item[1], item[0]))[:10])
    found = evaluate(["top_10_balance"], by=("customer",))
    assert {row.by["customer"]: row.values["top_10_balance"] for row in found.rows} == largest
    assert evaluate(["top_1_balance"]).total["top_1_balance"] == max(owed.values())
    assert Book(db.session()).largest(10) == largest
    assert Book(db.session()).largest(2, Fraction(LARGE)) == {k: v for k, v in owed.items() if v >= LARGE}
    assert (min(largest.values()) >= LARGE) is (not small)
    first, second = (company.owner(manager).branch_id for manager in ("B1-M1", "B2-M2"))
    one = company.customer("C1").id
    with current_app.test_request_context():  # whoever asks later in a request is answered for himself
        assert seen_by(first) == dict(sorted((owed | {one: LARGE - 20}).items(), key=lambda i: (-i[1], i[0]))[:10])
        assert seen_by(second) == {one: 10}


def seen_by(branch: int) -> dict[int, Any]:
    """The ten largest as somebody who sees the loans of one branch."""
    with acting(Actor("someone", branches=frozenset({branch}), grants={("Loan", "list"): "branch"})):
        found = evaluate(["top_10_balance"], by=("customer",))
    return {row.by["customer"]: row.values["top_10_balance"] for row in found.rows}
