"""Repayment schedules: what a borrower pays, when, and how much of it is interest.

Everything is exact: money in whole fen, rates in whole parts per million of 1 a year, fractions as integers until the
one rounding. The rules:

- the interest of a period is balance x rate x days / days of the year, rounded half up to the fen; it runs on
  contractual dates, whatever a holiday does to the due date;
- the level instalment is solved once, exactly, so that the unrounded balance ends at 0, and then rounded by the
  product's rule; so is the equal share of principal;
- months without principal (宽限期) come first and bear interest only; the level is solved over those after them;
- the last instalment takes the rest;
- nothing is ever negative: an instalment never repays more than the balance (those after it are then 0), and interest
  that an instalment does not cover is never capitalised.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import gcd

from portal.loans.day_count import year_basis
from portal.loans.periods import Period, interest_days, interest_periods
from portal.products.terms import GRACEFUL, DayCount, Method, Rounding

PPM = 1_000_000
FEN = 100
"""In a yuan."""
MAX_AMOUNT = 10**15
"""10,000,000,000,000 yuan: keeps every sum of a schedule within a 64-bit column."""
MAX_COUNT = 600
MAX_RATE = 10 * PPM
"""1,000 % a year: catches a misplaced decimal point. Legal caps are dated parameters."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. Raises ValueError, in one sentence, for terms that make no schedule."""

    amount: int
    """Principal paid out, in fen."""
    rate: int
    """Nominal rate a year, in parts per million (12.61 % = 126_100)."""
    count: int
    """Months; the number of instalments, except for a bullet, which has one at the end of them."""
    method: Method
    start: date
    first_due: date | None = None
    """Ends the first period; a month after `start` if None."""
    day_count: DayCount = DayCount.THIRTY_360
    rounding: Rounding = Rounding.HALF_UP
    """How the level instalment, or the equal share of principal, becomes whole fen."""
    grace: int = 0
    """Months at the beginning in which only interest is due; level instalments and equal principal only."""

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError("The amount must be positive.")
        if self.amount > MAX_AMOUNT:
            raise ValueError("The amount must not exceed 10,000,000,000,000 yuan.")
        if not 0 <= self.rate <= MAX_RATE:
            raise ValueError("The annual rate must be between 0 % and 1,000 %.")
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError("The term must be between 1 and 600 months.")
        if not 0 <= self.grace < self.count:
            raise ValueError("Months without principal must be fewer than those of the term.")
        if self.grace and self.method not in GRACEFUL:
            raise ValueError("Months without principal go with level instalments or equal principal.")
        if self.first_due is not None and self.first_due <= self.start:
            raise ValueError("The first due date must be after the start.")
        if (self.first_due or self.start).year + self.count // 12 + 1 > date.max.year:
            raise ValueError("The last due date must be before the year 9999.")


@dataclass(frozen=True, slots=True)
class Instalment:
    """One line of a schedule; money in fen."""

    number: int
    """From 1."""
    period_start: date
    period_end: date
    """Interest runs from `period_start` (included) to `period_end` (excluded)."""
    due_date: date
    """`period_end`, moved by the product's holiday rule."""
    principal: int
    interest: int
    balance_after: int
    """Principal left once this and all earlier instalments are paid."""

    @property
    def due(self) -> int:
        """What has to be paid."""
        return self.principal + self.interest


def build_schedule(terms: Terms, move_due_date: Callable[[date], date] | None = None) -> list[Instalment]:
    """The schedule of a loan, oldest instalment first.

    `move_due_date` moves a due date that is not a working day (see `portal.loans.holidays`); interest does not follow
    it. Raises ValueError when the moved dates no longer follow one another.
    """
    periods = interest_periods(terms.start, terms.count, terms.first_due, terms.day_count)
    if terms.method == Method.BULLET:
        periods = [Period(terms.start, periods[-1].end, sum(period.days for period in periods))]
    due_dates = _due_dates(periods, move_due_date)
    year = year_basis(terms.day_count) * PPM
    portion, with_interest = _portion(terms, periods)
    instalments = []
    balance, last = terms.amount, len(periods)
    for number, (period, due_date) in enumerate(zip(periods, due_dates, strict=True), 1):
        interest = _divide(balance * terms.rate * period.days, year, Rounding.HALF_UP)
        principal = portion - interest if with_interest else portion
        if number <= terms.grace:
            principal = 0
        elif principal > balance or number == last:
            principal = balance
        elif principal < 0:
            principal = 0
        balance -= principal
        instalments.append(Instalment(number, period.start, period.end, due_date, principal, interest, balance))
    return instalments


def level_instalment(terms: Terms) -> int:
    """What each instalment of a level loan but the last comes to, in fen, as the product rounds it."""
    return _level(terms, interest_days(terms.start, terms.count, terms.first_due, terms.day_count)[terms.grace :])


def accrued_interest(instalments: Sequence[Instalment], as_of: date) -> int:
    """Contractual interest earned from the start to the end of `as_of`, in fen, whether due or paid or not.

    The interest of every period that has ended, and of the running one `interest * days elapsed // days of the period`
    in calendar days. The set-based day-end computes the very same integer division, so both agree to the fen.
    """
    ended = bisect_right(instalments, as_of, key=lambda instalment: instalment.period_end)
    earned = sum(instalment.interest for instalment in instalments[:ended])
    if ended < len(instalments):
        running = instalments[ended]
        elapsed = max((as_of - running.period_start).days, 0)
        earned += running.interest * elapsed // (running.period_end - running.period_start).days
    return earned


def level_over(amount: int, rate: int, days: Sequence[int], convention: DayCount, rounding: Rounding) -> int:
    """The level instalment that repays an amount over periods of so many days; for what is left of a loan."""
    return _solved(amount, rate, days, year_basis(convention) * PPM, rounding)


def share_of(amount: int, count: int, rounding: Rounding) -> int:
    """An equal share of principal."""
    return _divide(amount, count, rounding)


def period_interest(balance: int, rate: int, days: int, convention: DayCount) -> int:
    """Interest of a period on a balance, rounded half up."""
    return _divide(balance * rate * days, year_basis(convention) * PPM, Rounding.HALF_UP)


def _portion(terms: Terms, periods: Sequence[Period]) -> tuple[int, bool]:
    """What each instalment but the last amounts to, and whether its interest is part of that."""
    if terms.method == Method.LEVEL:
        return _level(terms, [period.days for period in periods[terms.grace :]]), True
    if terms.method == Method.EQUAL_PRINCIPAL:
        return _divide(terms.amount, terms.count - terms.grace, terms.rounding), False
    return 0, False


def _level(terms: Terms, days: Sequence[int]) -> int:
    """The level instalment that repays the loan over periods of so many days.

    A first period so long that its interest alone exceeds the level instalment bears only that interest, since unpaid
    interest is never capitalised: the level is then solved over the periods after it.
    """
    year = year_basis(terms.day_count) * PPM
    level = _level_over(terms, days, year)
    while len(days) > 1 and _divide(terms.amount * terms.rate * days[0], year, Rounding.HALF_UP) > level:
        days = days[1:]
        level = _level_over(terms, days, year)
    return level


def _level_over(terms: Terms, days: Sequence[int], year: int) -> int:
    return _solved(terms.amount, terms.rate, days, year, terms.rounding)


def _solved(amount: int, rate: int, days: Sequence[int], year: int, rounding: Rounding) -> int:
    """Solve "the balance after the last period is 0" for the instalment A, then round.

    Each period turns the balance B into B x (1 + f) - A with f = rate x days / year. So A = amount x growth / annuity,
    where growth is the product of all (1 + f) and annuity the final value of paying 1 at the end of each period. Both
    stay integers, scaled by powers of the year; equal periods have a closed form.
    """
    factors = [rate * length for length in days]
    shared = gcd(year, *factors)
    unit, count = year // shared, len(factors)
    if factors[0] and factors.count(factors[0]) == count:
        step = factors[0] // shared
        growth, scale = (unit + step) ** count, unit**count
        return _divide(amount * growth * step, unit * (growth - scale), rounding)
    growth, annuity, scale = 1, 0, 1
    for factor in factors:
        step = unit + factor // shared
        growth *= step
        annuity = annuity * step + scale
        scale *= unit
    return _divide(amount * growth, unit * annuity, rounding)


def _divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """A fraction of non-negative numbers as a whole number, or as whole yuan."""
    if rounding == Rounding.WHOLE_YUAN:
        return FEN * _divide(numerator, FEN * denominator, Rounding.HALF_UP)
    lift = denominator - 1 if rounding == Rounding.UP else denominator // 2
    return (numerator + lift) // denominator


def _due_dates(periods: Sequence[Period], move: Callable[[date], date] | None) -> list[date]:
    ends = [period.end for period in periods]
    if move is None:
        return ends
    moved = [move(end) for end in ends]
    if any(later <= earlier for earlier, later in pairwise([periods[0].start, *moved])):
        raise ValueError("The holiday rule moves a due date onto or before the one before it.")
    return moved
