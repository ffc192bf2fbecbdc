"""Observation after arrears in histories that come in whole: begun by their events and ended at their month-ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from portal.core.bulk import insert_rows
from portal.core.scope import unscoped
from portal.loans.accounts import LoanAccount
from portal.loans.classification import Category, floor_category, is_cured
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import LoanStatus
from portal.loans.move_groups import loans_moved
from portal.loans.states import refresh_states
from portal.loans.thresholds import LatenessRules, ObservationRules


@dataclass
class Observations:
    """The periods for which one loan was observed; the last may still run."""

    periods: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return bool(self.periods) and self.periods[-1][1] is None

    @contextmanager
    def around(self, loan: LoanAccount, on: date, rules: LatenessRules) -> Iterator[None]:
        """Around an event: one that clears a non-performing loan begins an observation."""
        before = _non_performing(loan, on, rules)
        yield
        runs_on = loan.status is LoanStatus.ACTIVE and loan.balance > 0
        if before and runs_on and not self.running and not _non_performing(loan, on, rules):
            self.periods.append((on, None))

    def assess(self, loan: LoanAccount, on: date, rules: LatenessRules, observation: ObservationRules) -> None:
        """At a month-end: end what is over."""
        if not self.running or loan.balance <= 0 or loan.days_past_due(on, rules.tolerance):
            return
        first, _until = self.periods[-1]
        fallen = [line for line in loan.lines if line.due_date < on]
        late = (line.settled_on for line in fallen if line.settled_on and line.settled_on > line.due_date)
        due_dates = (line.due_date for line in fallen)
        if is_cured(max([first, *late]), on, observation.months, due_dates, observation.instalments):
            self.periods[-1] = (first, on)


def _non_performing(loan: LoanAccount, on: date, rules: LatenessRules) -> bool:
    return floor_category(loan.days_past_due(on, rules.tolerance), rules.floors).non_performing


def keep_observations(session: Session, observed: Sequence[tuple[LoanAccount, Observations]], day: date) -> None:
    """Write the periods of loans that are written already; `loan_state` of those still observed follows."""
    rows = [
        {
            "loan_id": loan.id,
            "ground": Ground.CURE,
            "category": Category.SUBSTANDARD,
            "first_day": first,
            "day_after": until,
        }
        for loan, observations in observed
        for first, until in observations.periods
    ]
    with unscoped("histories keep how their loans were observed"):
        insert_rows(session, CategoryMinimum, rows)
    running = [loan.id for loan, kept in observed if kept.running and loan.balance > 0 and loan.id is not None]
    if running:
        with loans_moved(session, running, day):
            refresh_states(session, day, running, [])
