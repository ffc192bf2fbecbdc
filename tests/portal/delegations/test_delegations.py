"""A delegation from its first day to its end: what the delegate reaches, what he does not, and who may make one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from sqlalchemy import delete, event, select

from portal.core import clock, records, role_store
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import InvalidValues, NotFound, OutOfScope, Refused
from portal.core.notifications import Notification
from portal.core.scope import SYSTEM, acting, doing
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.customers.models import Customer, Industry
from portal.delegations import services
from portal.delegations.models import Delegation, Extent, State
from portal.loans.models import Loan
from portal.organization import users
from portal.organization.models import Staff
from tests.world import PLACES, World

TODAY = dt.date(2026, 7, 1)
"""Another day than the one the books are at: delegations run by the calendar."""


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Move the calendar to so many days after TODAY."""

    def move(days: int) -> None:
        noon = dt.datetime.combine(TODAY + dt.timedelta(days), dt.time(4), dt.UTC)
        monkeypatch.setattr(clock, "now", lambda: noon)

    move(0)
    return move


@pytest.fixture(autouse=True)
def as_it_was(world: World) -> Iterator[None]:
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"):
        db.session.execute(delete(Delegation).where(Delegation.first_day >= TODAY))
        role_store.changed()


@contextmanager
def as_login(world: World, username: str) -> Iterator[Any]:
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username(username)
        with acting(who):
            yield who


def handed(world: World, giver: str, taker: str, by: str = "", first: int = 0, last: int = 4, **values: Any) -> int:
    with as_login(world, by or (giver if PLACES[giver] == PLACES[taker] else "hr")):
        return services.hand_over(
            {
                "manager": world.staff[giver],
                "delegate": world.staff[taker],
                "extent": Extent.BOTH,
                "first_day": TODAY + dt.timedelta(first),
                "last_day": TODAY + dt.timedelta(last),
                "reason": "annual leave",
            }
            | values
        ).id


def loans(world: World, username: str) -> set[str]:
    with as_login(world, username):
        return set(db.session.scalars(select(Loan.code)))


def refused(world: World, *given: Any, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidValues) as problem:
        handed(world, *given, **values)
    return problem.value.fields


# ---- what is reached, and when ---------------------------------------------------------------------------------------


def test_the_rows_are_reached_from_the_first_day_to_the_last(world: World, today: Callable[[int], None]):
    handed(world, "b1", "a1", first=2, last=4)
    for day, owners in ((0, ["a1"]), (1, ["a1"]), (2, ["a1", "b1"]), (4, ["a1", "b1"]), (5, ["a1"])):
        today(day)
        assert loans(world, "a1") == world.loans_of(*owners), day


def test_a_team_lead_hands_over_the_team(world: World):
    handed(world, "team_lead", "b1")
    assert loans(world, "b1") == world.loans_of("a1", "a2", "b1")
    assert loans(world, "a1") == world.loans_of("a1")


def test_a_delegate_sees_more_of_nothing_that_his_role_does_not_open(world: World):
    """The branch head reads journals; a customer manager who stands in for him does not."""
    handed(world, "branch_head", "b1", by="hr")
    assert loans(world, "b1") == world.loans_of("a1", "a2", "b1")
    with as_login(world, "b1") as who:
        assert not who.may("Journal", "list")
        assert dict(who.grants) == dict(actor_for_username("a1").grants)


def test_it_does_not_go_on_to_a_third(world: World):
    handed(world, "b1", "a1")
    handed(world, "a1", "a2")
    assert loans(world, "a2") == world.loans_of("a1", "a2")
    assert loans(world, "a1") == world.loans_of("a1", "b1")


def test_several_people_may_be_stood_in_for(world: World):
    handed(world, "b1", "a1")
    handed(world, "a2", "a1")
    assert loans(world, "a1") == world.loans_of("a1", "a2", "b1")


def test_a_withdrawn_delegation_ends_at_once(world: World):
    number = handed(world, "b1", "a1")
    with as_login(world, "b1"):
        services.withdraw(number)
    assert loans(world, "a1") == world.loans_of("a1")
    with as_login(world, "b1"), pytest.raises(Refused):
        services.withdraw(number)


def test_it_ends_when_either_leaves_or_the_login_is_closed(world: World):
    handed(world, "b1", "a1")
    with world.app.app_context(), acting(SYSTEM):
        users.set_active("b1", False)
    assert loans(world, "a1") == world.loans_of("a1")
    with world.app.app_context(), acting(SYSTEM):
        users.set_active("b1", True)
    assert loans(world, "a1") == world.loans_of("a1", "b1")
    _left(world, "b1", dt.date(2026, 6, 29))
    assert loans(world, "a1") == world.loans_of("a1")
    _left(world, "b1", None)
    _left(world, "a1", dt.date(2026, 6, 29))
    with as_login(world, "a2"), pytest.raises(NotFound):
        actor_for_username("a1")
    _left(world, "a1", None)


def _left(world: World, name: str, day: dt.date | None) -> None:
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.left"):
        db.session.get_one(Staff, world.staff[name]).left_on = day


def test_approvals_alone_open_no_rows(world: World):
    handed(world, "b1", "a1", extent=Extent.APPROVALS)
    assert loans(world, "a1") == world.loans_of("a1")


def test_who_stands_in_for_nobody_costs_no_statement_more(world: World):
    with world.app.app_context(), acting(SYSTEM):
        actor_for_username("a2")  # reads what every process holds
        seen: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda _c, _k, sql, *_r: seen.append(sql))
        actor_for_username("a2")
    assert not [sql for sql in seen if "delegation" in sql]


# ---- who may make one ------------------------------------------------------------------------------------------------


def test_everybody_hands_over_his_own_and_nobody_anothers(world: World):
    handed(world, "a1", "a2")
    assert "manager" in refused(world, "a2", "a1", by="team_lead", first=10, last=11)


def test_hr_and_the_branch_head_do_it_for_somebody_who_is_ill(world: World):
    handed(world, "a1", "a2", by="branch_head")
    handed(world, "b1", "a2", by="hr")
    wrong = refused(world, "b1", "a1", by="branch_head")
    assert "manager" in wrong, "b1 is of another branch"


def test_nobody_takes_anothers_rows_for_himself(world: World):
    assert "delegate" in refused(world, "a1", "branch_head", by="branch_head")


def test_a_delegate_makes_no_delegation_for_whom_he_stands_in(world: World):
    handed(world, "b1", "a1")
    wrong = refused(world, "b1", "a2", by="a1")
    assert "manager" in wrong


@pytest.mark.parametrize(
    ("days", "field"),
    [({"first": -1}, "first_day"), ({"first": 3, "last": 2}, "last_day"), ({"last": 90}, "last_day")],
)
def test_wrong_days_are_told_at_their_field(world: World, days: dict[str, int], field: str):
    assert field in refused(world, "a1", "a2", **days)


def test_the_same_two_people_do_not_overlap(world: World):
    handed(world, "a1", "a2", first=0, last=4)
    assert "delegate" in refused(world, "a1", "a2", first=4, last=6)
    handed(world, "a1", "a2", first=5, last=6)


def test_both_are_told(world: World):
    handed(world, "a1", "a2", by="hr")
    with world.app.app_context(), acting(SYSTEM):
        newest = db.session.scalars(select(Notification).order_by(Notification.id.desc()).limit(2)).all()
        logins = {name: actor_for_username(name).user_id for name in ("a1", "a2")}
    assert {(n.user_id, n.key) for n in newest} == {
        (logins["a2"], "delegations.taken"),
        (logins["a1"], "delegations.given"),
    }


# ---- four eyes, and the trail ----------------------------------------------------------------------------------------


def test_who_proposed_or_stands_in_for_the_proposer_acts_for_him(world: World):
    handed(world, "b1", "a1")
    with as_login(world, "b1") as b1, as_login(world, "a1") as a1:
        assert a1.acts_for(a1.user_id)
        assert a1.acts_for(b1.user_id)
        assert not b1.acts_for(a1.user_id)
        assert not a1.acts_for(None)


def test_a_change_says_for_whom_it_was_made_in_trail_and_timeline(world: World):
    handed(world, "b1", "a1")
    key = world.customers["C-B-b1-0"]
    assert world.login("a1").get(f"/customerview/edit/{key}").status_code == 200
    with as_login(world, "a1"), doing("Customer", "edit"):
        row = db.session.get_one(Customer, key)
        records.change(Customer, key, {"industry": Industry.TRADE}, row.version)
    with world.app.app_context(), acting(SYSTEM):
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert (entry.actor, entry.verb) == ("a1", "records.change")
        assert entry.changes["on_behalf_of"] == ["b1"]
    for reader in ("a1", "b1"):
        told = unescape(world.login(reader).get(f"/customerview/timeline/{key}?_l_=en").get_data(as_text=True))
        assert "a1 for b1" in told


def test_nobody_keeps_what_he_only_stood_in_for(world: World):
    handed(world, "b1", "a1")
    key = world.customers["C-B-b1-1"]
    with as_login(world, "a1"), doing("Customer", "edit"), pytest.raises(OutOfScope), unit_of_work("tests.grab"):
        row = db.session.get_one(Customer, key)
        row.branch_id, row.team_id, row.manager_id = (
            world.branches["A"],
            world.teams["TA"],
            world.staff["a1"],
        )
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(Customer, key).manager_id == world.staff["b1"]


# ---- screens ---------------------------------------------------------------------------------------------------------


def test_home_and_account_tell_whom_one_stands_in_for(world: World):
    for address in ("/", "/account/"):
        assert "You stand in for" not in unescape(world.login("a1").get(f"{address}?_l_=en").get_data(as_text=True))
    handed(world, "b1", "a1")
    for address in ("/", "/account/"):
        page = unescape(world.login("a1").get(f"{address}?_l_=en").get_data(as_text=True))
        assert "You stand in for b1" in page, address
        assert "until Jul 5" in page


def test_the_list_tells_where_each_stands_and_filters_by_it(world: World, today: Callable[[int], None]):
    handed(world, "b1", "a1", first=2, last=4)
    for day, state in ((0, State.PLANNED), (2, State.RUNNING), (5, State.ENDED)):
        today(day)
        with world.app.app_context(), acting(SYSTEM):
            found = db.session.scalars(select(Delegation).where(Delegation.state == state)).all()
            assert [(d.first_day, d.state) for d in found if d.first_day >= TODAY] == [(TODAY + dt.timedelta(2), state)]
            others = db.session.scalars(select(Delegation).where(Delegation.state.in_(set(State) - {state}))).all()
            assert [d for d in others if d.first_day >= TODAY] == []


def test_the_chips_of_the_state_count_the_own_rows(world: World):
    handed(world, "a1", "a2", by="hr")
    counted = world.login("a1").get("/delegationview/counts/state").json
    assert counted == {"planned": "0", "running": "1", "ended": "1", "withdrawn": "0"}
