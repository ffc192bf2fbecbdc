"""The timeline of a record: who did what to it, field by field, told only to those who may see it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core import records
from portal.core.audit import HIDDEN, AuditEntry, AuditRow
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.timeline import SIZE
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.grids.models import Grid
from portal.loans.models import Loan
from tests.world import World


def told(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(response.get_data(as_text=True))))


def change(world: World, login: str, model: Any, key: int, **values: Any) -> None:
    with world.app.test_request_context(), acting(actor_for_username(login)):
        records.change(model, key, values)


@pytest.fixture(scope="module")
def edited(world: World) -> Iterator[int]:
    """A customer of a1 whose manager, group, phone and address were changed by the branch head."""
    key = world.customers["C-A-a1-0"]
    given = {"type": "individual", "manager": world.staff["a2"], "phone": "13912345678", "address": "1 Apple Lane"}
    change(world, "branch_head", Customer, key, **given)
    yield key


def test_an_edit_is_told_field_by_field_with_its_words(world: World, edited: int) -> None:
    text = told(world.login("branch_head"), f"/customerview/timeline/{edited}?part=1&_l_=en")
    assert "Edited branch_head" in text
    assert "Customer group Farm household → became Other natural person" in text
    assert "Customer manager a1 (S-a1) → became a2 (S-a2)" in text
    chinese = told(world.login("branch_head"), f"/customerview/timeline/{edited}?part=1&_l_=zh")
    assert "客户经理 a1 (S-a1)" in chinese


def test_personal_data_is_only_said_to_have_changed(world: World, edited: int) -> None:
    text = told(world.login("branch_head"), f"/customerview/timeline/{edited}?part=1&_l_=en")
    assert "Phone changed (not shown)" in text
    assert "Address changed (not shown)" in text
    assert "13912345678" not in text
    assert "Apple" not in text
    assert HIDDEN not in text


def test_a_reference_outside_the_reader_s_area_is_not_named(world: World) -> None:
    key = world.customers["C-B-b1-1"]
    with world.app.app_context(), acting(SYSTEM):
        foreign = db.session.query(Grid).filter(Grid.code == "G-A-a1-0").one().id
        own = db.session.get_one(Customer, key).grid_id
    with world.app.test_request_context(), acting(SYSTEM):
        records.change(Customer, key, {"grid": foreign})
        records.change(Customer, key, {"grid": own})
    text = told(world.login("b1"), f"/customerview/timeline/{key}?part=1&_l_=en")
    assert "(outside your area)" in text
    assert "grid-A-a1-0" not in text
    assert "grid-A-a1-0" in told(world.login("committee"), f"/customerview/timeline/{key}?part=1&_l_=en")


def test_the_timeline_of_a_record_out_of_scope_is_not_found(world: World, edited: int) -> None:
    assert world.login("b1").get(f"/customerview/timeline/{edited}").status_code == 404
    assert world.login("administrator").get(f"/customerview/timeline/{edited}").status_code == 403


def test_one_entry_about_several_rows_tells_each_its_own(world: World) -> None:
    first, second = world.customers["C-A-a2-0"], world.customers["C-A-a2-1"]
    with world.app.test_request_context(), acting(SYSTEM), unit_of_work("tests.move"):
        db.session.get_one(Customer, first).since = dt.date(2001, 1, 1)
        db.session.get_one(Customer, second).since = dt.date(2002, 2, 2)
    client = world.login("branch_head")
    text = told(client, f"/customerview/timeline/{first}?part=1")
    assert "2001-01-01" in text
    assert "2002-02-02" not in text


def test_a_new_row_under_an_old_key_has_no_part_in_the_old_one_s_history(world: World) -> None:
    with world.app.test_request_context(), acting(SYSTEM):
        values = {"code": "C-OLD", "name": "the old one", "type": "farmer", "branch": world.branches["A"]}
        key = records.add(Customer, values).id
        records.remove(Customer, key)
        with unit_of_work("tests.again"):
            db.session.add(
                Customer(id=key, code="C-NEW", name="the new one", type="farmer", branch_id=values["branch"])
            )
    text = told(world.login("committee"), f"/customerview/timeline/{key}?part=1")
    assert "C-NEW" in text
    assert "C-OLD" not in text
    assert "the new one" not in text  # a customer's name is personal
    with world.app.test_request_context(), acting(SYSTEM):
        records.remove(Customer, key)


def test_older_pages_continue_without_gap_or_repetition(world: World) -> None:
    key = world.customers["C-B-b1-2"]
    count = 2 * SIZE + 3
    for number in range(count):
        with world.app.test_request_context(), acting(SYSTEM):
            records.change(Customer, key, {"since": dt.date(2000, 1, 1) + dt.timedelta(days=number)})
    client, address, found = world.login("b1"), f"/customerview/timeline/{key}?part=1", []
    while address:
        page = unescape(client.get(address).get_data(as_text=True))
        found += re.findall(r"<ins>(2000-\d\d-\d\d)</ins>", page)
        more = re.search(r'data-more="([^"]*)"', page)
        address = more[1] if more else ""
    assert found == [f"{dt.date(2000, 1, 1) + dt.timedelta(days=number)}" for number in reversed(range(count))]


def test_a_loan_s_timeline_holds_what_the_books_hold(world: World) -> None:
    loan = world.loans["LOAN-A-a1-2"]
    text = told(world.login("branch_head"), f"/loanview/timeline/{loan}?part=1&_l_=en")
    assert "Paid 1.00 yuan · R-A-a1-2" in text
    assert "Disbursement 10,000.02 yuan" in text
    assert "R-A-a1-1" not in text


def test_a_customer_s_timeline_tells_of_loans_that_the_reader_may_see(world: World) -> None:
    key = world.customers["C-A-a1-3"]
    client = world.login("branch_head")
    assert "LOAN-A-a1-3 · 1.00 yuan" in told(client, f"/customerview/timeline/{key}?part=1&_l_=en")
    with world.app.test_request_context(), acting(SYSTEM), unit_of_work("tests.hand_over"):
        loan = db.session.get_one(Loan, world.loans["LOAN-A-a1-3"])
        loan.branch_id, loan.team_id, loan.manager_id = (
            world.branches["B"],
            world.teams["TB"],
            world.staff["b1"],
        )
    assert "LOAN-A-a1-3" not in told(client, f"/customerview/timeline/{key}?part=1&_l_=en")


def test_nonsense_in_the_address_begins_at_the_top(world: World, edited: int) -> None:
    client = world.login("branch_head")
    for until in ("x", "2026-06-30~audit~", "~~~~", "2026-13-01~audit~1", "9" * 300):
        response = client.get(f"/customerview/timeline/{edited}", query_string={"part": 1, "until": until, "_l_": "en"})
        assert response.status_code == 200
        assert "Edited" in response.get_data(as_text=True)


def test_the_timeline_is_a_page_of_its_own_too(world: World, edited: int) -> None:
    page = world.login("branch_head").get(f"/customerview/timeline/{edited}").get_data(as_text=True)
    assert "<html" in page
    assert 'class="timeline"' in page


def test_entries_name_their_rows_once(world: World, edited: int) -> None:
    with world.app.app_context(), acting(SYSTEM):
        entries = db.session.query(AuditEntry).filter(AuditEntry.verb == "records.change").all()
        assert entries
        for entry in entries:
            of_entry = select(AuditRow.resource, AuditRow.row_id).where(AuditRow.entry_id == entry.id)
            links = list(map(tuple, db.session.execute(of_entry)))
            assert len(links) == len(set(links))
            assert (entry.resource, entry.subject_id) in links
