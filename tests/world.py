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

from portal.closing.models import EntryKind, MonthEndEntry, MonthEndPosting, MonthEndProposal, VatLine
from portal.closing.models import ProposalState as MonthEndState
from portal.collection.models import CollectionContact
from portal.collection.rules import Channel as ContactChannel
from portal.collection.rules import Outcome, Whom
from portal.core import roles
from portal.core.accounts import sessions
from portal.core.accounts.events import Way
from portal.core.clock import move_business_date
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.setup import prepare
from portal.core.tour import TourSeen
from portal.core.work import unit_of_work
from portal.customers.consents import Consent, ConsentPurpose, ConsentSource
from portal.customers.facts import CustomerFact, FactItem, FactKind, FactSource
from portal.customers.models import Customer, CustomerType, Industry, RelatedParty, Tie
from portal.customers.statements import FinancialStatement, StatementSource
from portal.delegations.models import Delegation
from portal.grids.models import Grid, GridKind
from portal.guarantees.models import (
    CollateralItem,
    GuaranteeContract,
    GuaranteeKind,
    Guarantor,
    LegalAct,
    Litigation,
    RepossessedAsset,
)
from portal.guarantees.rules import Act
from portal.guarantees.services import settle
from portal.limits.borrowings import Borrowing, FundingKind
from portal.limits.models import (
    CompanyFigure,
    FigureKind,
    Insider,
    InsiderKind,
    LendingLimit,
    LimitBreach,
    LimitKind,
    LimitUsage,
)
from portal.limits.rules import Standing
from portal.loans.agreed_fees import AgreedFee
from portal.loans.allowance_groups import regroup_allowance
from portal.loans.bank_lines import BankLine
from portal.loans.business_calendar import CalendarDay
from portal.loans.classification import Category
from portal.loans.components import Component
from portal.loans.due_groups import regroup_dues
from portal.loans.groups import regroup_snapshot, regroup_states
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Allocation, Instalment, Loan, Repayment
from portal.loans.move_groups import follow_snapshot
from portal.loans.receipts import HeldReceipt
from portal.loans.reliefs import Relief
from portal.loans.state import LoanSnapshot, LoanState
from portal.loans.terms import Rescheduling, ReschedulingKind, TermsChange
from portal.loans.vintages import follow_vintages
from portal.moves.models import MoveState, StaffMove
from portal.organization.models import Branch, BranchKind, Post, Staff, Team
from portal.persons.models import PersonRequest, RequestChannel, RequestKind
from portal.pricing.models import FeeItem, PriceKind, PricePart
from portal.pricing.offers import Basis, Charged, Payee
from portal.products.models import Channel, Product, Purpose
from portal.products.terms import DayCount, HolidayRule, Method, Rounding
from portal.risk.assessment_words import Impact, Likelihood, MeasureState, Response, RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.checks import Breach, Business, CheckKind, Conclusion, Manner, PostLoanCheck, UseOfFunds
from portal.risk.levels import RiskLevel
from portal.risk.models import CategoryReview, ProposalState, ReviewState, WriteOffProposal
from portal.risk.notices import IndustryNotice, Outlook
from portal.warnings.models import BackTest, WarningCase, WarningCondition, WarningLimit, WarningRule, WarningStep
from portal.warnings.rules import Comparison, Indicator, Joined, Level, Owner, State, Step, Unit

PASSWORD = "a good password"
_HASHED = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000")
TODAY = dt.date(2026, 6, 30)
MONTH_END = dt.date(2026, 5, 31)
"""Every loan has a snapshot of it."""

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


def enter(app: Flask, client: FlaskClient, user_id: int) -> None:
    """Give a client a session of this login, as the log-in page would."""
    with app.app_context(), acting(SYSTEM):
        token = sessions.begin(user_id, Way.PASSWORD)
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"], cookie[sessions.COOKIE] = str(user_id), True, token


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
        enter(self.app, client, user_id or 0)
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
            _delegations(world)
            _moves(world)
            _prices(product)
            _figures()
            entry = _month_end()
            _borrowing()
            _notice()
            _assessments(world)
            _warning_rule(product)
            for manager in ("a1", "a2", "b1"):
                _month_end_lines(world, entry, product, manager)
                for number in range(per_manager):
                    _customer_with_loan(world, product, manager, number)
            db.session.flush()
            regroup_states(db.session())
            regroup_dues(db.session())
            regroup_allowance(db.session())
            regroup_snapshot(db.session(), MONTH_END)
            follow_snapshot(db.session(), MONTH_END)
            follow_vintages(db.session(), MONTH_END)
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


def _delegations(world: World) -> None:
    """One of each manager, long over: it opens nothing to anybody."""
    for name, delegate in (("a1", "a2"), ("a2", "a1"), ("b1", "branch_head")):
        branch, team = PLACES[name]
        _added(
            Delegation(
                manager_id=world.staff[name],
                delegate_id=world.staff[delegate],
                first_day=dt.date(2025, 3, 3),
                last_day=dt.date(2025, 3, 7),
                reason="leave",
                branch_id=world.branches[branch],
                team_id=world.teams[team or ""],
            )
        )


def _moves(world: World) -> None:
    """One of each manager, called off: it changes nothing."""
    for name in ("a1", "a2", "b1"):
        branch, team = PLACES[name]
        _added(
            StaffMove(
                manager_id=world.staff[name],
                on_day=dt.date(2025, 3, 3),
                to_post=Post.RISK,
                reason="asked for",
                state=MoveState.WITHDRAWN,
                from_post=Post.CUSTOMER_MANAGER,
                branch_id=world.branches[branch],
                team_id=world.teams[team or ""],
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


def _prices(product_id: int) -> None:
    """An item of the fee catalogue that new loans may be charged, and a part of prices."""
    item = {"payee": Payee.INSURER, "charged": Charged.AT_SIGNING, "basis": Basis.OF_PRINCIPAL, "share": 10_000}
    _added(FeeItem(code="F1", name="insurance", valid_from=TODAY, source="price list", **item))
    part = {"kind": PriceKind.FUNDING, "rate": 20_000, "valid_from": TODAY, "source": "decision 1"}
    _added(PricePart(code="PP1", product_id=product_id, **part))


def _figures() -> None:
    """Net assets of the year-end before, far above what is lent: no limit is near."""
    _added(
        CompanyFigure(
            code="NA-2025",
            kind=FigureKind.NET_ASSETS,
            on_day=dt.date(2025, 12, 31),
            amount=1_000_000_000,
            account="4 equity",
            source="audited statement",
        )
    )


def _month_end() -> int:
    """What was booked of the last month-end, nothing of the allowance; and a proposal for its VAT that waits."""
    figures = {"wanted": 600, "held": 0, "difference": 600}
    proposed = {"proposed_on": TODAY, "proposer": "somebody", "state": MonthEndState.PROPOSED}
    _added(MonthEndProposal(kind=EntryKind.VAT, month_end=MONTH_END, **figures, **proposed))
    return _added(
        MonthEndEntry(
            key="memo_interest/20260531",
            kind=EntryKind.MEMO_INTEREST,
            month_end=MONTH_END,
            booking_date=MONTH_END,
            period=202605,
            amount=300,
            rule_version="1",
            posted_by="posted-by-day-end",
            posted_at=dt.datetime(2026, 6, 1, tzinfo=dt.UTC),
        )
    )


def _borrowing() -> None:
    """What the company owes, and a day of its calendar."""
    _added(
        Borrowing(
            code="BOR-1",
            kind=FundingKind.BANK_BORROWING,
            lender="lender-of-the-company",
            amount=500_000_000,
            outstanding=400_000_000,
            rate=45_000,
            drawn_on=dt.date(2025, 12, 1),
            matures_on=TODAY + dt.timedelta(days=70),
            account="2001 borrowings",
            source="contract 1",
        )
    )
    _added(
        CalendarDay(
            code="CAL-1",
            on_day=dt.date(2030, 1, 1),
            works=False,
            reason="New Year",
            valid_from=TODAY,
            source="gazette-no-17",
        )
    )


def _notice() -> None:
    """News of an industry in which nobody borrows."""
    _added(
        IndustryNotice(
            code="NEWS-1",
            industry=Industry.CATERING,
            published_on=TODAY,
            title="Inns are full",
            summary="More guests than a year ago.",
            outlook=Outlook.BETTER,
            source="gazette-no-18",
            link="https://news.example/inns",
        )
    )


def _assessments(world: World) -> None:
    """One of the company, which every branch reads, and one of each branch."""
    for branch in (None, "A", "B"):
        _added(
            RiskAssessment(
                kind=RiskKind.OPERATIONAL,
                branch_id=world.branches.get(branch or ""),
                as_of=MONTH_END,
                likelihood=Likelihood.POSSIBLE,
                impact=Impact.MODERATE,
                level=RiskLevel.HIGH,
                findings=f"findings-of-{branch or 'company'}",
                consequences="Receipts are lost.",
                response=Response.BEAR,
                measures_state=MeasureState.NOTHING,
                state=ReviewState.IN_FORCE,
                proposed_on=MONTH_END,
                proposer="somebody",
                figures={},
            )
        )


def _month_end_lines(world: World, entry_id: int, product_id: int, manager: str) -> None:
    branch, team = PLACES[manager]
    group = {
        "entry_id": entry_id,
        "component": Component.INTEREST,
        "branch_id": world.branches[branch],
        "team_id": world.teams[team or ""],
        "manager_id": world.staff[manager],
        "product_id": product_id,
    }
    dates = {"kind": EntryKind.MEMO_INTEREST, "value_date": MONTH_END, "booking_date": MONTH_END}
    for account, amount in ((Account.MEMO_INTEREST, 100), (Account.MEMO_INTEREST_CONTRA, -100)):
        _added(MonthEndPosting(account=account, amount=amount, **dates, **group))
    _added(VatLine(month_end=MONTH_END, taxed=10_600, exempt=500, tax=600, **group))


def _limits(customer_id: int, tag: str, used: int) -> None:
    """The customer is an insider, and what is kept of the limit on single borrowers."""
    source = f"declaration of cust-{tag}"
    kind = InsiderKind.STAFF
    _added(Insider(code=f"I-{tag}", customer_id=customer_id, kind=kind, valid_from=TODAY, source=source))
    limit = db.session.scalars(select(LendingLimit).where(LendingLimit.kind == LimitKind.BORROWER)).one()
    measured = {"limit_id": limit.id, "customer_id": customer_id, "subject": customer_id}
    standing = Standing.FREE
    _added(
        LimitUsage(
            **measured,
            on_day=MONTH_END,
            members=1,
            insider=True,
            used=used,
            base=1_000_000_000,
            of_base=1_001,
            free=99_000_000,
            standing=standing,
        )
    )
    highest = {"highest": used, "highest_share": 1_001, "highest_on": MONTH_END}
    spell = {"level": Standing.NEAR, "first_day": MONTH_END, "ended_on": TODAY}
    _added(LimitBreach(**measured, **spell, **highest, note=f"note of cust-{tag}"))


def _warning_rule(product_id: int) -> None:
    """A draft, so that bookings of tests open no warnings by it; with one part of each kind."""
    rule_id = _added(
        WarningRule(
            code="W1",
            name="Late",
            level=Level.YELLOW,
            joined=Joined.ALL,
            owner=Owner.CUSTOMER_MANAGER,
            acknowledge_days=3,
            valid_from=dt.date(2026, 1, 1),
        )
    )
    _added(
        WarningCondition(
            rule_id=rule_id,
            indicator=Indicator.DAYS_PAST_DUE,
            comparison=Comparison.AT_LEAST,
            unit=Unit.DAYS,
            threshold="30",
        )
    )
    _added(WarningLimit(rule_id=rule_id, product_id=product_id))
    figures = {"months": 2, "horizon": 2, "loans": 9, "hits": 4, "confirmed": 2, "missed": 1, "lead_days": 31}
    span = {"first_day": dt.date(2026, 2, 28), "last_day": dt.date(2026, 3, 31), "leads": [[31, 2]]}
    _added(BackTest(rule_id=rule_id, run_on=TODAY, **figures, **span))


def _warning(loan: Loan, tag: str) -> None:
    """A warning that waits, and a step of it."""
    rule_id = db.session.scalars(select(WarningRule.id)).one()
    case_id = _added(
        WarningCase(
            code=f"W-{tag}",
            loan_id=loan.id,
            customer_id=loan.customer_id,
            rule_id=rule_id,
            level=Level.YELLOW,
            opened_on=TODAY,
            balance=loan.principal,
            days_past_due=40,
            category=Category.SPECIAL_MENTION,
            state=State.OPEN,
            owner=Owner.CUSTOMER_MANAGER,
            acknowledge_by=TODAY,
        )
    )
    at = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
    note = f"called cust-{tag}"
    _added(WarningStep(loan_id=loan.id, case_id=case_id, step=Step.ACKNOWLEDGE, done_on=TODAY, done_at=at, note=note))


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
    consent_id = _added(
        Consent(
            code=f"C-{tag}-consent",
            customer_id=customer.id,
            purpose=ConsentPurpose.PROCESSING,
            given_on=TODAY,
            source=ConsentSource.PAPER,
        )
    )
    fact = CustomerFact(
        code=f"C-{tag}-fact",
        customer_id=customer.id,
        kind=FactKind.FINANCIAL,
        item=FactItem.INCOME,
        source=FactSource.CUSTOMER,
        collected_on=TODAY,
        consent_id=consent_id,
    )
    fact.content = f"income of cust-{tag}"
    _added(fact)
    _added(
        FinancialStatement(
            code=f"C-{tag}-statement",
            customer_id=customer.id,
            period_end=MONTH_END,
            months=12,
            total_assets=50_000_000 + number,
            total_liabilities=20_000_000,
            turnover=9_000_000 + number,
            net_profit=-1_000_000,
            source=StatementSource.ESTIMATE,
            collector_id=world.staff[manager],
            collected_on=TODAY,
            evidence=f"box of cust-{tag}",
        )
    )
    _added(
        PersonRequest(
            code=f"C-{tag}-request",
            customer_id=customer.id,
            kind=RequestKind.ACCESS,
            channel=RequestChannel.COUNTER,
            received_on=TODAY,
        )
    )
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
    _guarantees(loan.id, tag)
    _limits(customer.id, tag, principal)
    _warning(loan, tag)
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
    held_id = _added(
        HeldReceipt(
            code=f"H-{tag}", amount=100 + number, rest=50, customer_id=customer.id, payer=f"cust-{tag}", **booked
        )
    )
    db.session.add(
        Relief(
            loan_id=loan.id,
            component=Component.PENALTY,
            amount=100 + number,
            value_date=disbursed,
            reason=f"relief for LOAN-{tag}",
            proposed_by="finance",
            proposed_on=disbursed,
        )
    )
    db.session.add(
        Rescheduling(
            loan_id=loan.id,
            kind=ReschedulingKind.EXTENSION,
            months=number,
            rate=120_000,
            value_date=disbursed,
            reason=f"extension for LOAN-{tag}",
            proposed_by="manager",
            proposed_on=disbursed,
        )
    )
    db.session.add(
        TermsChange(
            loan_id=loan.id,
            journal_id=journal_id,
            kind=JournalKind.RATE_RESET,
            months=0,
            rate_before=120_000,
            rate=120_000,
            lpr=30_000,
            **booked,
        )
    )
    db.session.add(
        BankLine(
            code=f"K-{tag}", value_date=disbursed, amount=100 + number, payer=f"cust-{tag}", remark="", held_id=held_id
        )
    )
    position = {
        "as_of": TODAY,
        "balance": principal,
        "accrued_interest": 0,
        "overdue_principal": 0,
        "overdue_interest": 0,
        "days_past_due": days_late,
        "floor": Category.NORMAL if days_late == 0 else Category.SPECIAL_MENTION,
        "category": Category.NORMAL if days_late == 0 else Category.SPECIAL_MENTION,
        "rate": 120_000,
        "customer_id": customer.id,
        "product_id": product_id,
        "grid_id": grid_id,
        **owner,
    }
    db.session.add(LoanState(loan_id=loan.id, **position))
    proposed = {"loan_id": loan.id, "proposer": "somebody", "proposed_on": TODAY, "reason": f"reason of {tag}"}
    held = CategoryMinimum(
        loan_id=loan.id,
        ground=Ground.REVIEW,
        category=Category.SPECIAL_MENTION,
        first_day=disbursed,
        day_after=disbursed,  # it never held: the figures of this company know nothing of it
    )
    db.session.add(held)
    db.session.add(
        CategoryReview(
            **proposed,
            category=Category.LOSS,
            evidence=f"evidence of {tag}",
            floor=position["floor"],
            before=position["category"],
            state=ReviewState.PROPOSED,
        )
    )
    db.session.add(
        PostLoanCheck(
            loan_id=loan.id,
            kind=CheckKind.FIRST,
            checked_on=disbursed,
            manner=Manner.VISIT,
            use=UseOfFunds.AS_AGREED,
            flow=f"flow of {tag}",
            business=Business.SAME,
            breach=Breach.NONE,
            conclusion=Conclusion.FINE,
            next_check_on=TODAY + dt.timedelta(days=1),
            evidence=f"evidence of {tag}",
        )
    )
    db.session.add(
        WriteOffProposal(
            **proposed,
            evidence=f"evidence of {tag}",
            balance=principal,
            interest=0,
            days_past_due=days_late,
            category=position["category"],
            state=ProposalState.PROPOSED,
        )
    )
    db.session.add(LoanSnapshot(loan_id=loan.id, **{**position, "as_of": MONTH_END}))


def _guarantees(loan_id: int, tag: str) -> None:
    """What secures a loan, and what was done about it; an agreed fee."""
    item = db.session.scalars(select(FeeItem)).first()
    assert item is not None
    fee = {"payee": Payee.LENDER, "charged": Charged.TAKEN_OVER, "basis": Basis.FIXED, "standard": 0, "counted": False}
    _added(AgreedFee(loan_id=loan_id, item_id=item.id, amount=500, agreed_on=TODAY, **fee))
    contracts = {
        kind: _added(
            GuaranteeContract(code=f"{kind}-{tag}", loan_id=loan_id, kind=kind, secured=1_000_000, signed_on=TODAY)
        )
        for kind in (GuaranteeKind.MORTGAGE, GuaranteeKind.GUARANTOR)
    }
    guarantor = Guarantor(loan_id=loan_id, contract_id=contracts[GuaranteeKind.GUARANTOR], name=f"cust-{tag}-guarantor")
    guarantor.phone = f"138{loan_id:08d}"
    guarantor_id = _added(guarantor)
    thing = CollateralItem(
        loan_id=loan_id,
        contract_id=contracts[GuaranteeKind.MORTGAGE],
        thing=f"house of cust-{tag}",
        appraised_value=2_000_000,
        appraiser="ourselves",
        appraised_on=TODAY,
        reappraise_on=TODAY + dt.timedelta(days=30),
    )
    _added(thing)
    _added(LegalAct(loan_id=loan_id, act=Act.DEMAND, done_on=TODAY, evidence=f"letter to cust-{tag}"))
    _added(Litigation(code=f"case-{tag}", loan_id=loan_id, court="court", filed_on=TODAY, guarantor_id=guarantor_id))
    asset = RepossessedAsset(
        code=f"asset-{tag}",
        loan_id=loan_id,
        thing=f"car of cust-{tag}",
        received_on=TODAY,
        value=100,
        dispose_by=TODAY + dt.timedelta(days=40),
    )
    _added(asset)
    settle(loan_id)
    _added(
        CollectionContact(
            loan_id=loan_id,
            done_on=TODAY,
            done_time="09:30",
            channel=ContactChannel.PHONE,
            whom=Whom.GUARANTOR,
            guarantor_id=guarantor_id,
            outcome=Outcome.PROMISE,
            promised_amount=50_000,
            promised_on=TODAY + dt.timedelta(days=5),
            note=f"called the guarantor of cust-{tag}",
        )
    )


def _added(row: object) -> int:
    db.session.add(row)
    db.session.flush()
    return int(row.id)  # type: ignore[attr-defined]
