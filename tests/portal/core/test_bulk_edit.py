"""Changing one field of many rows: what is shown is what is done, all of it or nothing, with one audit entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.core import bulk_edit
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from tests.world import World

ADDRESS = "/customerview/bulk_edit"


def managers(world: World) -> dict[str, str]:
    """The login of each customer's manager by the customer's code."""
    names = {staff_id: name for name, staff_id in world.staff.items()}
    with world.app.app_context(), acting(SYSTEM):
        rows = db.session.execute(select(Customer.code, Customer.manager_id))
        return {code: names[manager_id] for code, manager_id in rows}


@pytest.fixture(autouse=True)
def restored(world: World) -> Iterator[None]:
    before = managers(world)
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.restore"):
        for code, manager in before.items():
            row = db.session.scalars(select(Customer).where(Customer.code == code)).one()
            row.manager_id = world.staff[manager]


def send(client: FlaskClient, query: str = "", **form: Any) -> Any:
    page = client.get("/customerview/list/?_l_=en").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    return client.post(ADDRESS + query, data={"csrf_token": token[1], "field": "manager", **form})


def text_of(answer: Any) -> str:
    return unescape(answer.get_data(as_text=True))


def seen_in(html: str) -> list[str]:
    return re.findall(r'name="seen" value="([^"]*)"', html)


def ids(world: World, *codes: str) -> list[str]:
    return [str(world.customers[code]) for code in codes]


def confirmed(world: World, manager: str) -> dict[str, str]:
    """What the preview of giving rows to this manager sends along."""
    return {"step": "confirm", "shown": str(world.staff[manager])}


def flashed(client: FlaskClient) -> str:
    return unescape(client.get("/customerview/list/?_l_=en").get_data(as_text=True))


def test_the_preview_names_each_row_with_its_old_and_new_value_and_changes_nothing(world: World):
    client, before = world.login("team_lead"), managers(world)
    first = send(client, rowid=ids(world, "C-A-a1-0", "C-A-a2-0"))
    html = text_of(send(client, seen=seen_in(text_of(first)), manager=str(world.staff["a2"]), step="preview"))
    lines = re.findall(r'<th class="cell-pin"[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td><td[^>]*>([^<]*)</td>', html)
    assert lines == [("cust-A-a1-0", "a1 (S-a1)", "a2 (S-a2)")]
    assert "1 record changes. 1 have this value already." in html
    assert managers(world) == before


def test_confirming_changes_the_rows_with_one_audit_entry(world: World):
    client = world.login("team_lead")
    seen = seen_in(text_of(send(client, rowid=ids(world, "C-A-a1-0", "C-A-a1-1"))))
    with world.app.app_context(), acting(SYSTEM):
        last = db.session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()))
    assert (
        send(client, "?q=cust", seen=seen, manager=str(world.staff["a2"]), **confirmed(world, "a2")).status_code == 302
    )
    assert "2 records were changed." in flashed(client)
    assert {c for c, m in managers(world).items() if m == "a2" and "-a1-" in c} == {"C-A-a1-0", "C-A-a1-1"}
    with world.app.app_context(), acting(SYSTEM):
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.id > last)).all()
        assert (entry.verb, entry.resource, entry.subject_id) == ("records.change_many", "Customer", None)
        assert entry.changes["rows_changed"] == 2
        assert [row["fields"] for row in entry.changes["rows"]] == [
            {"manager_id": [world.staff["a1"], world.staff["a2"]]}
        ] * 2


def test_a_value_typed_over_after_the_preview_is_previewed_first(world: World):
    client, before = world.login("team_lead"), managers(world)
    seen = seen_in(text_of(send(client, rowid=ids(world, "C-A-a1-0"))))
    answer = send(client, seen=seen, manager=str(world.staff["a2"]), **confirmed(world, "a1"))
    assert answer.status_code == 200
    assert "1 record changes." in text_of(answer)
    assert managers(world) == before


def test_all_that_match_are_those_of_the_search_within_the_scope(world: World):
    client = world.login("team_lead")
    assert len(seen_in(text_of(send(client, "?q=a1-", all="1")))) == 4
    assert len(seen_in(text_of(send(client, all="1")))) == 8


def test_too_many_rows_are_refused_in_words(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_edit, "MOST_ROWS", 3)
    client, before = world.login("team_lead"), managers(world)
    for form in ({"all": "1"}, {"rowid": ids(world, *(f"C-A-a1-{n}" for n in range(4)))}, {"seen": ["1:1"] * 4}):
        assert send(client, step="confirm", manager=str(world.staff["a2"]), **form).status_code == 302
        assert re.search(r"(8|4) rows are selected; at most 3 can be changed at once", flashed(client))
    assert managers(world) == before


def test_ten_thousand_ticked_rows_are_refused(world: World):
    client = world.login("team_lead")
    assert send(client, rowid=[str(n) for n in range(10_000)]).status_code == 302
    assert "10,000 rows are selected; at most 1,000 can be changed at once" in flashed(client)


def test_foreign_rows_are_left_out_and_a_forged_one_stops_everything(world: World):
    client, before = world.login("a1"), managers(world)
    html = text_of(send(client, rowid=ids(world, "C-A-a1-0", "C-B-b1-0")))
    assert [s.split(":")[0] for s in seen_in(html)] == ids(world, "C-A-a1-0")
    assert "1 of the selected rows are not yours to change" in html
    forged = [f"{n}:1" for n in ids(world, "C-A-a1-0", "C-B-b1-0")]
    send(client, seen=forged, manager=str(world.staff["a1"]), **confirmed(world, "a1"))
    assert "Nothing was changed." in flashed(client)
    assert managers(world) == before


def test_a_row_changed_since_the_preview_stops_everything_and_is_named(world: World):
    client, before = world.login("team_lead"), managers(world)
    seen = seen_in(text_of(send(client, rowid=ids(world, "C-A-a1-0", "C-A-a1-1"))))
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.meanwhile"):
        db.session.execute(update(Customer).where(Customer.code == "C-A-a1-1").values(version=Customer.version + 1))
    send(client, seen=seen, manager=str(world.staff["a2"]), **confirmed(world, "a2"))
    assert "Nothing was changed. cust-A-a1-1: Someone else changed this record meanwhile." in flashed(client)
    assert managers(world) == before


def test_a_manager_outside_the_scope_is_refused_at_the_field(world: World):
    client = world.login("team_lead")
    seen = seen_in(text_of(send(client, rowid=ids(world, "C-A-a1-0"))))
    answer = send(client, seen=seen, manager=str(world.staff["b1"]), step="preview")
    assert answer.status_code == 422
    assert "field-errors" in text_of(answer)


@pytest.mark.parametrize("field", ["code", "resident_id", "gone", "__class__"])
def test_only_the_fields_a_screen_names_are_changed(world: World, field: str):
    assert send(world.login("team_lead"), field=field, rowid="1").status_code == 404


def test_who_may_not_edit_is_offered_nothing_and_refused(world: World):
    client = world.login("committee")
    assert "bulk_edit" not in text_of(client.get("/customerview/list/"))
    assert send(client, rowid="1").status_code == 403
