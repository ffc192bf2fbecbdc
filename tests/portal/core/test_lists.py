"""What every list offers over its rows: chips, counts per choice, and an answer to nonsense in the address."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from portal.core import facets, paging
from tests.world import World


def listed(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.get_data(as_text=True))


def chips(html: str) -> dict[str, tuple[str, bool]]:
    """Address and state of each quick filter by its words."""
    found = re.findall(r'<a class="quick-chip" href="([^"]*)"( aria-current="true")?>(?:<svg.*?</svg>)?([^<]+)', html)
    return {words: (href, bool(on)) for href, on, words in found}


def test_a_chip_switches_its_choice_and_keeps_everything_else(world: World):
    client = world.login("branch_head")
    offered = chips(listed(client, "/loanview/list/?q=LOAN&f.principal.ge=5&order=code&direction=asc&_l_=en"))
    address, on = offered["Active"]
    assert not on
    html = listed(client, address + "&_l_=en")
    assert chips(html)["Active"] == ("/loanview/list/?q=LOAN&f.principal.ge=5&order=code&direction=asc", True)
    both = chips(html)["Settled"][0]
    assert "f.status.in=active%2Csettled" in both
    assert 'name="q" value="LOAN"' in html


def test_an_offered_choice_that_is_on_is_not_repeated_among_the_active_filters(world: World):
    html = listed(world.login("branch_head"), "/loanview/list/?f.status.in=active&f.principal.ge=5")
    assert re.findall(r'class="filter-chip-value">([^<]*)<', html) == ["5.00"]


@pytest.mark.parametrize(("login", "rows"), [("branch_head", 8), ("a1", 4), ("risk", 12)])
def test_counts_by_choice_stay_within_the_scope(world: World, login: str, rows: int):
    counts = world.login(login).get("/loanview/counts/status").get_json()
    assert counts["active"] == str(rows)
    assert set(counts.values()) == {str(rows), "0"}


def test_counts_leave_out_the_fields_own_filter_and_keep_the_others(world: World):
    client = world.login("a1")
    assert client.get("/loanview/counts/status?f.status.in=settled").get_json()["active"] == "4"
    assert client.get("/loanview/counts/status?f.status.in=settled&q=a1-0").get_json()["active"] == "1"
    assert client.get("/loanview/counts/status?f.principal.ge=10000.02").get_json()["active"] == "2"


def test_counts_are_capped(world: World, monkeypatch: pytest.MonkeyPatch):
    client = world.login("risk")
    monkeypatch.setattr(facets, "MOST_COUNTED", 5)
    assert client.get("/loanview/counts/status").get_json()["active"] == "6+"
    monkeypatch.setattr(paging, "COUNT_CAP", 3)
    assert client.get("/loanview/counts/status").get_json()["active"] == "3+"


def test_only_a_choice_field_has_counts(world: World):
    client = world.login("risk")
    assert client.get("/loanview/counts/customer").status_code == 404
    assert client.get("/customerview/counts/resident_id").status_code == 404


def test_checkboxes_of_a_plain_form_mean_one_of_them(world: World):
    client = world.login("risk")
    assert "12 records" in listed(client, "/loanview/list/?f.status.in=active&f.status.in=settled&_l_=en")


def test_without_javascript_the_drawer_opens_by_its_link(world: World):
    html = listed(world.login("risk"), "/loanview/list/?q=LOAN")
    link = re.search(r'<a [^>]*href="([^"]*)"[^>]*data-dialog="filters"', html)
    assert link
    assert "q=LOAN" in link[1]
    opened = listed(world.login("risk"), link[1])
    assert re.search(r'<dialog class="drawer" id="filters"[^>]* open>', opened)


NONSENSE = [
    "f.status.in=%F0%9F%92%A9",
    "f.status.in=,,,",
    "f..=1",
    "f.principal.ge=abc",
    "f.principal.ge=1e99",
    "f.disbursed_on.ge=2026-13-40",
    "f.customer.eq=99999999999999999999",
    "f.customer.in=1,two",
    "f.status.__class__=x",
    "f.gone.eq=1",
    "page=-4&size=abc&order=password&direction=sideways",
    "page=99999999999999999999",
    "q=" + quote("<script>alert(1)</script>"),
    "q=%00",
    "q=" + quote("㛃䶮𬭎😀"),
    "q=" + "字" * 4000,
    "f.code.contains=" + "x" * 4000,
    "f.code.contains=%25_%5C",
    "&".join(f"f.code.contains{n}=1" for n in range(40)),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_in_the_address_is_left_out_and_said(world: World, nonsense: str):
    client = world.login("branch_head")
    for screen in ("loanview", "customerview"):
        answer = client.get(f"/{screen}/list/?{nonsense}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.get_data(as_text=True)
        assert (
            client.get(f"/{screen}/counts/{'status' if screen == 'loanview' else 'type'}?{nonsense}").status_code == 200
        )


@pytest.mark.parametrize("moment", ["x", "2026-06-30T25:00", "0001-01-01", "9999-12-31T23:59", "２０２６-06-30"])
def test_a_moment_nobody_can_read_is_said(world: World, moment: str):
    html = listed(world.login("administrator"), f"/auditview/list/?f.at.ge={quote(moment)}&_l_=en")
    assert ("is not a time" in html) == (moment in ("x", "2026-06-30T25:00", "0001-01-01"))


def test_a_bar_shows_a_balance_against_the_largest_of_the_page(world: World):
    html = listed(world.login("risk"), "/loanstateview/list/?order=balance&direction=desc&size=200")
    widths = [int(w) for w in re.findall(r'<svg class="cell-bar"[^>]*><rect width="(\d+)%"', html)]
    assert len(widths) == 12
    assert widths[0] == 100
    assert all(99 <= w <= 100 for w in widths)
    assert "cell-bar" not in listed(world.login("risk"), "/loanview/list/")


def test_every_list_says_what_to_do_when_it_is_empty(world: World):
    for name, view in world.app.extensions["screens"].items():
        assert view.empty_text, name


def test_a_filtered_count_is_capped(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "COUNT_CAP", 3)
    html = listed(world.login("risk"), "/loanview/list/?f.status.in=active&_l_=en")
    assert "3+ records" in html
    assert "12 records" in listed(world.login("risk"), "/loanview/list/?_l_=en")


def test_a_kept_count_is_shared_by_nobody_with_another_outlook(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "COUNT_CAP", 3)
    monkeypatch.setattr(paging, "_kept", {})
    for login, rows in (("risk", 12), ("branch_head", 8), ("a1", 4), ("a2", 4), ("b1", 4)):
        for _again in range(2):
            assert f"{rows} records" in listed(world.login(login), "/loanview/list/?_l_=en"), login
    counted = len(paging._kept)
    assert counted == 5
    assert "12 records" in listed(world.login("committee"), "/loanview/list/?_l_=en")  # sees what risk sees


def test_a_kept_count_is_taken_again_after_some_seconds(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "COUNT_CAP", 3)
    monkeypatch.setattr(paging, "_kept", {})
    listed(world.login("risk"), "/loanview/list/")
    ((known, (at, _count)),) = paging._kept.items()
    paging._kept[known] = at, 99
    assert "99 records" in listed(world.login("risk"), "/loanview/list/?_l_=en")
    paging._kept[known] = at - paging.KEPT_SECONDS, 99
    assert "12 records" in listed(world.login("risk"), "/loanview/list/?_l_=en")
