"""Every resource, field and channel, for somebody whose role covers everything: no plain value in any answer."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from portal.access import services
from portal.access.rules import Table
from portal.core import roles
from portal.core.db import Labelled, db, label_of
from portal.core.display import screens
from portal.core.masks import COVER
from portal.core.offers import offers
from portal.core.scope import SYSTEM, acting, unscoped
from portal.core.values import as_shown, as_text
from portal.organization import users
from portal.parameters.known import known
from portal.parameters.services import set_parameter
from tests.world import TODAY, World

#: What is drawn on a page does not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

FEWEST = 4
"""Characters of a value that could not stand on a page by chance."""


@pytest.fixture(scope="module")
def covered(world: World) -> Iterator[World]:
    """Logins `masked` and `hidden` who may do everything and are shown nothing."""
    with world.app.test_request_context(), acting(SYSTEM):
        set_parameter("access.four_eyes", "off", TODAY, "a test")
        for mask in ("masked", "hidden"):
            known = {r: offer for r, offer in offers().items() if r not in ("Role", "ImportBatch")}
            table = Table(
                label=mask,
                grants={
                    (r, action): offer.scopes_of(action)[-1]
                    for r, offer in known.items()
                    for action in offer.actions
                    if not (mask == "hidden" and action == "add")
                },
                masks={(r, name): mask for r, offer in known.items() for name in offer.fields},
            )
            services.propose(mask, table, "a test", 0)
            users.add_user(mask, mask, "", f"{mask}@example.test", [mask], "a good password")
    yield world


def words_of(world: World) -> dict[str, set[str]]:
    """By screen, every value of the company as it would be shown or written, long enough to be told from the rest."""
    found: dict[str, set[str]] = {}
    with world.app.test_request_context("/?_l_=en"), acting(SYSTEM), unscoped("a test"):
        for name, view in screens().items():
            if view.resource == "ImportBatch":
                continue
            # Who did what and when stands in every timeline, for whoever may open the record.
            told = ("request_id",) if view.resource == "AuditEntry" else tuple(view.fields)
            texts: set[str] = set()
            for row in db.session.scalars(select(view.model)):
                for field in (view.fields[n] for n in told):
                    value = getattr(row, field.name)
                    if value is None or isinstance(value, (bool, Labelled)) or field.type in ("choice", "ref"):
                        continue
                    texts |= {as_text(field, value), re.sub(r"<[^>]+>", "", str(as_shown(field, value)))}
            found[name] = {text for text in texts if len(text) >= FEWEST}
    return found


#: Values that are also words of the portal itself: names of logins, of parameters to choose from, the business date,
#: the days that timelines go by.
def everyday(world: World) -> set[str]:
    with world.app.test_request_context("/?_l_=en"):
        labels = {str(named.label) for named in (*offers().values(), *known.values())}
    return {
        "masked",
        "hidden",
        "a test",
        "2026-06-30",
        "2026-01-31",
        "town",
        "court",
        "price list",
        "manager",
        "refuse",
        "interest",
        "0.00",
        *labels,
        *known,
        *roles.roles,
    }


def addresses(world: World) -> Iterator[tuple[str, str]]:
    """(screen, address) of everything that could tell a value."""
    with world.app.test_request_context(), acting(SYSTEM), unscoped("a test"):
        firsts = {n: db.session.scalar(select(view.pk).order_by(view.pk).limit(1)) for n, view in screens().items()}
        views = {name: view for name, view in screens().items() if view.resource != "ImportBatch"}
    for name, view in views.items():
        base, pk = f"/{name.lower()}", firsts[name]
        yield name, f"{base}/list/?size=200"
        yield name, f"{base}/export/csv"
        yield name, f"/api/v1/{view.endpoint_name}/?size=200"
        yield name, f"/api/v1/{view.endpoint_name}/_info"
        for field in view.fields.values():
            if field.type == "ref":
                yield name, f"{base}/lookup/{field.name}"
        if pk is None:
            continue
        if not view.record_view:
            yield name, f"{base}/show/{pk}?list={name}%3F"
            yield name, f"/api/v1/{view.endpoint_name}/{pk}"
            if view.has_timeline:
                yield name, f"{base}/timeline/{pk}"
            for related, _reference in view.related:
                yield name, f"{base}/related/{pk}/{related}"
        if view.can_edit and not view.record_view:
            yield name, f"{base}/edit/{pk}"
    for address in ("/?all=1", "/search/?q=cust", "/metrics/loan_balance/rows", "/grids/map/figures", "/metrics/"):
        yield "", address


@pytest.mark.parametrize("login", ["masked", "hidden"])
def test_no_channel_tells_a_covered_value(covered: World, login: str):
    client, known = covered.login(login), words_of(covered)
    every = set().union(*known.values()) - everyday(covered)
    assert len(every) > 100
    asked = list(addresses(covered))
    assert len(asked) > 100
    leaks: list[tuple[str, set[str]]] = []
    for _screen, address in asked:
        response = client.get(address + ("&" if "?" in address else "?") + "_l_=en")
        text = unescape(response.get_data(as_text=True))
        response.close()
        assert response.status_code in (200, 403, 404), (address, response.status_code)
        body = text.split("<main", 1)[-1] if "<main" in text else text
        body = re.sub(r"<script.*?</script>|<input type=\"hidden\"[^>]*>", "", body, flags=re.S)
        held = (value for value in every if value in body)
        told = {value for value in held if re.search(rf"(?<![\w.,-]){re.escape(value)}(?![\w.,-])", body)}
        if told:
            leaks.append((address, set(sorted(told)[:5])))
    assert leaks == [], leaks


def test_a_hidden_field_is_named_nowhere_and_a_masked_one_everywhere(covered: World):
    for login, named in (("masked", True), ("hidden", False)):
        client = covered.login(login)
        pk = covered.customers["C-A-a1-0"]
        fields = client.get(f"/api/v1/customer/{pk}").get_json()["result"]
        assert ("phone" in fields) is named
        assert ("Phone" in client.get("/customerview/export/csv?_l_=en").get_data(as_text=True)) is named
        assert ("Phone" in client.get(f"/customerview/show/{pk}?_l_=en").get_data(as_text=True)) is named
        assert ('data-column="phone"' in client.get("/customerview/list/").get_data(as_text=True)) is named


def test_what_is_covered_can_be_neither_filtered_nor_sorted_nor_searched(covered: World):
    for login in ("masked", "hidden"):
        client = covered.login(login)
        every = client.get("/api/v1/loan/?size=200").get_json()["result"]
        ids = [row["id"] for row in every]
        for query in ("order=principal&direction=asc", "order=code&direction=asc"):
            assert [r["id"] for r in client.get(f"/api/v1/loan/?size=200&{query}").get_json()["result"]] == ids
        assert client.get("/api/v1/loan/?f.principal.ge=1").status_code == 400
        assert client.get("/api/v1/customer/?f.name.contains=a1").status_code == 400
        assert client.get("/api/v1/customer/?q=cust-A-a1-0").get_json()["count"] == 0
        assert client.get("/loanview/counts/status").status_code == 404
        found = client.get("/api/v1/customer/?q=13900000000").get_json()["count"]
        assert found == (1 if login == "masked" else 0)


def test_a_form_that_shows_covers_keeps_what_the_record_holds(covered: World):
    client, pk = covered.login("masked"), covered.customers["C-A-a1-1"]
    html = unescape(client.get(f"/customerview/edit/{pk}").get_data(as_text=True)).split("record-form")[1]
    data = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', html))
    data |= {n: v.strip() for n, v in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)<', html)}
    assert data["name"] == COVER
    with covered.app.app_context(), acting(SYSTEM):
        before = vars(db.session.get(screens()["CustomerView"].model, pk)).copy()
    response = client.post(f"/customerview/edit/{pk}", data=data)
    assert response.status_code == 302, re.findall(r"field-errors.*?</ul>", response.get_data(as_text=True), re.S)
    with covered.app.app_context(), acting(SYSTEM):
        after = vars(db.session.get(screens()["CustomerView"].model, pk))
        changed = {k for k in before if k != "_sa_instance_state" and before[k] != after[k]}
    assert changed <= {"version"}
    api = {"name": COVER}
    assert client.put(f"/api/v1/customer/{pk}", json=api).status_code in (400, 422)


def test_a_workbook_covers_numbers_as_text(covered: World):
    response = covered.login("masked").get("/loanview/export/xlsx?_l_=en")
    sheet: Any = openpyxl.load_workbook(io.BytesIO(response.get_data())).active
    cells = {cell.value for row in sheet.iter_rows(min_row=2) for cell in row}
    assert cells <= {COVER, None}


def test_a_choice_is_covered_too(covered: World):
    loan = screens_model(covered, "LoanView")
    page = covered.login("masked").get("/loanview/list/?_l_=en").get_data(as_text=True).split("<tbody")[1]
    words = {str(label_of(choice)) for choice in type(loan.status)}
    assert not any(f">{word}<" in page for word in words)


def screens_model(world: World, name: str) -> Any:
    with world.app.test_request_context(), acting(SYSTEM), unscoped("a test"):
        return db.session.scalar(select(screens()[name].model).limit(1))
