"""Industry notices: what is refused, who keeps them, and whom the home page tells of which."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.core.clock import calendar_date
from portal.core.db import db
from portal.core.records import problems
from portal.core.scope import SYSTEM, Actor, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer, Industry
from portal.risk.contributions import industry_notices
from portal.risk.notices import IndustryNotice, Outlook
from tests.world import TODAY, World

LENT = {
    "C-A-a1-0": Industry.AGRICULTURE,
    "C-A-a1-1": Industry.AGRICULTURE,
    "C-A-a1-2": Industry.TRADE,
    "C-A-a2-0": Industry.AGRICULTURE,
    "C-B-b1-0": Industry.CONSTRUCTION,
    "C-B-b1-1": Industry.AGRICULTURE,
}
"""Whoever is not here has no industry. Customer n of a manager owes 10,000 yuan and n fen."""
HAIL = "Hail <script>alert(1)</script>"
GOOD: dict[str, Any] = {
    "code": "N-1",
    "industry": Industry.TRADE,
    "published_on": TODAY,
    "title": "Shops are full",
    "summary": "More customers than a year ago.",
    "outlook": Outlook.BETTER,
    "source": "gazette",
}


def days_ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


NEWS = (
    ("hail", Industry.AGRICULTURE, 5, None, Outlook.WORSE, HAIL),
    ("bounds", Industry.AGRICULTURE, 60, TODAY, Outlook.BETTER, "On both last days"),
    ("old", Industry.AGRICULTURE, 61, None, Outlook.WORSE, "Too old"),
    ("over", Industry.AGRICULTURE, 10, days_ago(1), Outlook.WORSE, "Expired"),
    ("shops", Industry.TRADE, 3, None, Outlook.UNCHANGED, "Shops as ever"),
    ("sites", Industry.CONSTRUCTION, 1, None, Outlook.WORSE, "Sites pay late"),
)


@pytest.fixture(autouse=True, scope="module")
def news(world: World) -> None:
    """Some borrowers get industries, and there is news of them."""
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.news"):
        for code, industry in LENT.items():
            db.session.scalars(select(Customer).where(Customer.code == code)).one().industry = industry
        for code, industry, ago, until, outlook, title in NEWS:
            given = {"code": code, "industry": industry, "outlook": outlook, "title": title}
            db.session.add(IndustryNotice(**{**GOOD, **given, "published_on": days_ago(ago), "valid_until": until}))


def wrong(world: World, **values: Any) -> dict[str, list[str]]:
    with world.app.test_request_context(), acting(SYSTEM):
        return problems(IndustryNotice, GOOD | values)


def lines(world: World, login: str) -> list[tuple[str, str, str]]:
    """(title, note, value with its tone) of the card's lines."""
    card = world.login(login).get("/home/industry_notices?_l_=en").get_data(as_text=True)
    text = r'title">(.*?)</span><span class="home-line-note">(.*?)</span></span>'
    found = re.findall(text + r'\s*<span class="home-line-value(.*?)</span>', card, re.DOTALL)
    return [(unescape(one), unescape(two), three.strip()) for one, two, three in found]


def number_of(world: World, code: str) -> int:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.scalars(select(IndustryNotice.id).where(IndustryNotice.code == code)).one()


# ---- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript://news.example/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http://news.example/page",
        "//news.example/page",
        "news.example/page",
        "https://",
        "https:///page",
        "https:news.example",
        "https://bank.example@news.example/",
        "https://news.example/a page",
        "https://news.example\njavascript:alert(1)",
    ],
)
def test_a_link_that_is_no_page_over_https_is_refused(world: World, link: str):
    assert list(wrong(world, link=link)) == ["link"]


@pytest.mark.parametrize(
    "link", [None, "https://news.example", "HTTPS://News.Example:8443/a/b?c=1#d", "https://资讯.example/苹果?页=2"]
)
def test_a_page_over_https_or_none_is_taken(world: World, link: str | None):
    assert wrong(world, link=link) == {}


def test_nothing_was_published_in_the_future(world: World):
    latest = max(TODAY, calendar_date())  # the books may be ahead of the machine's clock
    assert wrong(world, published_on=latest) == {}
    assert list(wrong(world, published_on=latest + dt.timedelta(days=1))) == ["published_on"]


def test_it_does_not_end_before_it_was_published(world: World):
    assert wrong(world, valid_until=TODAY) == {}
    assert list(wrong(world, valid_until=days_ago(1))) == ["valid_until"]


@pytest.mark.parametrize("name", ["source", "industry", "title", "summary", "outlook", "published_on"])
def test_what_makes_it_a_notice_is_needed(world: World, name: str):
    assert list(wrong(world, **{name: None})) == [name]


# ---- screens --------------------------------------------------------------------------------------------------------


def test_whoever_lends_reads_and_risk_keeps(world: World):
    number = number_of(world, "hail")
    for login in ("a1", "team_lead", "branch_head", "approver", "collections", "committee", "product_manager"):
        client = world.login(login)
        assert client.get(f"/industrynoticeview/show/{number}").status_code == 200, login
        for address in ("add", f"edit/{number}"):
            assert client.get(f"/industrynoticeview/{address}").status_code == 403, login
    for login in ("risk", "committee_office"):
        assert world.login(login).get("/industrynoticeview/add").status_code == 200, login
    assert world.login("hr").get(f"/industrynoticeview/show/{number}").status_code == 403


def test_the_form_says_what_is_wrong_and_takes_what_is_right(world: World):
    client = world.login("risk")
    page = client.get("/industrynoticeview/add?_l_=en").get_data(as_text=True)
    hidden = dict(re.findall(r'<input[^>]* name="(\w+)" type="hidden" value="([^"]*)"', page))
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token
    typed = {**GOOD, "code": "typed", "published_on": TODAY.isoformat()}
    data = {**hidden, **typed, "csrf_token": token[1], "link": "javascript:alert(1)"}
    refused = unescape(client.post("/industrynoticeview/add", data=data).get_data(as_text=True))
    assert "Give the address of a page that begins with https://" in refused
    assert client.post("/industrynoticeview/add", data=data | {"link": "https://news.example/1"}).status_code == 302
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.typed"):
        row = db.session.scalars(select(IndustryNotice).where(IndustryNotice.code == "typed")).one()
        assert (row.link, row.industry, row.published_on) == ("https://news.example/1", Industry.TRADE, TODAY)
        db.session.delete(row)


def test_the_record_leads_to_the_source_and_never_runs_anything(world: World):
    client, number = world.login("a1"), number_of(world, "NEWS-1")
    shown = f"/industrynoticeview/show/{number}"
    anchor = '<a href="https://news.example/inns" rel="noopener noreferrer">https://news.example/inns</a>'
    assert anchor in client.get(shown).get_data(as_text=True)
    for bad in ("javascript:alert(1)", 'https://news.example/"onmouseover="alert(1)'):
        with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.link"):
            db.session.execute(update(IndustryNotice).where(IndustryNotice.id == number).values(link=bad))
        page = client.get(shown).get_data(as_text=True)
        assert 'href="javascript:' not in page
        assert '"onmouseover="' not in page
    hail = client.get(f"/industrynoticeview/show/{number_of(world, 'hail')}").get_data(as_text=True)
    assert "<script>alert(1)" not in hail and "Hail &lt;script&gt;alert(1)&lt;/script&gt;" in hail


# ---- the home page --------------------------------------------------------------------------------------------------


def test_a_manager_is_told_of_the_industries_that_his_borrowers_are_in(world: World):
    assert lines(world, "a1") == [
        ("Shops as ever", "Wholesale and retail · 1 loan · 10,000.02 yuan", '">Steady'),
        (HAIL, "Agriculture · 2 loans · 20,000.01 yuan", 'tone-warn">Weakening'),
        ("On both last days", "Agriculture · 2 loans · 20,000.01 yuan", '">Improving'),
    ]


def test_the_title_is_text_on_the_card(world: World):
    card = world.login("a1").get("/home/industry_notices").get_data(as_text=True)
    assert "Hail &lt;script&gt;" in card
    assert "<script>alert(1)" not in card


@pytest.mark.parametrize(
    ("login", "titles", "farming"),
    [
        ("a2", [HAIL, "On both last days"], "1 loan · 10,000.00 yuan"),
        ("b1", ["Sites pay late", HAIL, "On both last days"], "1 loan · 10,000.01 yuan"),
        ("team_lead", ["Shops as ever", HAIL, "On both last days"], "3 loans · 30,000.01 yuan"),
        ("branch_head", ["Shops as ever", HAIL, "On both last days"], "3 loans · 30,000.01 yuan"),
        ("risk", ["Sites pay late", "Shops as ever", HAIL, "On both last days"], "4 loans · 40,000.02 yuan"),
        ("committee", ["Sites pay late", "Shops as ever", HAIL, "On both last days"], "4 loans · 40,000.02 yuan"),
    ],
)
def test_everybody_is_told_of_his_own_loans_only(world: World, login: str, titles: list[str], farming: str):
    found = lines(world, login)
    assert [title for title, _note, _value in found] == titles
    assert {note for title, note, _value in found if title == HAIL} == {f"Agriculture · {farming}"}


def test_a_line_leads_to_the_notice_and_the_card_to_the_list_of_its_industries(world: World):
    client = world.login("a2")
    card = unescape(client.get("/home/industry_notices?_l_=en").get_data(as_text=True))
    assert f'href="/industrynoticeview/show/{number_of(world, "hail")}"' in card
    link = re.search(r'class="home-card-all" href="([^"]+)"', card)
    assert link
    listed = unescape(client.get(link[1]).get_data(as_text=True))
    assert "On both last days" in listed
    assert all(title not in listed for title in ("Too old", "Shops as ever", "Sites pay late", "Inns are full"))


def test_whoever_has_no_loans_or_may_not_see_any_is_told_nothing(world: World):
    assert lines(world, "customer_manager") == []
    assert world.login("customer_manager").get("/home/industry_notices").get_data(as_text=True) == "", "the card leaves"
    with world.app.test_request_context(), acting(Actor("nobody")):
        assert not industry_notices().lines


def test_the_card_says_nothing_to_roles_that_it_is_not_for(world: World):
    assert world.login("hr").get("/home/industry_notices").status_code == 404
