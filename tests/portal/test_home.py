"""The home page: what waits for each role, within what it may see, by few statements."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, select

from portal.core import roles
from portal.core.db import db
from portal.core.home import Waiting, cards
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans.state import LoanState
from tests.contracts.test_no_leak import LOGINS, seen
from tests.world import World

MOST_STATEMENTS = 12


@pytest.fixture(autouse=True)
def overdue(world: World) -> None:
    """What is late has principal overdue, or no card would have a loan to show."""
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.overdue"):
        for state in db.session.scalars(select(LoanState).where(LoanState.days_past_due > 0)):
            state.overdue_principal = state.balance


def home(world: World, login: str, address: str = "/?all=1&_l_=en") -> str:
    response = world.login(login).get(address)
    assert response.status_code == 200
    return unescape(response.get_data(as_text=True)).split("<main")[1]


def titles(html: str) -> list[str]:
    return re.findall(r'<h2 id="card-(\w+)"', html)


@pytest.mark.parametrize(
    "role",
    ["administrator", "committee", "branch_head", "team_lead", "customer_manager", "risk", "finance", "compliance"],
)
def test_each_role_has_three_to_six_cards_in_its_order(world: World, role: str):
    meant = sorted((card.places[role], card.key) for card in cards.values() if role in card.places)
    loud = [key for _place, key in meant if not cards[key].quiet]
    assert 3 <= len(loud) <= 6
    html = home(world, role)
    shown = titles(html)
    assert shown == [key for _place, key in meant if key in shown]
    clear = html.split('class="home-clear"')[1] if "home-clear" in html else ""
    assert len([key for key in shown if key in loud]) + clear.count("<li>") == len(loud)


def test_every_card_is_asked_of_every_role_that_gets_it(world: World):
    for role in roles.roles:
        client = world.login(role)
        for card in cards.values():
            status = client.get(f"/home/{card.key}").status_code
            assert status == (200 if role in card.places else 404), (role, card.key)


@pytest.mark.parametrize("login", LOGINS)
def test_no_card_shows_a_row_of_somebody_else(world: World, login: str):
    assert seen(home(world, login)) <= LOGINS[login]
    assert seen(home(world, login))


@pytest.mark.parametrize("login", ["committee", "branch_head", "team_lead", "a1", "risk", "finance", "administrator"])
def test_the_page_takes_few_statements(world: World, login: str):
    client, statements = world.login(login), []
    client.get("/")
    with world.app.app_context():
        engine = db.engine

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    client.get("/")
    event.remove(engine, "before_cursor_execute", note)
    reads = [statement for statement in statements if statement.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(reads) <= MOST_STATEMENTS, "\n".join(reads)


def test_what_adds_up_many_rows_comes_after_the_page(world: World):
    html = home(world, "committee", "/?_l_=en")
    assert 'data-card="/home/portfolio"' in html
    assert "home-figure-value" not in html
    assert "home-figure-value" in world.login("committee").get("/home/portfolio").get_data(as_text=True)


def test_a_customer_without_a_manager_waits_for_the_branch_head_only_in_his_branch(world: World):
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.leave"):
        for code in ("C-A-a1-0", "C-B-b1-0"):
            db.session.scalars(select(Customer).where(Customer.code == code)).one().manager_id = None
    card = world.login("branch_head").get("/home/customers_without_manager").get_data(as_text=True)
    assert "cust-A-a1-0" in card
    assert "cust-B-b1-0" not in card
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.return"):
        for code, manager in (("C-A-a1-0", "a1"), ("C-B-b1-0", "b1")):
            row = db.session.scalars(select(Customer).where(Customer.code == code)).one()
            row.manager_id = world.staff[manager]


def test_a_card_leads_to_the_list_of_the_same_rows(world: World):
    client = world.login("team_lead")
    card = unescape(client.get("/home/loans_due_soon?_l_=en").get_data(as_text=True))
    count = re.search(r'class="count">(\d+)<', card)
    link = re.search(r'class="home-card-all" href="([^"]+)"', card)
    assert count
    assert link
    listed = client.get(link[1]).get_data(as_text=True)
    assert listed.count('data-href="') == int(count[1])


def test_a_quiet_card_that_comes_later_with_nothing_to_say_gives_its_place_up(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    client = world.login("risk")
    monkeypatch.setattr("portal.home.filled", lambda _card: Waiting([]))
    for card in cards.values():
        if "risk" in card.places and card.later:
            inside = client.get(f"/home/{card.key}").get_data(as_text=True)
            assert (inside == "") == card.quiet, card.key
    assert cards["checks_overdue"].quiet
