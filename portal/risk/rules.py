"""What people may judge of a loan, who may write one off, and when a loan is checked again: pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.loans.classification import Category, Threshold
from portal.loans.periods import add_months


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


@dataclass(frozen=True)
class CheckRules:
    """The dated rules of post-loan checks."""

    first_days: int
    """Days after the payout until the use of the funds is checked."""
    normal: int
    """Months between regular checks, here of a normal loan."""
    special_mention: int
    worse: int

    def limit(self, since: date, category: Category) -> date:
        """The last day for the regular check after `since`, by the category that the loan has now."""
        months = {Category.NORMAL: self.normal, Category.SPECIAL_MENTION: self.special_mention}
        return add_months(since, months.get(category, self.worse))

    def latest_next(self, checked_on: date, category: Category, unused: bool) -> date:
        """The last day that a check may set for the next one: soon where the funds were not used yet."""
        last = self.limit(checked_on, category)
        if unused:
            last = min(last, checked_on + timedelta(self.first_days))
        return max(last, checked_on + timedelta(1))

    def due_on(
        self, start: date, taken_over_on: date | None, category: Category, last: tuple[date, date | None] | None
    ) -> date:
        """When the next check of a loan is due; `last` is the last one with the day that it set for the next.

        A day that was set holds unless the category has become worse and asks for an earlier one.
        """
        if last is None:
            return start + timedelta(self.first_days) if taken_over_on is None else self.limit(taken_over_on, category)
        checked_on, wanted = last
        limit = self.limit(checked_on, category)
        return limit if wanted is None else min(wanted, limit)
