"""Fixtures: a browser that signs in as people do, and a clock that can be set."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from portal.core import clock
from portal.core.accounts.keys import AccessKey
from portal.core.accounts.lockout import Lockout
from portal.core.accounts.passwords import FormerPassword, PasswordState
from portal.core.accounts.second_factor import RecoveryCode, SecondFactor
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from tests.world import PASSWORD, World


class Browser:
    """A visitor who reads pages and sends their forms."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client: FlaskClient = world.app.test_client()

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(address, headers={"Accept-Language": "en", **headers})

    def post(self, address: str, **values: Any) -> TestResponse:
        """Send a form with a token that this browser was given."""
        page = self.client.get("/login/" if "_user_id" not in self.cookie() else "/account/password")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
        if token is None:  # a session that still owes something: any step has one
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.text("/login/step/"))
        assert token
        headers = {"Accept-Language": "en"}
        return self.client.post(address, data={"csrf_token": token[1], **values}, headers=headers)

    def sign_in(self, username: str, password: str = PASSWORD, to: str = "/login/") -> TestResponse:
        return self.post(to, username=username, password=password)

    def text(self, address: str) -> str:
        return words(self.get(address))

    def cookie(self) -> dict[str, Any]:
        with self.client.session_transaction() as session:
            return dict(session)

    @property
    def is_in(self) -> bool:
        return self.get("/account/").status_code == 200


def words(answer: TestResponse) -> str:
    return unescape(answer.get_data(as_text=True))


@pytest.fixture
def browser(world: World) -> Callable[[], Browser]:
    return lambda: Browser(world)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let time pass: `pass_time(minutes=5)`. Every module that took `now` by name sees it."""
    import sys

    real, passed = clock.now, [dt.timedelta()]
    for name, module in list(sys.modules.items()):
        if name.startswith("portal.") and getattr(module, "now", None) is real:
            monkeypatch.setattr(module, "now", lambda: real() + passed[0])

    def move(**by: float) -> None:
        passed[0] += dt.timedelta(**by)

    return move


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test finds logins with their passwords and without locks, factors and keys."""
    yield
    if "world" not in request.fixturenames:
        return
    world: World = request.getfixturevalue("world")
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.restore"):
        for model in (Lockout, SecondFactor, RecoveryCode, AccessKey, PasswordState, FormerPassword):
            db.session.execute(delete(model))
        held = db.session.scalars(select(User).where(User.username == "audit")).one().password
        for user in db.session.scalars(select(User)):
            user.active, user.password = True, held if user.password else None


def user_id(world: World, name: str) -> int:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.scalars(select(User.id).where(User.username == name)).one()


def audited(world: World, verb: str) -> list[dict[str, Any]]:
    """What entries of this verb tell, the newest last."""
    with world.app.app_context(), acting(SYSTEM):
        found = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == verb).order_by(AuditEntry.id))
        return [{"actor": entry.actor, "subject": entry.subject_id, **entry.changes} for entry in found]
