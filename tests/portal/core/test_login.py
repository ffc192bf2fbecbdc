"""Signing in is noted with the login, however many sign in at once."""

from __future__ import annotations

import re
import threading

from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from tests.world import PASSWORD, World

AT_ONCE = 8
NAMES = ("a1", "a2", "b1", "committee", "finance", "risk", "audit", "hr")


def typed(client: FlaskClient, username: str, password: str = PASSWORD) -> dict[str, str]:
    token = re.search(r'csrf_token"[^>]*value="([^"]+)', client.get("/login/").get_data(as_text=True))
    assert token
    return {"csrf_token": token[1], "username": username, "password": password}


def sign_in(world: World, *names: str, password: str = PASSWORD) -> list[int]:
    """Sign in with these names at one moment, each from a machine of its own; the answers' statuses."""
    clients = [world.app.test_client() for _name in names]
    for number, client in enumerate(clients):
        client.environ_base["REMOTE_ADDR"] = f"10.1.0.{number}"
    forms = [typed(client, name, password) for client, name in zip(clients, names, strict=True)]
    start, answers = threading.Barrier(len(names)), [0] * len(names)

    def one(number: int) -> None:
        start.wait()
        answers[number] = clients[number].post("/login/", data=forms[number]).status_code

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def noted(world: World, *names: str) -> dict[str, tuple[int, int]]:
    """(logins, attempts with a wrong password since) of each name."""
    columns = (User.username, User.login_count, User.fail_login_count)
    with world.app.app_context(), acting(SYSTEM):
        rows = db.session.execute(select(*columns).where(User.username.in_(names)))
        return {row[0]: (row[1] or 0, row[2] or 0) for row in rows}


def test_eight_people_who_sign_in_at_once_are_each_counted(world: World) -> None:
    before = noted(world, *NAMES)
    assert sign_in(world, *NAMES) == [302] * AT_ONCE
    assert noted(world, *NAMES) == {name: (count + 1, 0) for name, (count, _failed) in before.items()}
    with world.app.app_context(), acting(SYSTEM):
        assert None not in db.session.scalars(select(User.last_login).where(User.username.in_(NAMES))).all()


def test_the_same_login_several_times_at_once_is_as_many_logins(world: World) -> None:
    """Fewer than the attempts that are free: each counts as wrong until its password was found right."""
    before, times = noted(world, "branch_head")["branch_head"][0], 4
    assert sign_in(world, *["branch_head"] * times) == [302] * times
    assert noted(world, "branch_head") == {"branch_head": (before + times, 0)}


def test_unknown_names_take_nothing_from_the_first_logins_count(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM):
        first = db.session.scalars(select(User.username).order_by(User.id)).first()
    assert first
    before = noted(world, first)[first][0]
    sign_in(world, *["nobody", first] * 4)
    assert noted(world, first)[first] == (before + 4, 0)
