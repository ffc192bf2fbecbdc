"""As a delegate: every list, count and figure is exactly the union of both areas, as far as both roles allow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete

from portal.core import role_store
from portal.core.clock import calendar_date
from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.delegations.models import Delegation
from tests.world import PLACES, World

#: Own affairs (personal rows), and what grows while it is read.
NOT_COMPARED = {"Delegation", "AuditEntry", "User"}


def listed(client: FlaskClient, view: Any) -> set[int] | None:
    """Ids that the screen's REST list and its page count agree on; None where the role does not open it."""
    answer = client.get(f"/api/v1/{view.endpoint_name}/?size=200")
    if answer.status_code == 403:
        return None
    assert answer.status_code == 200, view
    rows = {row["id"] if "id" in row else row[next(iter(row))] for row in answer.json["result"]}
    assert answer.json["count"] == len(rows), view
    return rows


def everything(world: World, login: str) -> dict[str, set[int] | None]:
    client = world.login(login)
    views = world.app.extensions["screens"]
    return {
        name: listed(client, view)
        for name, view in views.items()
        if view.resource not in NOT_COMPARED and not view.record_view
    }


def figures(world: World, login: str) -> dict[str, Any]:
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username(login)
        with acting(who):
            return dict(evaluate(["loan_count", "loan_balance", "borrower_count"]).total)


@pytest.fixture(params=[("b1", "a1"), ("team_lead", "b1"), ("branch_head", "b1"), ("b1", "branch_head")])
def pair(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[str, str]]:
    giver, taker = request.param
    yield giver, taker
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"):
        db.session.execute(delete(Delegation).where(Delegation.last_day >= calendar_date()))
        role_store.changed()


def hand_over(world: World, giver: str, taker: str) -> None:
    branch, team = PLACES[giver]
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.hand_over"):
        today = calendar_date()
        db.session.add(
            Delegation(
                manager_id=world.staff[giver],
                delegate_id=world.staff[taker],
                first_day=today - dt.timedelta(1),
                last_day=today + dt.timedelta(5),
                reason="leave",
                branch_id=world.branches[branch],
                team_id=world.teams.get(team or ""),
            )
        )
        role_store.changed()


def test_every_screen_shows_the_union_as_far_as_the_own_role_opens_it(world: World, pair: tuple[str, str]):
    giver, taker = pair
    theirs, own = everything(world, giver), everything(world, taker)
    hand_over(world, giver, taker)
    now = everything(world, taker)
    assert len(now) > 12
    for name, rows in own.items():
        wanted = None if rows is None else rows | (theirs[name] or set())
        assert now[name] == wanted, name
    assert everything(world, giver) == theirs, "who hands over keeps his own"


def test_figures_add_up_both_areas_without_counting_a_loan_twice(world: World, pair: tuple[str, str]):
    giver, taker = pair
    own = figures(world, taker)
    hand_over(world, giver, taker)
    now = figures(world, taker)
    # Every loan of the small company: 1,000,000 fen and its number among the manager's four.
    everybody = {"a1", "a2", "b1"}
    areas = {"a1": {"a1"}, "b1": {"b1"}, "team_lead": {"a1", "a2"}, "branch_head": {"a1", "a2"}}
    reached = areas[giver] | areas[taker]
    assert reached <= everybody
    assert now["loan_count"] == 4 * len(reached)
    assert int(now["loan_balance"]) == len(reached) * (4_000_000 + 0 + 1 + 2 + 3)
    assert own["loan_count"] == 4 * len(areas[taker])
