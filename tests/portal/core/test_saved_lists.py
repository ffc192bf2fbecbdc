"""What people keep of lists: their own stays theirs, what is shared reaches the team and nobody else."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select

from portal.core import scope
from portal.core.db import db
from portal.core.errors import NotFound, OutOfScope, Refused
from portal.core.saved_lists import Density, ListPreference, SavedFilter, drop_filter, filters_of, keep_filter, prefer
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from tests.world import World

ACTIVE = [("f.status.in", "active")]


@pytest.fixture(autouse=True)
def nothing_kept(world: World):
    """Each test leaves the shared company as it was."""
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clear"):
        for model in (SavedFilter, ListPreference):
            db.session.execute(delete(model))


def listed(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.get_data(as_text=True))


def posted(client: FlaskClient, address: str, **form: str | list[str]):
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', listed(client, "/loanview/list/"))
    assert token
    return client.post(address, data={"csrf_token": token[1], **form})


def seen_by(world: World, login: str) -> list[str]:
    with world.app.app_context(), acting(actor_for_username(login)):
        return [row.name for row in filters_of("LoanView")]


def kept_by(world: World, login: str, name: str, shared: bool) -> int:
    with world.app.app_context(), acting(actor_for_username(login)):
        return keep_filter("LoanView", name, ACTIVE, shared).id


def test_ones_own_filter_is_seen_by_nobody_else(world: World):
    kept_by(world, "a1", "mine", shared=False)
    assert seen_by(world, "a1") == ["mine"]
    for login in ("a2", "b1", "team_lead", "branch_head", "administrator", "audit"):
        assert seen_by(world, login) == []


def test_a_shared_filter_reaches_the_owners_team_and_no_other(world: World):
    kept_by(world, "a1", "for the team", shared=True)
    assert seen_by(world, "a2") == seen_by(world, "team_lead") == ["for the team"]
    for login in ("b1", "branch_head", "risk"):
        assert seen_by(world, login) == []


def test_who_is_in_no_team_shares_with_the_branch(world: World):
    kept_by(world, "branch_head", "for the branch", shared=True)
    assert seen_by(world, "a1") == seen_by(world, "approver") == ["for the branch"]
    assert seen_by(world, "b1") == seen_by(world, "risk") == []


@pytest.mark.parametrize("login", ["a2", "team_lead", "branch_head", "b1"])
def test_only_the_owner_deletes_a_shared_filter(world: World, login: str):
    number = kept_by(world, "a1", "for the team", shared=True)
    with world.app.app_context(), acting(actor_for_username(login)), pytest.raises((Refused, NotFound)):
        drop_filter("LoanView", number)
    assert seen_by(world, "a1") == ["for the team"]


def test_the_session_itself_refuses_to_write_what_another_shares(world: World):
    number = kept_by(world, "a1", "for the team", shared=True)
    with world.app.app_context(), acting(actor_for_username("a2")):
        row = db.session.get(SavedFilter, number)
        assert row is not None
        with pytest.raises(OutOfScope), unit_of_work("tests.rename"):
            db.session.scalars(select(SavedFilter).where(SavedFilter.id == number)).one().name = "taken over"
        with pytest.raises(OutOfScope), unit_of_work("tests.delete"):
            db.session.delete(db.session.get(SavedFilter, number))
        with pytest.raises(OutOfScope), unit_of_work("tests.forge"):
            owner = db.session.get_one(SavedFilter, number).owner_id
            prefer_as = ListPreference(owner_id=owner, screen="LoanView")
            db.session.add(prefer_as)
    assert seen_by(world, "a1") == ["for the team"]


def test_a_name_taken_by_oneself_is_replaced_and_by_another_is_not(world: World):
    kept_by(world, "a1", "name", shared=True)
    other = kept_by(world, "a2", "name", shared=False)
    kept_by(world, "a1", "name", shared=False)
    assert seen_by(world, "a2") == ["name"]
    with world.app.app_context(), acting(actor_for_username("a2")):
        assert [row.id for row in filters_of("LoanView")] == [other]


def test_a_filter_is_kept_from_the_list_and_opened_by_its_own_address(world: World):
    client = world.login("a1")
    answer = posted(
        client, "/loanview/keep_filter?f.status.in=active&q=LOAN&order=code&direction=asc&page=3", name=" 我的 㛃 "
    )
    assert answer.status_code == 302
    html = listed(client, answer.headers["Location"])
    assert "我的 㛃" in html
    link = re.search(r'href="(/loanview/saved/\d+)" aria-current="true"', html)
    assert link
    opened = client.get(link[1])
    assert opened.headers["Location"] == "/loanview/list/?q=LOAN&f.status.in=active&order=code&direction=asc"
    assert world.login("a2").get(link[1]).status_code == 404
    assert client.get(link[1].replace("loanview", "customerview")).status_code == 404


def test_a_filter_without_a_name_or_a_search_is_refused_in_words(world: World):
    client = world.login("a1")
    posted(client, "/loanview/keep_filter?f.status.in=active", name="  ")
    assert "needs a name" in listed(client, "/loanview/list/?_l_=en")
    posted(client, "/loanview/keep_filter?f.gone.eq=1", name="nothing")
    assert "no filter is on" in listed(client, "/loanview/list/?_l_=en")
    assert seen_by(world, "a1") == []


def test_a_number_that_may_be_personal_is_not_kept(world: World):
    client = world.login("a1")
    posted(client, "/customerview/keep_filter?q=139 0000 0000&f.type.in=farmer", name="somebody")
    with world.app.app_context(), acting(actor_for_username("a1")):
        (row,) = filters_of("CustomerView")
        assert row.pairs == [("f.type.in", "farmer")]


def test_a_saved_filter_on_a_field_that_is_gone_says_so_and_does_the_rest(world: World):
    with world.app.app_context(), acting(actor_for_username("a1")):
        number = keep_filter("LoanView", "old", [("f.colour.eq", "red"), ("f.code.contains", "a1-2")], False).id
    client = world.login("a1")
    html = listed(client, client.get(f"/loanview/saved/{number}").headers["Location"] + "&_l_=en")
    assert "The filter “colour.eq” is not known here and was left out." in html
    assert "1 record" in html
    assert "LOAN-A-a1-2" in html


def test_columns_are_shown_as_chosen_and_only_to_who_chose_them(world: World):
    client = world.login("a1")
    places = ["code", "principal", "customer", "method", "status"]
    posted(client, "/loanview/prefer", place=places, column=["method", "principal", "code"], density="compact")
    html = listed(client, "/loanview/list/")
    assert re.findall(r'<th[^>]*data-column="(\w+)"', html) == ["code", "principal", "method"]
    assert "listing-page is-compact" in html
    assert "is-compact" in listed(client, "/customerview/list/")
    other = listed(world.login("a2"), "/loanview/list/")
    assert 'data-column="customer"' in other
    assert "is-compact" not in other


def test_an_arrow_moves_a_column_without_javascript(world: World):
    client = world.login("a1")
    answer = posted(
        client,
        "/loanview/prefer?q=LOAN",
        place=["code", "principal"],
        column=["code", "principal"],
        move="up:principal",
    )
    assert answer.headers["Location"] == "/loanview/list/?q=LOAN&columns=1"
    html = listed(client, answer.headers["Location"])
    assert re.findall(r'<th[^>]*data-column="(\w+)"', html) == ["principal", "code"]
    assert re.search(r'<details class="menu menu-end columns-menu" open>', html)


def test_columns_that_are_gone_are_not_shown(world: World):
    with world.app.app_context(), acting(actor_for_username("a1")):
        prefer("CustomerView", ["gone", "address", "data_key", "name"], Density.COMFORTABLE)
    html = listed(world.login("a1"), "/customerview/list/")
    assert re.findall(r'<th[^>]*data-column="(\w+)"', html) == ["address", "name"]
    assert listed(world.login("a1"), "/customerview/list/?order=address")
    assert listed(world.login("a1"), "/customerview/list/?order=phone")


def test_the_usual_columns_come_back(world: World):
    client = world.login("a1")
    posted(client, "/loanview/prefer", place=["code"], column=["code"])
    posted(client, "/loanview/prefer", place=["code"], column=["code"], reset="1")
    assert 'data-column="customer"' in listed(client, "/loanview/list/")


def test_no_ticked_column_at_all_means_the_usual_ones(world: World):
    client = world.login("a1")
    posted(client, "/loanview/prefer", place=["code", "customer"])
    assert 'data-column="customer"' in listed(client, "/loanview/list/")


def test_what_is_kept_costs_a_list_two_statements_and_a_list_at_most_twelve(world: World):
    kept_by(world, "a1", "mine", shared=True)
    client, statements = world.login("a1"), []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    with world.app.app_context():
        engine = db.engine
    for address in ("/loanview/list/", "/loanview/list/?q=LOAN&f.status.in=active", "/customerview/list/?page=1"):
        statements.clear()
        event.listen(engine, "before_cursor_execute", note)
        assert client.get(address).status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        assert sum("saved_filter" in s or "list_preference" in s for s in statements) == 2
        assert len(statements) <= 12, statements


def test_nobody_and_the_system_reach_personal_rows_as_they_should(world: World):
    kept_by(world, "a1", "mine", shared=True)
    with world.app.app_context():
        assert db.session.scalars(select(SavedFilter)).all() == []
        with acting(SYSTEM):
            assert [row.name for row in db.session.scalars(select(SavedFilter))] == ["mine"]
        with acting(actor_for_username("a2")):
            assert scope.scope_of(SavedFilter) == scope.SHARED
