"""Notifications: written with what they tell, in the reader's language, seen by nobody else."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.core import jobs
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.notifications import Notification, notify
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from tests.world import World


def user_id(name: str) -> int:
    found = actor_for_username(name).user_id
    assert found is not None
    return found


def tell(world: World, name: str, **facts: object) -> None:
    with world.app.app_context(), acting(SYSTEM):
        notify([user_id(name), None], "import_done", "/importbatchview/show/1", **facts)


FACTS = {"file": "loans.csv", "kind": "loans", "new": 3, "changed": 1}


def unread(world: World, name: str) -> int:
    return int(world.login(name).get("/notifications/count").get_json()["unread"])


def forget(world: World) -> None:
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.forget"):
        for row in db.session.scalars(select(Notification)):
            db.session.delete(row)


@pytest.fixture
def told(world: World):
    tell(world, "finance", **FACTS)
    tell(world, "finance", **{**FACTS, "file": "second.csv"})
    yield world
    forget(world)


def test_each_reads_his_own_in_his_language(told: World):
    chinese = told.login("finance").get("/notifications/?_l_=zh").get_data(as_text=True)
    english = told.login("finance").get("/notifications/?_l_=en").get_data(as_text=True)
    assert "已导入：新增 3 条" in chinese
    assert "is imported: 3 new, 1 changed." in english
    assert english.index("second.csv") < english.index("loans.csv")
    for address in ("/notifications/", "/notifications/panel"):
        assert "loans.csv" not in told.login("risk").get(address).get_data(as_text=True)
    assert (unread(told, "finance"), unread(told, "risk")) == (2, 0)


def token(client) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/notifications/").get_data(as_text=True))
    assert found
    return found[1]


def test_one_or_all_are_marked_as_read_but_nobody_elses(told: World):
    client = told.login("finance")
    with told.app.app_context(), acting(SYSTEM):
        first = db.session.scalars(select(Notification.id).order_by(Notification.id)).first()
    given = token(client)
    other = told.login("risk")
    tell(told, "risk", **FACTS)
    other.post("/notifications/read", data={"csrf_token": token(other), "id": str(first)})
    assert unread(told, "finance") == 2
    client.post("/notifications/read", data={"csrf_token": given, "id": str(first)})
    assert unread(told, "finance") == 1
    client.post("/notifications/read", data={"csrf_token": given})
    assert (unread(told, "finance"), unread(told, "risk")) == (0, 1)
    assert client.post("/notifications/read", data={"id": "1"}).status_code == 400


def test_what_is_undone_is_not_told(world: World):
    with world.app.app_context(), acting(SYSTEM), pytest.raises(Refused), unit_of_work("tests.undone"):
        notify([user_id("finance")], "import_done", **FACTS)
        raise Refused("no")
    assert unread(world, "finance") == 0


def test_an_unknown_message_is_a_mistake_of_ours(world: World):
    with world.app.app_context(), acting(SYSTEM), pytest.raises(KeyError):
        notify([user_id("finance")], "no_such_message")


@pytest.mark.parametrize(
    ("job", "words"),
    [("tests.fine", "tests.fine: done"), ("tests.refuse", "tests.refuse: failed. The books are closed.")],
)
def test_whoever_asked_for_a_job_is_told_of_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch, job: str, words: str
):
    def refuse(_report):
        raise Refused("The books are closed.")

    monkeypatch.setattr(jobs, "functions", {"tests.fine": lambda _report: None, "tests.refuse": refuse})
    with world.app.app_context(), acting(SYSTEM):
        finance = actor_for_username("finance")
        with acting(finance):
            asked = jobs.submit(job).id
        silent = jobs.submit(job).id
        jobs.run(asked)
        jobs.run(asked)
        jobs.run(silent)
    page = world.login("finance").get("/notifications/?_l_=en").get_data(as_text=True)
    assert words in page
    assert unread(world, "finance") == 1
    forget(world)
