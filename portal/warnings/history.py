"""What warnings tell in the timelines of loans and of themselves: opened, passed on, no longer hit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import timeline
from portal.core.db import db
from portal.core.masks import is_clear, told
from portal.core.timeline import Event, Window
from portal.warnings.models import WarningCase, WarningStep
from portal.warnings.rules import Level, Step

MARKS = {Level.BLUE: "info", Level.YELLOW: "warn", Level.ORANGE: "warn", Level.RED: "danger"}


def _of(row: Any) -> Any:
    return WarningCase.id == row.id if isinstance(row, WarningCase) else WarningCase.loan_id == row.id


@timeline.contribute("warnings.opened", "Loan", "WarningCase")
def opened(row: Any, window: Window) -> Iterator[Event]:
    """A rule hit the loan."""
    statement = select(WarningCase).where(_of(row), *window.condition(WarningCase.opened_on, WarningCase.id))
    statement = statement.order_by(WarningCase.opened_on.desc(), WarningCase.id.desc()).limit(window.size)
    for case in db.session.scalars(statement.options(joinedload(WarningCase.rule))):
        yield Event(
            day=case.opened_on,
            number=case.id,
            title=gettext("Warning opened"),
            mark=MARKS[case.level] if is_clear(WarningCase, "level") else "neutral",
            text=f"{told(case, 'level')} · {told(case, 'rule')}",
        )


@timeline.contribute("warnings.cleared", "Loan", "WarningCase")
def cleared(row: Any, window: Window) -> Iterator[Event]:
    """The rule no longer hits it."""
    statement = select(WarningCase).where(
        _of(row), WarningCase.cleared_on.is_not(None), *window.condition(WarningCase.cleared_on, WarningCase.id)
    )
    statement = statement.order_by(WarningCase.cleared_on.desc(), WarningCase.id.desc()).limit(window.size)
    for case in db.session.scalars(statement.options(joinedload(WarningCase.rule))):
        assert case.cleared_on is not None  # asked for above
        yield Event(
            day=case.cleared_on, number=case.id, title=gettext("No longer hit"), mark="ok", text=told(case, "rule")
        )


@timeline.contribute("warnings.escalated", "WarningCase")
def escalated(row: Any, window: Window) -> Iterator[Event]:
    """Nobody acknowledged it in time."""
    statement = select(WarningStep).where(
        WarningStep.case_id == row.id,
        WarningStep.step == Step.ESCALATE,
        *window.condition(WarningStep.done_on, WarningStep.id),
    )
    statement = statement.order_by(WarningStep.done_on.desc(), WarningStep.id.desc()).limit(window.size)
    for step in db.session.scalars(statement):
        yield Event(day=step.done_on, number=step.id, title=told(step, "step"), mark="danger", at=step.done_at)
