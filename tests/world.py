"""A small company for tests of the kit and of the contracts: every row says in its name whose it is.

Head office, branches A (with the outlet A1) and B, a team in each, managers a1, a2 (team A), b1 (team B); for every
role a login of the same name, plus the logins a1, a2, b1. Customers are called `cust-<branch>-<manager>-<n>`, loans
`LOAN-<branch>-<manager>-<n>`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field

from flask import Flask
from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from portal.core import roles
from portal.core.clock import move_business_date
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.setup import prepare
from portal.core.tour import TourSeen
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType, RelatedParty, Tie
from portal.grids.models import Grid, GridKind
from portal.loans.classification import Category
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import Allocation, Instalment, Loan, Repayment
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch, BranchKind, Post, Staff, Team
from portal.products.models import Channel, Product, Purpose
from portal.products.terms import DayCount, HolidayRule, Method, Rounding

PASSWORD = "a good password"
_HASHED = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000")
TODAY = dt.date(2026, 6, 30)

#: Where each login belongs: (branch, team). Roles not named here belong to the head office.
PLACES = {
    "a1": ("A", "TA"),
    "a2": ("A", "TA"),
    "b1": ("B", "TB"),
    "customer_manager": ("A", "TA"),
    "team_lead": ("A", "TA"),
    "branch_head": ("A", None),
    "approver": ("A", None),
    "collections": ("A", None),
}


@dataclass
class World:
    """Ids of the company's rows by their codes."""

    app: Flask
    branches: dict[str, int] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    staff: dict[str, int] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)
    loans: dict[str, int] = field(default_factory=dict)

    def login(self, username: str) -> FlaskClient:
        """A client with this login's session (without the log-in page)."""
        client = self.app.test_client()
        with self.app.app_context(), acting(SYSTEM):
            user_id = actor_for_username(username).user_id
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = str(user_id), True
        return client

    def loans_of(self, *managers: str) -> set[str]:
        return {code for code in self.loans if code.split("-")[2] in managers}


def build(app: Flask, per_manager: int = 4) -> World:
    """Fill an empty migrated database; returns where everything is."""
    world = World(app)
    with app.app_context(), acting(SYSTEM):
        prepare()
        with unit_of_work("tests.world"):
            move_business_date(TODAY)
            _organisation(world)
            product = _product()
            for manager in ("a1", "a2", "b1"):
                for number in range(per_manager):
                    _customer_with_loan(world, product, manager, number)
    return world


def _organisation(world: World) -> None:
    for code, kind, parent in (
        ("HO", BranchKind.HEAD_OFFICE, None),
        ("A", BranchKind.BRANCH, "HO"),
        ("B", BranchKind.BRANCH, "HO"),
        ("A1", BranchKind.OUTLET, "A"),
    ):
        row = Branch(code=code, name=f"branch-{code}", kind=kind, parent_id=world.branches.get(parent or ""))
        world.branches[code] = _added(row)
    for code, branch in (("TA", "A"), ("TB", "B")):
        world.teams[code] = _added(Team(code=code, name=f"team-{code}", branch_id=world.branches[branch]))
    for name in [*roles.roles, "a1", "a2", "b1"]:
        branch, team = PLACES.get(name, ("HO", None))
        role = name if name in roles.roles else "customer_manager"
        held = db.session.scalars(select(Role).where(Role.name == role)).one()
        user = User(
            username=name, first_name=name, last_name="", email=f"{name}@example.test", active=True, roles=[held]
        )
        user.password = _HASHED
        user_id = _added(user)
        _added(TourSeen(user_id=user_id, seen_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
        world.staff[name] = _added(
            Staff(
                code=f"S-{name}",
                name=name,
                post=Post.CUSTOMER_MANAGER,
                branch_id=world.branches[branch],
                team_id=world.teams.get(team or ""),
                user_id=user_id,
            )
        )


def _square(place: int) -> str:
    """The outline of a grid: squares in a row, each touching the next."""
    west, east = 120 + place / 100, 120 + (place + 1) / 100
    ring = [[west, 37], [east, 37], [east, 37.01], [west, 37.01], [west, 37]]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


def _product() -> int:
    return _added(
        Product(
            code="P1",
            name="Orchard loan",
            purpose=Purpose.BUSINESS,
            channel=Channel.OFFLINE,
            rate_min=0,
            rate_max=240_000,
            term_min=1,
            term_max=60,
            method=Method.LEVEL,
            day_count=DayCount.THIRTY_360,
            rounding=Rounding.HALF_UP,
            holiday_rule=HolidayRule.NONE,
        )
    )


def _customer_with_loan(world: World, product_id: int, manager: str, number: int) -> None:
    branch, team = PLACES[manager]
    owner = {
        "branch_id": world.branches[branch],
        "team_id": world.teams[team or ""],
        "manager_id": world.staff[manager],
    }
    tag = f"{branch}-{manager}-{number}"
    grid_id = _added(
        Grid(
            code=f"G-{tag}",
            name=f"grid-{tag}",
            town="town",
            kind=GridKind.VILLAGE,
            potential_customers=10 * (number + 1),
            geometry=_square(len(world.loans)) if number else None,
            **owner,
        )
    )
    customer = Customer(code=f"C-{tag}", name=f"cust-{tag}", type=CustomerType.FARMER, grid_id=grid_id, **owner)
    customer.phone = f"139{len(world.customers):08d}"
    world.customers[customer.code] = _added(customer)
    _added(RelatedParty(code=f"C-{tag}-1", customer_id=customer.id, name=f"cust-{tag}-spouse", tie=Tie.SPOUSE))
    disbursed, principal, days_late = TODAY - dt.timedelta(days=150), 1_000_000 + number, 40 * number
    loan = Loan(
        code=f"LOAN-{tag}",
        customer_id=customer.id,
        product_id=product_id,
        principal=principal,
        rate=120_000,
        count=12,
        method=Method.LEVEL,
        day_count=DayCount.THIRTY_360,
        rounding=Rounding.HALF_UP,
        disbursed_on=disbursed,
        matures_on=disbursed + dt.timedelta(days=365),
        **owner,
    )
    world.loans[loan.code] = _added(loan)
    due = TODAY - dt.timedelta(days=days_late)
    instalment_id = _added(
        Instalment(
            loan_id=loan.id,
            number=1,
            period_start=disbursed,
            period_end=due,
            due_date=due,
            principal=principal,
            interest=1000,
        )
    )
    booked = {"value_date": disbursed, "booking_date": disbursed}
    repayment_id = _added(Repayment(loan_id=loan.id, code=f"R-{tag}", amount=100, **booked))
    db.session.add(
        Allocation(
            loan_id=loan.id,
            repayment_id=repayment_id,
            instalment_id=instalment_id,
            component=Component.PRINCIPAL,
            amount=100,
            **booked,
        )
    )
    journal = Journal(
        loan_id=loan.id,
        key=f"J-{tag}",
        kind=JournalKind.DISBURSEMENT,
        period=disbursed.year * 100 + disbursed.month,
        rule_version="1",
        posted_at=dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
        **booked,
        **owner,
    )
    journal_id = _added(journal)
    for account, amount in ((Account.LOANS, principal), (Account.CASH, -principal)):
        db.session.add(
            Posting(
                loan_id=loan.id,
                journal_id=journal_id,
                kind=JournalKind.DISBURSEMENT,
                account=account,
                component=Component.PRINCIPAL,
                amount=amount,
                **booked,
            )
        )
    position = {
        "as_of": TODAY,
        "balance": principal,
        "accrued_interest": 0,
        "overdue_principal": 0,
        "overdue_interest": 0,
        "days_past_due": days_late,
        "category": Category.NORMAL if days_late == 0 else Category.SPECIAL_MENTION,
        "rate": 120_000,
        "customer_id": customer.id,
        "product_id": product_id,
        "grid_id": grid_id,
        **owner,
    }
    db.session.add(LoanState(loan_id=loan.id, **position))
    db.session.add(LoanSnapshot(loan_id=loan.id, **{**position, "as_of": dt.date(2026, 5, 31)}))


def _added(row: object) -> int:
    db.session.add(row)
    db.session.flush()
    return int(row.id)  # type: ignore[attr-defined]
