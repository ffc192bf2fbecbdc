"""Screens of collection: forms, who sees what, what reminders, home page, timeline and exports tell."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from portal.collection.models import CollectionContact
from portal.collection.rules import Channel, Outcome, Whom
from portal.core.db import db
from portal.core.display import screens
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.loans.contacted import marks_of
from tests.world import TODAY, World

LATE, OTHER = "LOAN-A-a1-1", "LOAN-B-b1-1"
"""Late since 40 days, of two branches."""


@pytest.fixture(autouse=True)
def clean(world: World) -> Any:
    """Only what a test enters itself, beside the calls of the world."""
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"):
        for row in db.session.scalars(select(CollectionContact).where(CollectionContact.note != "")):
            if not (row.note or "").startswith("called the guarantor"):
                db.session.delete(row)


def entered(world: World, loan: str, **values: Any) -> int:
    given = {
        "loan_id": world.loans[loan],
        "done_on": TODAY,
        "done_time": "15:00",
        "channel": Channel.PHONE,
        "whom": Whom.BORROWER,
        "outcome": Outcome.REFUSES,
        "note": "entered by a test",
    }
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.entered"):
        row = CollectionContact(**(given | values))
        db.session.add(row)
        db.session.flush()
        return row.id


def page(world: World, login: str, address: str) -> str:
    answer = world.login(login).get(address)
    assert answer.status_code == 200, (login, address, answer.status_code)
    return unescape(answer.get_data(as_text=True))


def posted(client: Any, address: str, **typed: Any) -> Any:
    form = client.get(address).get_data(as_text=True)
    hidden = dict(re.findall(r'<input[^>]* name="(\w+)" type="hidden" value="([^"]*)"', form))
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', form)
    assert token
    return client.post(address, data={**hidden, "csrf_token": token[1], **typed})


TYPED = {
    "done_on": TODAY.isoformat(),
    "done_time": "9:40",
    "channel": "phone",
    "whom": "borrower",
    "outcome": "promises_to_pay",
    "promised_amount": "500",
    "promised_on": (TODAY + dt.timedelta(days=3)).isoformat(),
    "note": "typed",
}


def test_a_manager_enters_a_contact_and_is_kept_as_who_made_it(world: World):
    client = world.login("a1")
    address = f"/collectioncontactview/add?loan={world.loans[LATE]}"
    form = unescape(client.get(address + "&_l_=en").get_data(as_text=True))
    assert LATE in form and f'value="{TODAY.isoformat()}"' in form, "the loan and the day are filled in"
    assert "third persons" in form
    assert posted(client, address, loan=world.loans[LATE], **TYPED).status_code == 302
    with world.app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(CollectionContact).where(CollectionContact.note == "typed")).one()
        assert (row.done_time, row.promised_amount) == ("09:40", 50_000)
        assert row.made_by_id == world.staff["a1"]


def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(world: World):
    client = world.login("collections")
    address = f"/collectioncontactview/add?loan={world.loans[LATE]}"
    answer = posted(client, address + "&_l_=en", loan=world.loans[LATE], **{**TYPED, "done_time": "23:10"})
    assert answer.status_code == 422
    said = unescape(answer.get_data(as_text=True))
    assert "called and visited only from 8:00 to 22:00" in said and 'value="23:10"' in said


def test_who_reads_and_who_enters(world: World):
    number = entered(world, LATE)
    for login in ("committee", "branch_head", "team_lead", "risk", "compliance", "audit"):
        client = world.login(login)
        assert client.get(f"/collectioncontactview/show/{number}").status_code == 200, login
        assert client.get("/collectioncontactview/add").status_code == 403, login
        assert client.get(f"/collectioncontactview/edit/{number}").status_code == 403, login
    for login in ("a1", "collections"):
        client = world.login(login)
        assert client.get("/collectioncontactview/add").status_code == 200, login
        assert client.get(f"/collectioncontactview/edit/{number}").status_code == 200, login
    with world.app.app_context():
        assert "delete" in screens()["CollectionContactView"].exclude_route_methods, "evidence is never deleted"
    for login in ("hr", "finance", "product_manager", "administrator"):
        assert world.login(login).get("/collectioncontactview/list/").status_code == 403, login
        assert world.login(login).get("/collection/").status_code == 403, login


@pytest.mark.parametrize(
    ("login", "loans"),
    [
        ("a1", {"a1"}),
        ("a2", {"a2"}),
        ("team_lead", {"a1", "a2"}),
        ("collections", {"a1", "a2"}),
        ("branch_head", {"a1", "a2"}),
        ("risk", {"a1", "a2", "b1"}),
    ],
)
def test_the_work_list_shows_the_late_loans_of_ones_own(world: World, login: str, loans: set[str]):
    shown = page(world, login, "/collection/?_l_=en")
    found = set(re.findall(r"LOAN-\w+-\w+-\d", shown))
    assert found == {code for code in world.loans_of(*loans) if not code.endswith("-0")}
    assert f"1–{len(found)} of {len(found)}" in shown


def test_a_chip_narrows_the_work_list_and_nonsense_does_not(world: World):
    entered(world, LATE, outcome=Outcome.PROMISE, promised_amount=100, promised_on=TODAY)
    due = page(world, "collections", "/collection/?show=promise_today&_l_=en")
    assert set(re.findall(r"LOAN-\w+-\w+-\d", due)) == {LATE}
    assert "See whether the promised payment has come" in due
    assert "No loan of the work list" in page(world, "collections", "/collection/?show=lost&_l_=en")
    for nonsense in ("show=%27", "page=-4", "page=99999999", "page=x", "show=lost&page=3"):
        page(world, "collections", f"/collection/?{nonsense}")


def test_a_promise_is_told_on_list_record_and_timeline(world: World):
    on = TODAY - dt.timedelta(days=6)
    broken = {"done_on": on, "promised_on": TODAY - dt.timedelta(days=2), "promised_amount": 120_000}
    number = entered(world, LATE, outcome=Outcome.PROMISE, **broken)
    assert "Broken promise" in page(world, "a1", f"/collectioncontactview/show/{number}?_l_=en")
    listed = page(world, "a1", "/collectioncontactview/list/?f.promise.in=promise_broken&_l_=en")
    assert f"/collectioncontactview/show/{number}" in listed and "1 record" in listed
    lines = page(world, "a1", f"/loanview/timeline/{world.loans[LATE]}?_l_=en")
    assert "Debtor contacted: Phone call" in lines and "1,200.00 yuan by" in lines


def test_the_loan_has_a_tab_of_its_contacts(world: World):
    entered(world, LATE)
    assert "Contacts with debtors" in page(world, "a1", f"/loanview/show/{world.loans[LATE]}?_l_=en")


def test_reminders_tell_who_was_contacted_today_and_lead_to_the_form(world: World):
    with world.app.test_request_context(), acting(SYSTEM):
        ids = [world.loans[LATE], world.loans[OTHER]]
        entered(world, LATE, done_time="16:00", channel=Channel.VISIT)
        entered(world, OTHER, done_on=TODAY - dt.timedelta(days=1))
        found = marks_of(ids, TODAY)
        assert found[ids[0]].done.startswith("16:00")
        assert found[ids[0]].url.endswith(f"/collectioncontactview/add?loan={ids[0]}")
        assert marks_of([], TODAY) == {}


def test_the_home_card_tells_promises_first_and_of_ones_own_loans_only(world: World):
    entered(world, LATE, outcome=Outcome.PROMISE, promised_amount=7_700, promised_on=TODAY)
    entered(world, OTHER, outcome=Outcome.PROMISE, promised_amount=8_800, promised_on=TODAY)
    for login in ("a1", "collections", "branch_head"):
        card = page(world, login, "/home/loans_to_collect?_l_=en")
        first = re.search(r'class="home-line-note">(.*?)</span>', card)
        assert first and first[1] == f"{LATE} · Promised for today", login
        assert "77.00 yuan" in card and "88.00" not in card, login
    assert world.login("hr").get("/home/loans_to_collect").status_code == 404


def test_contacts_are_exported_with_the_state_of_their_promises(world: World):
    entered(world, LATE, outcome=Outcome.PROMISE, promised_amount=7_700, promised_on=TODAY)
    file = page(world, "collections", "/collectioncontactview/export/csv?f.promised_on.eq=" + TODAY.isoformat())
    assert LATE in file and "77.00" in file and OTHER not in file
