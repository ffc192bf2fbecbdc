"""Who stands in for somebody reaches the union of both areas, in SQL as in Python, and nothing else: both engines."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import event, func, literal, select, update
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import OutOfScope
from portal.core.scope import (
    ALL,
    BRANCH,
    NONE,
    SELF,
    SYSTEM,
    TEAM,
    Actor,
    StandIn,
    acting,
    doing,
    outlook,
    seen_by,
    visible,
)
from portal.core.work import unit_of_work
from portal.customers.models import Customer, Industry, RelatedParty
from portal.grids.models import Grid
from portal.loans.ledger import Journal
from portal.loans.models import Instalment, Loan, Repayment
from portal.loans.state import LoanState
from tests.world import PLACES, World

ACTIONS = ("list", "show", "add", "edit", "delete")
RESOURCES = ("Loan", "Customer", "RelatedParty", "Instalment", "Repayment", "Journal", "Grid", "Staff")
MANAGERS = ("a1", "a2", "b1")
#: Whose rows each scope of each person covers, worked out by hand: a1 and a2 are team TA of branch A, b1 is alone in
#: team TB of branch B.
ROWS = {
    "a1": {SELF: {"a1"}, TEAM: {"a1", "a2"}, BRANCH: {"a1", "a2"}, ALL: {"a1", "a2", "b1"}, NONE: set()},
    "a2": {SELF: {"a2"}, TEAM: {"a1", "a2"}, BRANCH: {"a1", "a2"}, ALL: {"a1", "a2", "b1"}, NONE: set()},
    "b1": {SELF: {"b1"}, TEAM: {"b1"}, BRANCH: {"b1"}, ALL: {"a1", "a2", "b1"}, NONE: set()},
}
UNTIL = dt.date(2026, 12, 24)


def place_of(world: World, name: str) -> dict[str, object]:
    branch, team = PLACES[name]
    below = {"A": ("A", "A1"), "B": ("B",)}[branch]
    return {
        "name": name,
        "user_id": 100 + MANAGERS.index(name),
        "staff_id": world.staff[name],
        "home": world.branches[branch],
        "branches": frozenset(world.branches[code] for code in below),
        "teams": frozenset({world.teams[team or ""]}),
    }


def granted(scope: str, **other: str) -> dict[tuple[str, str], str]:
    return {(r, a): other.get(r, scope) for r in RESOURCES for a in ACTIONS} | {
        ("Team", "list"): ALL,
        ("Branch", "list"): ALL,
    }


def standing_in(world: World, name: str, scope: str, **other: str) -> StandIn:
    return StandIn(delegation_id=1, until=UNTIL, grants=granted(scope, **other), **place_of(world, name))  # type: ignore[arg-type]


def someone(world: World, name: str, scope: str, *others: StandIn, **other: str) -> Actor:
    return Actor(grants=granted(scope, **other), standing_in=others, **place_of(world, name))  # type: ignore[arg-type]


@pytest.fixture
def context(world: World) -> Iterator[World]:
    with world.app.app_context():
        yield world


READS = {
    "entities": lambda: {x.code for x in db.session.scalars(select(Loan))},
    "columns": lambda: set(db.session.scalars(select(Loan.code))),
    "alias": lambda: {x.code for x in db.session.scalars(select(aliased(Loan)))},
    "alias of columns": lambda: set(db.session.scalars(select(aliased(Loan).code))),
    "cte": lambda: set(db.session.scalars(select(select(Loan.code).cte().c.code))),
    "union": lambda: set(db.session.scalars(select(Loan.code).union(select(Loan.code)))),
    "joined to a parent": lambda: set(db.session.scalars(select(Loan.code).join(Customer))),
    "through state": lambda: {
        s.loan.code for s in db.session.scalars(select(LoanState).options(joinedload(LoanState.loan)))
    },
    "instalments": lambda: {
        x.loan.code for x in db.session.scalars(select(Instalment).options(selectinload(Instalment.loan)))
    },
    "aliased instalments": lambda: {x.loan.code for x in db.session.scalars(select(aliased(Instalment)))},
    "repayments": lambda: {"LOAN" + c[1:] for c in db.session.scalars(select(Repayment.code))},
    "journals": lambda: {"LOAN" + c[1:] for c in db.session.scalars(select(Journal.key))},
    "lazy collection": lambda: {x.code for c in db.session.scalars(select(Customer)) for x in c.loans},
    "grids": lambda: {"LOAN" + c[1:] for c in db.session.scalars(select(Grid.code))},
    "related parties": lambda: {"LOAN" + c[1:-2] for c in db.session.scalars(select(RelatedParty.code))},
}


@pytest.mark.parametrize("read", READS)
def test_every_pair_of_scopes_gives_exactly_the_union_however_it_is_read(context: World, read: str) -> None:
    for own, handed, other in itertools.product((SELF, TEAM, BRANCH), (NONE, SELF, TEAM, BRANCH, ALL), ("a2", "b1")):
        wanted = context.loans_of(*(ROWS["a1"][own] | ROWS[other][handed]))
        with acting(someone(context, "a1", own, standing_in(context, other, handed))):
            db.session.expunge_all()
            assert READS[read]() == wanted, (own, handed, other)


def test_several_hand_overs_add_up_and_their_order_does_not_matter(context: World) -> None:
    for first, second in itertools.product((NONE, SELF, TEAM), repeat=2):
        pair = (standing_in(context, "a2", first), standing_in(context, "b1", second))
        wanted = context.loans_of(*(ROWS["a1"][SELF] | ROWS["a2"][first] | ROWS["b1"][second]))
        for others in (pair, pair[::-1]):
            for read in READS.values():
                with acting(someone(context, "a1", SELF, *others)):
                    db.session.expunge_all()
                    assert read() == wanted, (first, second)


def test_python_tells_the_same_rows_as_sql(context: World) -> None:
    with acting(SYSTEM):
        rows = {x.code: x for x in db.session.scalars(select(Loan))}
        parties = {x.code: x for x in db.session.scalars(select(RelatedParty))}
    for own, handed, other in itertools.product((SELF, TEAM, BRANCH), (NONE, SELF, TEAM, BRANCH, ALL), ("a2", "b1")):
        wanted = context.loans_of(*(ROWS["a1"][own] | ROWS[other][handed]))
        with acting(someone(context, "a1", own, standing_in(context, other, handed))):
            assert {code for code, row in rows.items() if visible(row)} == wanted
            assert {"LOAN" + code[1:-2] for code, row in parties.items() if visible(row)} == wanted
            assert all(db.session.get(Loan, row.id) is (row if code in wanted else None) for code, row in rows.items())


def test_what_the_own_roles_refuse_altogether_no_hand_over_opens(context: World) -> None:
    with acting(someone(context, "a1", SELF, standing_in(context, "b1", BRANCH), Loan=NONE, Repayment=NONE)):
        assert READS["columns"]() == READS["repayments"]() == set()
        assert set(db.session.scalars(select(Customer.code))) == {
            "C" + code[4:] for code in context.loans_of("a1", "b1")
        }


def test_each_action_reaches_as_far_as_it_was_handed_over(context: World) -> None:
    """b1 may read his team's loans and change none: who stands in for him changes his own only."""
    narrow = standing_in(context, "b1", SELF)
    narrow = replace(narrow, grants={task: s for task, s in narrow.grants.items() if task[1] in ("list", "show")})
    with acting(someone(context, "a1", SELF, narrow), "Loan", "list"):
        assert READS["columns"]() == context.loans_of("a1", "b1")
        with doing("Loan", "edit"):
            assert READS["columns"]() == context.loans_of("a1")


def test_counts_are_kept_apart_by_outlook(context: World) -> None:
    def outlook_of(*others: StandIn) -> tuple[object, ...]:
        with acting(someone(context, "a1", SELF, *others)):
            return outlook()

    alone, b1, a2 = (
        outlook_of(),
        outlook_of(standing_in(context, "b1", SELF)),
        outlook_of(standing_in(context, "a2", SELF)),
    )
    assert len({alone, b1, a2}) == 3
    assert outlook_of(standing_in(context, "b1", SELF)) == b1
    assert outlook_of(standing_in(context, "b1", TEAM)) != b1


def test_a_bulk_update_changes_the_union_and_no_more(context: World) -> None:
    with acting(someone(context, "a1", SELF, standing_in(context, "b1", SELF))):
        changed = db.session.execute(update(Grid).values(area=7)).rowcount  # type: ignore[attr-defined]
        db.session.rollback()
    assert changed == 8


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_who_stands_in_changes_the_row_and_the_entry_says_for_whom(context: World) -> None:
    who = someone(context, "a1", SELF, standing_in(context, "b1", SELF))
    with acting(who, "Customer", "edit"):
        row = db.session.get_one(Customer, context.customers["C-B-b1-0"])
        with unit_of_work("tests.change") as unit:
            row = db.session.get_one(Customer, context.customers["C-B-b1-0"])
            mine = db.session.get_one(Customer, context.customers["C-A-a1-0"])
            row.industry, mine.industry = _other(row), _other(mine)
            unit.about(mine)
    entry = _last_entry("tests.change")
    assert entry["on_behalf_of"] == ["b1"]
    assert {r["id"]: r.get("for") for r in entry["rows"]} == {
        context.customers["C-B-b1-0"]: "b1",
        context.customers["C-A-a1-0"]: None,
    }


def _other(row: Customer) -> object:
    return Industry.TRADE if row.industry != Industry.TRADE else Industry.SERVICES


def _last_entry(verb: str) -> dict[str, object]:
    with acting(SYSTEM):
        newest = select(AuditEntry.changes).where(AuditEntry.verb == verb).order_by(AuditEntry.id.desc()).limit(1)
        return dict(db.session.scalars(newest).one())


@pytest.mark.parametrize(("row", "to"), [("C-B-b1-1", "a1"), ("C-A-a1-1", "b1")])
def test_nobody_carries_a_row_from_one_area_into_the_other(context: World, row: str, to: str) -> None:
    """Neither of the two could: b1 cannot give a customer to a1, nor a1 one to b1."""
    branch, team = PLACES[to]
    who = someone(context, "a1", SELF, standing_in(context, "b1", SELF), Staff=ALL)
    with acting(who, "Customer", "edit"), pytest.raises(OutOfScope), unit_of_work("tests.grab"):
        found = db.session.get_one(Customer, context.customers[row])
        found.branch_id, found.team_id = context.branches[branch], context.teams[team or ""]
        found.manager_id = context.staff[to]
    db.session.expunge_all()


def test_a_tie_is_not_carried_to_a_customer_of_the_other_area(context: World) -> None:
    who = someone(context, "a1", SELF, standing_in(context, "b1", SELF))
    with acting(who, "RelatedParty", "edit"), pytest.raises(OutOfScope), unit_of_work("tests.grab"):
        found = db.session.scalars(select(RelatedParty).where(RelatedParty.code == "C-B-b1-0-1")).one()
        found.customer_id = context.customers["C-A-a1-0"]
    db.session.expunge_all()


def test_within_one_area_rows_still_move(context: World) -> None:
    """A team lead's stand-in gives a customer of that team to another of its managers, as the lead would."""
    who = someone(context, "b1", SELF, standing_in(context, "a2", TEAM), Staff=ALL)
    for manager in ("a2", "a1"):
        with acting(who, "Customer", "edit"), unit_of_work("tests.move"):
            found = db.session.get_one(Customer, context.customers["C-A-a1-2"])
            found.manager_id = context.staff[manager]
    assert _last_entry("tests.move")["on_behalf_of"] == ["a2"]


# ---- what it costs ---------------------------------------------------------------------------------------------------


def test_without_a_hand_over_the_statement_is_the_one_it_always_was(context: World) -> None:
    with acting(someone(context, "a1", SELF)):
        sql = _sql(select(Loan.id))
    assert " OR " not in sql
    assert "loan.branch_id = " in sql
    assert "loan.manager_id = " in sql


def test_rows_of_both_are_found_by_the_pair_of_branch_and_manager(context: World) -> None:
    """The plan names the index of the pair, for the own rows and for those handed over."""
    plans = [_plan(someone(context, "a1", SELF, *others)) for others in ((), (standing_in(context, "b1", SELF),))]
    assert [plan.count("ix_grid_branch_manager") for plan in plans] == [1, 2], plans


def _sql(statement: object) -> str:
    return _seen(lambda: db.session.execute(statement).all())[-1][0]  # type: ignore[call-overload]


def _seen(run: object) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, sql: str, parameters: object, *_rest: object) -> None:
        found.append((sql, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        run()  # type: ignore[operator]
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return found


def _plan(who: Actor) -> str:
    """The database's own plan of the actor's grids, among twenty thousand that are gone again afterwards."""
    with acting(who):
        sql, parameters = _seen(lambda: db.session.execute(select(Grid.id)).all())[-1]
    postgres = db.engine.dialect.name == "postgresql"
    copied = ", ".join(c.name for c in Grid.__table__.columns if c.name not in ("id", "code", "geometry"))
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700)"
        f" INSERT INTO grid (code, {copied}) SELECT code || '-' || i, {copied} FROM grid, n"
    )
    with acting(SYSTEM), db.engine.connect() as connection:
        connection.exec_driver_sql(many)
        connection.exec_driver_sql("ANALYZE grid")
        found = connection.exec_driver_sql(f"EXPLAIN {'' if postgres else 'QUERY PLAN '}{sql}", parameters).all()
        connection.rollback()
    return "\n".join(str(row) for row in found)


def test_by_whose_rights_a_row_is_seen_names_the_own_first(context: World) -> None:
    who = someone(context, "a1", TEAM, standing_in(context, "a2", SELF))
    with acting(who), acting(SYSTEM):
        row = db.session.scalars(select(Loan).where(Loan.code == "LOAN-A-a2-0")).one()
    with acting(who):
        assert [person.name for person in seen_by(Loan, row)] == ["a1", "a2"]
        assert db.session.scalar(select(func.count()).select_from(Loan).where(literal(True))) == 8
