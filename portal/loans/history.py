"""History: whole lives of loans, written at once, as the verbs and each month-end would have booked them day by day.

For the demo company and for ledgers that come with their history. Every event is booked on its own value date; each
month-end accrues interest as day-end does. Afterwards `day_end.rebuild_snapshots` fills in the month-ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from portal.core.bulk import chunks
from portal.core.clock import month_end
from portal.core.db import db
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount, Owner
from portal.loans.accrual import accrue_month, stop_accrual
from portal.loans.agreed_fees import write_agreed
from portal.loans.allowance_groups import regroup_allowance
from portal.loans.booking import books
from portal.loans.books import Books
from portal.loans.components import Component
from portal.loans.disbursement import Lender, NewLoan, products_of
from portal.loans.due_groups import regroup_dues
from portal.loans.models import LoanStatus
from portal.loans.past_observations import Observations, keep_observations
from portal.loans.repayments import Payment, take_payment, take_settlement
from portal.loans.thresholds import (
    LatenessRules,
    ObservationRules,
    allocation_order,
    lateness_rules,
    observation_rules,
)
from portal.loans.write_offs import take_recovery, take_write_off


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment, as `repay` books it. `penalties` as in `Payment`."""

    on: date
    code: str
    amount: int
    instalments: tuple[int, ...] = ()
    penalties: dict[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SettledEarly:
    """Everything paid back before its time, as `settle_early` books it."""

    on: date
    code: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """As `write_off` books it."""

    on: date


@dataclass(frozen=True, slots=True)
class Recovered:
    """As `recover` books it."""

    on: date
    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The loan belongs to somebody else from this day on."""

    on: date
    owner: Owner


Event = Paid | SettledEarly | WrittenOff | Recovered | HandedOver


@dataclass(frozen=True, slots=True)
class Life:
    """A loan and what happened to it, in order of time."""

    loan: NewLoan
    events: Sequence[Event] = ()


ONE_DAY = timedelta(days=1)
CHUNK = 1_000
"""Lives in memory at a time: some hundred thousand rows."""


@verb("loans.bulk_history")
def bulk_history(lives: Iterable[Life]) -> int:
    """Write loans with everything that happened to them up to the open business date. Returns how many.

    Loan and receipt numbers must be new. Raises what the verbs would raise, for the first event that does not fit.
    """
    written, calendar = 0, _Calendar()
    for part in chunks(lives, CHUNK):
        observed: list[tuple[LoanAccount, Observations]] = []
        with books(historical=True) as opened:
            lender = Lender(opened, products_of(life.loan for life in part))
            for life in part:
                loan = lender.pay_out(life.loan)
                observations = _live(opened, loan, life, calendar)
                if observations.periods:
                    observed.append((loan, observations))
            open_day = opened.open_date
        write_agreed(lender.agreed)
        keep_observations(db.session(), observed, open_day)
        written += len(part)
    regroup_dues(db.session())
    regroup_allowance(db.session())
    current_unit().note(loans=written)
    return written


def _live(opened: Books, loan: LoanAccount, life: Life, calendar: _Calendar) -> Observations:
    observations = Observations()
    since = life.loan.disbursed_on
    for event in life.events:
        _pass_days(opened, loan, since, event.on - ONE_DAY, calendar, observations)
        with observations.around(loan, event.on, calendar.lateness(event.on)):
            _happen(opened, loan, event, calendar)
        since = event.on
    if loan.status is LoanStatus.ACTIVE:
        _pass_days(opened, loan, since, opened.open_date - ONE_DAY, calendar, observations)
    return observations


def _pass_days(
    opened: Books, loan: LoanAccount, first: date, last: date, calendar: _Calendar, observations: Observations
) -> None:
    """What day-end books from the first of these days to the last, on which nothing happens to the loan."""
    for month in _month_ends(first - ONE_DAY, last):
        stop_accrual(opened, loan, first, month, calendar.lateness(month))
        accrue_month(opened, loan, month, calendar.lateness(month))
        observations.assess(loan, month, calendar.lateness(month), calendar.observation(month))
        first = month + ONE_DAY
    if first <= last:
        stop_accrual(opened, loan, first, last, calendar.lateness(last))


def _happen(opened: Books, loan: LoanAccount, event: Event, calendar: _Calendar) -> None:
    match event:
        case Paid():
            payment = Payment(0, event.code, event.amount, event.on, event.instalments, event.penalties)
            take_payment(opened, loan, payment, calendar.order(event.on))
        case SettledEarly():
            take_settlement(opened, loan, event.code, event.on, event.amount, calendar.order(event.on))
        case WrittenOff():
            take_write_off(opened, loan, event.on)
        case Recovered():
            take_recovery(opened, loan, Payment(0, event.code, event.amount, event.on), calendar.order(event.on))
        case HandedOver():
            opened.hand_over(loan, event.owner, event.on)


def _month_ends(after: date, until: date) -> Iterator[date]:
    """The month-ends later than the first date, up to and including the second."""
    day = month_end(after + timedelta(days=1))
    while day <= until:
        yield day
        day = month_end(day + timedelta(days=1))


class _Calendar:
    """The dated parameters, each read once: thousands of loans ask for the same days."""

    def __init__(self) -> None:
        self.lateness_of: dict[date, LatenessRules] = {}
        self.order_of: dict[date, tuple[Component, ...]] = {}
        self.observation_of: dict[date, ObservationRules] = {}

    def lateness(self, on: date) -> LatenessRules:
        if on not in self.lateness_of:
            self.lateness_of[on] = lateness_rules(on)
        return self.lateness_of[on]

    def observation(self, on: date) -> ObservationRules:
        if on not in self.observation_of:
            self.observation_of[on] = observation_rules(on)
        return self.observation_of[on]

    def order(self, on: date) -> tuple[Component, ...]:
        if on not in self.order_of:
            self.order_of[on] = allocation_order(on)
        return self.order_of[on]
