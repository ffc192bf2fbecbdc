"""Records: the figures that decide, related rows, the way through the list one came from, and what it costs."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.organization.models import Level, Staff
from tests.world import World

MOST_STATEMENTS = 12


def text(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return unescape(response.get_data(as_text=True))


def statements_of(world: World, client: FlaskClient, address: str) -> list[str]:
    found: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            found.append(statement)

    with world.app.app_context():
        engine = db.engine
    text(client, address)
    event.listen(engine, "before_cursor_execute", note)
    try:
        text(client, address)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return found


def neighbour(page: str, key: str) -> str:
    found = re.search(rf'<a class="icon-button" href="([^"]*)"[^>]*data-neighbour="\{key}"', page)
    return found[1] if found else ""


def links(page: str) -> list[str]:
    return re.findall(r'<tr data-href="([^"]*)"', page)


WALKS = [
    ("customer_manager", "/customerview/list/"),
    ("branch_head", "/customerview/list/?q=cust-A&order=name&direction=asc"),
    ("branch_head", "/staffview/list/?f.post.in=customer_manager&order=level&direction=asc"),
    ("committee", "/staffview/list/?order=level&direction=desc"),
    ("committee", "/loanview/list/?f.principal.ge=10000.01&order=principal&direction=desc"),
    ("committee", "/loanstateview/list/?order=days_past_due&direction=asc"),
]


@pytest.fixture
def some_levels(world: World) -> None:
    """Some staff with a level and some without: an order with empty places."""
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.levels"):
        for name in ("a1", "b1", "approver"):
            db.session.get_one(Staff, world.staff[name]).level = Level.JUNIOR


@pytest.mark.parametrize(("login", "address"), WALKS)
@pytest.mark.usefixtures("some_levels")
def test_next_and_previous_walk_the_list_one_came_from(world: World, login: str, address: str) -> None:
    client = world.login(login)
    listed = links(text(client, address))
    if not listed:
        assert login == "customer_manager"
        return
    walked, here, pages = [listed[0]], listed[0], 0
    while (here := neighbour(text(client, here), "]")) and pages < 50:
        walked.append(here)
        pages += 1
    assert walked == listed
    backwards = [walked[-1]]
    while back := neighbour(text(client, backwards[-1]), "["):
        backwards.append(back)
    assert backwards[::-1] == listed


def test_the_way_back_leads_to_the_list_as_it_was(world: World) -> None:
    client = world.login("committee")
    listed = links(text(client, "/loanstateview/list/?f.days_past_due.ge=40&order=balance&direction=asc&size=50"))
    page = text(client, listed[0])
    back = re.search(r'<header class="page-head">\s*<a class="icon-button" href="([^"]*)"', page)
    assert back
    assert back[1].startswith("/loanstateview/list/?")
    assert set(back[1].split("?")[1].split("&")) == {
        "f.days_past_due.ge=40",
        "order=balance",
        "direction=asc",
        "size=50",
    }


@pytest.mark.parametrize("origin", ["", "nonsense", "LoanView?x", "ParameterView?f.key.eq=1", "CustomerView?f.no.eq=1"])
def test_a_list_that_does_not_lead_here_gives_no_neighbours_and_no_error(world: World, origin: str) -> None:
    client = world.login("branch_head")
    customer = world.customers["C-A-a1-0"]
    page = client.get(f"/customerview/show/{customer}", query_string={"list": origin})
    assert page.status_code == 200
    assert ("data-neighbour" in page.get_data(as_text=True)) == origin.startswith("CustomerView")


def test_neighbours_lie_within_the_scope_whatever_the_address_says(world: World) -> None:
    client = world.login("a1")
    own = {world.customers[code] for code in world.customers if "-a1-" in code}
    seen = set()
    for customer in own:
        page = text(client, f"/customerview/show/{customer}?list=CustomerView%3F")
        seen |= {int(k) for k in re.findall(r'/customerview/show/(\d+)\?list=[^"]*"[^>]*data-neighbour', page)}
    assert seen == own


RECORDS = [
    ("customerview", "customers", "C-A-a1-0", "CustomerView"),
    ("loanview", "loans", "LOAN-A-a1-0", "LoanView"),
    ("branchview", "branches", "A", "BranchView"),
    ("staffview", "staff", "a1", "StaffView"),
    ("teamview", "teams", "TA", "TeamView"),
]


@pytest.mark.parametrize(("screen", "kind", "code", "source"), RECORDS)
def test_a_record_takes_few_statements(world: World, screen: str, kind: str, code: str, source: str) -> None:
    key = getattr(world, kind)[code]
    for login in ("branch_head", "committee"):
        found = statements_of(world, world.login(login), f"/{screen}/show/{key}?list={source}%3F")
        assert len(found) <= MOST_STATEMENTS, "\n\n".join(found)


def test_tabs_count_what_the_reader_may_see(world: World) -> None:
    counts = {}
    for login in ("committee", "team_lead", "a1"):
        page = text(world.login(login), f"/teamview/show/{world.teams['TA']}")
        found = re.search(r'id="tab-CustomerView".*?<span class="count">(\d+)</span>', page, re.S)
        assert found
        counts[login] = int(found[1])
    assert counts == {"committee": 8, "team_lead": 8, "a1": 4}


def test_a_tab_shows_its_rows_and_only_those_in_scope(world: World) -> None:
    page = text(world.login("a1"), f"/teamview/related/{world.teams['TA']}/CustomerView")
    assert set(re.findall(r"cust-\w+-\w+-\d", page)) == {f"cust-A-a1-{n}" for n in range(4)}
    assert "<html" not in page


def test_a_tab_that_the_record_does_not_have_is_not_found(world: World) -> None:
    client = world.login("committee")
    assert client.get(f"/teamview/related/{world.teams['TA']}/ParameterView").status_code == 404
    assert client.get("/teamview/related/999999/CustomerView").status_code == 404


def test_the_summary_shows_registered_figures_within_the_scope(world: World) -> None:
    shown = {}
    for login in ("committee", "a1"):
        page = text(world.login(login), f"/teamview/show/{world.teams['TA']}?_l_=en")
        found = re.search(r">Number of loans</dt><dd>([\d,]+)</dd>", page)
        assert found
        shown[login] = found[1]
    assert shown == {"committee": "8", "a1": "4"}


def test_a_role_without_the_figure_sees_the_record_without_it(world: World) -> None:
    page = text(world.login("hr"), f"/staffview/show/{world.staff['a1']}?_l_=en")
    assert "Number of loans" not in page
    assert '<dl class="summary">' in page
