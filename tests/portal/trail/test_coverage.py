"""Sign-ins, failures and refusals are written down; what was typed is not."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import select

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from tests.world import PASSWORD, World


def newest(world: World) -> dict[str, Any]:
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        names = ("verb", "actor", "user_id", "resource", "subject_id", "changes")
        return {name: getattr(row, name) for name in names}


def sign_in(client: Any, username: str, password: str) -> None:
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    client.post("/login/", data={"username": username, "password": password, "csrf_token": token[1]})


def test_coming_in_and_leaving_is_written_down(world: World):
    client = world.app.test_client()
    sign_in(client, "finance", PASSWORD)
    entry = newest(world)
    assert (entry["verb"], entry["actor"], entry["subject_id"]) == ("account.login", "finance", entry["user_id"])
    client.get("/logout/")
    assert newest(world)["verb"] == "account.logout"
    assert newest(world)["actor"] == "finance"


def test_a_wrong_password_names_the_login_and_nobody_as_actor(world: World):
    sign_in(world.app.test_client(), "finance", "wrong")
    entry = newest(world)
    assert (entry["verb"], entry["actor"], entry["user_id"]) == ("account.login_failed", "nobody", None)
    assert entry["subject_id"] is not None
    assert entry["changes"]["outcome"] == "wrong_password"


def test_a_name_that_is_no_login_is_not_kept(world: World):
    sign_in(world.app.test_client(), "MyPassw0rd-typed-here", "x")
    entry = newest(world)
    assert (entry["verb"], entry["subject_id"]) == ("account.login_failed", None)
    assert entry["changes"]["outcome"] == "wrong_password"  # nothing tells that there is none
    with world.app.app_context(), acting(SYSTEM):
        kept = json.dumps([[e.actor, e.changes] for e in db.session.scalars(select(AuditEntry))])
    assert "Passw0rd" not in kept


def test_a_token_is_a_sign_in_too(world: World):
    body = {"username": "risk", "password": PASSWORD, "provider": "db"}
    assert world.app.test_client().post("/api/v1/security/login", json=body).status_code == 200
    assert (newest(world)["verb"], newest(world)["actor"]) == ("account.login", "risk")


def test_what_a_role_does_not_allow_is_written_down(world: World):
    assert world.login("hr").get("/loanview/list/").status_code == 403
    entry = newest(world)
    assert (entry["verb"], entry["actor"], entry["resource"]) == ("access.refused", "hr", "Loan")
    assert entry["changes"]["screen"] == "LoanView.list"


def test_a_write_to_a_row_outside_the_area_is_written_down(world: World):
    key = world.customers["C-B-b1-0"]
    client = world.login("a1")
    page = client.get(f"/customerview/edit/{world.customers['C-A-a1-0']}").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    given = {"csrf_token": token[1], "name": "taken over"}
    assert client.post(f"/customerview/edit/{key}", data=given).status_code == 404
    entry = newest(world)
    assert (entry["verb"], entry["actor"]) == ("access.refused", "a1")
    assert (entry["resource"], entry["subject_id"]) == ("Customer", key)
    assert "taken over" not in json.dumps(entry["changes"])


def test_a_reading_that_finds_nothing_is_not(world: World):
    before = newest(world)
    assert world.login("a1").get("/customerview/show/999999").status_code == 404
    assert newest(world) == before


def test_names_in_the_filters_of_an_export_are_not_kept(world: World):
    answer = world.login("risk").get("/customerview/export/csv?f.name.contains=cust-A&f.type.eq=farmer")
    answer.get_data()
    filters = newest(world)["changes"]["filters"]
    assert filters == ["f.name.contains=•••", "f.type.eq=farmer"]
