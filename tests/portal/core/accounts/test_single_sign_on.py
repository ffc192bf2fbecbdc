"""OpenID Connect against a real provider of the test's own, on both engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from werkzeug.test import TestResponse

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.organization import users
from tests.databases import Engine
from tests.portal.core.accounts.conftest import Browser, audited, words
from tests.portal.core.accounts.oidc_provider import CLIENT, SECRET, Provider, running
from tests.world import World, build


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture(scope="module")
def world(
    engine: Engine, migrated_template: str, settings: Callable[[str], Settings], provider: Provider
) -> Iterator[World]:
    """The small company, whose people sign in with the provider."""
    url = engine.create(migrated_template)
    told = replace(
        settings(url),
        sign_in="oidc",
        sign_in_register=True,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        role_groups={"lending-risk": ("risk",), "lending-lead": ("finance", "team_lead")},
    )
    app = create_app(told)
    yield build(app)
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)


@pytest.fixture(autouse=True)
def a_person(provider: Provider) -> None:
    provider.spoil, provider.other_key = {}, False
    provider.person = person("wang", "lending-risk")


def person(name: str, *groups: str) -> dict[str, object]:
    return {
        "sub": f"id-{name}",
        "preferred_username": name,
        "given_name": "Ning",
        "family_name": name.title(),
        "email": f"{name}@company.example",
        "groups": list(groups),
    }


def go(visitor: Browser, address: str = "/login/with/oidc", change: Callable[[str], str] = str) -> TestResponse:
    """To the provider and back, as a browser goes; `change` meddles with the address on the way back."""
    away = visitor.get(address)
    assert away.status_code == 302
    back = requests.get(away.headers["Location"], allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(change(back))
    return visitor.get(f"{parts.path}?{parts.query}")


def roles_of(world: World, name: str) -> set[str] | None:
    with world.app.app_context(), acting(SYSTEM):
        found = db.session.scalars(select(User).where(User.username == name)).one_or_none()
        return None if found is None else {role.name for role in found.roles}


def test_somebody_new_gets_a_login_and_the_roles_of_the_groups(world: World) -> None:
    visitor = Browser(world)
    assert "Single sign-on" in visitor.text("/login/")
    answer = go(visitor, "/login/with/oidc?next=/glossary/")
    assert answer.headers["Location"] == "/glossary/"
    assert visitor.is_in
    assert roles_of(world, "wang") == {"risk"}
    assert audited(world, "account.login")[-1]["way"] == "oidc"
    assert "there is no password here" in visitor.text("/account/")


def test_roles_follow_the_groups_at_each_log_in(world: World, provider: Provider) -> None:
    go(Browser(world))
    provider.person = person("wang", "lending-lead", "canteen")
    go(Browser(world))
    assert roles_of(world, "wang") == {"finance", "team_lead"}
    assert audited(world, "account.directory")[-1]["roles"] == [["risk"], ["finance", "team_lead"]]


def test_somebody_in_no_mapped_group_gets_in_and_sees_nothing(world: World, provider: Provider) -> None:
    provider.person = person("guest")
    visitor = Browser(world)
    go(visitor)
    assert roles_of(world, "guest") == set()
    assert visitor.get("/loanview/list/").status_code == 403


def test_an_existing_login_without_a_staff_record_or_a_closed_one(world: World, provider: Provider) -> None:
    provider.person = person("wang", "lending-risk")
    with world.app.app_context(), acting(SYSTEM):
        if roles_of(world, "wang") is None:
            go(Browser(world))
        users.set_active("wang", False)
    visitor = Browser(world)
    go(visitor)
    assert not visitor.is_in
    assert "Ask an administrator" in visitor.text("/login/")


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"aud": "another-portal"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
        {"sub": "somebody-else"},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
def test_an_answer_that_does_not_hold_is_refused(world: World, provider: Provider, spoil: dict[str, object]) -> None:
    provider.spoil = spoil
    refused(world)


def test_a_token_signed_by_somebody_else_is_refused(world: World, provider: Provider) -> None:
    provider.other_key = True
    refused(world)


def test_a_changed_state_and_a_code_used_twice_are_refused(world: World) -> None:
    refused(world, lambda back: back.replace("state=", "state=x"))
    visitor, seen = Browser(world), []
    go(visitor, change=lambda back: seen.append(back) or back)
    parts = urlsplit(seen[0])
    assert parse_qs(parts.query)["code"]
    thief = Browser(world)
    thief.get(f"{parts.path}?{parts.query}")
    assert not thief.is_in


def refused(world: World, change: Callable[[str], str] = str) -> None:
    visitor = Browser(world)
    answer = go(visitor, change=change)
    assert answer.headers["Location"].endswith("/login/")
    assert not visitor.is_in
    assert "could not be accepted" in visitor.text("/login/")


def test_an_unknown_provider_is_told(world: World) -> None:
    visitor = Browser(world)
    visitor.get("/login/with/another")
    assert "not set up" in visitor.text("/login/")


def test_a_provider_that_is_down_leaves_the_password_for_the_emergency(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = world.app.extensions["appbuilder"].sm.oauth_remotes["oidc"]
    monkeypatch.setattr(remote, "server_metadata", {})
    monkeypatch.setattr(remote, "_server_metadata_url", "http://127.0.0.1:9/.well-known/openid-configuration")
    visitor = Browser(world)
    visitor.get("/login/with/oidc")
    assert "cannot be reached" in words(visitor.get("/login/"))
    visitor.sign_in("administrator")
    assert visitor.is_in


def test_a_login_from_the_provider_has_no_password_to_guess(world: World, provider: Provider) -> None:
    provider.person = person("li", "lending-risk")
    go(Browser(world))
    for guess in ("", "None", "password"):
        visitor = Browser(world)
        visitor.sign_in("li", guess)
        assert not visitor.is_in


def test_next_leads_nowhere_outside(world: World, provider: Provider) -> None:
    provider.person = person("zhou", "lending-risk")
    answer = go(Browser(world), "/login/with/oidc?next=https://evil.example/")
    assert "evil" not in answer.headers["Location"]
