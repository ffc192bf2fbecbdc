"""The life of a case: its steps, who may take them, what is refused; and whose cases one sees."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core import scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, NotFound, Refused
from portal.core.notifications import Notification
from portal.core.scope import Actor, StandIn, acting
from portal.core.work import unit_of_work
from portal.loans.day_end import run_day_end
from portal.warnings import cases
from portal.warnings.models import Measure, WarningCase, WarningStep
from portal.warnings.rules import Comparison, Indicator, Owner, State, Step
from tests.portal.loans.conftest import Company
from tests.portal.warnings.conftest import asked, rule

ACTIONS = ("list", "show", "run", "approve")


def person(name: str, role: str, reach: str = "all", **place: Any) -> Actor:
    """Somebody with a login and a role."""
    with unit_of_work("tests.login"):
        user = User(first_name=name, last_name="", username=name, email=f"{name}@x", active=True)
        db.session.add(user)
        db.session.flush()
        number = user.id
    grants = {(resource, action): reach for resource in ("WarningCase", "Loan") for action in ACTIONS}
    return Actor(name, user_id=number, templates=(role,), grants=grants, **place)


@pytest.fixture
def case(company: Company) -> WarningCase:
    company.lend()
    rule(asked(Indicator.DAYS_PAST_DUE, Comparison.AT_LEAST, 10))
    run_day_end(dt.date(2026, 2, 14))
    return db.session.scalars(select(WarningCase)).one()


def step(who: Actor, verb: Any, case: WarningCase, *arguments: Any, action: str = "run") -> WarningCase:
    with acting(who), scope.doing("WarningCase", action):
        found: WarningCase = verb(case.id, *arguments)
        return found


def test_from_the_warning_to_its_end(case: WarningCase):
    manager, lead = person("manager", "customer_manager"), person("lead", "team_lead")
    number = case.id
    assert step(manager, cases.acknowledge, case, "Called him").state is State.ACKNOWLEDGED
    decided = step(manager, cases.decide, case, Measure.CHECKS, "Visits each week")
    assert (decided.state, decided.measure) == (State.DECIDED, Measure.CHECKS)
    assert step(manager, cases.report, case, "He pays from his harvest").result == "He pays from his harvest"
    assert step(manager, cases.propose, case).state is State.TO_CLOSE
    closed = step(lead, cases.close, case, "Seen", action="approve")
    assert (closed.state, closed.closed_on, closed.acknowledged_on) == (State.CLOSED, business_date(), business_date())
    steps = db.session.scalars(select(WarningStep).where(WarningStep.case_id == number).order_by(WarningStep.id)).all()
    assert [(row.step, row.note) for row in steps] == [
        (Step.ACKNOWLEDGE, "Called him"),
        (Step.DECIDE, "Visits each week"),
        (Step.REPORT, "He pays from his harvest"),
        (Step.PROPOSE, None),
        (Step.CLOSE, "Seen"),
    ]
    assert [row.measure for row in steps] == [None, Measure.CHECKS, None, None, None]
    assert {row.done_on for row in steps} == {business_date()}


def to_close(case: WarningCase, who: Actor) -> None:
    step(who, cases.acknowledge, case)
    step(who, cases.decide, case, Measure.NONE, "Paid meanwhile")
    step(who, cases.report, case, "Paid")
    step(who, cases.propose, case)


def test_nobody_closes_what_he_proposed_to_close(case: WarningCase):
    lead = person("lead", "team_lead")
    to_close(case, lead)
    with pytest.raises(Refused, match="You proposed to close this"):
        step(lead, cases.close, case, action="approve")
    assert lead.user_id is not None
    handed = StandIn(1, "lead", lead.user_id, -1, -1, frozenset(), frozenset(), dt.date(2030, 1, 1))
    other = person("other", "branch_head", standing_in=(handed,))
    with pytest.raises(Refused, match="You proposed to close this"):
        step(other, cases.close, case, action="approve")
    with pytest.raises(Refused, match="You proposed to close this"):
        step(lead, cases.send_back, case, "No", action="approve")
    assert db.session.get_one(WarningCase, case.id).state is State.TO_CLOSE


def test_what_is_sent_back_needs_a_reason_and_is_told(case: WarningCase):
    manager, lead = person("manager", "customer_manager"), person("lead", "team_lead")
    to_close(case, manager)
    with pytest.raises(InvalidValues, match="Say why it stays open"):
        step(lead, cases.send_back, case, " ", action="approve")
    assert step(lead, cases.send_back, case, "Wait for March", action="approve").state is State.RESULT
    told = db.session.scalars(select(Notification).where(Notification.user_id == manager.user_id)).all()
    assert [row.key for row in told] == ["warnings.sent_back"]
    step(manager, cases.propose, case)
    assert step(lead, cases.close, case, action="approve").state is State.CLOSED


def test_a_case_that_went_up_is_no_longer_the_customer_managers(case: WarningCase):
    manager, lead = person("manager", "customer_manager"), person("lead", "team_lead")
    run_day_end(case.acknowledge_by)
    assert db.session.get_one(WarningCase, case.id).owner is Owner.TEAM_LEAD
    with pytest.raises(Refused, match="with another role now"):
        step(manager, cases.acknowledge, case)
    clerk = person("clerk", "finance")
    with pytest.raises(Refused, match="with another role now"):
        step(clerk, cases.acknowledge, case)
    assert step(lead, cases.acknowledge, case).state is State.ACKNOWLEDGED


def test_steps_out_of_turn_are_refused(case: WarningCase):
    who = person("risk", "risk")
    for verb, arguments in (
        (cases.decide, (Measure.CALL_IN,)),
        (cases.report, ("x",)),
        (cases.propose, ()),
        (cases.close, ()),
    ):
        with pytest.raises(Refused, match="does not follow"):
            step(who, verb, case, *arguments)
    step(who, cases.acknowledge, case)
    with pytest.raises(Refused, match="does not follow"):
        step(who, cases.acknowledge, case)
    assert len(db.session.scalars(select(WarningStep)).all()) == 1, "a refused step leaves nothing"


def test_a_measure_is_chosen_and_none_has_a_reason(case: WarningCase):
    who = person("risk", "risk")
    step(who, cases.acknowledge, case)
    with pytest.raises(InvalidValues) as refusal:
        step(who, cases.decide, case, None)
    assert set(refusal.value.fields) == {"measure"}
    with pytest.raises(InvalidValues) as refusal:
        step(who, cases.decide, case, Measure.NONE)
    assert set(refusal.value.fields) == {"note"}
    step(who, cases.decide, case, Measure.GUARANTEE)
    with pytest.raises(InvalidValues):
        step(who, cases.report, case, " ")
    again = step(who, cases.decide, case, Measure.CALL_IN)
    assert (again.state, again.measure) == (State.DECIDED, Measure.CALL_IN), "one measure follows another"


def test_a_team_lead_sees_and_handles_the_own_teams_cases_only(company: Company):
    one, other = company.customer("C0"), company.customer("C2")
    assert one.team_id != other.team_id
    mine, theirs = company.lend(customer=one), company.lend(customer=other)
    rule(asked(Indicator.DAYS_PAST_DUE, Comparison.AT_LEAST, 10))
    run_day_end(dt.date(2026, 2, 14))
    found = {row.loan_id: row for row in db.session.scalars(select(WarningCase))}
    assert set(found) == {mine.id, theirs.id}
    place = {"home": one.branch_id, "branches": frozenset({one.branch_id}), "teams": frozenset({one.team_id})}
    lead = person("lead", "team_lead", "team", **place)
    with acting(lead):
        assert db.session.scalars(select(WarningCase.loan_id)).all() == [mine.id]
    with pytest.raises(NotFound):
        step(lead, cases.acknowledge, found[theirs.id])
    step(lead, cases.acknowledge, found[mine.id])
    with acting(lead):
        assert db.session.scalars(select(WarningStep.loan_id)).all() == [mine.id]
