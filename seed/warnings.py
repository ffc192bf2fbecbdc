"""Early warning of the demo company: its rules, what they hit, and how far people are with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Any

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import unscoped
from portal.loans.classification import Category
from portal.organization.models import Post, Staff
from portal.warnings.back_testing import back_test
from portal.warnings.evaluation import evaluate_all
from portal.warnings.models import Measure, RuleState, WarningCase, WarningCondition, WarningRule, WarningStep
from portal.warnings.rules import Comparison, Indicator, Joined, Level, Owner, State, Step, Unit
from seed.company import BUSINESS_DATE

SINCE = dt.date(2024, 1, 1)
NOTES = {
    Step.ACKNOWLEDGE: ("已电话联系客户", "已上门走访", "已核对流水"),
    Step.REPORT: ("客户承诺月底前还清欠款", "已追加保证人", "客户已补足欠款", "已列入重点跟踪名单"),
    Step.PROPOSE: ("措施已落实", "风险已缓释"),
    Step.CLOSE: ("同意关闭", "情况属实，同意关闭"),
}
COURSE = (
    (Step.ACKNOWLEDGE, State.ACKNOWLEDGED),
    (Step.DECIDE, State.DECIDED),
    (Step.REPORT, State.RESULT),
    (Step.PROPOSE, State.TO_CLOSE),
    (Step.CLOSE, State.CLOSED),
)
MONTHS = 6
"""Of the back-tests."""


def load_warnings() -> None:
    """Rules, their back-tests, and warnings in every state, within a unit of work."""
    rules = [_added(rule) for rule in _rules()]
    proposer = db.session.scalar(select(User.id).where(User.username == "risk"))
    for rule in rules:
        rule.proposed_by_id = proposer
    db.session.flush()
    for rule in rules:
        back_test(rule.id, MONTHS)
    evaluate_all()
    with unscoped("the demo company is loaded"):
        _handle(Random("demo company: warnings"))
    db.session.flush()


def _added(rule: WarningRule) -> WarningRule:
    db.session.add(rule)
    return rule


def _rules() -> Iterator[WarningRule]:
    yield _rule(
        "YJ-01",
        "半年内两次部分还款",
        Level.YELLOW,
        Owner.CUSTOMER_MANAGER,
        3,
        _asked(Indicator.PARTIAL_PAYMENTS, Comparison.AT_LEAST, Unit.NUMBER, "2", window=180),
        reason="连续部分还款是现金流紧张的早期信号。",
    )
    yield _rule(
        "YJ-02",
        "逾期超过15天",
        Level.ORANGE,
        Owner.TEAM_LEAD,
        2,
        _asked(Indicator.DAYS_PAST_DUE, Comparison.MORE, Unit.DAYS, "15"),
        reason="逾期超过半个月的客户，不良转化率明显上升。",
    )
    yield _rule(
        "YJ-03",
        "已成不良",
        Level.RED,
        Owner.BRANCH_HEAD,
        1,
        _asked(Indicator.CATEGORY, Comparison.AT_LEAST, Unit.CATEGORY, None, category=Category.SUBSTANDARD),
        _asked(Indicator.DAYS_PAST_DUE, Comparison.MORE, Unit.DAYS, "90"),
        joined=Joined.ANY,
        reason="次级及以下，或逾期90天以上，须由支行负责人督办。",
    )
    yield _rule(
        "YJ-04",
        "押品价值不足贷款余额的1.8倍",
        Level.BLUE,
        Owner.CUSTOMER_MANAGER,
        7,
        _asked(Indicator.COLLATERAL_COVER, Comparison.LESS, Unit.PERCENT, "180"),
        reason="押品缓冲变薄的，结合重估核实。",
    )
    yield _rule(
        "YJ-05",
        "逾期且半年内丧失诉讼时效或保证期间",
        Level.ORANGE,
        Owner.RISK,
        5,
        _asked(Indicator.DAYS_TO_CLOCK, Comparison.AT_MOST, Unit.DAYS, "180"),
        _asked(Indicator.DAYS_PAST_DUE, Comparison.MORE, Unit.DAYS, "0"),
        state=RuleState.DRAFT,
        reason="草案，待风险部试算后启用。",
    )

    yield _rule(
        "YJ-06",
        "余额20万元以上、财务报表15个月未更新",
        Level.BLUE,
        Owner.CUSTOMER_MANAGER,
        15,
        _asked(Indicator.BALANCE, Comparison.AT_LEAST, Unit.YUAN, "200000"),
        _asked(Indicator.STATEMENT_AGE, Comparison.AT_LEAST, Unit.MONTHS, "15"),
        reason="大额贷款每年至少收集一次财务报表，逾期未收集的补做贷后检查。",
    )
    yield _rule(
        "YJ-07",
        "营业收入同比下降30%以上",
        Level.YELLOW,
        Owner.CUSTOMER_MANAGER,
        5,
        _asked(Indicator.TURNOVER_CHANGE, Comparison.AT_MOST, Unit.PERCENT, "-30"),
        reason="经营业绩大幅下滑，第一还款来源减弱。",
    )
    yield _rule(
        "YJ-08",
        "资产负债率超过80%",
        Level.ORANGE,
        Owner.TEAM_LEAD,
        3,
        _asked(Indicator.DEBT_RATIO, Comparison.MORE, Unit.PERCENT, "80"),
        reason="负债过高的客户抗风险能力弱，须核实在其他机构的借款。",
    )
    yield _rule(
        "YJ-09",
        "资不抵债且已逾期",
        Level.RED,
        Owner.BRANCH_HEAD,
        1,
        _asked(Indicator.DEBT_RATIO, Comparison.AT_LEAST, Unit.PERCENT, "100"),
        _asked(Indicator.DAYS_PAST_DUE, Comparison.MORE, Unit.DAYS, "0"),
        reason="资产不足以偿债又已逾期，须由支行负责人决定处置方案。",
    )
    yield _rule(
        "YJ-10",
        "贷后检查超期15天以上",
        Level.BLUE,
        Owner.TEAM_LEAD,
        5,
        _asked(Indicator.CHECK_OVERDUE, Comparison.AT_LEAST, Unit.DAYS, "15"),
        reason="检查长期未做的，借款人的变化无人知晓，由团队长督促补做。",
    )


def _rule(
    code: str, name: str, level: Level, owner: Owner, days: int, *conditions: WarningCondition, **values: Any
) -> WarningRule:
    given = {"joined": Joined.ALL, "state": RuleState.ON, "valid_from": SINCE} | values
    return WarningRule(
        code=code, name=name, level=level, owner=owner, acknowledge_days=days, conditions=list(conditions), **given
    )


def _asked(
    indicator: Indicator, comparison: Comparison, unit: Unit, threshold: str | None, **values: Any
) -> WarningCondition:
    return WarningCondition(indicator=indicator, comparison=comparison, unit=unit, threshold=threshold, **values)


def _handle(rng: Random) -> None:
    """Let the warnings have come over the last weeks, and be acknowledged, handled and closed, as far as it goes."""
    cases = db.session.scalars(select(WarningCase).order_by(WarningCase.id)).all()
    leads = {lead.team_id: lead for lead in db.session.scalars(select(Staff).where(Staff.post == Post.TEAM_LEAD))}
    for case in cases:
        days = rng.choice((0, 0, 1, 1, 2, 3, 5, 8, 13, 21, 34))
        case.opened_on = BUSINESS_DATE - dt.timedelta(days=days)
        case.acknowledge_by = case.opened_on + dt.timedelta(days=case.rule.acknowledge_days)
        done = rng.randrange(1, len(COURSE) + 1) if days > 4 else rng.choice((0, 0, 1)) if days else 0
        second = leads.get(case.loan.team_id)
        for number, (step, state) in enumerate(COURSE[:done]):
            on = case.opened_on + dt.timedelta(days=min(number * max(days // 5, 1), days))
            _step(case, step, state, on, second if step is Step.CLOSE else case.loan.manager, rng)


def _step(case: WarningCase, step: Step, state: State, on: dt.date, person: Staff | None, rng: Random) -> None:
    case.state = state
    note = rng.choice(NOTES[step]) if step in NOTES else None
    measure = rng.choice((Measure.CHECKS, Measure.CHECKS, Measure.GUARANTEE, Measure.LOWER_LIMIT, Measure.CALL_IN))
    match step:
        case Step.ACKNOWLEDGE:
            case.acknowledged_on = on
        case Step.DECIDE:
            case.measure = measure
        case Step.REPORT:
            case.result = note
        case Step.PROPOSE:
            case.proposed_by_id = person.user_id if person is not None else None
        case Step.CLOSE:
            case.closed_on = on
    db.session.add(
        WarningStep(
            loan_id=case.loan_id,
            case_id=case.id,
            step=step,
            measure=measure if step is Step.DECIDE else None,
            note=note,
            done_on=on,
            done_at=dt.datetime.combine(on, dt.time(2, 30), dt.UTC),
            done_by_id=person.id if person is not None else None,
        )
    )
