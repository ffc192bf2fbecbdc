"""Row scope in the session: every way the ORM reads and writes, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import exists, func, insert, literal, or_, select, text, update
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal.core.db import db
from portal.core.errors import OutOfScope
from portal.core.scope import BRANCH, NOBODY, SELF, SYSTEM, TEAM, Actor, Unscoped, acting, doing, unscoped
from portal.customers.models import Customer
from portal.loans.groups import LoanGroup
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Instalment, Loan, Repayment
from portal.loans.state import LoanSnapshot, LoanState
from portal.organization.models import Branch, Staff, Team
from tests.world import TODAY, World

ACTIONS = ("list", "show", "add", "edit", "delete", "export")
RESOURCES = ("Loan", "Customer", "Instalment", "Repayment", "Journal", "Branch", "Team", "Staff", "Grid")


def someone(world: World, scope: str, **other: str) -> Actor:
    """Manager a1 with this scope on everything; `edit="self"` and the like differ by action."""
    grants = {(r, a): other.get(a, scope) for r in RESOURCES for a in ACTIONS}
    grants |= {("Branch", a): BRANCH for a in ACTIONS}
    grants |= {("Team", a): TEAM if scope == SELF else scope for a in ACTIONS}
    places = {"home": world.branches["A"], "branches": frozenset({world.branches["A"], world.branches["A1"]})}
    teams = frozenset({world.teams["TA"]})
    return Actor("a1", user_id=1, staff_id=world.staff["a1"], teams=teams, grants=grants, **places)


@pytest.fixture
def context(world: World) -> Iterator[World]:
    with world.app.app_context():
        yield world


READS = {
    "entities": lambda: {x.code for x in db.session.scalars(select(Loan))},
    "legacy query": lambda: {x.code for x in db.session.query(Loan)},
    "columns": lambda: set(db.session.scalars(select(Loan.code))),
    "alias": lambda: {x.code for x in db.session.scalars(select(aliased(Loan)))},
    "subquery": lambda: set(db.session.scalars(select(select(Loan.code).subquery().c.code))),
    "cte": lambda: set(db.session.scalars(select(select(Loan.code).cte().c.code))),
    "entity of a subquery": lambda: {
        x.code for x in db.session.scalars(select(aliased(Loan, select(Loan).subquery())))
    },
    "union": lambda: set(db.session.scalars(select(Loan.code).union(select(Loan.code)))),
    "joined to a parent": lambda: set(db.session.scalars(select(Loan.code).join(Customer))),
    "joined from a parent": lambda: set(db.session.scalars(select(Loan.code).select_from(Customer).join(Loan))),
    "outer join": lambda: {
        c
        for c in db.session.scalars(select(Loan.code).select_from(Branch).outerjoin(Loan, Loan.branch_id == Branch.id))
        if c
    },
    "self join": lambda: {c for pair in db.session.execute(_pairs()) for c in pair},
    "through state": lambda: {
        s.loan.code for s in db.session.scalars(select(LoanState).options(joinedload(LoanState.loan)))
    },
    "through snapshots": lambda: set(
        db.session.scalars(select(Loan.code).join(LoanSnapshot, LoanSnapshot.loan_id == Loan.id))
    ),
    "instalments": lambda: {
        x.loan.code for x in db.session.scalars(select(Instalment).options(selectinload(Instalment.loan)))
    },
    "repayments": lambda: {"LOAN" + c[1:] for c in db.session.scalars(select(Repayment.code))},
    "journals": lambda: {"LOAN" + c[1:] for c in db.session.scalars(select(Journal.key))},
    "aliased journals": lambda: {"LOAN" + x.key[1:] for x in db.session.scalars(select(aliased(Journal)))},
    "lazy collection": lambda: {x.code for c in db.session.scalars(select(Customer)) for x in c.loans},
    "selectin collection": lambda: {
        x.code for c in db.session.scalars(select(Customer).options(selectinload(Customer.loans))) for x in c.loans
    },
    "joined collection": lambda: {
        x.code
        for c in db.session.scalars(select(Customer).options(joinedload(Customer.loans))).unique()
        for x in c.loans
    },
}


def _pairs():
    one, two = aliased(Loan), aliased(Loan)
    return select(one.code, two.code).join(two, two.id > 0)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("scope", "managers"), [(BRANCH, ("a1", "a2")), (TEAM, ("a1", "a2")), (SELF, ("a1",))])
def test_every_way_to_read_gives_only_what_the_actor_may_see(
    context: World, read: str, scope: str, managers: tuple[str, ...]
):
    with acting(someone(context, scope)):
        assert READS[read]() == context.loans_of(*managers)


@pytest.mark.parametrize("read", READS)
def test_nobody_sees_nothing_and_the_system_sees_all(context: World, read: str):
    with acting(NOBODY):
        assert READS[read]() == set()
    db.session.rollback()
    with acting(SYSTEM):
        assert READS[read]() == set(context.loans)


def test_counts_sums_and_conditions_are_scoped(context: World):
    with acting(someone(context, SELF)):
        own = len(context.loans_of("a1"))
        assert db.session.scalar(select(func.count()).select_from(Loan)) == own
        assert db.session.query(Loan).count() == own
        assert db.session.scalar(select(func.count()).select_from(Posting)) == 2 * own
        assert db.session.scalar(select(func.sum(literal(1))).select_from(LoanState)) == own
        assert list(db.session.scalars(select(Customer.id).where(Customer.loans.any()))) != []
        with_loans = select(Branch.code).where(exists().where(Loan.branch_id == Branch.id))
        assert set(db.session.scalars(with_loans)) <= {"A"}
        inside = select(Customer.code).where(or_(Customer.id.in_(select(Loan.customer_id)), Customer.id == 0))
        assert {c.split("-")[2] for c in db.session.scalars(inside)} == {"a1"}


def test_staff_team_and_branch_follow_the_same_rule(context: World):
    with acting(someone(context, SELF)):
        assert set(db.session.scalars(select(Staff.name))) == {"a1"}
    with acting(someone(context, TEAM)):
        assert set(db.session.scalars(select(Team.code))) == {"TA"}
    with acting(someone(context, BRANCH)):
        assert set(db.session.scalars(select(Branch.code))) == {"A", "A1"}
        assert set(db.session.scalars(select(Team.code))) == {"TA"}


def test_get_does_not_answer_from_the_identity_map_what_the_actor_may_not_see(context: World):
    foreign = context.loans["LOAN-B-b1-0"]
    with acting(SYSTEM):
        assert db.session.get(Loan, foreign) is not None
    with acting(someone(context, BRANCH)):
        assert db.session.get(Loan, foreign) is None


def test_the_main_resource_is_seen_as_far_as_the_action_reaches(context: World):
    actor = someone(context, BRANCH, edit="self")
    with acting(actor, "Loan", "edit"):
        assert {x.code for x in db.session.scalars(select(Loan))} == context.loans_of("a1")
        assert len(set(db.session.scalars(select(Customer.code)))) == len(context.loans_of("a1", "a2"))
        with doing("Loan", "list"):
            assert {x.code for x in db.session.scalars(select(Loan))} == context.loans_of("a1", "a2")
        with doing("Loan", "no such action"):
            assert list(db.session.scalars(select(Loan))) == []


def test_cached_statements_do_not_remember_an_actor(context: World):
    statement = select(Loan.code)
    for scope, managers in ((SELF, ("a1",)), (BRANCH, ("a1", "a2")), (SELF, ("a1",))) * 3:
        with acting(someone(context, scope)):
            assert set(db.session.scalars(statement)) == context.loans_of(*managers)


def test_a_row_cannot_be_written_outside_the_scope(context: World):
    own, foreign = context.customers["C-A-a1-0"], context.customers["C-B-b1-0"]
    with acting(someone(context, BRANCH)):
        row = db.session.get(Customer, own)
        row.branch_id = context.branches["B"]
        with pytest.raises(OutOfScope):
            db.session.flush()
        db.session.rollback()
        loan = db.session.get(Loan, context.loans["LOAN-A-a1-0"])
        loan.customer_id = foreign
        with pytest.raises(OutOfScope):
            db.session.flush()
        db.session.rollback()
        db.session.add(Customer(code="X", name="x", type="farmer", branch_id=context.branches["B"]))
        with pytest.raises(OutOfScope):
            db.session.flush()
        db.session.rollback()
        db.session.add(
            Repayment(loan_id=context.loans["LOAN-B-b1-0"], code="X", amount=1, value_date=TODAY, booking_date=TODAY)
        )
        with pytest.raises(OutOfScope):
            db.session.flush()
        db.session.rollback()


def test_bulk_updates_and_deletes_touch_only_what_is_visible(context: World):
    with acting(someone(context, SELF)):
        changed = db.session.execute(update(Customer).values(name="moved")).rowcount
        assert changed == len(context.loans_of("a1"))
        with pytest.raises(Unscoped):
            db.session.execute(update(Customer).values(branch_id=context.branches["B"]))
        db.session.rollback()
        with pytest.raises(Unscoped):  # sums do not declare whose they are to be a reference
            db.session.execute(update(LoanGroup).values(branch_id=context.branches["B"]))
        db.session.rollback()
        with pytest.raises(Unscoped):
            db.session.execute(insert(Customer), [{"code": "Y", "name": "y", "type": "farmer", "branch_id": 1}])
        db.session.rollback()


def test_core_and_text_sql_on_scoped_tables_needs_a_stated_reason(context: World):
    with acting(someone(context, BRANCH)):
        for statement in (
            select(Loan.__table__),
            select(func.count()).select_from(Loan.__table__),
            select(Branch.name).where(Branch.id.in_(select(Loan.__table__.c.branch_id))),
            text("SELECT count(*) FROM loan"),
            update(Loan.__table__).values(purpose="x"),
        ):
            with pytest.raises(Unscoped):
                db.session.execute(statement)
            db.session.rollback()
        with unscoped("a test"):
            assert db.session.scalar(select(func.count()).select_from(Loan.__table__)) == len(context.loans)


def test_a_refresh_of_a_row_that_moved_away_is_not_an_error(context: World):
    code = "C-A-a1-1"
    with acting(someone(context, SELF)):
        row = db.session.get(Customer, context.customers[code])
        assert row is not None
        db.session.expire(row)
        with unscoped("somebody else moves it"):
            db.session.execute(
                update(Customer.__table__).where(Customer.__table__.c.code == code).values(manager_id=None)
            )
        assert row.code == code
        db.session.rollback()
