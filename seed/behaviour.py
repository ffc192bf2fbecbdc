"""How one loan is paid: on time, late and cured, early, or not at all.

A borrower's fate is settled when the loan is paid out; `happened` tells what of it has come to pass by a given day.
Payments are made on the due date or after it, the oldest instalment first and in whole instalments, except that those
in default may bring a part of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate, groupby
from random import Random

from portal.loans.allocation import penalty_interest, within_cap
from portal.loans.holidays import is_workday
from portal.loans.schedule import Instalment, accrued_interest
from portal.products.terms import Method
from seed.events import EarlySettlementSpec, Event, LoanSpec, PaymentSpec, PenaltyCharge, RecoverySpec, WriteOffSpec

WRITE_OFF_AFTER = 360
"""Days late beyond which a loan is written off when the committee next meets for that, once a quarter."""

LIMIT = 240_000
"""On all charges together, in parts per million of the principal a year: the portal's parameter for these years."""

PART_UNIT = 10_000
"""People in default bring round sums: whole hundreds of yuan."""


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely each fate is; what is left is paying on time, give or take a few days."""

    default: float = 0.025
    """Stops paying for good."""
    workout: float = 0.02
    """More than 90 days late, then cured."""
    late: float = 0.14
    """One to three months late, then cured."""
    careless: float = 0.06
    """A week or three late time and again."""
    early: float = 0.09
    """Pays everything back before its time."""

    def riskier(self, times: float) -> Odds:
        """Not paying is so many times as likely; lateness, which has many harmless reasons, grows more slowly."""
        late = self.late * (3 + times) / 4
        return Odds(self.default * times, self.workout * times, late, self.careless, self.early)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a loan, however far in the future."""

    paid_on: tuple[date | None, ...]
    """Per instalment; None for one that is never paid as such. Never falls, and after None there is only None."""
    in_parts: int = 0
    """Index of the instalment that the part payments are brought for."""
    part_payments: tuple[tuple[date, int], ...] = ()
    """Less than the instalment, together."""
    settled_early_on: date | None = None
    written_off_on: date | None = None
    recoveries: tuple[tuple[date, int], ...] = ()

    @property
    def closed_on(self) -> date | None:
        """When the borrower owed nothing more; None for a default."""
        return self.settled_early_on or self.paid_on[-1]


def decide(instalments: Sequence[Instalment], method: Method, odds: Odds, rng: Random) -> Fate:
    """Draw a fate."""
    on_time = [instalment.due_date for instalment in instalments]
    roll = rng.random()
    if (roll := roll - odds.default) < 0:
        return default(instalments, method, rng)
    if (roll := roll - odds.workout) < 0:
        return late_once(instalments, _first_trouble(len(instalments), method, rng), rng.randint(92, 260), rng)
    if (roll := roll - odds.late) < 0:
        return late_once(instalments, _first_trouble(len(instalments), method, rng), rng.randint(25, 88), rng)
    if (roll := roll - odds.careless) < 0:
        return _in_order(due + timedelta(rng.randint(2, 24) * (rng.random() < 0.4)) for due in on_time)
    if roll - odds.early < 0:
        return _early(instalments, rng)
    return _in_order(due + timedelta(rng.randint(1, 4) * (rng.random() < 0.05)) for due in on_time)


def late_once(instalments: Sequence[Instalment], first: int, days: int, rng: Random) -> Fate:
    """On time up to the instalment `first`; that one so many days late, with everything that fell due meanwhile."""
    cured_on = instalments[first].due_date + timedelta(days)
    paid_on = [max(instalment.due_date, cured_on) for instalment in instalments[first:]]
    on_time = [instalment.due_date for instalment in instalments[:first]]
    return Fate((*on_time, *paid_on), first, _part_payments(instalments[first], days, rng))


def default(instalments: Sequence[Instalment], method: Method, rng: Random) -> Fate:
    """On time up to some instalment and then never again, but for parts; written off in the end."""
    first = _first_trouble(len(instalments), method, rng)
    due = instalments[first].due_date
    paid_on: list[date | None] = [instalment.due_date for instalment in instalments[:first]]
    parts = _part_payments(instalments[first], WRITE_OFF_AFTER // 2, rng)
    written_off_on = next(day for day in _committee_meetings(due) if (day - due).days > WRITE_OFF_AFTER)
    lost = sum(instalment.principal for instalment in instalments[first:]) - sum(part for _, part in parts)
    recovered = []
    if rng.random() < 0.55:
        on = written_off_on
        for _ in range(rng.randint(1, 3)):
            on += timedelta(rng.randint(25, 130))
            recovered.append((on, max(lost * rng.randint(3, 22) // 100 // PART_UNIT * PART_UNIT, PART_UNIT)))
    return Fate((*paid_on, *[None] * (len(instalments) - first)), first, parts, None, written_off_on, tuple(recovered))


def happened(loan: LoanSpec, instalments: Sequence[Instalment], fate: Fate, markup: int, until: date) -> list[Event]:
    """What had happened by the end of a day, in order of time. `markup` is the product's, for penalty interest."""
    events: list[Event] = list(_payments(loan, instalments, fate, markup))
    events += [RecoverySpec("", loan.code, on, amount) for on, amount in fate.recoveries]
    if fate.settled_early_on:
        events.append(_settlement(loan, instalments, fate, fate.settled_early_on))
    if fate.written_off_on:
        events.append(_write_off(loan, instalments, fate, fate.written_off_on))
    past = sorted((event for event in events if event.on <= until), key=lambda event: event.on)
    return [replace(event, code=f"{loan.code}-{nth:02d}") for nth, event in enumerate(past, 1)]


def _in_order(days: Iterable[date]) -> Fate:
    """A fate of these payments, each waiting for the one before it."""
    paid_on: list[date] = list(accumulate(days, max))
    return Fate(tuple(paid_on))


def _first_trouble(count: int, method: Method, rng: Random) -> int:
    """Instalment loans get into trouble in their first half, the others mostly when the principal falls due."""
    if method in (Method.LEVEL, Method.EQUAL_PRINCIPAL):
        return int(rng.triangular(1, count - 1, count * 0.3)) if count > 2 else count - 1
    return count - 1 if rng.random() < 0.7 else rng.randrange(count)


def _early(instalments: Sequence[Instalment], rng: Random) -> Fate:
    """Settled on a working day between two due dates, in the second third of the term or later."""
    nth = rng.randrange(len(instalments) // 3, len(instalments))
    running = instalments[nth]
    # The middle of the period: after the due date before it and ahead of its own, wherever holidays moved those.
    length = (running.period_end - running.period_start).days
    middle = [running.period_start + timedelta(day) for day in range(max(length // 3, 10), length - 2)]
    on = rng.choice([day for day in middle if is_workday(day)])
    paid_on = [instalment.due_date for instalment in instalments[:nth]]
    return Fate((*paid_on, *[None] * (len(instalments) - nth)), settled_early_on=on)


def _part_payments(instalment: Instalment, days: int, rng: Random) -> tuple[tuple[date, int], ...]:
    """One or two part payments within so many days after the due date, by one in three of those who are very late."""
    if days <= 60 or rng.random() > 0.35:
        return ()
    on, parts = instalment.due_date, []
    for _ in range(rng.randint(1, 2)):
        on += timedelta(rng.randint(15, days // 2 - 5))
        parts.append((on, instalment.due * rng.randint(10, 35) // 100 // PART_UNIT * PART_UNIT))
    return tuple(part for part in parts if part[1])


def _committee_meetings(after: date) -> list[date]:
    """The last working days of January, April, July and October for two years."""
    quarter = after.year * 4 + (after.month + 1) // 3
    meetings = []
    for nth in range(quarter, quarter + 8):
        day = date(nth // 4, nth % 4 * 3 + 2, 1) - timedelta(1)
        while not is_workday(day):
            day -= timedelta(1)
        meetings.append(day)
    return meetings


def _payments(loan: LoanSpec, instalments: Sequence[Instalment], fate: Fate, markup: int) -> Iterator[PaymentSpec]:
    """Every payment, part payments included. Each brings the penalty interest that ran up since the one before."""
    paid = [(on, instalment.number) for instalment, on in zip(instalments, fate.paid_on, strict=True) if on is not None]
    whole = {on: [number for _, number in settled] for on, settled in groupby(paid, key=lambda pair: pair[0])}
    parts = dict(fate.part_payments)
    unpaid = {instalment.number: instalment.due for instalment in instalments}
    penalties: Counter[int] = Counter()
    last_on = loan.disbursed_on
    for on in sorted(whole.keys() | parts.keys()):
        run_up = []
        for instalment in instalments:
            since = max(instalment.due_date, last_on)
            if since < on and instalment.number in unpaid:
                days = (on - since).days
                amount = penalty_interest(unpaid[instalment.number], loan.rate, markup, days, loan.day_count)
                if amount:
                    run_up.append((instalment.number, amount, since))
        charges = _within_limit(instalments, unpaid, run_up, on)
        penalties.update({charge.instalment: charge.amount for charge in charges})
        if on in whole:
            amount = sum(unpaid.pop(number) + penalties.pop(number, 0) for number in whole[on])
        else:
            amount = parts[on]
            unpaid[fate.in_parts + 1] -= amount
        yield PaymentSpec("", loan.code, on, amount, charges)
        last_on = on


def _within_limit(
    instalments: Sequence[Instalment], unpaid: Mapping[int, int], run_up: Sequence[tuple[int, int, date]], on: date
) -> tuple[PenaltyCharge, ...]:
    """Penalty interest that fits below the limit on all charges, from (instalment, amount, since when)."""
    if not run_up:
        return ()
    since = min(first for _number, _amount, first in run_up)
    earned = accrued_interest(instalments, on) - accrued_interest(instalments, since)
    principal = sum(min(unpaid.get(instalment.number, 0), instalment.principal) for instalment in instalments)
    kept = within_cap([amount for _number, amount, _first in run_up], principal, LIMIT, (on - since).days, earned)
    pairs = zip(run_up, kept, strict=True)
    return tuple(PenaltyCharge(number, amount) for (number, _amount, _first), amount in pairs if amount)


def _settlement(loan: LoanSpec, instalments: Sequence[Instalment], fate: Fate, on: date) -> EarlySettlementSpec:
    unpaid = [instalment for instalment, paid in zip(instalments, fate.paid_on, strict=True) if paid is None]
    interest_paid = sum(instalment.interest for instalment in instalments[: len(instalments) - len(unpaid)])
    principal = sum(instalment.principal for instalment in unpaid)
    return EarlySettlementSpec("", loan.code, on, principal, accrued_interest(instalments, on) - interest_paid)


def _write_off(loan: LoanSpec, instalments: Sequence[Instalment], fate: Fate, on: date) -> WriteOffSpec:
    unpaid = [instalment for instalment, paid in zip(instalments, fate.paid_on, strict=True) if paid is None]
    brought = sum(part for _, part in fate.part_payments)
    to_principal = max(brought - unpaid[0].interest, 0)
    return WriteOffSpec("", loan.code, on, sum(instalment.principal for instalment in unpaid) - to_principal)
