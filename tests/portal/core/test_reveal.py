"""Showing a masked value: to whom, with which reason, what is written down, how often."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core import reveal
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.notifications import Notification
from portal.core.reveal import Limits, opened_note
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.persons import contributions
from tests.world import World

FETCH = {"X-Requested-With": "fetch"}


def address(world: World, code: str = "C-A-a1-0", name: str = "phone") -> str:
    return f"/customerview/reveal/{world.customers[code]}/{name}"


def ask(client: FlaskClient, url: str, **given: str):
    page = client.get(url).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    return client.post(url, data={"csrf_token": token[1] if token else "", **given}, headers=FETCH)


def entries(world: World, verb: str) -> list[AuditEntry]:
    with world.app.app_context(), acting(SYSTEM):
        return list(db.session.scalars(select(AuditEntry).where(AuditEntry.verb == verb).order_by(AuditEntry.id)))


def test_a_value_is_shown_with_a_reason_and_the_trail_knows_all_but_the_value(world: World):
    client, url = world.login("a1"), address(world)
    answer = ask(client, url, reason="other", note="promised to call cust-A-a1-0 back")
    assert (answer.status_code, answer.json) == (200, {"value": "13900000000", "seconds": 60})
    assert "no-store" in answer.headers["Cache-Control"]
    entry = entries(world, "persons.reveal")[-1]
    assert (entry.actor, entry.resource, entry.subject_id) == ("a1", "Customer", world.customers["C-A-a1-0"])
    assert entry.changes.keys() == {"field", "reason", "note"}
    assert "cust-A" not in str(entry.changes) and "1390" not in str(entry.changes)
    with world.app.app_context(), acting(SYSTEM):
        customer = db.session.get_one(Customer, entry.subject_id)
        assert opened_note(customer.data_key, entry.changes["note"]) == "promised to call cust-A-a1-0 back"
    told = client.get(f"/customerview/timeline/{entry.subject_id}").get_data(as_text=True)
    assert "A masked value was shown" in told


@pytest.mark.parametrize(
    "given", [{}, {"reason": "nonsense"}, {"reason": "other"}, {"reason": "contact", "note": "x" * 201}]
)
def test_without_a_proper_reason_nothing_is_shown(world: World, given: dict[str, str]):
    before = len(entries(world, "persons.reveal"))
    answer = ask(world.login("a1"), address(world), **given)
    assert answer.status_code == 422
    assert "1390" not in answer.get_data(as_text=True)
    assert len(entries(world, "persons.reveal")) == before


@pytest.mark.parametrize(
    ("login", "code", "status"),
    [
        ("a1", "C-A-a2-0", 404),
        ("b1", "C-A-a1-0", 404),
        ("branch_head", "C-A-a2-0", 200),
        ("branch_head", "C-B-b1-0", 404),
        ("compliance", "C-B-b1-0", 200),
        ("audit", "C-A-a1-0", 403),
        ("committee", "C-A-a1-0", 403),
        ("administrator", "C-A-a1-0", 403),
    ],
)
def test_only_whoever_may_reveal_and_only_within_the_scope(world: World, login: str, code: str, status: int):
    client = world.login(login)
    answer = client.get(address(world, code), follow_redirects=False)
    assert answer.status_code in ((302, 403) if status == 403 else (status,))
    page = client.get(f"/customerview/show/{world.customers[code]}").get_data(as_text=True)
    assert ("data-reveal=" in page) is (status == 200)


def test_what_is_not_sealed_or_not_there_cannot_be_revealed(world: World):
    client = world.login("a1")
    assert [client.get(address(world, name=n)).status_code for n in ("name", "data_key", "bank_account")] == [404] * 3


def test_without_script_the_page_shows_it_and_goes_back(world: World):
    client, url = world.login("a1"), address(world)
    page = client.get(url).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    answer = client.post(url, data={"csrf_token": token[1], "reason": "contact"})
    assert "13900000000" in answer.get_data(as_text=True)
    assert answer.headers["Refresh"].startswith("60; url=/customerview/show/")
    assert "no-store" in answer.headers["Cache-Control"]


def test_beyond_the_limit_of_the_day_it_is_refused_and_audit_is_told_once(world: World, monkeypatch):
    monkeypatch.setattr(reveal, "_limits", [Limits(lambda: 1, contributions._tell_audit)])
    client, url = world.login("a2"), address(world, "C-A-a2-0")
    assert ask(client, url, reason="contact").status_code == 200
    for _turn in range(2):
        refused = ask(client, url, reason="contact")
        assert refused.status_code == 409
        assert "which is the limit" in refused.json["problem"]
    with world.app.app_context(), acting(SYSTEM):
        told = db.session.scalars(select(Notification).where(Notification.key == "reveal_limit")).all()
        assert len(told) == 1
    assert len(entries(world, "persons.reveal_refused")) == 2
