"""A small invented lender with everything that figures depend on.

A tree of branches, loans that changed hands, customers who belong to somebody else than their loan, late bookings,
reversals, opening positions, write-offs, recoveries.

Its ledger is written row by row, as plain double entries, so that the figures rest on nothing but the tables.
"""

import datetime as dt
import random

from sqlalchemy import select

from portal.closing.models import EntryKind, MonthEndEntry, MonthEndPosting
from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.setup import prepare
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType, Industry
from portal.grids.models import Grid, GridKind
from portal.loans.allowance_groups import regroup_allowance
from portal.loans.components import Component
from portal.loans.due_groups import regroup_dues
from portal.loans.ledger import Account, Journal, JournalKind
from portal.loans.models import Loan
from portal.loans.positions import positions
from portal.loans.states import replace_snapshot, replace_states
from portal.loans.terms import TermsChange
from portal.organization.models import Branch, BranchKind, Post, Staff, Team
from portal.parameters.known import Operator
from portal.parameters.models import Parameter
from portal.products.models import Channel, Product, Purpose
from portal.products.terms import DayCount, HolidayRule, Method, Rounding
from tests.portal.metrics.lives import OPEN, Lives, Owner

SNAPSHOTS = (dt.date(2026, 4, 30), dt.date(2026, 5, 31))
CHANGED_ON = dt.date(2026, 5, 1)
"""From this day PAR 60 counts from 60 days on instead of beyond them, and special mention needs 3.5 %."""
LOANS = 90


class Company:
    """Writes the lender down: who and what there is, then the lives of its loans."""

    def __init__(self) -> None:
        self.random = random.Random(20260617)

    def write(self) -> None:
        with unit_of_work("tests.company"):
            db.session.add(BusinessDay(id=1, open_date=OPEN, moves=False))
            self.organisation()
            self.parameters()
            self.customers()
            db.session.flush()
            lives = Lives(self.random, self.managers)
            for number in range(LOANS):
                lives.loan(number)
            db.session.flush()
            self.extensions()
            self.month_ends()
            db.session.flush()
            replace_states(db.session(), OPEN, positions(OPEN, standing=True))
            regroup_dues(db.session())
            regroup_allowance(db.session())
            for day in SNAPSHOTS:
                replace_snapshot(db.session(), day, positions(day))

    def month_ends(self) -> None:
        """Provisions of some groups at two month-ends, a part of the second one booked late; interest kept off balance;
        the first one taken back in June."""
        first = self.month_end(SNAPSHOTS[0], SNAPSHOTS[0], EntryKind.PROVISION, self.managers[:6], 1_000_01)
        self.month_end(SNAPSHOTS[1], SNAPSHOTS[1], EntryKind.PROVISION, self.managers[3:], 77_77)
        self.month_end(SNAPSHOTS[1], dt.date(2026, 6, 5), EntryKind.PROVISION, self.managers[:2], -33)
        self.month_end(SNAPSHOTS[1], SNAPSHOTS[1], EntryKind.MEMO_INTEREST, self.managers[:4], 5_00)
        self.month_end(
            dt.date(2026, 6, 9), dt.date(2026, 6, 9), EntryKind.PROVISION, self.managers[:6], -1_000_01, first
        )

    def month_end(
        self, day: dt.date, booked: dt.date, kind: EntryKind, owners: list[Owner], fen: int, reverses: int | None = None
    ) -> int:
        entry = MonthEndEntry(
            key=f"{kind}/{day}/{booked}",
            kind=kind,
            month_end=day,
            booking_date=booked,
            period=booked.year * 100 + booked.month,
            amount=fen * len(owners),
            reverses_id=reverses,
            rule_version="1",
            posted_by="tests",
            posted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        )
        db.session.add(entry)
        db.session.flush()
        accounts = {
            EntryKind.PROVISION: (Account.IMPAIRMENT, Account.ALLOWANCE),
            EntryKind.MEMO_INTEREST: (Account.MEMO_INTEREST, Account.MEMO_INTEREST_CONTRA),
        }[kind]
        for place, (branch, team, manager) in enumerate(owners):
            for account, amount in zip(accounts, (fen, -fen), strict=True):
                db.session.add(
                    MonthEndPosting(
                        entry_id=entry.id,
                        kind=kind,
                        account=account,
                        component=Component.INTEREST if kind is EntryKind.MEMO_INTEREST else None,
                        amount=amount,
                        value_date=day,
                        booking_date=booked,
                        branch_id=branch,
                        team_id=team,
                        manager_id=manager,
                        product_id=1 + place % 3,
                    )
                )
        return entry.id

    def extensions(self) -> None:
        """Every fifth loan was extended at some time, every tenth restructured as well; some of that was reversed."""
        for loan in db.session.scalars(select(Loan).order_by(Loan.id)):
            if loan.id % 5:
                continue
            day = dt.date(2026, 3 + loan.id % 4, 1 + loan.id % 28)
            self.terms(loan, JournalKind.EXTENSION, day, reversed_on=day + dt.timedelta(20) if loan.id % 3 else None)
            if loan.id % 10 == 0:
                self.terms(loan, JournalKind.RESTRUCTURING, dt.date(2026, 5, 20), reversed_on=None)

    def terms(self, loan: Loan, kind: JournalKind, day: dt.date, reversed_on: dt.date | None) -> None:
        number = None
        for booked in [day, *([reversed_on] if reversed_on and reversed_on <= OPEN else [])]:
            if booked > OPEN:
                return
            journal = Journal(
                loan_id=loan.id,
                key=f"{kind}/{loan.id}/{booked}",
                kind=kind,
                value_date=day,
                booking_date=booked,
                period=booked.year * 100 + booked.month,
                reverses_id=number,
                rule_version="1",
                posted_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
                branch_id=loan.branch_id,
                team_id=loan.team_id,
                manager_id=loan.manager_id,
            )
            db.session.add(journal)
            db.session.flush()
            db.session.add(
                TermsChange(
                    loan_id=loan.id,
                    journal_id=journal.id,
                    kind=kind,
                    reversal=number is not None,
                    value_date=day,
                    booking_date=booked,
                    months=-1 if number else 1,
                    rate_before=loan.rate,
                    rate=loan.rate,
                )
            )
            number = journal.id

    def organisation(self) -> None:
        tree = [("01", None, BranchKind.HEAD_OFFICE), ("0101", 1, BranchKind.BRANCH), ("0102", 1, BranchKind.BRANCH)]
        tree += [("010101", 2, BranchKind.OUTLET), ("010102", 2, BranchKind.OUTLET), ("010201", 3, BranchKind.OUTLET)]
        for number, (code, parent, kind) in enumerate(tree, 1):
            db.session.add(Branch(id=number, code=code, name=f"Branch {code}", kind=kind, parent_id=parent))
        db.session.flush()
        teams = [(1, 4), (2, 4), (3, 5), (4, 6)]
        for number, branch in teams:
            db.session.add(Team(id=number, code=f"T{number}", name=f"Team {number}", branch_id=branch))
        db.session.flush()
        self.managers: list[Owner] = []
        for number in range(1, 9):
            team, branch = teams[(number - 1) % 4]
            name = "Li Wei" if number in (1, 2) else f"Manager {number}"
            row = Staff(id=number, code=f"S{number:03}", name=name, post=Post.CUSTOMER_MANAGER)
            row.branch_id, row.team_id = branch, team
            db.session.add(row)
            self.managers.append((branch, team, number))
        db.session.add(Staff(id=9, code="S009", name="Head of Branch", post=Post.BRANCH_HEAD, branch_id=2))
        self.managers += [(2, None, None), (6, 4, None)]  # loans that nobody looks after yet
        for number in range(1, 6):
            branch, team, manager = self.managers[number]
            db.session.add(
                Grid(
                    id=number,
                    code=f"G{number}",
                    name=f"Grid {number}",
                    town="Town",
                    kind=GridKind.VILLAGE,
                    potential_customers=20 * (number - 1),  # none in the first: its coverage is not available
                    branch_id=branch,
                    team_id=team,
                    manager_id=manager,
                )
            )
        kinds = [
            (Purpose.BUSINESS, Channel.OFFLINE, Method.LEVEL),
            (Purpose.BUSINESS, Channel.ONLINE, Method.BULLET),
            (Purpose.CONSUMER, Channel.ONLINE, Method.EQUAL_PRINCIPAL),
        ]
        for number, (purpose, channel, method) in enumerate(kinds, 1):
            db.session.add(
                Product(
                    id=number,
                    code=f"P{number}",
                    name=f"Product {number}",
                    purpose=purpose,
                    channel=channel,
                    rate_min=0,
                    rate_max=360_000,
                    term_min=1,
                    term_max=60,
                    method=method,
                    day_count=DayCount.ACT_365,
                    rounding=Rounding.HALF_UP,
                    holiday_rule=HolidayRule.NONE,
                )
            )

    def parameters(self) -> None:
        for key, value, operator in (
            ("par.60", "60", Operator.GREATER_OR_EQUAL),
            ("provision_ratio.special_mention", "3.5", None),
        ):
            row = Parameter(key=key, value=value, operator=operator, valid_from=CHANGED_ON)
            row.source, row.confirmed = "A decision of the committee", True
            db.session.add(row)

    def customers(self) -> None:
        for number in range(1, 46):
            branch, team, manager = self.random.choice(self.managers)
            db.session.add(
                Customer(
                    id=number,
                    code=f"C{number:03}",
                    name=f"Customer {number}",
                    type=self.random.choice(list(CustomerType)),
                    industry=self.random.choice([*Industry, None]),
                    grid_id=self.random.choice([1, 2, 3, 4, 5, None]),
                    since=dt.date(2025, 1 + number % 12, 1) if number % 5 else None,
                    branch_id=branch,
                    team_id=team,
                    manager_id=manager,
                )
            )


def build() -> None:
    """Tell the company into an empty database; its tables exist."""
    prepare()
    Company().write()
