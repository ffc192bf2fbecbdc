"""The screens of early warning: numbers of the board and the lists behind them, steps on records, rules."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.warnings.models import RuleState, WarningCase, WarningRule
from portal.warnings.rules import Owner, State
from tests.world import World


def token(client: FlaskClient, path: str) -> str:
    return hidden(client, path)["csrf_token"]


def hidden(client: FlaskClient, path: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    inputs = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", client.get(path).get_data(as_text=True))
    pairs = [(re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
    return {name[1]: value[1] for name, value in pairs if name and value}


def post(client: FlaskClient, page: str, path: str, **values: Any) -> str:
    """Send a form of a page; the page that follows."""
    answer = client.post(path, data={**hidden(client, page), **values}, follow_redirects=True)
    assert answer.status_code == 200, path
    return unescape(answer.get_data(as_text=True))


def case_of(world: World, loan: str) -> int:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.scalars(select(WarningCase.id).where(WarningCase.loan_id == world.loans[loan])).one()


def state_of(world: World, number: int) -> State:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(WarningCase, number).state


@pytest.mark.parametrize(("login", "count"), [("risk", 12), ("team_lead", 8), ("a1", 4), ("b1", 4)])
def test_every_number_of_the_board_is_that_of_its_list(world: World, login: str, count: int):
    client = world.login(login)
    page = unescape(client.get("/warning-board/").get_data(as_text=True))
    figures = re.findall(r'<a href="(/warningcaseview/list/[^"]+)"[^>]*>(?:<span[^>]*>.*?</span><b>)?([\d,]+)<', page)
    assert (len(figures) > 10) and (str(count) in {number for _url, number in figures})
    for url, number in figures:
        listed = client.get(url).get_data(as_text=True)
        rows = len(re.findall(r"<tr[^>]*data-id=", listed)) or len(
            re.findall(r'href="/warningcaseview/show/\d+', listed)
        )
        assert bool(rows) is (number != "0"), url
    assert f">{count}<" in page


def test_from_a_warning_to_its_end_on_the_screens(world: World):
    loan = next(code for code in world.loans if "-a1-" in code)
    number = case_of(world, loan)
    page, step = f"/warningcaseview/show/{number}", f"/warningcaseview/step/{number}"
    manager, lead = world.login("a1"), world.login("team_lead")
    assert "Days past due at least 30 days" in manager.get(page).get_data(as_text=True)
    refused = post(lead, page, f"/warningcaseview/decide/{number}", do="close_case")
    assert "does not follow" in refused
    assert "The warning is now: Acknowledged." in post(manager, page, step, do="acknowledge", note="Called")
    kept = post(manager, page, step, do="decide_measure", measure="no_measure", note="")
    assert "Say why nothing is done." in kept
    assert re.search(r'value="no_measure" selected', kept), "what was chosen is kept"
    post(manager, page, step, do="decide_measure", measure="step_up_checks")
    post(manager, page, step, do="report_result", note="He paid")
    post(manager, page, step, do="propose_to_close")
    assert state_of(world, number) is State.TO_CLOSE
    assert manager.post(f"/warningcaseview/decide/{number}", data={"do": "close_case"}).status_code in (302, 400, 403)
    assert state_of(world, number) is State.TO_CLOSE
    assert "The warning is now: Warning closed." in post(
        lead, page, f"/warningcaseview/decide/{number}", do="close_case", note="Seen"
    )
    assert state_of(world, number) is State.CLOSED
    timeline = lead.get(f"/warningcaseview/timeline/{number}").get_data(as_text=True)
    assert "Warning acknowledged" in timeline and "Warning opened" in timeline


def test_another_teams_warning_is_not_there(world: World):
    number = case_of(world, next(code for code in world.loans if "-b1-" in code))
    lead = world.login("team_lead")
    assert lead.get(f"/warningcaseview/show/{number}").status_code == 404
    mine = case_of(world, [code for code in world.loans if "-a1-" in code][1])
    data = {"csrf_token": token(lead, f"/warningcaseview/show/{mine}"), "do": "acknowledge"}
    assert lead.post(f"/warningcaseview/step/{number}", data=data).status_code == 404
    assert state_of(world, number) is State.OPEN


def test_what_went_up_offers_the_manager_no_step(world: World):
    number = case_of(world, next(code for code in world.loans if "-a2-" in code))
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.up"):
        db.session.get_one(WarningCase, number).owner = Owner.TEAM_LEAD
    assert "It is with: Team lead." in world.login("a2").get(f"/warningcaseview/show/{number}").get_data(as_text=True)
    assert 'value="acknowledge"' in world.login("team_lead").get(f"/warningcaseview/show/{number}").get_data(
        as_text=True
    )


def test_a_rule_is_written_and_switched_on_without_code(world: World):
    risk, admin = world.login("risk"), world.login("administrator")
    made = post(
        risk,
        "/warningruleview/add",
        "/warningruleview/add",
        code="W9",
        name="Few days late",
        level="blue",
        joined="all_of",
        owner="risk",
        acknowledge_days="5",
        valid_from="2026-01-01",
    )
    assert "Few days late was added." in made
    with world.app.app_context(), acting(SYSTEM):
        number = db.session.scalars(select(WarningRule.id).where(WarningRule.code == "W9")).one()
    page = f"/warningruleview/show/{number}"
    asked = {"rule": str(number), "indicator": "days_past_due", "comparison": ">="}
    wrong = risk.post(
        "/warningconditionview/add",
        data={
            **hidden(risk, "/warningconditionview/add"),
            **asked,
            "unit": "percent",
            "threshold": "10",
        },
    )
    assert wrong.status_code == 422 and "This indicator is measured in: days." in unescape(wrong.get_data(as_text=True))
    post(risk, "/warningconditionview/add", "/warningconditionview/add", **asked, unit="days", threshold="40")
    assert "Today it hits" in risk.get(page).get_data(as_text=True)
    many = post(risk, page, f"/warningruleview/switch_on/{number}")
    assert "say why it is switched on all the same" in many, "9 of 12 loans are that late"
    waits = post(risk, page, f"/warningruleview/switch_on/{number}", reason="A test of one week")
    assert "Waits for a second person" in waits
    assert "You proposed this" in post(risk, page, f"/warningruleview/approve_rule/{number}")
    assert "The rule is now: Switched on." in post(admin, page, f"/warningruleview/approve_rule/{number}")
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(WarningRule, number).state is RuleState.ON
    assert "The rule is now: Switched off." in post(admin, page, f"/warningruleview/switch_off/{number}")
