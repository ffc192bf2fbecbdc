"""The audit screen: words instead of keys, filters, values only for whoever may see the row."""

from __future__ import annotations

from html import unescape

import pytest
from sqlalchemy import select

from portal.core import records
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.trail import sealing
from portal.trail.services import verify_and_note
from tests.world import World


@pytest.fixture(scope="module")
def changed(world: World) -> int:
    """The id of the entry that changed a customer's group and name."""
    with world.app.app_context(), acting(SYSTEM):
        key = world.customers["C-A-a1-0"]
        records.change(Customer, key, {"name": "赵钱孙李", "type": "individual"})
        found = db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)).one()
        sealing.seal()
        verify_and_note()
        return found


def text_of(world: World, login: str, path: str) -> str:
    answer = world.login(login).get(path)
    assert answer.status_code == 200
    return unescape(answer.get_data(as_text=True))


def test_the_list_speaks_the_readers_language(world: World, changed: int):
    chinese = text_of(world, "audit", "/auditview/list/?_l_=zh")
    assert "修改记录" in chinese
    assert "records.change" not in chinese
    assert "Record changed" in text_of(world, "audit", "/auditview/list/?_l_=en")


def test_the_state_of_the_chain_stands_over_the_list(world: World, changed: int):
    page = text_of(world, "compliance", "/auditview/list/?_l_=en")
    with world.app.app_context(), acting(SYSTEM):
        last = sealing.head()
    assert last.hash in page
    assert "Intact" in page


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("f.group.in=records", True),
        ("f.group.in=exports,parameters", False),
        ("f.verb.contains=修改记录", True),
        ("f.resource.contains=客户", True),
        ("f.resource.contains=贷款", False),
        ("q=修改记录", True),
        ("f.actor.eq=system", True),
        ("f.actor.eq=a1", False),
        ("f.at.ge=2020-01-01T00:00", True),
        ("f.at.le=2020-01-01T00:00", False),
        ("f.request_id.eq=x", False),
    ],
)
def test_filters_find_by_words(world: World, changed: int, search: str, found: bool):
    page = text_of(world, "audit", f"/auditview/list/?_l_=zh&size=200&{search}")
    assert (f"/auditview/show/{changed}" in page) is found


def test_the_record_shows_values_to_whoever_may_see_the_customer(world: World, changed: int):
    page = text_of(world, "audit", f"/auditview/show/{changed}?_l_=en")
    assert "Farm household" in page
    assert f"/customerview/show/{world.customers['C-A-a1-0']}" in page


def test_whoever_sees_no_customers_reads_only_which_fields_changed(world: World, changed: int):
    page = text_of(world, "administrator", f"/auditview/show/{changed}?_l_=en")
    assert "Customer group" in page
    for leaked in ("Farm household", "赵钱孙李", "/customerview/show/"):
        assert leaked not in page


def test_names_of_people_are_not_in_the_trail(world: World, changed: int):
    with world.app.app_context(), acting(SYSTEM):
        entry = db.session.get(AuditEntry, changed)
        assert "赵钱孙李" not in str(entry.changes)
        assert entry.changes["rows"][0]["fields"]["name"] == ["•••", "•••"]


def test_the_export_says_what_changed_in_words(world: World, changed: int):
    answer = world.login("audit").get("/auditview/export/csv?_l_=en&f.group.in=records")
    text = answer.get_data(as_text=True)
    assert "Record changed" in text
    assert "Farm household" in text
    assert world.login("administrator").get("/auditview/export/csv").status_code == 403


@pytest.mark.parametrize("login", ["customer_manager", "team_lead", "branch_head", "finance", "hr"])
def test_nobody_else_reads_it(world: World, changed: int, login: str):
    assert world.login(login).get("/auditview/list/").status_code == 403
    assert world.login(login).get(f"/auditview/show/{changed}").status_code == 403
    assert world.login(login).get("/api/v1/audit-entry/").status_code == 403
