"""API keys and REST tokens: no further than their owner, no longer than their time, never shown twice."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from portal.core.accounts.keys import AccessKey
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.organization import users
from tests.portal.core.accounts.conftest import Browser, audited, user_id, words
from tests.world import PASSWORD, World

New = Callable[[], Browser]


def new_key(visitor: Browser, scope: str = "read", days: str = "30", **more: object) -> dict[str, str]:
    """The header of a new key of whoever is signed in."""
    page = words(visitor.post("/account/keys/add", name="nightly job", scope=scope, days=days, **more))
    found = re.search(r"data-key>(glk_[\w-]+)<", page)
    assert found, page
    return {"Authorization": f"Bearer {found[1]}"}


@pytest.fixture
def owner(browser: New) -> Browser:
    visitor = browser()
    visitor.sign_in("branch_head")
    return visitor


def codes(answer) -> set[str]:
    return {row["code"] for row in answer.json["result"]}


def test_a_key_reads_what_its_owner_reads_and_no_row_more(world: World, browser: New, owner: Browser) -> None:
    key = new_key(owner)
    answer = browser().get("/api/v1/loan/?size=200", **key)
    assert codes(answer) == world.loans_of("a1", "a2")


def test_a_key_for_reading_writes_nothing(world: World, browser: New, owner: Browser) -> None:
    body = {"code": "T-KEY", "name": "team by key", "branch": world.branches["A"]}
    reading, writing = new_key(owner), new_key(owner, "write")
    refused = browser().client.post("/api/v1/team/", json=body, headers=reading)
    assert refused.status_code == 403
    made = browser().client.post("/api/v1/team/", json=body, headers=writing)
    assert made.status_code == 201, made.json
    assert browser().client.delete(f"/api/v1/team/{made.json['id']}", headers=writing).status_code == 403, "nor may he"


def test_a_key_may_be_limited_to_resources(browser: New, owner: Browser) -> None:
    key = new_key(owner, resources=["Team"])
    assert browser().get("/api/v1/team/", **key).status_code == 200
    assert browser().get("/api/v1/loan/", **key).status_code == 403


def test_nobody_makes_a_key_for_what_he_may_not_see(owner: Browser) -> None:
    answer = owner.post("/account/keys/add", name="x", scope="read", days="30", resources=["AuditEntry"])
    assert answer.status_code == 422
    assert "Choose among what you may see yourself" in words(answer)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "Give the key a name"),
        ({"days": "0"}, "between 1 and 365"),
        ({"days": "366"}, "between 1 and 365"),
        ({"days": "soon"}, "between 1 and 365"),
        ({"scope": "everything"}, "what the key may do"),
    ],
)
def test_a_key_with_wrong_values_is_not_made(owner: Browser, given: dict[str, str], sentence: str) -> None:
    answer = owner.post("/account/keys/add", **{"name": "x", "scope": "read", "days": "30", **given})
    assert answer.status_code == 422
    assert sentence in words(answer)


def test_rights_that_the_owner_loses_the_key_loses(world: World, browser: New, owner: Browser) -> None:
    key = new_key(owner)
    with world.app.app_context(), acting(SYSTEM):
        users.set_roles("branch_head", ["hr"])
    try:
        assert browser().get("/api/v1/loan/", **key).status_code == 403
    finally:
        with world.app.app_context(), acting(SYSTEM):
            users.set_roles("branch_head", ["branch_head"])
    with world.app.app_context(), acting(SYSTEM):
        users.set_active("branch_head", False)
    assert browser().get("/api/v1/loan/", **key).status_code == 401
    assert not owner.is_in


def test_expired_revoked_and_made_up_keys_are_refused_with_the_reason(
    browser: New, owner: Browser, pass_time: Callable[..., None]
) -> None:
    key, short = new_key(owner), new_key(owner, days="1")
    ids = re.findall(r'name="id" value="(\d+)"', owner.text("/account/").split("head-keys")[-1])
    owner.post("/account/keys/revoke", id=ids[1])
    answer = browser().get("/api/v1/loan/", **key)
    assert (answer.status_code, answer.json["message"]) == (401, "This API key was revoked.")
    pass_time(days=1, minutes=1)
    answer = browser().get("/api/v1/loan/", **short)
    assert (answer.status_code, answer.json["message"]) == (401, "This API key has expired.")
    for made_up in ("glk_", "glk_" + "x" * 43, key["Authorization"].removeprefix("Bearer ")[:-1]):
        answer = browser().get("/api/v1/loan/", Authorization=f"Bearer {made_up}")
        assert (answer.status_code, answer.json["message"]) == (401, "This API key is not valid.")


def test_a_key_opens_rest_and_no_page(browser: New, owner: Browser) -> None:
    key = new_key(owner)
    for page in ("/", "/loanview/list/", "/account/"):
        assert browser().get(page, **key).status_code == 302, page


def test_only_its_owner_and_the_administrator_revoke_a_key(world: World, browser: New, owner: Browser) -> None:
    key = new_key(owner)
    with world.app.app_context(), acting(SYSTEM):
        number = str(db.session.scalars(select(AccessKey.id)).one())
    stranger, administrator = browser(), browser()
    stranger.sign_in("team_lead")
    assert stranger.post("/account/keys/revoke", id=number).status_code == 404
    assert browser().get("/api/v1/loan/", **key).status_code == 200
    administrator.sign_in("administrator")
    administrator.post(f"/accounts/{user_id(world, 'branch_head')}/keys/revoke", id=number)
    assert browser().get("/api/v1/loan/", **key).status_code == 401
    assert [entry["api_key"] for entry in audited(world, "account.api_key.revoke")][-1] == "revoked"


def test_the_key_is_kept_nowhere_and_its_use_is_noted(world: World, browser: New, owner: Browser) -> None:
    key = new_key(owner)["Authorization"].removeprefix("Bearer ")
    browser().get("/api/v1/loan/", Authorization=f"Bearer {key}")
    assert key not in owner.text("/account/")
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(AccessKey)).one()
        assert row.used_at is not None
        assert key not in (row.key_hash, row.prefix)
        assert key.startswith(row.prefix)
    assert not any(key in str(entry) for entry in audited(world, "account.api_key.add"))


# ---- tokens ----------------------------------------------------------------------------------------------------------


def token(visitor: Browser, username: str, password: str = PASSWORD, refresh: bool = False):
    body = {"username": username, "password": password, "provider": "db", "refresh": refresh}
    return visitor.client.post("/api/v1/security/login", json=body, headers={"Accept-Language": "en"})


def test_a_token_for_a_password_opens_rest_until_its_session_ends(world: World, browser: New) -> None:
    answer = token(browser(), "risk", refresh=True)
    assert answer.status_code == 200
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert browser().get("/api/v1/loan/", **bearer).status_code == 200
    again = browser().client.post(
        "/api/v1/security/refresh", headers={"Authorization": f"Bearer {answer.json['refresh_token']}"}
    )
    assert again.status_code == 200
    refreshed = {"Authorization": f"Bearer {again.json['access_token']}"}
    assert browser().get("/api/v1/loan/", **refreshed).status_code == 200
    visitor = browser()
    visitor.sign_in("risk")
    assert "REST token" in visitor.text("/account/")
    visitor.post("/account/sessions/end")
    for header in (bearer, refreshed):
        answer = browser().get("/api/v1/loan/", **header)
        assert (answer.status_code, answer.json["message"]) == (401, "This session is not valid. Please sign in again.")


def test_guessing_over_rest_is_locked_too(browser: New) -> None:
    for _attempt in range(5):
        assert token(browser(), "risk", "wrong").status_code == 401
    answer = token(browser(), "risk")
    assert answer.status_code == 401
    assert "Try again in" in answer.json["message"]


@pytest.mark.parametrize("body", [None, [], {}, {"username": "risk"}, {"username": 1, "password": 2}])
def test_a_token_needs_a_name_and_a_password(browser: New, body: object) -> None:
    assert browser().client.post("/api/v1/security/login", json=body).status_code == 400
