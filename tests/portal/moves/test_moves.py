"""A move from entry to its day: all of it together, or nothing of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select

from config import Settings
from portal import create_app
from portal.core.accounts.sessions import AccountSession
from portal.core.audit import AuditEntry
from portal.core.clock import move_business_date
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, NotFound, Refused
from portal.core.notifications import Notification
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.delegations.models import Delegation
from portal.grids.models import Grid
from portal.loans.ledger import Journal
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.moves import services
from portal.moves.models import MoveState, StaffMove
from portal.moves.plan import plan_of
from portal.organization import users
from portal.organization.models import Level, Post, Staff
from tests.databases import Engine
from tests.world import TODAY, World, build

KINDS = ("customers", "grids", "loans")


@pytest.fixture
def company(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[World]:
    """A small company of the test's own: moves leave nothing as it was."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    yield build(app, per_manager=2)
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)


@contextmanager
def as_login(world: World, username: str) -> Iterator[Any]:
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username(username)
        with acting(who):
            yield who


def entered(world: World, person: str = "a1", by: str = "branch_head", **values: Any) -> int:
    with as_login(world, by):
        given = {"manager": world.staff[person], "on_day": TODAY, "leaves": False, "reason": "reorganised"}
        return services.add(given | values).id


def arranged(world: World, move: int, to: str | None, by: str = "hr", roles: list[str] | None = None) -> None:
    with as_login(world, by):
        services.arrange(move, dict.fromkeys(KINDS, world.staff[to] if to else None), roles)


def confirmed(world: World, move: int, by: str = "hr") -> None:
    with as_login(world, by):
        services.confirm(move)


def run(world: World, move: int, by: str = "hr") -> None:
    with as_login(world, by):
        services.carry_out(move)


def leaving(world: World, to: str = "a2", on: dt.date = TODAY) -> int:
    move = entered(world, leaves=True, on_day=on)
    arranged(world, move, to)
    confirmed(world, move)
    return move


def owners(world: World, model: Any) -> dict[str, int]:
    """How many rows each manager has."""
    names = {number: name for name, number in world.staff.items()}
    with world.app.app_context(), acting(SYSTEM):
        rows = db.session.execute(select(model.manager_id, func.count()).group_by(model.manager_id))
        return {names[number]: count for number, count in rows}


def state(world: World, move: int) -> MoveState:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(StaffMove, move).state


def staff(world: World, name: str) -> Staff:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(Staff, world.staff[name])


# ---- the day ---------------------------------------------------------------------------------------------------------


def test_who_leaves_hands_everything_over_and_the_login_closes(company: World):
    client = company.login("a1")
    assert client.get("/").status_code == 200
    run(company, leaving(company))
    for model in (Customer, Grid, Loan, LoanState):
        assert owners(company, model) == {"a2": 4, "b1": 2}, model
    assert staff(company, "a1").left_on == TODAY - dt.timedelta(1)
    with company.app.app_context(), acting(SYSTEM), pytest.raises(NotFound):
        actor_for_username("a1")
    assert client.get("/").status_code == 302
    with as_login(company, "a2"):
        assert len(db.session.scalars(select(Loan.code)).all()) == 4


def test_who_changes_branch_gets_the_new_place_and_the_rows_go_to_the_successors_place(company: World):
    move = entered(company, by="hr", to_team=company.teams["TB"])
    arranged(company, move, "b1", by="administrator")
    confirmed(company, move, by="administrator")
    run(company, move)
    moved = staff(company, "a1")
    assert (moved.branch_id, moved.team_id) == (company.branches["B"], company.teams["TB"])
    with company.app.app_context(), acting(SYSTEM):
        rows = db.session.scalars(select(Customer).where(Customer.manager_id == company.staff["b1"])).all()
        assert {(r.branch_id, r.team_id) for r in rows} == {(company.branches["B"], company.teams["TB"])}
        assert len(rows) == 4
    assert owners(company, Customer) == {"a2": 2, "b1": 4}


def test_roles_of_the_old_post_end_and_those_of_the_new_one_begin(company: World):
    move = entered(company, to_post=Post.APPROVER)
    arranged(company, move, "a2")
    confirmed(company, move)
    assert roles(company, "a1") == ["customer_manager"]
    run(company, move)
    assert roles(company, "a1") == ["approver"]
    assert staff(company, "a1").post is Post.APPROVER


def roles(world: World, login: str) -> list[str]:
    with world.app.app_context(), acting(SYSTEM):
        return sorted(role.name for role in users.find(login).roles)


def test_delegations_end_and_sessions_are_over(company: World):
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.delegation"):
        for giver, taker in (("a1", "a2"), ("a2", "a1"), ("b1", "a2")):
            db.session.add(
                Delegation(
                    manager_id=company.staff[giver],
                    delegate_id=company.staff[taker],
                    first_day=dt.date(2026, 1, 1),
                    last_day=dt.date(2099, 1, 1),
                    reason="test",
                    branch_id=company.branches["A"],
                )
            )
    client = company.login("a1")
    move = entered(company, to_post=Post.RISK)
    arranged(company, move, "a2")
    confirmed(company, move)
    run(company, move)
    with company.app.app_context(), acting(SYSTEM):
        open_ones = db.session.scalars(
            select(Delegation).where(Delegation.withdrawn_at.is_(None), Delegation.last_day > TODAY)
        ).all()
        assert [(d.manager_id, d.delegate_id) for d in open_ones] == [(company.staff["b1"], company.staff["a2"])]
        ends = set(db.session.scalars(select(AccountSession.end)))
        assert {str(end) for end in ends if end} == {"moved"}
    assert client.get("/").status_code == 302


def test_one_audit_entry_holds_all_of_it(company: World):
    run(company, leaving(company))
    with company.app.app_context(), acting(SYSTEM):
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.verb, entry.actor) == ("moves.carry_out", "hr")
    assert entry.changes["handed_over"] == {"customers": 2, "grids": 2, "loans": 2}
    assert entry.changes["roles"] == [["customer_manager"], []]
    assert entry.changes["person"] == company.staff["a1"]
    assert {row["resource"] for row in entry.changes["rows"]} >= {"Customer", "Grid", "Staff", "StaffMove"}


def test_past_figures_stay_with_who_earned_them(company: World):
    """Ownership of loans is handed over, not rewritten: journals of before keep their manager."""
    before = owners(company, Journal)
    run(company, leaving(company))
    after = owners(company, Journal)
    assert all(after[name] >= count for name, count in before.items())


def test_only_the_level_changes_and_the_person_keeps_everything(company: World):
    move = entered(company, to_level=Level.SENIOR)
    confirmed(company, move)
    run(company, move)
    assert staff(company, "a1").level is Level.SENIOR
    assert owners(company, Customer) == {"a1": 2, "a2": 2, "b1": 2}


# ---- nothing half done -----------------------------------------------------------------------------------------------


def test_before_its_day_nothing_changes_and_the_night_leaves_it_alone(company: World):
    move = leaving(company, on=TODAY + dt.timedelta(1))
    with as_login(company, "hr"), pytest.raises(Refused):
        services.carry_out(move)
    with company.app.app_context(), acting(SYSTEM):
        assert services.run_due() == (0, 0)
        with unit_of_work("tests.day"):
            move_business_date(TODAY + dt.timedelta(1))
        assert services.run_due() == (1, 0)
        assert services.run_due() == (0, 0)
    assert state(company, move) is MoveState.DONE


def test_a_successor_who_has_left_stops_it_whole_and_hr_and_the_branch_head_are_told(company: World):
    move = leaving(company)
    with company.app.app_context(), acting(SYSTEM):
        with unit_of_work("tests.left"):
            db.session.get_one(Staff, company.staff["a2"]).left_on = TODAY - dt.timedelta(3)
        assert services.run_due() == (0, 1)
        told = db.session.scalars(select(Notification).where(Notification.key == "moves.stuck")).all()
        logins = {name: users.find(name).id for name in ("hr", "branch_head", "administrator")}
        assert {n.user_id for n in told} == set(logins.values())
        assert told[0].arguments["why"]["zh"] != told[0].arguments["why"]["en"]
    assert state(company, move) is MoveState.CONFIRMED
    assert owners(company, Customer) == {"a1": 2, "a2": 2, "b1": 2}
    assert staff(company, "a1").left_on is None
    assert roles(company, "a1") == ["customer_manager"]
    page = unescape(company.login("hr").get(f"/staffmoveview/show/{move}?_l_=en").get_data(as_text=True))
    assert "was not carried out on its day" in page


def test_the_last_administrator_is_not_moved_out_of_the_role(company: World):
    with as_login(company, "hr"):
        move = services.add(
            {"manager": company.staff["administrator"], "on_day": TODAY, "leaves": True, "reason": "retires"}
        ).id
    _second_hr(company)
    confirmed(company, move, by="second_hr")
    with as_login(company, "hr"), pytest.raises(Refused):
        services.carry_out(move)
    assert staff(company, "administrator").left_on is None
    assert roles(company, "administrator") == ["administrator"]
    assert state(company, move) is MoveState.CONFIRMED


def _second_hr(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        users.add_user("second_hr", "Second", "HR", "second@example.test", ["hr"], "Orchard-Lantern-91")


# ---- who may ---------------------------------------------------------------------------------------------------------


def test_a_branch_head_enters_moves_of_the_own_branch_and_confirms_none(company: World):
    move = entered(company, to_post=Post.RISK)
    arranged(company, move, "a2")
    with pytest.raises(InvalidValues) as problem:
        entered(company, person="b1", to_post=Post.RISK)
    assert "manager" in problem.value.fields
    with as_login(company, "branch_head") as who:
        assert {action for action in ("add", "edit", "undo", "approve", "run") if who.may("StaffMove", action)} == {
            "add",
            "edit",
            "undo",
        }
    assert company.login("a1").get("/staffmoveview/list/").status_code == 403


def test_who_entered_it_does_not_confirm_it_and_nobody_his_own(company: World):
    move = entered(company, by="hr", to_post=Post.RISK)
    arranged(company, move, "a2")
    with as_login(company, "hr"), pytest.raises(Refused):
        services.confirm(move)
    own = entered(company, person="hr", by="administrator", to_post=Post.RISK)
    with as_login(company, "hr"), pytest.raises(Refused):
        services.confirm(own)


def test_a_move_that_gives_the_keeping_of_roles_is_confirmed_by_who_gives_roles(company: World):
    move = entered(company, to_post=Post.ADMINISTRATOR)
    arranged(company, move, "a2")
    with as_login(company, "hr"), pytest.raises(Forbidden):
        services.confirm(move)
    confirmed(company, move, by="administrator")


def test_hr_chooses_among_held_roles_and_the_posts_and_no_others(company: World):
    move = entered(company, to_post=Post.RISK)
    arranged(company, move, "a2", roles=["customer_manager", "risk"])
    with as_login(company, "hr"), pytest.raises(Forbidden):
        services.arrange(move, {}, ["finance"])
    arranged(company, move, "a2", by="administrator", roles=["finance"])


def test_without_successors_it_is_not_confirmed_and_a_wrong_one_is_told_at_its_field(company: World):
    move = entered(company, leaves=True)
    with as_login(company, "hr"), pytest.raises(Refused):
        services.confirm(move)
    with as_login(company, "hr"), pytest.raises(InvalidValues) as problem:
        services.arrange(move, {"customers": company.staff["a1"]}, None)
    assert set(problem.value.fields) == {"customers"}


def test_what_was_confirmed_and_changed_is_confirmed_anew(company: World):
    move = leaving(company, on=TODAY + dt.timedelta(9))
    with as_login(company, "hr"):
        services.change(move, {"on_day": TODAY + dt.timedelta(5)})
    assert state(company, move) is MoveState.OPEN
    with as_login(company, "branch_head"):
        services.withdraw(move)
    with as_login(company, "hr"), pytest.raises(Refused):
        services.confirm(move)


def test_one_move_at_a_time_and_one_that_changes_something(company: World):
    entered(company, to_post=Post.RISK)
    with pytest.raises(InvalidValues) as twice:
        entered(company, to_post=Post.AUDIT)
    assert "manager" in twice.value.fields
    with pytest.raises(InvalidValues) as nothing:
        entered(company, person="a2", to_post=Post.CUSTOMER_MANAGER)
    assert "to_post" in nothing.value.fields


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_the_preview_counts_what_hr_may_not_see_and_names_none_of_it(company: World):
    move = entered(company, leaves=True)
    with as_login(company, "hr"):
        plan = plan_of(db.session.get_one(StaffMove, move))
        assert {line.holding.key: line.amount.count for line in plan.lines} == dict.fromkeys(KINDS, 2)
        # 10,000.00 and 10,000.01 yuan, not a cent repaid in loan_state
        assert {line.holding.key: line.amount.fen for line in plan.lines}["loans"] == 1_000_000 + 1_000_001
    page = unescape(company.login("hr").get(f"/staffmoveview/show/{move}?_l_=en").get_data(as_text=True))
    assert "20,000.01" in page
    assert "cust-A-a1" not in page
    assert "Customer manager" in page


def test_successors_are_chosen_on_a_page_of_their_own(company: World):
    move = entered(company, leaves=True)
    client = company.login("hr")
    address = f"/staffmoveview/arrange/{move}"
    assert client.get(address).status_code == 200
    page = client.get(address).get_data(as_text=True)
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    form = {"csrf_token": token} | {f"to_{kind}": str(company.staff["a1"]) for kind in KINDS}
    wrong = client.post(address, data=form)
    assert wrong.status_code == 422
    form |= {f"to_{kind}": str(company.staff["a2"]) for kind in KINDS}
    assert client.post(address, data=form).status_code == 302
    confirmed(company, move)


def test_a_persons_record_has_the_way_to_a_move_and_shows_those_ahead(company: World):
    entered(company, leaves=True)
    page = company.login("hr").get(f"/staffview/show/{company.staff['a1']}").get_data(as_text=True)
    assert f"/staffmoveview/add?manager={company.staff['a1']}" in page
    assert "StaffMoveView" in page
    plain = company.login("team_lead").get(f"/staffview/show/{company.staff['a1']}").get_data(as_text=True)
    assert "staffmoveview" not in plain
