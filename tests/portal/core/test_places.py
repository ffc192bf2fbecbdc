"""Branch, team and customer manager of a row belong together, on every way of writing."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import inspect, select, update

from portal.core import records
from portal.core.db import db
from portal.core.display import screens
from portal.core.errors import InvalidValues
from portal.core.places import has_place, names_of
from portal.core.scope import SYSTEM, BranchScoped, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType
from portal.grids.models import Grid, GridKind
from portal.organization.models import Post, Staff
from tests.portal.core.test_bulk_edit import seen_in
from tests.portal.core.test_bulk_edit import send as bulk_edit
from tests.portal.core.test_form_screen import inputs, page
from tests.world import World

CODE = "C-A-a1-0"


def place(world: World, code: str = CODE) -> tuple[Any, ...]:
    """Branch, team and manager of a customer, in codes."""
    names = [{row: code for code, row in rows.items()} for rows in (world.branches, world.teams, world.staff)]
    with world.app.app_context(), acting(SYSTEM):
        columns = (Customer.branch_id, Customer.team_id, Customer.manager_id)
        held = db.session.execute(select(*columns).where(Customer.code == code)).one()
        return tuple(known.get(number) for known, number in zip(names, held, strict=True))


def put_back(world: World, code: str = CODE, branch: str = "A", team: str | None = "TA", manager: str = "a1") -> None:
    """Set a place as no screen would."""
    values = {
        "branch_id": world.branches[branch],
        "team_id": world.teams.get(team or ""),
        "manager_id": world.staff[manager],
    }
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.place"):
        db.session.execute(update(Customer.__table__).where(Customer.code == code).values(**values))


@pytest.fixture(autouse=True)
def restored(world: World) -> Iterator[None]:
    yield
    put_back(world)
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.restore"):
        for model in (Customer, Grid, Staff):
            for row in db.session.scalars(select(model).where(model.code.startswith("NEW"))):
                db.session.delete(row)


def put(client: FlaskClient, world: World, values: dict[str, Any]) -> Any:
    token = inputs(page(client, "/customerview/add"))["csrf_token"]
    address = f"/api/v1/customer/{world.customers[CODE]}?_l_=en"
    return client.put(address, json=values, headers={"X-CSRFToken": token})


def changed(world: World, **values: Any) -> dict[str, list[str]]:
    """What is wrong with changing the customer so; nothing when it was changed."""
    with world.app.app_context(), acting(SYSTEM):
        try:
            records.change(Customer, world.customers[CODE], values)
        except InvalidValues as error:
            return error.fields
    return {}


# ---- refused at the right field --------------------------------------------------------------------------------------


def test_the_form_refuses_another_teams_manager_at_the_field(world: World) -> None:
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers[CODE]}"
    typed = {**inputs(page(client, address)), "manager": str(world.staff["approver"])}  # of the branch, in no team
    answer = client.post(address + "?_l_=en", data=typed)
    assert answer.status_code == 422
    text = unescape(answer.get_data(as_text=True))
    assert "This customer manager does not belong to the team." in text[text.index('for="manager"') :]
    typed = {**inputs(page(client, address)), "team": "", "branch": str(world.branches["A1"])}
    assert client.post(address, data=typed).status_code == 422
    assert place(world) == ("A", "TA", "a1")


def test_a_form_that_moves_the_branch_alone_is_told_at_the_team(world: World) -> None:
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers[CODE]}"
    typed = {**inputs(page(client, address)), "branch": str(world.branches["A1"])}
    text = unescape(client.post(address + "?_l_=en", data=typed).get_data(as_text=True))
    words = text[text.index('for="team"') : text.index('for="manager"')]
    assert "This team does not belong to the branch." in words


def test_rest_names_the_field_that_was_changed(world: World) -> None:
    client = world.login("branch_head")
    answer = put(client, world, {"branch": world.branches["A1"]})
    assert (answer.status_code, answer.get_json()["fields"]) == (
        422,
        {"branch": ["This team does not belong to the branch."]},
    )
    assert changed(world, team=world.teams["TB"]).keys() == {"team"}
    assert changed(world, manager=world.staff["b1"], team=world.teams["TA"]).keys() == {"manager"}
    assert place(world) == ("A", "TA", "a1")


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Customer, {"name": "n", "type": CustomerType.FARMER}),
        (Grid, {"name": "n", "town": "t", "kind": GridKind.VILLAGE, "potential_customers": 1}),
        (Staff, {"name": "n", "post": Post.CUSTOMER_MANAGER}),
    ],
)
def test_a_team_of_another_branch_is_refused_whatever_the_record(world: World, model: Any, values: Any) -> None:
    with world.app.app_context(), acting(SYSTEM), pytest.raises(InvalidValues) as refused:
        records.add(model, {"code": "NEW", **values, "branch": world.branches["B"], "team": world.teams["TA"]})
    assert refused.value.fields.keys() == {"team"}


def test_every_entity_with_an_owner_obeys_the_rule(world: World) -> None:
    """A new entity that carries branch, team and manager describes them, so that the rule finds them."""
    with world.app.app_context():
        typed = {view.model for view in screens().values() if view.can_add}
    owned = {model for model in typed if issubclass(model, BranchScoped)}
    keyed = {model for model in typed if {"branch_id", "team_id"} <= set(inspect(model).columns.keys())}
    assert owned and owned | {Staff} <= keyed
    assert all(has_place(model) for model in keyed)
    assert all(names_of(model) == ["branch", "team", "manager"] for model in owned)


# ---- blanks follow ---------------------------------------------------------------------------------------------------


def test_a_new_customer_has_the_team_and_branch_of_the_manager(world: World) -> None:
    client = world.login("branch_head")
    typed = inputs(page(client, "/customerview/add"))
    typed |= {"code": "NEW1", "name": "n", "type": "farmer", "manager": str(world.staff["a2"])}
    assert client.post("/customerview/add", data=typed).status_code == 302
    assert place(world, "NEW1") == ("A", "TA", "a2")


def test_giving_a_customer_to_another_manager_takes_it_to_his_team(world: World) -> None:
    assert changed(world, manager=world.staff["b1"]) == {}
    assert place(world) == ("B", "TB", "b1")
    assert changed(world, manager=world.staff["branch_head"]) == {}
    assert place(world) == ("A", None, "branch_head")


def test_a_team_brings_its_branch_and_nobody_takes_nothing_away(world: World) -> None:
    assert changed(world, manager=None) == {}
    assert place(world) == ("A", "TA", None)
    assert changed(world, team=world.teams["TB"]) == {}
    assert place(world) == ("B", "TB", None)


def test_many_rows_follow_their_new_manager_and_the_preview_says_so(world: World) -> None:
    client = world.login("branch_head")
    seen = seen_in(bulk_edit(client, rowid=[str(world.customers[CODE])]).get_data(as_text=True))
    manager = str(world.staff["approver"])
    preview = bulk_edit(client, "?_l_=en", seen=seen, manager=manager, step="preview").get_data(as_text=True)
    assert "This follows from the new value: Branch, Team." in preview
    assert bulk_edit(client, seen=seen, manager=manager, step="confirm", shown=manager).status_code == 302
    assert place(world) == ("A", None, "approver")


def test_the_choices_of_a_manager_bring_his_team_and_branch(world: World) -> None:
    client = world.login("branch_head")
    (found,) = client.get("/customerview/lookup/manager?q=S-a1").get_json()["results"]
    assert found["sets"] == {
        "branch": {"id": world.branches["A"], "text": "branch-A"},
        "team": {"id": world.teams["TA"], "text": "team-TA"},
    }
    (team,) = client.get("/customerview/lookup/team?q=TA").get_json()["results"]
    assert team["sets"].keys() == {"branch"}
    (branch,) = client.get("/customerview/lookup/branch?q=A1").get_json()["results"]
    assert "sets" not in branch


# ---- what is there already -------------------------------------------------------------------------------------------


def test_a_customer_whose_manager_moved_on_can_still_be_changed_elsewhere(world: World) -> None:
    put_back(world, manager="b1")
    assert changed(world, name="cust-A-a1-0", address="Lane 7") == {}
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers[CODE]}"
    assert client.post(address, data=inputs(page(client, address))).status_code == 302
    assert place(world) == ("A", "TA", "b1")
    assert changed(world, team=None, branch=world.branches["A1"]).keys() == {"team"}
