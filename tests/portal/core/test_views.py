"""Record screens over HTTP: what is typed is kept, what is foreign stays foreign, nonsense in the URL does no harm."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.parameters.models import Parameter
from tests.world import PASSWORD, World


def token(client: FlaskClient, address: str) -> tuple[str, str]:
    """(CSRF token, page) of a form."""
    page = client.get(address).get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, address
    return found[1], page


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found, name
    return found[1]


def customer_form(world: World, page: str, csrf: str, **changed: str) -> dict[str, str]:
    """The edit form of customer C-A-a1-0 as the page shows it, with some fields typed over."""
    given = {
        "csrf_token": csrf,
        "version_seen": hidden(page, "version_seen"),
        "code": "C-A-a1-0",
        "name": "cust-A-a1-0",
        "type": "farmer",
        "branch": str(world.branches["A"]),
        "team": str(world.teams["TA"]),
        "manager": str(world.staff["a1"]),
        "grid": hidden_option(page, "grid"),
    }
    return {**given, **changed}


def hidden_option(page: str, name: str) -> str:
    select_tag = re.search(rf'<select[^>]*name="{name}"[^>]*>(.*?)</select>', page, re.S)
    chosen = re.search(r"value='(\d+)' selected", select_tag[1]) if select_tag else None
    return chosen[1] if chosen else ""


def row(world: World, code: str = "C-A-a1-0") -> Any:
    with world.app.app_context(), acting(SYSTEM):
        found = db.session.scalars(select(Customer).where(Customer.code == code)).one()
        return {
            name: getattr(found, name) for name in ("name", "branch_id", "manager_id", "address", "grid_id", "phone")
        }


@pytest.fixture
def own(world: World) -> Iterator[tuple[FlaskClient, str]]:
    yield world.login("a1"), f"/customerview/edit/{world.customers['C-A-a1-0']}"


def test_an_edit_saves_what_was_typed(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    answer = client.post(address, data=customer_form(world, page, csrf, address="苹果街 1 号", phone="13900001111"))
    assert answer.status_code == 302
    assert row(world)["address"] == "苹果街 1 号"
    assert row(world)["phone"] == "13900001111"


def test_personal_data_is_masked_on_every_screen_and_sealed_in_the_database(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    client.post(address, data=customer_form(world, page, csrf, phone="13912345678"))
    shown = client.get(address.replace("edit", "show")).get_data(as_text=True)
    listed = client.get("/customerview/list/").get_data(as_text=True)
    answer = client.get(f"/api/v1/customer/{world.customers['C-A-a1-0']}").get_data(as_text=True)
    exported = client.get("/customerview/export/csv").get_data(as_text=True)
    edited = client.get(address).get_data(as_text=True)
    for text in (shown, listed, answer, exported, edited):
        assert "13912345678" not in text
        assert "139****5678" in text
    with world.app.app_context(), acting(SYSTEM):
        raw = db.session.scalar(select(Customer.phone_sealed).where(Customer.code == "C-A-a1-0"))
        assert b"12345678" not in raw


def test_a_masked_value_that_is_left_alone_stays_what_it_is(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    client.post(address, data=customer_form(world, page, csrf, phone="13912345678"))
    csrf, page = token(client, address)
    assert client.post(address, data=customer_form(world, page, csrf, phone="139****5678")).status_code == 302
    assert row(world)["phone"] == "13912345678"


def test_a_customer_is_found_by_the_whole_phone_number(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    client.post(address, data=customer_form(world, page, csrf, phone="13988887777"))
    assert "cust-A-a1-0" in client.get("/customerview/list/?q=139 8888 7777").get_data(as_text=True)
    assert "cust-A-a1-0" not in client.get("/customerview/list/?q=13988887770").get_data(as_text=True)


@pytest.mark.parametrize("field", ["branch", "manager", "grid"])
def test_a_reference_cannot_be_set_to_a_foreign_row(world: World, own: tuple[FlaskClient, str], field: str):
    client, address = own
    csrf, page = token(client, address)
    with world.app.app_context(), acting(SYSTEM):
        foreign_grid = db.session.scalars(select(Customer.grid_id).where(Customer.code == "C-B-b1-0")).one()
    foreign = {"branch": world.branches["B"], "manager": world.staff["b1"], "grid": foreign_grid}[field]
    before = row(world)
    answer = client.post(address, data=customer_form(world, page, csrf, **{field: str(foreign)}))
    assert answer.status_code == 422
    assert row(world) == before


def test_a_wrong_value_is_explained_at_its_field_and_nothing_typed_is_lost(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    typed = customer_form(world, page, csrf, resident_id="370102199003070018X", name="", address="kept <b>text</b>")
    answer = client.post(address, data=typed)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "kept &lt;b&gt;text&lt;/b&gt;" in text
    assert text.count('class="field-errors"') == 2


def test_two_editors_are_told_instead_of_overwritten(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    mine = customer_form(world, page, csrf, address="mine")
    other = world.login("team_lead")
    other_csrf, other_page = token(other, address)
    assert other.post(address, data=customer_form(world, other_page, other_csrf, address="theirs")).status_code == 302
    answer = client.post(address, data=mine)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "mine" in text
    assert "the***" in text
    assert row(world)["address"] == "theirs"
    again = {**mine, "version_seen": hidden(text, "version_seen")}
    assert client.post(address, data=again).status_code == 302
    assert row(world)["address"] == "mine"


def test_an_unseen_present_reference_is_kept(world: World):
    """The lead of team A may not see a grid of team B; saving the customer must not clear or change it."""
    code = "C-A-a2-1"
    with world.app.app_context(), acting(SYSTEM):
        foreign = db.session.scalars(select(Customer.grid_id).where(Customer.code == "C-B-b1-1")).one()
        held = db.session.scalars(select(Customer).where(Customer.code == code)).one()
        before, held.grid_id = held.grid_id, foreign
        db.session.commit()
    client = world.login("team_lead")
    address = f"/customerview/edit/{world.customers[code]}"
    csrf, page = token(client, address)
    assert "grid-B" not in page
    form = customer_form(world, page, csrf, code=code, name="renamed", manager=str(world.staff["a2"]))
    assert client.post(address, data=form).status_code == 302
    assert row(world, code)["grid_id"] == foreign
    with world.app.app_context(), acting(SYSTEM):
        held = db.session.scalars(select(Customer).where(Customer.code == code)).one()
        held.grid_id, held.name = before, "cust-A-a2-1"
        db.session.commit()


def test_a_taken_value_is_said_at_its_field(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    answer = client.post(address, data=customer_form(world, page, csrf, code="C-A-a1-1"))
    assert answer.status_code == 422
    assert row(world)["name"] == "cust-A-a1-0"


NONSENSE = [
    "page=abc",
    "page=-3",
    "page=99999999999999999999",
    "size=20000",
    "size=x",
    "order=created_by.password",
    "order=__class__",
    "direction=sideways",
    "f.code.eq=",
    "f.nothing.eq=1",
    "f.code.explode=1",
    "f.principal.ge=abc",
    "f.branch.in=a,b",
    "f.disbursed_on.ge=2026-02-31",
    "f.principal.ge=1e99",
    "q=" + "x" * 5000,
    "q=%00",
    "q=%",
    "q=<script>alert(1)</script>",
    "&".join(f"f.code.contains={i}" for i in range(50)),
]


@pytest.mark.parametrize("arguments", NONSENSE)
def test_nonsense_in_the_url_is_left_out_and_said(world: World, arguments: str):
    answer = world.login("committee").get(f"/loanview/list/?{arguments}")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<script>alert(1)" not in text
    assert len(re.findall(r"<tr[ >]", text)) <= 201


@pytest.mark.parametrize("pk", ["0", "-1", "abc", "1 or 1=1", "99999999999999999999999", "１"])
def test_a_record_that_cannot_exist_is_not_found(world: World, pk: str):
    assert world.login("committee").get(f"/loanview/show/{pk}").status_code == 404


def test_pages_cut_the_list_without_gap_or_overlap_from_both_ends(world: World):
    client = world.login("committee")
    for arguments in ("", "&order=principal&direction=asc", "&order=status&direction=desc"):
        seen: list[str] = []
        for page in range(1, 6):
            text = client.get(f"/loanview/list/?size=3&page={page}{arguments}").get_data(as_text=True)
            seen += list(dict.fromkeys(re.findall(r"LOAN-[AB]-\w\d-\d", text)))
        assert sorted(set(seen)) == sorted(world.loans)
        assert len(seen) - len(set(seen)) <= 3  # asking past the last page shows the last page again


def test_exports_hold_exactly_what_is_filtered_in_order(world: World):
    client = world.login("committee")
    arguments = "f.code.contains=-a1-&order=code&direction=asc"
    lines = list(
        csv.reader(io.StringIO(client.get(f"/loanview/export/csv?{arguments}").get_data(as_text=True).lstrip("\ufeff")))
    )
    wanted = sorted(world.loans_of("a1"))
    assert [line[0] for line in lines[1:]] == wanted
    book = load_workbook(io.BytesIO(client.get(f"/loanview/export/xlsx?{arguments}").get_data()))
    rows = list(book.active.iter_rows(values_only=True))
    assert [r[0] for r in rows[1:]] == wanted
    amount = lines[0].index(next(h for h in lines[0] if h.startswith(("Amount", "金额"))))
    assert [f"{r[amount]:.2f}" for r in rows[1:]] == [line[amount] for line in lines[1:]]


def test_a_name_like_a_formula_leaves_as_text(world: World, own: tuple[FlaskClient, str]):
    client, address = own
    csrf, page = token(client, address)
    client.post(address, data=customer_form(world, page, csrf, name='=HYPERLINK("http://x")'))
    exported = client.get("/customerview/export/csv").get_data(as_text=True)
    assert "'=HYPERLINK" in exported
    csrf, page = token(client, address)
    client.post(address, data=customer_form(world, page, csrf))


def test_rest_reads_and_writes_like_the_screens(world: World):
    client = world.login("risk")
    csrf, _page = token(client, "/parameterview/add")
    headers = {"X-CSRFToken": csrf}
    body = {"key": "test.key", "value": "1", "valid_from": "2026-01-01", "source": "a test"}
    made = client.post("/api/v1/parameter/", json={**body, "valid_from": "2026-02-31"}, headers=headers)
    assert made.status_code == 422
    assert "valid_from" in made.json["fields"]
    made = client.post("/api/v1/parameter/", json=body, headers=headers)
    if made.status_code == 422:  # parameters know their keys: the generic verb is tested with one of them
        body = {**body, "key": "par.30", "value": "30", "operator": ">"}
        made = client.post("/api/v1/parameter/", json=body, headers=headers)
    assert made.status_code == 201, made.json
    address = made.headers["Location"]
    version = client.get(address).json["result"]["version"]
    assert client.put(address, json={"source": "another", "version": version}, headers=headers).status_code == 200
    assert client.put(address, json={"source": "third", "version": version}, headers=headers).status_code == 409
    assert client.put(address, json={"nothing": 1}, headers=headers).status_code == 422
    assert client.put(address, json=[], headers=headers).status_code == 400
    assert client.put(address, data="[]", headers=headers).status_code == 415
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.scalar(
            select(Parameter.source).where(Parameter.key == body["key"], Parameter.source == "another")
        )


def test_rest_refuses_a_foreign_key_and_a_foreign_row(world: World):
    client = world.login("a1")
    csrf, _page = token(client, "/customerview/add")
    headers = {"X-CSRFToken": csrf}
    own_row, foreign = world.customers["C-A-a1-0"], world.customers["C-B-b1-0"]
    before = row(world)
    assert client.put(f"/api/v1/customer/{foreign}", json={"name": "x"}, headers=headers).status_code == 404
    moved = client.put(f"/api/v1/customer/{own_row}", json={"branch": world.branches["B"]}, headers=headers)
    assert moved.status_code in (404, 422)
    assert row(world) == before


def test_the_openapi_document_names_every_resource(world: World):
    document = world.login("committee").get("/api/v1/_openapi").json
    paths = set(document["paths"])
    for view in world.app.extensions["screens"].values():
        if not view.record_view:
            assert f"/api/v1/{view.endpoint_name}/" in paths
    assert "Loan" in document["components"]["schemas"]


def test_tokens_work_instead_of_cookies(world: World):
    client = world.app.test_client()
    login = {"username": "a1", "password": PASSWORD, "provider": "db"}
    bearer = client.post("/api/v1/security/login", json=login).json["access_token"]
    fresh = world.app.test_client()
    answer = fresh.get("/api/v1/loan/?size=200", headers={"Authorization": f"Bearer {bearer}"})
    assert {found["code"] for found in answer.json["result"]} == world.loans_of("a1")
