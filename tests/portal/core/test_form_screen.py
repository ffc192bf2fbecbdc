"""Forms: dependent fields, and nothing typed is lost: a session that ended, a stale page, a new version, odd input."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer, CustomerType
from tests.world import PASSWORD, World

CREDIT_CODE = "91110000600037341L"
RARE = "㛃䶮𬭎 🍎 <script>alert(1)</script>"


def inputs(page: str) -> dict[str, str]:
    """What a browser would send of the record form."""
    form = re.search(r'<form class="record-form".*?</form>', page, re.S)
    assert form
    found = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            found[name[1]] = unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form[0], re.S):
        chosen = re.search(r"value='([^']*)' selected", inner)
        found[name] = chosen[1] if chosen else ""
    for name, inner in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', form[0], re.S):
        found[name] = unescape(inner)
    return found


def page(client: FlaskClient, address: str) -> str:
    return client.get(address).get_data(as_text=True)


def customer(world: World, code: str) -> Any:
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.get_one(Customer, world.customers[code])
        db.session.expunge(row)
        return row


@pytest.fixture
def edit(world: World) -> tuple[FlaskClient, str]:
    return world.login("branch_head"), f"/customerview/edit/{world.customers['C-A-a1-0']}"


# ---- dependent fields ------------------------------------------------------------------------------------------------


def test_a_value_that_does_not_belong_is_refused_at_its_field(world: World, edit: tuple[FlaskClient, str]) -> None:
    client, address = edit
    answer = client.post(address + "?_l_=en", data={**inputs(page(client, address)), "uscc": CREDIT_CODE})
    assert answer.status_code == 422
    text = unescape(answer.get_data(as_text=True))
    assert "Leave this empty: it is only for Small or micro enterprise, Other enterprise, Self-employed" in text
    assert CREDIT_CODE in text
    assert customer(world, "C-A-a1-0").uscc is None


def test_changing_the_group_takes_along_what_then_belongs(world: World) -> None:
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers['C-A-a1-1']}"
    given = {**inputs(page(client, address)), "type": "enterprise", "uscc": CREDIT_CODE}
    assert client.post(address, data=given).status_code == 302
    row = customer(world, "C-A-a1-1")
    assert (row.type, row.uscc) == (CustomerType.ENTERPRISE, CREDIT_CODE)
    shown = inputs(page(client, address))
    shown["type"] = "farmer"
    assert client.post(address, data=shown).status_code == 422
    del shown["uscc"]  # the script does not send what it hides
    assert client.post(address, data=shown).status_code == 302
    assert customer(world, "C-A-a1-1").uscc is None


def test_rest_obeys_the_same_rule(world: World) -> None:
    client = world.login("branch_head")
    token = inputs(page(client, "/customerview/add"))["csrf_token"]
    answer = client.put(
        f"/api/v1/customer/{world.customers['C-A-a1-0']}", json={"uscc": CREDIT_CODE}, headers={"X-CSRFToken": token}
    )
    assert answer.status_code == 422
    assert "uscc" in answer.get_json()["fields"]


def test_the_page_says_which_values_a_field_belongs_to(edit: tuple[FlaskClient, str]) -> None:
    found = re.search(r'data-only-if="type" data-only-values="([^"]*)">\s*<label for="uscc"', page(*edit))
    assert found
    assert set(found[1].split()) == {"small_enterprise", "enterprise", "self_employed", "unidentified"}


# ---- sessions and versions -------------------------------------------------------------------------------------------


def sign_in(client: FlaskClient, answer: Any, username: str, password: str = PASSWORD) -> Any:
    text = answer.get_data(as_text=True)
    action = unescape(re.search(r'action="([^"]*)" method="post" name="login"', text)[1])  # type: ignore[index]
    hidden = dict(re.findall(r'name="(csrf_token|kept)"[^>]*value="([^"]*)"', text))
    return client.post(action, data={**hidden, "username": username, "password": password})


def bring_back(client: FlaskClient, answer: Any) -> Any:
    text = answer.get_data(as_text=True)
    address = unescape(re.search(r'id="bring-back" action="([^"]*)"', text)[1])  # type: ignore[index]
    return client.post(address, data=dict(re.findall(r'name="(csrf_token|kept)"[^>]*value="([^"]*)"', text)))


def sent_without_session(world: World, address: str, **typed: str) -> tuple[FlaskClient, Any]:
    given = {**inputs(page(world.login("branch_head"), address)), **typed}
    client = world.app.test_client()
    return client, client.post(address, data=given)


def test_what_was_typed_survives_a_session_that_ended(world: World, edit: tuple[FlaskClient, str]) -> None:
    _client, address = edit
    client, answer = sent_without_session(world, address, name=RARE, phone="13800001111")
    assert answer.status_code == 401
    assert "13800001111" not in answer.get_data(as_text=True)
    answer = sign_in(client, answer, "branch_head", "wrong")
    assert answer.status_code == 401
    answer = bring_back(client, sign_in(client, answer, "branch_head"))
    assert answer.status_code == 200
    back = inputs(answer.get_data(as_text=True))
    assert (back["name"], back["phone"]) == (RARE, "13800001111")
    assert customer(world, "C-A-a1-0").name != RARE
    assert client.post(address, data=back).status_code == 302
    row = customer(world, "C-A-a1-0")
    assert row.name == RARE


def test_nobody_else_gets_to_see_it(world: World, edit: tuple[FlaskClient, str]) -> None:
    _client, address = edit
    client, answer = sent_without_session(world, address, name="secret name")
    kept = re.search(r'name="kept" value="([^"]*)"', answer.get_data(as_text=True))
    assert kept
    answer = sign_in(client, answer, "team_lead")
    assert "bring-back" not in answer.get_data(as_text=True)
    token = inputs(page(client, address))["csrf_token"]
    answer = client.post(address, data={"csrf_token": token, "kept": kept[1]})
    assert answer.status_code == 400
    assert "secret name" not in answer.get_data(as_text=True)


def test_a_post_that_nobody_was_shown_a_form_for_just_leads_to_the_log_in(world: World) -> None:
    answer = world.app.test_client().post("/customerview/add", data={"name": "x", "typed_by": "made up"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")


def test_a_script_that_saves_is_told_to_sign_in(world: World) -> None:
    headers = {"X-Requested-With": "fetch"}
    assert world.app.test_client().post("/customerview/add", data={"name": "x"}, headers=headers).status_code == 401


def test_a_stale_token_costs_nothing_that_was_typed(world: World, edit: tuple[FlaskClient, str]) -> None:
    client, address = edit
    given = {**inputs(page(client, address)), "name": "typed with care", "csrf_token": "stale"}
    answer = client.post(address + "?_l_=en", data=given)
    text = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "You signed in anew since this form was opened." in text
    assert customer(world, "C-A-a1-0").name != "typed with care"
    again = inputs(answer.get_data(as_text=True))
    assert again["name"] == "typed with care"
    assert client.post(address, data=again).status_code == 302


def test_a_page_of_an_older_version_is_told_and_clears_nothing(world: World) -> None:
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers['C-A-a2-0']}"
    given = {**inputs(page(client, address)), "name": "from the old page", "form_shape": "00000000"}
    del given["grid"]  # the old page did not have it yet
    answer = client.post(address + "?_l_=en", data=given)
    assert answer.status_code == 422
    assert "The portal was updated while this form was open." in answer.get_data(as_text=True)
    again = inputs(answer.get_data(as_text=True))
    assert again["name"] == "from the old page"
    assert client.post(address, data=again).status_code == 302
    row = customer(world, "C-A-a2-0")
    assert row.name == "from the old page"
    assert row.grid_id is not None


def test_a_form_without_token_saves_nothing(world: World) -> None:
    client = world.login("branch_head")
    given = inputs(page(client, "/customerview/add"))
    given.update(code="C-FORGED", name="forged", type="farmer", branch=str(world.branches["A"]), csrf_token="")
    assert client.post("/customerview/add", data=given).status_code == 422
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.query(Customer).filter_by(code="C-FORGED").count() == 0


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_rare_characters_are_stored_and_shown_as_they_are(world: World) -> None:
    client, address = world.login("branch_head"), f"/customerview/edit/{world.customers['C-A-a2-1']}"
    assert client.post(address, data={**inputs(page(client, address)), "name": RARE}).status_code == 302
    assert customer(world, "C-A-a2-1").name == RARE
    for shown in (address.replace("edit", "show"), "/customerview/list/?q=䶮", address):
        text = page(client, shown)
        assert "㛃䶮𬭎 🍎 &lt;script&gt;" in text
        assert "<script>alert(1)" not in text


def test_a_name_of_four_thousand_characters_is_refused_and_kept(world: World, edit: tuple[FlaskClient, str]) -> None:
    client, address = edit
    answer = client.post(address + "?_l_=en", data={**inputs(page(client, address)), "name": "𬭎" * 4000})
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "At most 120 characters; this has 4000." in text
    assert inputs(text)["name"] == "𬭎" * 4000


# ---- cost ------------------------------------------------------------------------------------------------------------


def test_forms_take_few_statements(world: World, edit: tuple[FlaskClient, str]) -> None:
    client, address = edit
    with world.app.app_context():
        engine = db.engine
    for asked in ("/customerview/add", address, "/gridview/add", "/staffview/add"):
        found: list[str] = []

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any, kept: list[str] = found) -> None:
            if not statement.startswith("BEGIN"):
                kept.append(statement)

        page(client, asked)
        event.listen(engine, "before_cursor_execute", note)
        page(client, asked)
        event.remove(engine, "before_cursor_execute", note)
        assert len(found) <= 12, "\n\n".join(found)
