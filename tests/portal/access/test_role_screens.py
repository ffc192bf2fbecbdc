"""The role screens: what they show, the plain form from first click to approval, what is tampered with."""

from __future__ import annotations

import io
import re
from dataclasses import replace as changed
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from portal.access import matrix, tables
from portal.access.models import RoleVersion
from portal.core import roles
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.offers import offers
from portal.core.scope import SYSTEM, acting
from portal.organization import users
from tests.world import World


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    response = client.get(address + ("&" if "?" in address else "?") + "_l_=en")
    assert response.status_code == status, address
    return unescape(response.get_data(as_text=True))


def inputs(html: str) -> dict[str, str]:
    """What the browser would send of the role's form."""
    form = html.split("data-role-form")[1].split("</form>")[0]
    found = dict(re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)"', form))
    found |= dict(re.findall(r'<input class="form-control" id="\w+" name="(\w+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select class="scope[^>]* name="([\w.]+)"[^>]*>(.*?)</select>', form):
        found[name] = re.search(r'value="(\w+)" selected', options)[1]  # type: ignore[index]
    return found


def post(client: FlaskClient, address: str, data: dict[str, str]) -> tuple[int, str, str]:
    response = client.post(f"{address}?_l_=en", data=data)
    return response.status_code, unescape(response.get_data(as_text=True)), response.headers.get("Location", "")


def token(client: FlaskClient) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page(client, "/roles/new?label=x"))[1]  # type: ignore[index]


def test_a_role_is_made_checked_proposed_and_approved_by_plain_forms(company: World):
    client = company.login("administrator")
    html = page(client, "/roles/new?label=催收外包&based_on=collections&most=self")
    data = inputs(html)
    assert data["g.Customer.list"] == "self"
    assert data["g.Branch.list"] == "branch"  # a branch cannot be limited to oneself
    data["m.Customer.phone"] = "hidden"
    status, html, _ = post(client, "/roles/new", {**data, "step": "propose", "reason": "too early"})
    assert status == 200  # nothing is proposed that was not shown before
    assert "Nobody has this role yet" in html
    data = inputs(html)
    assert data["m.Customer.phone"] == "hidden"
    status, _html, location = post(client, "/roles/new", {**data, "step": "propose", "reason": "An outside firm."})
    assert (status, location) == (302, location)
    html = page(client, location)
    assert "somebody else decides" in html
    assert 'value="approve"' not in html
    second = company.login("second")
    assert "催收外包" in page(second, "/?all=1")
    html = page(second, location)
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', html)[1]  # type: ignore[index]
    decide = location.split("?")[0] + "/decide"
    assert post(second, decide, {"csrf_token": csrf, "do": "approve"})[0] == 302
    html = page(second, "/roles/role/cuishouwaibao")
    assert "Phone: Hidden" in html
    assert "Based on Collections officer" in html
    assert "An outside firm." in html


def test_the_preview_tells_in_sentences_who_loses_what(company: World):
    client = company.login("administrator")
    data = inputs(page(client, "/roles/role/customer_manager/edit"))
    data["g.Customer.export"] = "none"
    data["g.Grid.list"] = "team"
    status, html, _ = post(client, "/roles/role/customer_manager/edit", {**data, "panel": "1"})
    assert status == 200
    assert "<main" not in html
    assert "4 people lose Customers: Export" in html
    assert "4 people: Grids: See lists, now Own team instead of Own only" in html
    assert "Only" not in html.split("<details")[0]


@pytest.mark.parametrize(
    "tampered",
    [
        {"g.Customer.fly": "all"},
        {"g.Kustomer.list": "all"},
        {"g.Customer.list": "galaxy"},
        {"g.Product.list": "self"},
        {"m.Customer.phone": "clear"},
        {"m.Customer.shoe": "hidden"},
        {"base_number": "7"},
        {"base_number": "x"},
    ],
)
def test_tampered_fields_are_refused_logged_and_change_nothing(company: World, tampered: dict[str, str]):
    client = company.login("administrator")
    address = "/roles/role/customer_manager/edit"
    data = inputs(page(client, address))
    data["g.Customer.export"] = "none"
    _status, html, _ = post(client, address, {**data, "step": "preview"})
    data = inputs(html)
    status, html, _ = post(client, address, {**data, "step": "propose", "reason": "a try", **tampered})
    assert status in (409, 422)
    assert 'class="notice notice-danger"' in html
    with company.app.app_context(), acting(SYSTEM):
        assert db.session.scalar(select(RoleVersion.id)) is None
        last = db.session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
        assert last is not None
        assert (last.verb, last.actor) == ("access.refused", "administrator")


def test_yaml_goes_out_and_comes_back_and_what_is_wrong_names_its_line(company: World):
    client = company.login("administrator")
    text = client.get("/roles/role/collections/export").get_data(as_text=True)
    csrf = token(client)
    changed_text = text.replace("    export: branch", "    export: self", 1)
    response = client.post(
        "/roles/import?_l_=en",
        data={"csrf_token": csrf, "file": (io.BytesIO(changed_text.encode()), "role.yaml")},
    )
    html = unescape(response.get_data(as_text=True))
    assert response.status_code == 200
    assert "Export" in html.split("data-role-panel")[1]
    data = inputs(html)
    assert (
        client.post(
            "/roles/role/collections/edit", data={**data, "step": "propose", "reason": "from a file"}
        ).status_code
        == 302
    )
    status, html, _ = post(client, "/roles/import", {"csrf_token": csrf, "text": "role: x\nlabel: X\nrightz: {}\n"})
    assert status == 422
    assert "Line 3: “rightz” is not known here." in html
    locked = "role: administrator\ngrants:\n  Staff: {list: all}\n"
    status, html, _ = post(client, "/roles/import", {"csrf_token": csrf, "text": locked})
    assert "Nobody could change roles any more" in html
    data = {**inputs(html), "step": "propose", "reason": "lock everybody out"}
    status, html, _ = post(client, "/roles/role/administrator/edit", {**data, "shown": "whatever"})
    assert "Nobody could change roles any more" in html
    with company.app.app_context():
        assert db.session.scalar(select(RoleVersion.role)) == "collections"


def test_two_roles_side_by_side(company: World):
    html = page(company.login("audit"), "/roles/compare?a=branch_head&b=team_lead")
    alike = "Customers · See lists, Open records, Add, Change, Export, Reveal personal data"
    assert re.search(rf"{alike}</th>\s*<td[^>]*>Own branch</td>\s*<td[^>]*>Own team ", html)
    assert 'class="btn btn-primary" href="/roles/new"' not in page(company.login("audit"), "/roles/")


def test_the_matrix_of_two_hundred_resources_takes_no_more_statements_than_that_of_those_there_are(company: World):
    client = company.login("administrator")
    statements: list[str] = []

    def note(_c, _cur, statement, *_rest):
        statements.append(statement)

    with company.app.app_context():
        engine = db.engine
        with company.app.test_request_context():
            real = dict(offers())
    counts = []
    many = {f"{name}{n}": changed(offer, resource=f"{name}{n}") for n in range(11) for name, offer in real.items()}
    try:
        for known in (real, dict(list(many.items())[:200])):
            company.app.extensions["offers"] = known
            client.get("/roles/role/collections/edit")
            statements.clear()
            event.listen(engine, "before_cursor_execute", note)
            assert client.get("/roles/role/collections/edit").status_code == 200
            event.remove(engine, "before_cursor_execute", note)
            counts.append(len(statements))
    finally:
        company.app.extensions["offers"] = real
    assert counts[0] == counts[1] <= 12


def test_every_resource_and_action_has_words_in_both_languages(company: World):
    with company.app.test_request_context("/?_l_=zh"):
        chinese = {name: str(offer.label) for name, offer in offers().items()}
        actions = {str(words) for offer in offers().values() for words in offer.actions.values()}
    assert all(not label.isascii() for label in chinese.values()), chinese
    assert all(not words.isascii() for words in actions), actions


def test_what_the_matrix_reads_back_is_what_it_shows(company: World):
    with company.app.test_request_context(), acting(SYSTEM):
        for name in roles.roles:
            table = tables.table_of(name)
            cells = [
                c
                for _a, rows in matrix.rows(table, tables.base_of(name, ""))
                for row in rows
                for c in (*row.cells, *row.others)
            ]
            form = {}
            for _words, html in cells:
                if html:
                    form[re.search(r'name="([\w.]+)"', html)[1]] = re.search(r'value="(\w+)" selected', html)[1]  # type: ignore[index]
            assert matrix.read(form, table, tables.vocabulary()) == table


def test_a_login_is_given_roles_on_its_own_page_but_never_the_last_keeper_taken_away(company: World):
    client = company.login("administrator")
    with company.app.app_context(), acting(SYSTEM):
        ids = {user.username: user.id for user in db.session.query(users.User)}
        users.set_roles("second", ["risk"])
    address = f"/userview/roles/{ids['a2']}"
    assert address in page(client, f"/userview/show/{ids['a2']}")
    html = page(client, address)
    assert re.search(r'value="customer_manager" checked', html)
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', html)[1]  # type: ignore[index]
    assert client.post(address, data={"csrf_token": csrf, "role": ["hr", "risk"]}).status_code == 302
    with company.app.app_context(), acting(SYSTEM):
        assert {role.name for role in users.find("a2").roles} == {"hr", "risk"}
        entry = db.session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
        assert entry is not None
        assert (entry.verb, entry.actor, entry.subject_id) == ("users.set_roles", "administrator", ids["a2"])
        assert entry.changes["roles"] == [["customer_manager"], ["hr", "risk"]]
    for login, given, words in (
        ("administrator", ["risk"], "Nobody could change roles any more"),
        ("a2", ["king"], "There is no role “king”"),
    ):
        status, html, _ = post(client, f"/userview/roles/{ids[login]}", {"csrf_token": csrf, "role": given})  # type: ignore[dict-item]
        assert status == 409
        assert words in html
        with company.app.app_context(), acting(SYSTEM):
            entry = db.session.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
            assert entry is not None
            assert entry.verb == "users.refused"
    auditor = company.login("audit")
    assert address not in page(auditor, f"/userview/show/{ids['a2']}")
    assert auditor.get(address).status_code == 403
