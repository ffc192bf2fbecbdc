"""How likely times how grave makes the level of a risk, and when it is assessed again: pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portal.loans.periods import add_months

STEPS = (1, 2, 3, 4, 5)
"""Of likelihood and of impact."""
MOST_MONTHS = 1_200
"""A longer pause is no date any more."""


class RiskLevel(StrEnum):
    """The level of a risk; its words are in assessments.py."""

    LOW = "low_risk"
    MEDIUM = "medium_risk"
    HIGH = "high_risk"
    VERY_HIGH = "very_high_risk"

    @property
    def rank(self) -> int:
        """0 for the lowest."""
        return list(RiskLevel).index(self)


@dataclass(frozen=True)
class Cutoffs:
    """The scores (likelihood × impact) from which on a risk has each level; below `medium` it is low."""

    medium: int
    high: int
    very_high: int

    def level(self, likelihood: int, impact: int) -> RiskLevel:
        """The level of a risk. Never lower for a risk that is more likely or graver, whatever the scores are."""
        score = likelihood * impact
        if score >= self.very_high:
            return RiskLevel.VERY_HIGH
        if score >= self.high:
            return RiskLevel.HIGH
        return RiskLevel.MEDIUM if score >= self.medium else RiskLevel.LOW


def next_due(assessed: date, months: int) -> date | None:
    """The last day by which a risk is assessed again; None when this kind is not assessed regularly."""
    return add_months(assessed, min(months, MOST_MONTHS)) if months else None


def is_overdue(due: date | None, today: date) -> bool:
    """Whether the last day is over; on the day itself there is still time."""
    return due is not None and today > due
