"""The company's directory: FAB's flow with a stand-in for the `ldap` module, which needs OpenLDAP's headers to build.

What is proven is what the portal tells FAB and what it makes of FAB's answer; not python-ldap's own wire.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from tests.databases import Engine
from tests.portal.core.accounts.conftest import Browser, audited, words
from tests.world import World, build

BASE = "ou=people,dc=company,dc=example"
RISK = "cn=risk,ou=groups,dc=company,dc=example"
PEOPLE: dict[str, dict[str, Any]] = {
    "zhao": {"password": "directory pass", "groups": [RISK, "cn=canteen"], "given": "Min", "family": "Zhao"},
    "guest": {"password": "directory pass", "groups": [], "given": "Guest", "family": "Lin"},
}
SERVICE = ("cn=portal,dc=company,dc=example", "the service's password")


class Connection:
    """Answers like python-ldap's LDAPObject, from PEOPLE."""

    def __init__(self, module: Any, address: str) -> None:
        self.ldap, self.address, self.bound = module, address, ""

    def set_option(self, *_option: Any) -> None:
        assert self.address == "ldaps://directory.example"

    def simple_bind_s(self, dn: str, password: str) -> None:
        person = PEOPLE.get(dn.removeprefix("uid=").removesuffix(f",{BASE}"), {})
        if (dn, password) != SERVICE and (not password or person.get("password") != password):
            raise self.ldap.INVALID_CREDENTIALS
        self.bound = dn

    def search_s(self, base: str, _scope: int, query: str, fields: list[str]) -> list[Any]:
        assert (base, self.bound) == (BASE, SERVICE[0])
        assert set(fields) == {"givenName", "sn", "mail", "memberOf"}
        name = query.partition("(uid=")[2].rstrip(")")
        person = PEOPLE.get(name)
        if person is None:
            return []
        found = {"givenName": person["given"], "sn": person["family"], "mail": f"{name}@company.example"}
        values = {key: [value.encode()] for key, value in found.items()}
        return [(f"uid={name},{BASE}", {**values, "memberOf": [group.encode() for group in person["groups"]]})]


def stand_in() -> ModuleType:
    module: Any = ModuleType("ldap")
    module.LDAPError = type("LDAPError", (Exception,), {})
    module.INVALID_CREDENTIALS = type("INVALID_CREDENTIALS", (module.LDAPError,), {})
    module.options = {}
    module.set_option = lambda name, value: module.options.__setitem__(name, value)
    module.initialize = lambda address: Connection(module, address)
    for number, name in enumerate(
        ("OPT_REFERRALS", "SCOPE_SUBTREE", "OPT_X_TLS_REQUIRE_CERT", "OPT_X_TLS_DEMAND", "OPT_X_TLS_NEWCTX")
    ):
        setattr(module, name, number)
    filters: Any = ModuleType("ldap.filter")
    filters.escape_filter_chars = lambda text: text.replace("(", "\\28").replace(")", "\\29").replace("*", "\\2a")
    module.filter = filters
    return module


@pytest.fixture(autouse=True)
def ldap(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = stand_in()
    monkeypatch.setitem(sys.modules, "ldap", module)
    monkeypatch.setitem(sys.modules, "ldap.filter", module.filter)
    return module


@pytest.fixture(scope="module")
def world(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[World]:
    url = engine.create(migrated_template)
    told = replace(
        settings(url),
        sign_in="ldap",
        sign_in_register=True,
        ldap_server="ldaps://directory.example",
        ldap_search=BASE,
        ldap_bind_user=SERVICE[0],
        ldap_bind_password=SERVICE[1],
        role_groups={RISK: ("risk",)},
    )
    app = create_app(told)
    yield build(app)
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)


def roles_of(world: World, name: str) -> set[str] | None:
    with world.app.app_context(), acting(SYSTEM):
        found = db.session.scalars(select(User).where(User.username == name)).one_or_none()
        return None if found is None else {role.name for role in found.roles}


def test_the_directorys_password_opens_the_portal_with_the_groups_roles(world: World, ldap: Any) -> None:
    visitor = Browser(world)
    visitor.sign_in("zhao", "directory pass")
    assert visitor.is_in
    assert roles_of(world, "zhao") == {"risk"}
    assert ldap.options[ldap.OPT_X_TLS_REQUIRE_CERT] == ldap.OPT_X_TLS_DEMAND
    assert audited(world, "account.login")[-1]["way"] == "ldap"


def test_somebody_in_no_mapped_group_has_no_role(world: World) -> None:
    visitor = Browser(world)
    visitor.sign_in("guest", "directory pass")
    assert visitor.is_in
    assert roles_of(world, "guest") == set()


def test_roles_follow_the_directory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Browser(world).sign_in("zhao", "directory pass")
    monkeypatch.setitem(PEOPLE["zhao"], "groups", [])
    Browser(world).sign_in("zhao", "directory pass")
    assert roles_of(world, "zhao") == set()


@pytest.mark.parametrize(
    ("name", "password"), [("zhao", "wrong"), ("zhao", ""), ("nobody", "directory pass"), ("*", "directory pass")]
)
def test_what_the_directory_does_not_vouch_for_stays_out(world: World, name: str, password: str) -> None:
    visitor = Browser(world)
    visitor.sign_in(name, password)
    assert not visitor.is_in


def test_guessing_is_locked_before_the_directory_is_asked(world: World) -> None:
    for _attempt in range(5):
        answer = Browser(world).sign_in("zhao", "wrong")
    assert "Try again in 1 minute" in words(answer)
    visitor = Browser(world)
    visitor.sign_in("zhao", "directory pass")
    assert not visitor.is_in


def test_a_login_with_a_password_here_is_the_emergency_door(world: World) -> None:
    visitor = Browser(world)
    visitor.sign_in("administrator")
    assert visitor.is_in


def test_a_directory_that_is_down_refuses_and_breaks_nothing(world: World, ldap: Any) -> None:
    def down(_address: str) -> Any:
        raise ldap.LDAPError("Can't contact LDAP server")

    ldap.initialize = down
    visitor = Browser(world)
    assert "Wrong user name or password" in words(visitor.sign_in("zhao", "directory pass"))
    assert not visitor.is_in
