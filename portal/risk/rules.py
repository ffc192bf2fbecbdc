"""What people may judge of a loan, and who may write one off: pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from portal.loans.classification import Category, Threshold


class Way(StrEnum):
    """How a judgement on a category comes into force."""

    AT_ONCE = "at_once"
    """As bad as now, or worse: one person is enough."""
    SECOND = "second"
    """Better than now: somebody else approves it."""
    BELOW_FLOOR = "below_floor"
    """Better than the days past due allow: impossible."""
    KEPT_DOWN = "kept_down"
    """Better than observation, restructuring, extension or contagion allow."""


def way_of(wanted: Category, floor: Category, now: Category, least: Category) -> Way:
    """How a judgement comes into force. `least`: what other grounds than reviews ask for."""
    if wanted < floor:
        return Way.BELOW_FLOOR
    if wanted < least:
        return Way.KEPT_DOWN
    return Way.AT_ONCE if wanted >= now else Way.SECOND


class Criterion(StrEnum):
    """What makes a loan fit to be written off; one is enough."""

    LOSS = "loss"
    """It is classified loss."""
    DAYS = "days"
    """It is so many days past due."""


@dataclass(frozen=True)
class WriteOffRules:
    """The dated rules of write-offs."""

    days: Threshold
    committee_from: int
    """Fen of principal and interest from which the committee decides."""


def criteria_met(category: Category, days_past_due: int, rules: WriteOffRules) -> list[Criterion]:
    """Which criteria a loan meets; empty = it may not be written off."""
    found = []
    if category is Category.LOSS:
        found.append(Criterion.LOSS)
    if rules.days.met_by(days_past_due):
        found.append(Criterion.DAYS)
    return found


def has_authority(amount: int, roles: Iterable[str], rules: WriteOffRules, committee: str = "committee") -> bool:
    """Whether somebody with these roles may approve a write-off of this amount, apart from the right to approve."""
    return amount < rules.committee_from or committee in roles
