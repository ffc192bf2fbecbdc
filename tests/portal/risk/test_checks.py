"""Post-loan checks: what is refused, who records and corrects, and whom pages and cards tell of which."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.records import Conflict
from portal.core.scope import SYSTEM, Actor, acting
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.risk import checking
from portal.risk.checks import Breach, Business, CheckKind, Conclusion, Manner, PostLoanCheck, UseOfFunds
from portal.warnings.models import Measure, WarningCase
from portal.warnings.rules import State
from tests.world import TODAY, World

PAID_OUT = TODAY - dt.timedelta(days=150)
"""Of every loan of the company; each was checked on that day, the next check is set for tomorrow."""
TOMORROW = TODAY + dt.timedelta(days=1)
MINE, OTHERS = "LOAN-A-a1-0", "LOAN-B-b1-0"
GOOD: dict[str, Any] = {
    "kind": CheckKind.REGULAR,
    "checked_on": TODAY,
    "manner": Manner.VISIT,
    "use": UseOfFunds.AS_AGREED,
    "business": Business.SAME,
    "breach": Breach.NONE,
    "conclusion": Conclusion.FINE,
    "evidence": "photos in box 3",
}
MISUSED: dict[str, Any] = {
    "use": UseOfFunds.OTHERWISE,
    "flow": "to a fund",
    "breach": Breach.USE,
    "breach_note": "all of it",
    "conclusion": Conclusion.ACT,
}


@pytest.fixture(autouse=True)
def as_it_was(world: World) -> Iterator[None]:
    """Each test finds the checks that the company began with."""
    yield
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"):
        db.session.execute(delete(PostLoanCheck).where(PostLoanCheck.checked_on > PAID_OUT))


def record(world: World, loan: str = MINE, who: Actor = SYSTEM, **values: Any) -> int:
    with world.app.test_request_context(), acting(who):
        return checking.record_check({**GOOD, "loan": world.loans[loan], **values}).id


def wrong(world: World, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidValues) as refusal:
        record(world, **values)
    return refusal.value.fields


def held(world: World, number: int) -> PostLoanCheck:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(PostLoanCheck, number)


def classed(world: World, loan: str, category: Category) -> None:
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.category"):
        state = update(LoanState).where(LoanState.loan_id == world.loans[loan])
        db.session.execute(state.values(category=category))


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "name", "sentence"),
    [
        ({"checked_on": TOMORROW}, "checked_on", "This day has not come yet."),
        ({"checked_on": PAID_OUT - dt.timedelta(1)}, "checked_on", "This is before the loan was paid out."),
        (
            {"kind": CheckKind.FIRST, "checked_on": PAID_OUT, "flow": "seeds"},
            "checked_on",
            "There is a check of this kind of this day already: correct that one.",
        ),
        ({"next_check_on": TODAY}, "next_check_on", "This is not after the check."),
        (
            {"kind": CheckKind.FIRST, "flow": "  "},
            "flow",
            "Say where the money went; if it was not used yet, where it is.",
        ),
        ({**MISUSED, "flow": None}, "flow", "Say where the money went; if it was not used yet, where it is."),
        (
            {**MISUSED, "breach": Breach.NONE},
            "breach",
            "Money used otherwise than agreed is a breach of the contract.",
        ),
        ({**MISUSED, "breach_note": ""}, "breach_note", "Say what was broken."),
        (
            {**MISUSED, "conclusion": Conclusion.FINE},
            "conclusion",
            "With a breach of the contract there is something to object to.",
        ),
        (
            {"business": Business.STOPPED},
            "conclusion",
            "A business that has stopped needs a closer watch, or action.",
        ),
        ({"evidence": ""}, "evidence", "This is needed."),
        ({"use": None}, "use", "This is needed."),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(world: World, values: dict[str, Any], name: str, sentence: str):
    assert wrong(world, **values) == {name: [sentence]}


def test_a_loan_is_not_checked_after_it_was_closed(world: World):
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.closed"):
        db.session.get_one(Loan, world.loans[MINE]).closed_on = TODAY - dt.timedelta(1)
    assert wrong(world) == {"checked_on": ["The loan was closed before this day."]}
    assert record(world, checked_on=TODAY - dt.timedelta(1))
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.open"):
        db.session.get_one(Loan, world.loans[MINE]).closed_on = None


def test_the_days_of_payout_and_today_are_days_of_checks(world: World):
    assert held(world, record(world, checked_on=TODAY)).checked_on == TODAY
    number = record(world, checked_on=PAID_OUT, kind=CheckKind.SPECIAL)
    assert held(world, number).checked_on == PAID_OUT
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.clean"):
        db.session.execute(delete(PostLoanCheck).where(PostLoanCheck.id == number))


# ---- the next check -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "use", "latest"),
    [
        (Category.NORMAL, UseOfFunds.AS_AGREED, dt.date(2026, 12, 30)),
        (Category.SPECIAL_MENTION, UseOfFunds.AS_AGREED, dt.date(2026, 9, 30)),
        (Category.DOUBTFUL, UseOfFunds.AS_AGREED, dt.date(2026, 7, 30)),
        (Category.NORMAL, UseOfFunds.UNUSED, dt.date(2026, 7, 30)),
    ],
)
def test_the_next_check_is_proposed_and_may_be_earlier_never_later(
    world: World, category: Category, use: UseOfFunds, latest: dt.date
):
    classed(world, MINE, category)
    try:
        assert held(world, record(world, use=use)).next_check_on == latest
        assert (
            held(world, record(world, use=use, kind=CheckKind.SPECIAL, next_check_on=TOMORROW)).next_check_on
            == TOMORROW
        )
        day = f"{latest:%b} {latest.day}, {latest.year}"
        late = wrong(world, use=use, kind=CheckKind.FIRST, flow="x", next_check_on=latest + dt.timedelta(1))
        assert late == {"next_check_on": [f"By the parameters the next check is made by {day} at the latest."]}
    finally:
        classed(world, MINE, Category.NORMAL)


# ---- who records and corrects ---------------------------------------------------------------------------------------


def form(client: FlaskClient, address: str) -> dict[str, str]:
    """The hidden values of a form, with its token."""
    page = client.get(address).get_data(as_text=True)
    hidden = dict(re.findall(r'<input[^>]* name="(\w+)" type="hidden" value="([^"]*)"', page))
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token
    return {**hidden, "csrf_token": token[1]}


def typed(world: World, loan: str = MINE, **values: Any) -> dict[str, str]:
    given = {**GOOD, "loan": world.loans[loan], **values}
    return {name: getattr(value, "value", None) or str(value) for name, value in given.items()}


def test_a_manager_records_for_his_own_and_is_named_as_who_checked(world: World):
    client = world.login("a1")
    hidden = form(client, "/postloancheckview/add")
    answer = client.post("/postloancheckview/add", data=hidden | typed(world))
    assert answer.status_code == 302
    number = int(answer.location.rsplit("/", 1)[-1])
    assert held(world, number).checked_by_id == world.staff["a1"]
    refused = client.post("/postloancheckview/add?_l_=en", data=hidden | typed(world, "LOAN-A-a2-0"))
    assert refused.status_code == 422
    assert "no such record within your area" in refused.get_data(as_text=True)


def test_the_form_knows_the_day_and_what_the_list_of_due_checks_asks_for(world: World):
    page = world.login("a1").get(f"/postloancheckview/add?loan={world.loans[MINE]}&kind=first").get_data(as_text=True)
    assert MINE in page
    assert re.search(r"<option value='first' selected>", page)
    assert re.search(rf'name="checked_on"[^>]*value="{TODAY}"|value="{TODAY}"[^>]*name="checked_on"', page)
    odd = world.login("a1").get(f"/postloancheckview/add?loan={world.loans[OTHERS]}&kind=nonsense")
    assert odd.status_code == 200
    assert OTHERS not in odd.get_data(as_text=True)


def test_leads_and_risk_correct_and_the_writer_does_not(world: World):
    number = record(world)
    for login, status in (
        ("a1", 403),
        ("team_lead", 200),
        ("branch_head", 200),
        ("risk", 200),
        ("b1", 403),
        ("audit", 403),
        ("committee", 403),
        ("compliance", 403),
    ):
        assert world.login(login).get(f"/postloancheckview/edit/{number}").status_code == status, login
    other = record(world, OTHERS)
    assert world.login("team_lead").get(f"/postloancheckview/edit/{other}").status_code == 404
    assert world.login("team_lead").get(f"/postloancheckview/show/{other}").status_code == 404


def test_a_correction_keeps_who_checked_and_refuses_an_old_version(world: World):
    number = record(world)
    before = held(world, number)
    with world.app.test_request_context(), acting(SYSTEM):
        checking.correct_check(number, {"use": UseOfFunds.UNUSED, "flow": "on the account", "next_check_on": None}, 1)
        with pytest.raises(Conflict):
            checking.correct_check(number, {"evidence": "box 4"}, 1)
        with pytest.raises(InvalidValues, match="before the loan was paid out"):
            checking.correct_check(number, {"checked_on": PAID_OUT - dt.timedelta(1)}, 2)
        with pytest.raises(InvalidValues, match="at the latest"):
            checking.correct_check(number, {"next_check_on": dt.date(2026, 7, 31)}, 2)
    after = held(world, number)
    assert (after.checked_by_id, after.version) == (before.checked_by_id, 2)
    assert after.next_check_on == dt.date(2026, 7, 30), "a blank day is proposed anew, by what is corrected"


# ---- what is due ----------------------------------------------------------------------------------------------------


def due(world: World, login: str, arguments: str = "") -> set[str]:
    page = world.login(login).get(f"/checks/due/?_l_=en{arguments}")
    assert page.status_code == 200
    return set(re.findall(r"LOAN-\w+-\w+-\d", page.get_data(as_text=True)))


@pytest.mark.parametrize(
    ("login", "managers"),
    [
        ("a1", ("a1",)),
        ("b1", ("b1",)),
        ("customer_manager", ()),
        ("team_lead", ("a1", "a2")),
        ("branch_head", ("a1", "a2")),
        ("risk", ("a1", "a2", "b1")),
        ("audit", ("a1", "a2", "b1")),
        ("committee", ("a1", "a2", "b1")),
    ],
)
def test_everybody_is_told_of_the_checks_of_his_own_area(world: World, login: str, managers: tuple[str, ...]):
    assert due(world, login) == world.loans_of(*managers)
    late = {code for code in world.loans_of(*managers) if not code.endswith("-0")}  # the others are special mention
    assert due(world, login, "&late=1") == late


def test_a_check_takes_a_loan_off_the_list_and_a_worse_category_brings_it_back(world: World):
    record(world)
    assert MINE not in due(world, "a1")
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.older"):
        last = select(PostLoanCheck).where(PostLoanCheck.checked_on == TODAY)
        db.session.scalars(last).one().checked_on = TODAY - dt.timedelta(days=40)
    assert MINE not in due(world, "a1")
    classed(world, MINE, Category.SUBSTANDARD)
    try:
        assert MINE in due(world, "a1", "&late=1")
    finally:
        classed(world, MINE, Category.NORMAL)


def test_hr_has_no_list_of_checks(world: World):
    assert world.login("hr").get("/checks/due/").status_code == 403


def test_only_whoever_may_record_is_led_to_the_form(world: World):
    address = f"/postloancheckview/add?loan={world.loans[MINE]}&amp;kind=regular"
    assert address in world.login("a1").get("/checks/due/").get_data(as_text=True)
    assert "/postloancheckview/add" not in world.login("audit").get("/checks/due/").get_data(as_text=True)


@pytest.mark.parametrize("page", ["0", "-5", "99999999999999999999", "x", "2"])
def test_any_page_of_the_list_is_a_page(world: World, page: str):
    assert due(world, "risk", f"&page={page}") == set(world.loans)


def test_the_home_page_tells_how_many(world: World):
    def card(login: str, key: str) -> str:
        return unescape(world.login(login).get(f"/home/{key}?_l_=en").get_data(as_text=True))

    assert '<span class="count">4</span>' in card("a1", "checks_due")
    assert '<span class="count">8</span>' in card("team_lead", "checks_due")
    assert '<span class="count">9</span>' in card("risk", "checks_overdue")
    assert card("customer_manager", "checks_due") == "", "with nothing to say, the card leaves"
    assert 'href="/checks/due/?late=1"' in card("risk", "checks_overdue")
    assert world.login("risk").get("/home/checks_due").status_code == 404


# ---- what follows ---------------------------------------------------------------------------------------------------


def shown(world: World, login: str, address: str) -> str:
    return unescape(world.login(login).get(f"{address}?_l_=en").get_data(as_text=True))


def test_misuse_leads_to_whoever_decides_on_it_and_decides_nothing(world: World):
    number = record(world, **MISUSED)
    page, link = f"/postloancheckview/show/{number}", f'href="/rescheduling/misuse/{world.loans[MINE]}"'
    assert link in shown(world, "risk", page)
    told = shown(world, "a1", page)
    assert "branch heads, risk and approvers decide on it" in told
    assert link not in told
    assert "misuse does not run" not in shown(
        world, "risk", f"/postloancheckview/show/{record(world, kind=CheckKind.SPECIAL)}"
    )
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(Loan, world.loans[MINE]).misuse_markup is None


def test_a_call_to_act_stands_on_the_loan_until_a_later_check(world: World):
    loan = f"/loanview/show/{world.loans[MINE]}"
    assert "Check: act now" not in shown(world, "a1", loan)
    number = record(world, checked_on=TODAY - dt.timedelta(5), **MISUSED)
    page = shown(world, "a1", loan)
    assert "Check: act now" in page
    assert f'href="/postloancheckview/show/{number}"' in page
    line = shown(world, "a1", f"/loanview/timeline/{world.loans[MINE]}")
    assert "Regular check · Act now" in line
    assert "Used otherwise · As before · Funds used otherwise than agreed" in line
    record(world)
    assert "Check: act now" not in shown(world, "a1", loan)


def test_the_record_of_the_loan_offers_a_check_to_whoever_may(world: World):
    loan, address = f"/loanview/show/{world.loans[MINE]}", f"/postloancheckview/add?loan={world.loans[MINE]}"
    assert address in shown(world, "a1", loan)
    assert address not in shown(world, "audit", loan)
    assert "Post-loan checks" in shown(world, "audit", loan), "a tab of the record"


def test_a_warning_whose_measure_is_more_checks_leads_to_the_form(world: World):
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.measure"):
        case = db.session.scalars(select(WarningCase).where(WarningCase.loan_id == world.loans[MINE])).first()
        assert case
        number, (measure, state) = case.id, (case.measure, case.state)
        case.measure, case.state = Measure.CHECKS, State.DECIDED
    address = f"/postloancheckview/add?loan={world.loans[MINE]}&kind=special"
    assert address in shown(world, "a1", f"/warningcaseview/show/{number}")
    assert address not in shown(world, "audit", f"/warningcaseview/show/{number}")
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.measure"):
        found = db.session.get_one(WarningCase, number)
        found.measure, found.state = measure, state
    assert address not in shown(world, "a1", f"/warningcaseview/show/{number}")
