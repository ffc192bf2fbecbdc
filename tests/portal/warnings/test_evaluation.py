"""Evaluation: what opens a case, what does not open a second one, what clears, what moves on."""

from __future__ import annotations

import datetime as dt

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.notifications import Notification
from portal.core.scope import Actor, acting
from portal.core.work import unit_of_work
from portal.loans.day_end import run_day_end
from portal.loans.models import Loan
from portal.loans.repayments import repay
from portal.organization.models import Post, Staff
from portal.warnings import making
from portal.warnings.evaluation import evaluate_all
from portal.warnings.models import WarningCase, WarningStep
from portal.warnings.rules import Comparison, Indicator, Level, Owner, State, Step
from tests.portal.loans.conftest import Company
from tests.portal.warnings.conftest import asked, rule

FIRST_DUE = dt.date(2026, 2, 5)
LATE = asked(Indicator.DAYS_PAST_DUE, Comparison.AT_LEAST, 10)


def cases() -> list[WarningCase]:
    db.session.expire_all()
    return list(db.session.scalars(select(WarningCase).order_by(WarningCase.id)))


def test_day_end_opens_a_case_once(company: Company):
    loan, other = company.lend(), company.lend(customer=company.customer("C1"))
    rule(LATE, level=Level.ORANGE)
    run_day_end(FIRST_DUE + dt.timedelta(days=8))
    assert cases() == []
    repay(other, 106_620, business_date(), "R1")
    run_day_end()
    case = cases()[0]
    assert [row.loan_id for row in cases()] == [loan.id], "the other one paid"
    assert (case.state, case.owner, case.level) == (State.OPEN, Owner.CUSTOMER_MANAGER, Level.ORANGE)
    assert (case.opened_on, case.days_past_due) == (FIRST_DUE + dt.timedelta(days=10), 10)
    assert (case.acknowledge_by, case.cleared_on) == (FIRST_DUE + dt.timedelta(days=13), None)
    assert (case.customer_id, case.balance) == (loan.customer_id, 1_200_000)
    assert evaluate_all() == 0
    assert evaluate_all() == 0, "twice on a day opens nothing"
    run_day_end()
    assert len(cases()) == 1, "nor does the next day"
    assert db.session.get_one(WarningCase, case.id).rule.evaluated_on == business_date()


def test_a_payment_clears_at_once_and_the_case_stays(company: Company):
    loan = company.lend()
    rule(LATE)
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    assert len(cases()) == 1
    today = business_date()
    repay(db.session.get_one(Loan, loan.id), 110_000, today, "R1")
    assert [(case.state, case.cleared_on) for case in cases()] == [(State.OPEN, today)]
    run_day_end(dt.date(2026, 3, 5) + dt.timedelta(days=9))
    assert [(case.state, case.cleared_on) for case in cases()] == [(State.OPEN, None)], "it hits again: the same case"


def test_a_booking_opens_cases_of_the_loans_it_touches_only(company: Company):
    one, other = company.lend(), company.lend(customer=company.customer("C1"))
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    rule(asked(Indicator.PARTIAL_PAYMENTS, Comparison.AT_LEAST, 3, 90))
    rule(asked(Indicator.GROUP_SHARE, Comparison.AT_LEAST, 1), name="Concentration")
    for number in range(3):
        assert cases() == []
        repay(db.session.get_one(Loan, one.id), 1_000, business_date(), f"R{number}")
    assert [case.loan_id for case in cases()] == [one.id], "three partial payments"
    assert other.id not in [case.loan_id for case in cases()]
    run_day_end()
    assert sorted(case.rule.name for case in cases()) == ["Concentration", "Concentration", "Late"], "at day-end"


def test_a_loan_that_is_settled_is_cleared(company: Company):
    loan = company.lend()
    rule(LATE)
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    loan = db.session.get_one(Loan, loan.id)
    owed = sum(line.unpaid + line.penalty - line.paid_penalty for line in loan.instalments)
    repay(loan, owed, business_date(), "R1")
    assert [case.cleared_on for case in cases()] == [business_date()]


def test_only_rules_in_force_are_evaluated(company: Company):
    company.lend()
    rule(LATE, on=False, name="Draft")
    rule(LATE, name="Over", valid_until=dt.date(2026, 1, 31))
    rule(LATE, name="Later", valid_from=dt.date(2026, 12, 31))
    off = rule(LATE, name="Off")
    making.switch_off(off.id)
    run_day_end(FIRST_DUE + dt.timedelta(days=20))
    assert cases() == []


def test_a_closed_case_rests_before_it_is_opened_again(company: Company):
    company.lend()
    rule(LATE)
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    closed_on = business_date()
    with unit_of_work("tests.close"):
        case = cases()[0]
        case.state, case.closed_on = State.CLOSED, closed_on
    run_day_end(closed_on + dt.timedelta(days=28))
    assert len(cases()) == 1
    run_day_end()
    assert [case.state for case in cases()] == [State.CLOSED, State.OPEN]
    assert cases()[1].opened_on == closed_on + dt.timedelta(days=30)


@pytest.fixture
def people(company: Company) -> dict[str, Staff]:
    """A login for the customer manager of C0, for the lead of his team, for the head over his branch and for risk."""
    customer = company.customer("C0")
    head = customer.branch.parent
    found = {}
    with unit_of_work("tests.people"):
        manager = db.session.get_one(Staff, customer.manager_id)
        lead = Staff(
            code="TL", name="Lead", post=Post.TEAM_LEAD, branch_id=customer.branch_id, team_id=customer.team_id
        )
        boss = Staff(code="BH", name="Boss", post=Post.BRANCH_HEAD, branch_id=head.id)
        risk = Staff(code="RO", name="Risk", post=Post.RISK, branch_id=head.id)
        gone = Staff(code="RX", name="Gone", post=Post.RISK, branch_id=head.id, left_on=dt.date(2026, 1, 1))
        db.session.add_all([lead, boss, risk, gone])
        for person in (manager, lead, boss, risk, gone):
            user = User(
                first_name=person.code, last_name="", username=person.code, email=f"{person.code}@x", active=True
            )
            db.session.add(user)
            db.session.flush()
            person.user_id = user.id
        found = {"manager": manager, "lead": lead, "boss": boss, "risk": risk, "gone": gone}
    return found


def told(person: Staff) -> list[tuple[str, int]]:
    rows = db.session.scalars(
        select(Notification).where(Notification.user_id == person.user_id).order_by(Notification.id)
    )
    return [(row.key, row.arguments["count"]) for row in rows]


def test_what_nobody_acknowledges_goes_up_and_everybody_is_told_once(company: Company, people: dict[str, Staff]):
    for _n in range(3):
        company.lend()
    rule(LATE, acknowledge_days=2)
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    assert told(people["manager"]) == [("warnings.opened", 3)], "one message for three"
    for days, owner, person in ((3, Owner.TEAM_LEAD, "lead"), (3, Owner.BRANCH_HEAD, "boss"), (3, Owner.RISK, "risk")):
        for _n in range(days - 1):
            run_day_end()
            assert {case.owner for case in cases()} != {owner}
        run_day_end()
        assert {case.owner for case in cases()} == {owner}
        assert {case.acknowledge_by for case in cases()} == {business_date() + dt.timedelta(days=2)}
        assert told(people[person]) == [("warnings.escalated", 3)]
        evaluate_all()
        assert {case.owner for case in cases()} == {owner}, "twice on a day moves nothing further"
    run_day_end(business_date() + dt.timedelta(days=10))
    assert {(case.owner, case.escalated) for case in cases()} == {(Owner.RISK, 3)}, "there is nobody after risk"
    steps = db.session.scalars(select(WarningStep)).all()
    assert len(steps) == 9 and {step.step for step in steps} == {Step.ESCALATE}
    assert told(people["gone"]) == []


def test_an_evaluation_sees_all_loans_whoever_books(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    rule(LATE)
    with acting(Actor("finance", everything=True)):
        repay(db.session.get_one(Loan, loan.id), 100, business_date(), "R1")
    assert len(cases()) == 1
