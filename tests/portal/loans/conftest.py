"""A small lender with its books closed: offices, people, customers, products; no loans yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import flask_appbuilder.security.sqla.models  # noqa: F401 - its tables are part of the schema
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask, current_app
from flask_babel import Babel
from sqlalchemy import func, select

import portal.closing.posting
import portal.collection.models
import portal.collection.parameters
import portal.grids.models
import portal.limits.gate  # what other areas hang onto payouts and day-end needs its tables and parameters, whichever
import portal.limits.parameters  # test of this process was first to bring them in
import portal.loans.state
import portal.warnings.evaluation
import portal.warnings.parameters  # noqa: F401 - likewise
from portal.core.audit import AuditEntry
from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.sealed import KeyRing
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType
from portal.loans import triggers
from portal.loans.accounts import Owner
from portal.loans.disbursement import NewLoan, disburse
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner, Repayment
from portal.loans.receipts import HeldPosting, HeldReceipt
from portal.loans.state import LoanState
from portal.loans.terms import TermsChange
from portal.metrics import load_catalogue
from portal.organization.models import Branch, BranchKind, Post, Staff, Team
from portal.parameters.services import load_defaults
from portal.pricing.catalogue import load_taken_over
from portal.products.models import Channel, Product, Purpose
from portal.products.terms import DayCount, HolidayRule, Method, Rounding
from tests.databases import Engine, Templates

load_catalogue()  # day-end asks for figures at month-ends

START = dt.date(2026, 1, 5)
"""The business date that tests begin on."""

METHODS = (Method.LEVEL, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY, Method.BULLET)


load_catalogue()  # limits ask for the loan balance


def app_on(url: str) -> Flask:
    app = Flask("ledger")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.extensions["key_ring"] = KeyRing("7e" * 32)
    Babel(app)
    db.init_app(app)
    return app


@contextmanager
def on_database(url: str) -> Iterator[Flask]:
    """An application context of the system actor; connections are closed afterwards."""
    app = app_on(url)
    with app.app_context(), acting(SYSTEM):
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def build_company(url: str) -> None:
    with on_database(url):
        db.create_all()
        with db.engine.begin() as connection:
            triggers.create(Operations(MigrationContext.configure(connection)))
        load_defaults()
        load_taken_over()
        with unit_of_work("tests.company"):
            db.session.add(BusinessDay(id=1, open_date=START))
            head = Branch(code="B0", name="Head office", kind=BranchKind.HEAD_OFFICE)
            branches = [Branch(code=f"B{n}", name=f"Outlet {n}", kind=BranchKind.OUTLET, parent=head) for n in (1, 2)]
            db.session.add_all([head, *branches])
            db.session.flush()
            for branch in branches:
                team = Team(code=f"T-{branch.code}", name=f"Team {branch.code}", branch_id=branch.id)
                db.session.add(team)
                db.session.flush()
                for n in (1, 2):
                    code = f"{branch.code}-M{n}"
                    post = Post.CUSTOMER_MANAGER
                    db.session.add(Staff(code=code, name=code, post=post, branch_id=branch.id, team_id=team.id))
                db.session.flush()
            managers = db.session.scalars(select(Staff).order_by(Staff.code)).all()
            for n in range(8):
                manager = managers[n % len(managers)]
                owner = {"branch_id": manager.branch_id, "team_id": manager.team_id, "manager_id": manager.id}
                db.session.add(Customer(code=f"C{n}", name=f"Customer {n}", type=CustomerType.FARMER, **owner))
            for method in METHODS:
                db.session.add(product(method))


def product(method: Method, code: str = "", **terms: Any) -> Product:
    values = {
        "code": code or method.value,
        "name": code or method.value,
        "purpose": Purpose.BUSINESS,
        "channel": Channel.OFFLINE,
        "rate_min": 0,
        "rate_max": 360_000,
        "term_min": 1,
        "term_max": 60,
        "method": method,
        "day_count": DayCount.THIRTY_360,
        "rounding": Rounding.HALF_UP,
        "holiday_rule": HolidayRule.NONE,
    }
    return Product(**(values | terms))


@pytest.fixture
def words() -> Iterator[Flask]:
    """An application without a database, for sentences."""
    with app_on("sqlite://").app_context():
        yield current_app


@pytest.fixture(scope="session")
def company_template(engine: Engine, templates: Templates) -> str:
    def build() -> str:
        url = engine.create()
        build_company(url)
        return url

    return templates.get("ledger", engine, build)


@pytest.fixture
def company_url(engine: Engine, company_template: str) -> Iterator[str]:
    url = engine.create(company_template)
    yield url
    engine.drop(url)


@dataclass
class Company:
    """What tests ask of the lender."""

    url: str
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def customer(self, code: str = "C0") -> Customer:
        return db.session.scalars(select(Customer).where(Customer.code == code)).one()

    def product(self, method: Method = Method.LEVEL) -> Product:
        return db.session.scalars(select(Product).where(Product.code == method.value)).one()

    def lend(self, method: Method = Method.LEVEL, amount: int = 1_200_000, count: int = 12, **terms: Any) -> Loan:
        """12,000 yuan over a year at 12 %, paid out on the business date, unless told otherwise."""
        values = {"code": f"L{next(self.numbers)}", "rate": 120_000, "customer": self.customer()} | terms
        return disburse(product=self.product(method), amount=amount, count=count, **values)

    def owner(self, manager: str) -> Owner:
        found = db.session.scalars(select(Staff).where(Staff.code == manager)).one()
        return Owner(found.branch_id, found.team_id, found.id)

    def new_loan(self, code: str, method: Method = Method.LEVEL, **terms: Any) -> NewLoan:
        customer = self.customer()
        owner = Owner(customer.branch_id, customer.team_id, customer.manager_id)
        values = {"amount": 1_200_000, "rate": 120_000, "count": 12, "disbursed_on": START, "owner": owner}
        return NewLoan(code=code, product_id=self.product(method).id, **{"customer_id": customer.id, **values, **terms})


@pytest.fixture
def company(company_url: str) -> Iterator[Company]:
    with on_database(company_url):
        yield Company(company_url)


def open_on(day: dt.date) -> None:
    """Set the business date without a day-end."""
    with unit_of_work("tests.date"):
        db.session.get_one(BusinessDay, 1).open_date = day


def state_of(loan: Loan) -> LoanState | None:
    db.session.expire_all()
    return db.session.get(LoanState, loan.id)


def balances(loan: Loan) -> dict[str, int]:
    """Sum of the loan's postings by account and component, zeros left out."""
    found = db.session.execute(
        select(Posting.account, Posting.component, func.sum(Posting.amount))
        .where(Posting.loan_id == loan.id)
        .group_by(Posting.account, Posting.component)
    )
    return {f"{account.name} {component.value}": int(amount) for account, component, amount in found if amount}


def trial_balance() -> dict[bool, int]:
    """Sum of all postings on the balance sheet and off it."""
    sums = {True: 0, False: 0}
    for account, amount in db.session.execute(
        select(Posting.account, func.sum(Posting.amount)).group_by(Posting.account)
    ):
        sums[account.on_balance] += int(amount)
    sums[True] += int(db.session.scalar(select(func.coalesce(func.sum(HeldPosting.amount), 0))) or 0)
    return sums


def table_sizes() -> dict[str, int]:
    """Rows of every table that a verb may write."""
    models = (
        *(Loan, Instalment, Repayment, Allocation, Charge, Journal, Posting, PastOwner, LoanState, AuditEntry),
        *(HeldReceipt, HeldPosting, TermsChange),
    )
    return {model.__name__: db.session.scalar(select(func.count()).select_from(model)) or 0 for model in models}
