"""On which days a borrower is reminded: before an instalment falls due, and more and more while it is late (C90).

Pure: the cadence is given (parameters `reminders.…`), days are counted from the due date. A reminder falls on a day
whatever the day is: who reminds by phone on working days only looks ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Cadence:
    """When to remind, in days from the due date."""

    before: frozenset[int]
    """So many days before it; 0 is the due date itself."""
    late: frozenset[int]
    """So many days after it."""
    every: int
    """From the last of `late` on, every so many days; 0: no more."""

    def __post_init__(self) -> None:
        if min((*self.before, *self.late, self.every), default=0) < 0 or 0 in self.late:
            raise ValueError("Days of reminders are not negative, and nothing is late on its due date.")

    @property
    def last_late(self) -> int:
        """The day from which reminders are regular."""
        return max(self.late, default=0)

    @property
    def furthest(self) -> int:
        """How many days ahead of its due date an instalment is first reminded of."""
        return max(self.before, default=0)

    def reminds(self, days_late: int) -> bool:
        """Whether somebody so many days late is reminded; below 0: days until the due date."""
        if days_late <= 0:
            return -days_late in self.before
        regular = days_late - self.last_late
        return days_late in self.late or (self.every > 0 and regular > 0 and regular % self.every == 0)

    def days(self, due_on: date, until: date) -> Iterator[date]:
        """The days on which an instalment is reminded of that stays unpaid, in order."""
        day = due_on - timedelta(days=self.furthest)
        while day <= until:
            if self.reminds((day - due_on).days):
                yield day
            day += timedelta(days=1)
