"""Evaluating rules: what they hit becomes open cases, what they no longer hit says so, what waits too long moves on.

Each rule is a few statements over all loans, whatever their number. Running it twice on a day changes nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    Date,
    Integer,
    String,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased, selectinload

from portal.core.bulk import chunks
from portal.core.clock import business_date, now
from portal.core.db import Choice, UtcDateTime, days_after, db
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.parameters.services import parameter
from portal.warnings.indicators import hits, is_shared
from portal.warnings.measured import At
from portal.warnings.models import RuleState, WarningCase, WarningRule, WarningStep
from portal.warnings.parameters import REST_DAYS
from portal.warnings.rules import Level, Owner, State, Step
from portal.warnings.telling import groups_of, tell

INSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@verb("warnings.evaluate")
def evaluate_all() -> int:
    """All rules over all loans on the open business date; then what was not acknowledged in time moves on.

    Returns how many cases were opened.
    """
    day, session = business_date(), db.session()
    with unscoped("warning rules look at all loans"):
        rules = list(_in_force(session, day))
        before = _last_case(session)
        for rule in rules:
            _evaluate(session, rule, At(day))
        # Not an edit: it makes no new version of the rules and stands in no timeline.
        evaluated = WarningRule.id.in_([rule.id for rule in rules])
        _run(session, update(WarningRule).where(evaluated).values(evaluated_on=day))
        opened = _tell_opened(session, before)
        moved = _escalate(session, day)
    current_unit().note(rules=len(rules), opened=opened, escalated=moved)
    return opened


def evaluate_changed(session: Session, day: date, loans: Collection[int]) -> None:
    """The rules over loans that were booked on, within that unit of work. What looks beyond the loan waits for the
    night."""
    with unscoped("warning rules look at the loans that were booked on"):
        rules = [rule for rule in _in_force(session, day) if not is_shared(rule)]
        if not rules:
            return
        before = _last_case(session)
        for part in chunks(sorted(set(loans))):
            for rule in rules:
                _evaluate(session, rule, At(day, loans=part))
        _tell_opened(session, before)


def _in_force(session: Session, day: date) -> Iterator[WarningRule]:
    wanted = select(WarningRule).where(
        WarningRule.state == RuleState.ON,
        WarningRule.valid_from <= day,
        or_(WarningRule.valid_until.is_(None), WarningRule.valid_until >= day),
    )
    parts = (selectinload(WarningRule.conditions), selectinload(WarningRule.limits))
    yield from session.scalars(wanted.order_by(WarningRule.code).options(*parts))


def _last_case(session: Session) -> int:
    return session.scalar(select(func.max(WarningCase.id))) or 0


def _evaluate(session: Session, rule: WarningRule, at: At) -> None:
    _open(session, rule, at)
    own: list[Any] = [WarningCase.rule_id == rule.id, WarningCase.state != State.CLOSED]
    if at.loans is not None:
        own.append(WarningCase.loan_id.in_(at.loans))
    warned = aliased(WarningCase)
    of_rule = select(warned.loan_id).where(warned.rule_id == rule.id, warned.state != State.CLOSED)
    # Asked as a list, not row by row: it is made once. Only of warned loans, so that it stays short; as a sum, which
    # no index answers: SQLite would go from each warned loan through all statements of all borrowers.
    still = hits(rule, at).where((at.source.loan_id + 0).in_(of_rule))
    still = still.with_only_columns(at.source.loan_id, maintain_column_froms=True)
    cleared = WarningCase.cleared_on
    _run(
        session,
        update(WarningCase).where(*own, cleared.is_(None), WarningCase.loan_id.not_in(still)).values(cleared_on=at.on),
    )
    if session.scalar(select(exists().where(*own, cleared.is_not(None)))):  # else it would look for nothing at length
        again = update(WarningCase).where(*own, cleared.is_not(None), WarningCase.loan_id.in_(still))
        _run(session, again.values(cleared_on=None))


def _open(session: Session, rule: WarningRule, at: At) -> None:
    """INSERT … SELECT of the loans that the rule hits and that have no open case of it, nor one closed lately."""
    since = at.on - timedelta(days=int(parameter(REST_DAYS, at.on).value))
    source = at.source
    known = exists().where(
        WarningCase.rule_id == rule.id,
        WarningCase.loan_id == source.loan_id,
        or_(WarningCase.state != State.CLOSED, WarningCase.closed_on > since),
    )
    values: dict[str, Any] = {
        "code": literal(f"W{at.on:%Y%m%d}-{rule.id}-") + cast(source.loan_id, String),
        "loan_id": source.loan_id,
        "customer_id": source.customer_id,
        "rule_id": literal(rule.id, Integer),
        "level": literal(rule.level, Choice(Level)),
        "opened_on": literal(at.on, Date),
        "balance": source.balance,
        "days_past_due": source.days_past_due,
        "category": source.category,
        "state": literal(State.OPEN, Choice(State)),
        "owner": literal(rule.owner, Choice(Owner)),
        "acknowledge_by": literal(at.on + timedelta(days=rule.acknowledge_days), Date),
        "escalated": literal(0, Integer),
        "version": literal(1, Integer),
    }
    found = hits(rule, at).where(~known)
    rows = found.with_only_columns(*(value.label(name) for name, value in values.items()), maintain_column_froms=True)
    statement: Any = INSERTS[session.get_bind().dialect.name](WarningCase).from_select(list(values), rows)
    _run(session, statement.on_conflict_do_nothing())


def _tell_opened(session: Session, before: int) -> int:
    """Tell the owners of the cases that were opened since; how many these are."""
    groups = groups_of(session, WarningCase.id > before)
    tell(session, "warnings.opened", groups)
    return sum(group.count for group in groups)


def _escalate(session: Session, day: date) -> int:
    """Cases that nobody acknowledged in time go to the next in line, with as many days again; how many moved."""
    moved, told = 0, []
    for owner in reversed(Owner):
        following = owner.following
        if following is None:
            continue
        due = and_(WarningCase.state == State.OPEN, WarningCase.owner == owner, WarningCase.acknowledge_by < day)
        groups = groups_of(session, due, following)
        if not groups:
            continue
        told += groups
        moved += sum(group.count for group in groups)
        step = {
            "loan_id": WarningCase.loan_id,
            "case_id": WarningCase.id,
            "step": literal(Step.ESCALATE, Choice(Step)),
            "done_on": literal(day, Date),
            "done_at": literal(now(), UtcDateTime),
            "note": cast(null(), String),
        }
        rows: Any = select(*(value.label(name) for name, value in step.items())).where(due)
        _run(session, insert(WarningStep).from_select(list(step), rows))
        days = select(WarningRule.acknowledge_days).where(WarningRule.id == WarningCase.rule_id).scalar_subquery()
        later = days_after(literal(day, Date), days)
        again = {"owner": following, "acknowledge_by": later, "escalated": WarningCase.escalated + 1}
        _run(session, update(WarningCase).where(due).values(**again))
    tell(session, "warnings.escalated", told)
    return moved


def _run(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})
