"""Screens of risk assessments: who may do what, the matrix in both languages, the form, the home card."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from portal.core.db import db
from portal.core.scope import SYSTEM, Actor, acting, unscoped
from portal.core.work import unit_of_work
from portal.risk import assessing
from portal.risk.assessment_words import Impact, Likelihood, Response, RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.models import ReviewState
from tests.world import MONTH_END, TODAY, World

ONE, OTHER = Actor("one", everything=True), Actor("other", everything=True)
QUARTER = dt.date(2026, 3, 31)
SHOUT = "Late <script>alert(1)</script>"


@pytest.fixture
def company(world: World) -> Iterator[World]:
    yield world
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"), unscoped("rows of a test"):
        db.session.execute(delete(RiskAssessment).where(RiskAssessment.kind != RiskKind.OPERATIONAL))


def put(world: World, confirmed: bool = True, **values: Any) -> int:
    given = {
        "kind": RiskKind.CREDIT,
        "as_of": QUARTER,
        "likelihood": Likelihood.LIKELY,
        "impact": Impact.MODERATE,
        "findings": SHOUT,
        "consequences": "More provisions.",
        "response": Response.REDUCE,
        "measures": f"Visit {SHOUT}",
        "responsible": world.staff["risk"],
        "due_on": TODAY - dt.timedelta(days=1),
        **values,
    }
    with world.app.test_request_context(), acting(ONE):
        row_id = assessing.assess(given).id
    if confirmed:
        with world.app.test_request_context(), acting(OTHER):
            assessing.decide(row_id, True, "")
    return row_id


def number(world: World, findings: str) -> int:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.scalars(select(RiskAssessment.id).where(RiskAssessment.findings == findings)).one()


def text_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return unescape(answer.get_data(as_text=True))


def posted(client: FlaskClient, address: str, page: str, **values: str) -> tuple[int, str]:
    """Post a form of a page with its token; the answer's status and the page it leads to."""
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get(page).get_data(as_text=True))
    assert token
    answer = client.post(address, data={"csrf_token": token[1], **values})
    shown = client.get(answer.headers["Location"]) if answer.status_code == 302 else answer
    return answer.status_code, unescape(shown.get_data(as_text=True))


def cell(page: str, likelihood: int, impact: int) -> str:
    """The words of a cell of the matrix."""
    body = page.partition('class="risk-matrix"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)[1:]
    found = re.findall(r"<td[^>]*>(.*?)</td>", rows[5 - likelihood], re.DOTALL)[impact - 1]
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


# ---- the matrix -----------------------------------------------------------------------------------------------------


def test_the_matrix_shows_where_a_risk_stands_and_where_it_stood(company: World):
    put(company)
    put(company, as_of=MONTH_END, likelihood=Likelihood.ALMOST_CERTAIN, due_on=TODAY)
    client = company.login("committee")
    page = text_of(client, "/risk/assessments/?_l_=en")
    assert cell(page, 5, 3) == "Very high 15 Credit risk ↑"
    assert cell(page, 4, 3) == "High 12 Credit risk before"
    assert cell(page, 3, 3) == "High 9 Operational risk"
    assert cell(page, 1, 1) == "Low 1"
    assert "↑ up from High" in page
    assert page.count("Assessment overdue") == 4, "market, compliance, liquidity and legal risk were never assessed"
    assert page.count("Measures overdue") == 1 and page.count("Measures open") == 1, "due today is in time"
    assert "<script>alert(1)" not in client.get("/risk/assessments/").get_data(as_text=True)
    assert "Assess a risk" not in page, "the committee only reads"


def test_the_matrix_in_chinese_has_no_english(company: World):
    put(company)
    put(company, as_of=MONTH_END, impact=Impact.MINOR)
    page = text_of(company.login("risk"), "/risk/assessments/?_l_=zh")
    assert cell(page, 4, 2) == "中 8 信用风险 ↓"
    assert cell(page, 4, 3) == "高 12 信用风险（上次）"
    main = page.partition("<main")[2].partition(">")[2].partition("</main>")[0].replace(f"Visit {SHOUT}", "")
    words = re.sub(r"<[^>]+>", " ", main).replace("risk (S-risk)", "").replace("branch-", "")
    assert re.findall(r"[A-Za-z]{3,}", words) == [], "names and what was typed apart"


def test_the_matrix_of_a_branch_holds_its_own(company: World):
    branch = company.branches["A"]
    put(company, branch=branch, likelihood=Likelihood.RARE, impact=Impact.SLIGHT, due_on=TODAY)
    page = text_of(company.login("branch_head"), f"/risk/assessments/?branch={branch}&_l_=en")
    assert cell(page, 1, 1) == "Low 1 Credit risk"
    assert "Assessment overdue" not in page
    assert "branch-B" not in page


@pytest.mark.parametrize("branch", ["999", "x", "-1", "1e3", "9" * 30])
def test_a_branch_that_is_none_is_not_found(company: World, branch: str):
    assert company.login("risk").get(f"/risk/assessments/?branch={branch}").status_code == 404


def test_a_branch_of_others_is_as_one_that_is_none(company: World):
    foreign = company.branches["B"]
    assert company.login("branch_head").get(f"/risk/assessments/?branch={foreign}").status_code == 404
    assert company.login("risk").get(f"/risk/assessments/?branch={foreign}").status_code == 200


def test_without_any_assessment_it_says_what_to_do(company: World):
    branch = company.branches["A"]
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.hide"):
        held = db.session.scalars(select(RiskAssessment).where(RiskAssessment.branch_id.is_(None))).one()
        held.state, row_id = ReviewState.WITHDRAWN, held.id
    try:
        page = text_of(company.login("risk"), "/risk/assessments/?_l_=en")
        assert "No assessment is in force" in page and 'href="/riskassessmentview/add"' in page
        assert "risk-matrix" not in page
        assert "risk-matrix" in text_of(company.login("risk"), f"/risk/assessments/?branch={branch}")
    finally:
        with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.hide"):
            db.session.get_one(RiskAssessment, row_id).state = ReviewState.IN_FORCE


# ---- who may what ---------------------------------------------------------------------------------------------------


def test_everybody_reads_what_is_his_and_only_risk_assesses(company: World):
    whole, own, foreign = (number(company, f"findings-of-{name}") for name in ("company", "A", "B"))
    statuses = {
        "risk": (200, 200, 200, 200),
        "committee_office": (200, 200, 200, 403),
        "committee": (200, 200, 200, 403),
        "compliance": (200, 200, 200, 403),
        "audit": (200, 200, 200, 403),
        "branch_head": (200, 200, 404, 403),
        "team_lead": (403, 403, 403, 403),
        "a1": (403, 403, 403, 403),
        "finance": (403, 403, 403, 403),
    }
    for login, wanted in statuses.items():
        client = company.login(login)
        asked = [*(f"/riskassessmentview/show/{key}" for key in (whole, own, foreign)), "/riskassessmentview/add"]
        assert tuple(client.get(address).status_code for address in asked) == wanted, login


def test_risk_assesses_and_the_committee_office_confirms(company: World):
    risk, office = company.login("risk"), company.login("committee_office")
    page = risk.get("/riskassessmentview/add?_l_=en").get_data(as_text=True)
    assert "It happens every month, or is happening now." in page
    assert "Share of the largest borrower (%)" in page and "branch-B" in page, "figures of today stand beside the form"
    hidden = dict(re.findall(r'<input[^>]* name="(\w+)" type="hidden" value="([^"]*)"', page))
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token
    typed = {
        "kind": "credit",
        "as_of": "2026-07-01",
        "likelihood": "4",
        "impact": "4",
        "findings": "f",
        "consequences": "c",
        "response": "bear",
    }
    data = {**hidden, **typed, "csrf_token": token[1]}
    refused = unescape(risk.post("/riskassessmentview/add", data=data).get_data(as_text=True))
    assert "This day has not come yet." in refused
    assert risk.post("/riskassessmentview/add", data=data | {"as_of": "2026-06-30"}).status_code == 302
    row_id = number(company, "f")
    show = f"/riskassessmentview/show/{row_id}"
    assert "You proposed this: somebody else decides on it." in text_of(risk, f"{show}?_l_=en")
    assert "Figures of 2026-06-30 as they are now" in text_of(office, f"{show}?_l_=en")
    decide = f"/riskassessmentview/decide/{row_id}"
    assert "You proposed this" in posted(risk, decide, show, do="approve")[1]
    assert posted(office, decide, f"{show}?_l_=en", do="approve")[0] == 302
    shown = text_of(company.login("branch_head"), f"{show}?_l_=en")
    assert "Figures of 2026-06-30, kept at confirmation" in shown, "kept figures are told to whoever reads it"
    assert risk.get(f"/riskassessmentview/edit/{row_id}").status_code == 200
    assert "/riskassessmentview/edit/" not in text_of(risk, show), "what is confirmed offers no edit"


def test_rest_changes_nothing_that_is_confirmed(company: World):
    row_id = put(company)
    client = company.login("risk")
    page = client.get("/riskassessmentview/add").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token
    answer = client.put(f"/api/v1/risk-assessment/{row_id}", json={"impact": "1"}, headers={"X-CSRFToken": token[1]})
    assert answer.status_code in (400, 409, 422), answer.get_data(as_text=True)
    with company.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(RiskAssessment, row_id).impact is Impact.MODERATE


def test_the_measures_are_noted_as_done_on_the_record(company: World):
    row_id = put(company)
    risk, show = company.login("risk"), f"/riskassessmentview/show/{row_id}?_l_=en"
    finish = f"/riskassessmentview/finish/{row_id}"
    assert "Note that they are done" in text_of(risk, show)
    assert "Note that they are done" not in text_of(company.login("committee"), show)
    committee = company.login("committee")
    assert posted(committee, finish, "/customerview/list/", done_on="2026-06-29", note="x")[0] in (302, 403)
    assert "Note that they are done" in text_of(risk, show), "whoever only reads has noted nothing"
    assert "Say what was done." in posted(risk, finish, show, done_on="2026-06-29", note="")[1]
    assert "Say on which day they were done." in posted(risk, finish, show, done_on="", note="x")[1]
    assert posted(risk, finish, show, done_on="31 June", note="x")[0] == 302, "no date is no crash"
    assert "The measures are done." in posted(risk, finish, show, done_on="2026-06-29", note=SHOUT)[1]
    assert "Note that they are done" not in text_of(risk, show)
    assert "<script>alert(1)" not in risk.get(show).get_data(as_text=True)


# ---- the home page --------------------------------------------------------------------------------------------------


def card(company: World, login: str) -> list[str]:
    page = text_of(company.login(login), "/home/risk_assessments?_l_=en")
    lines = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    return [" | ".join(part.strip() for part in re.split(r"<[^>]+>", line) if part.strip()) for line in lines]


def test_the_card_tells_what_waits_what_is_late_and_each_level(company: World):
    put(company)
    put(company, confirmed=False, as_of=MONTH_END)
    own = [
        "Credit risk | as of Mar 31, 2026 | High",
        "Market risk | Not assessed yet | Assessment overdue",
        "Operational risk | as of May 31, 2026 | High",
    ]
    late = "Measures of 1 assessment are overdue | Measures overdue"
    assert card(company, "committee")[:4] == [late, *own]
    assert card(company, "risk")[:3] == ["1 assessment waits for a second person", late, own[0]]


def test_the_line_of_late_measures_leads_to_just_those(company: World):
    put(company)
    put(company, kind=RiskKind.MARKET, due_on=TODAY)
    put(company, confirmed=False, kind=RiskKind.LEGAL)
    client = company.login("risk")
    found = re.search(r'href="([^"]*f\.measures_state[^"]*)"', text_of(client, "/home/risk_assessments?_l_=en"))
    assert found
    page = text_of(client, found[1])
    assert page.count('data-href="/riskassessmentview/show/') == 1, "neither the one due today nor the one that waits"
