"""Which assessments are in force, what they follow, and what is overdue: what the page and the home card show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.db import db
from portal.risk.assessment_parameters import months_between
from portal.risk.assessment_words import MeasureState, RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.levels import is_overdue, next_due
from portal.risk.models import ReviewState

CONFIRMED = (ReviewState.IN_FORCE, ReviewState.ENDED)


@dataclass(frozen=True)
class Standing:
    """How one kind of risk stands in one place."""

    kind: RiskKind
    now: RiskAssessment | None
    """The one in force."""
    before: RiskAssessment | None
    """The confirmed one that it followed."""
    due: date | None
    """The last day by which the next one is made; None: not assessed yet, or not regularly."""
    overdue: bool
    """The day is over; or it is assessed regularly and never was."""

    @property
    def moved(self) -> int:
        """Ranks by which the level rose since the one before; negative when it fell."""
        return 0 if self.now is None or self.before is None else self.now.level.rank - self.before.level.rank

    @property
    def rescored(self) -> bool:
        """Whether the score is another than before, whatever became of the level."""
        return self.now is not None and self.before is not None and self.now.score != self.before.score


def standings(branch_id: int | None, today: date) -> list[Standing]:
    """Every kind of risk of the company (None) or of a branch, in the order of the kinds.

    A branch need not assess every kind: what it never assessed is not overdue there.
    """
    statement = (
        select(RiskAssessment)
        .where(RiskAssessment.state.in_(CONFIRMED), RiskAssessment.branch_id == branch_id)
        .order_by(RiskAssessment.as_of)
    )
    by_kind: dict[RiskKind, list[RiskAssessment]] = {kind: [] for kind in RiskKind}
    for row in db.session.scalars(statement):
        by_kind[row.kind].append(row)
    months = months_between(today)
    found = []
    for kind, rows in by_kind.items():
        now = rows[-1] if rows else None
        due = next_due(now.as_of, months[kind]) if now is not None else None
        never = now is None and branch_id is None and months[kind] > 0
        found.append(Standing(kind, now, rows[-2] if len(rows) > 1 else None, due, never or is_overdue(due, today)))
    return found


def follows(row: RiskAssessment) -> RiskAssessment | None:
    """The confirmed assessment of the same kind and place before this one."""
    statement = (
        select(RiskAssessment)
        .where(
            RiskAssessment.state.in_(CONFIRMED),
            RiskAssessment.kind == row.kind,
            RiskAssessment.branch_id == row.branch_id,
            RiskAssessment.as_of < row.as_of,
        )
        .order_by(RiskAssessment.as_of.desc())
        .limit(1)
    )
    found: RiskAssessment | None = db.session.scalars(statement).first()
    return found


def open_measures(branch_id: int | None = None, everywhere: bool = False) -> Sequence[RiskAssessment]:
    """Confirmed assessments whose measures are open, the most urgent first; those that were followed count, too."""
    statement = (
        select(RiskAssessment)
        .where(RiskAssessment.state.in_(CONFIRMED), RiskAssessment.measures_state == MeasureState.OPEN)
        .order_by(RiskAssessment.due_on, RiskAssessment.id)
        .options(joinedload(RiskAssessment.responsible), joinedload(RiskAssessment.branch))
    )
    if not everywhere:
        statement = statement.where(RiskAssessment.branch_id == branch_id)
    return db.session.scalars(statement).all()


def assessed_branches() -> list[int]:
    """Branches of which the reader sees a confirmed assessment."""
    statement = select(RiskAssessment.branch_id).where(
        RiskAssessment.state.in_(CONFIRMED), RiskAssessment.branch_id.is_not(None)
    )
    return [branch_id for branch_id in db.session.scalars(statement.distinct()) if branch_id is not None]
