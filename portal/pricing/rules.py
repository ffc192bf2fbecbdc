"""Annual rates of dated cash flows: what everything that is paid comes to a year (综合融资成本年化).

Three rates, each named for what it does, since they differ for the same loan:

- `annual_percentage_rate`: the internal rate of return with compound interest, on actual days over 365 (XIRR). It is
  what 人民银行公告〔2021〕3号 calls the compound method, and the figure that the gate looks at unless told otherwise.
- `simple_annual_cost`: the rate of simple interest at which the payments just pay back what was advanced: each payment
  settles the interest of the days since the last one first, and the rest pays back. Unpaid interest bears none.
- `actuarial_annual_rate`: Regulation Z's (12 CFR 1026, Appendix J): the rate of a unit period times the number of unit
  periods a year, with simple interest for the odd days before the first payment.

Amounts are exact (whole fen, or Decimal); rates are Decimals of 1, rounded to eight places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate, pairwise

import pyxirr

MOST_FLOWS = 5_000
"""Far beyond 600 monthly instalments with their fees."""
LARGEST_AMOUNT = Decimal(10) ** 15
HIGHEST = Decimal(1000)
"""100,000 % a year: beyond it an amount or a date is wrong."""
LOWEST = Decimal("-0.9999")
PLACES = Decimal("0.00000001")
YEAR = 365
MONTH_DAYS = 30
"""Regulation Z counts the odd days of a month as thirtieths."""


class FlowFault(StrEnum):
    """Why flows have no rate."""

    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_ORDER = "out_of_order"
    ONE_DAY = "one_day"
    ONE_SIGN = "one_sign"
    AMBIGUOUS = "ambiguous"
    ABSURD = "absurd"


class FlowsError(ValueError):
    """One sentence; `fault` says the same for those who translate."""

    def __init__(self, fault: FlowFault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Flow:
    """Money that changes hands on a day. Paid out to the borrower and paid by him have different signs."""

    on: date
    amount: Decimal | int


class UnitPeriod(StrEnum):
    """Intervals at which payments come, the unit periods of Regulation Z."""

    WEEK = "week"
    TWO_WEEKS = "two-weeks"
    FOUR_WEEKS = "four-weeks"
    HALF_MONTH = "half-month"
    MONTH = "month"
    TWO_MONTHS = "two-months"
    QUARTER = "quarter"
    HALF_YEAR = "half-year"
    YEAR = "year"


_DAYS = {UnitPeriod.WEEK: 7, UnitPeriod.TWO_WEEKS: 14, UnitPeriod.FOUR_WEEKS: 28}
_HALF_MONTHS = {
    UnitPeriod.HALF_MONTH: 1,
    UnitPeriod.MONTH: 2,
    UnitPeriod.TWO_MONTHS: 4,
    UnitPeriod.QUARTER: 6,
    UnitPeriod.HALF_YEAR: 12,
    UnitPeriod.YEAR: 24,
}


def periods_a_year(unit: UnitPeriod) -> int:
    """52, 26 and 13 for weeks, as the regulation says."""
    return 364 // _DAYS[unit] if unit in _DAYS else 24 // _HALF_MONTHS[unit]


def annual_percentage_rate(flows: Sequence[Flow]) -> Decimal:
    """The internal rate of return a year, compound, on actual days over 365. Raises FlowsError."""
    signed = _checked(flows)
    dates, amounts = [flow.on for flow in signed], [float(flow.amount) for flow in signed]

    def value(rate: float) -> float:
        return pyxirr.xnpv(rate, dates, amounts) or 0.0

    found = pyxirr.xirr(dates, amounts, silent=True)
    largest = max(map(abs, amounts))
    if found is None or abs(value(found)) > 1e-6 * largest:  # Newton strayed: the one root lies between these
        found = _bisected(value, float(LOWEST), float(HIGHEST))
    if found is None or not LOWEST < found < HIGHEST:
        raise _absurd()
    return _rounded(Decimal(found))


def _bisected(value: Callable[[float], float], low: float, high: float) -> float | None:
    """The root of a function that is above 0 at neither or just one of the ends; None when there is none between."""
    below = value(low) < 0
    if below == (value(high) < 0):
        return None
    for _step in range(200):
        middle = (low + high) / 2
        if (value(middle) < 0) == below:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def simple_annual_cost(flows: Sequence[Flow]) -> Decimal:
    """The rate a year of simple interest, on actual days over 365, that the payments amount to. Raises FlowsError."""
    signed = _checked(flows)
    days = [0, *((later.on - earlier.on).days for earlier, later in pairwise(signed))]
    amounts = [Decimal(flow.amount) for flow in signed]

    def left(rate: Decimal) -> Decimal:
        """What is still owed after the last payment: it rises with the rate, and is 0 at the right one."""
        a_day, principal, interest = rate / YEAR, Decimal(), Decimal()
        for length, amount in zip(days, amounts, strict=True):
            if principal > 0:
                interest += principal * a_day * length
            if amount < 0:
                principal -= amount
            else:
                towards_interest = min(amount, interest)
                interest -= towards_interest
                principal -= amount - towards_interest
        return principal + interest

    with localcontext() as context:
        context.prec = 34
        return _rounded(_solved(left, Decimal(-1000), HIGHEST))


def actuarial_annual_rate(flows: Sequence[Flow], unit: UnitPeriod) -> Decimal:
    """Regulation Z's annual percentage rate for one advance that is paid back at these intervals. Raises FlowsError.

    Times are counted back from each payment to the advance in whole unit periods; the days left over are a fraction.
    """
    signed = _checked(flows)
    first = signed[0]
    if any(flow.amount < 0 for flow in signed[1:]):
        raise FlowsError(FlowFault.AMBIGUOUS, "The actuarial method here takes one advance and the payments after it.")
    times = [(periods_between(first.on, flow.on, unit), Decimal(flow.amount)) for flow in signed[1:]]

    def left(rate: Decimal) -> Decimal:
        worth = sum(
            (amount / ((1 + _decimal(odd) * rate) * (1 + rate) ** whole) for (whole, odd), amount in times), Decimal()
        )
        return -Decimal(first.amount) - worth

    with localcontext() as context:
        context.prec = 34
        return _rounded(_solved(left, LOWEST, HIGHEST) * periods_a_year(unit))


def periods_between(start: date, end: date, unit: UnitPeriod) -> tuple[int, Fraction]:
    """Whole unit periods counted back from `end`, and what is left since `start` as a fraction of one."""
    if unit in _DAYS:
        whole, rest = divmod((end - start).days, _DAYS[unit])
        return whole, Fraction(rest, _DAYS[unit])
    months = (end.year - start.year) * 12 + end.month - start.month
    if _months_before(end, months) < start:
        months -= 1
    odd = (_months_before(end, months) - start).days
    if unit is UnitPeriod.HALF_MONTH:
        halves, odd = divmod(odd, 15)
        return 2 * months + halves, Fraction(odd, 15)
    length = _HALF_MONTHS[unit] // 2
    whole, rest = divmod(months, length)
    return whole, Fraction(rest * MONTH_DAYS + odd, length * MONTH_DAYS)


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days
    return date(year, month + 1, min(day.day, last))


def _solved(function: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """The root of a rising function, by regula falsi, with every third step in the middle: it cannot get stuck."""
    at_low, at_high = function(low), function(high)
    if at_low > 0 or at_high < 0:
        raise _absurd()
    for step in range(300):
        if high - low < PLACES / 1000 or at_high == at_low:
            break
        middle = (low + high) / 2 if step % 3 == 2 else high - at_high * (high - low) / (at_high - at_low)
        value = function(middle)
        if abs(value) < Decimal("1e-15"):
            return middle
        if value > 0:
            at_low = at_low / 2 if step % 3 == 1 else at_low  # Illinois: the end that stays counts less
            high, at_high = middle, value
        else:
            at_high = at_high / 2 if step % 3 == 1 else at_high
            low, at_low = middle, value
    return (low + high) / 2


def _checked(flows: Sequence[Flow]) -> list[Flow]:
    """The flows with the first one negative, those of 0 left out; FlowsError when they have no single rate."""
    if len(flows) > MOST_FLOWS:
        given = f"{len(flows):,}"
        raise FlowsError(FlowFault.TOO_MANY, f"At most {MOST_FLOWS:,} flows are taken; {given} were given.")
    for number, flow in enumerate(flows, 1):
        if not Decimal(flow.amount).is_finite() or abs(Decimal(flow.amount)) > LARGEST_AMOUNT:
            raise FlowsError(FlowFault.NOT_A_NUMBER, f"Flow {number} has no amount that can be reckoned with.")
    for number, (earlier, later) in enumerate(pairwise(flows), 2):
        if later.on < earlier.on:
            sentence = f"Flow {number} is dated {later.on}, before the one above it: flows come in order of time."
            raise FlowsError(FlowFault.OUT_OF_ORDER, sentence)
    held = [flow for flow in flows if flow.amount]
    if len(held) < 2:
        sentence = "A rate needs at least two flows that are not 0: what is paid out and what is paid back."
        raise FlowsError(FlowFault.TOO_FEW, sentence)
    if held[0].on == held[-1].on:
        raise FlowsError(FlowFault.ONE_DAY, "All flows are on one day: a rate needs time between them.")
    sign = -1 if held[0].amount > 0 else 1
    signed = [Flow(flow.on, sign * flow.amount) for flow in held]
    changes = _sign_changes(flow.amount for flow in signed)
    if changes == 0:
        raise FlowsError(FlowFault.ONE_SIGN, "All flows have the same sign: what is paid back has the opposite one.")
    if changes > 1 and _sign_changes(accumulate(Decimal(flow.amount) for flow in signed)) != 1:
        sentence = "These flows go back and forth between both sides, so that more than one rate fits them, or none."
        raise FlowsError(FlowFault.AMBIGUOUS, sentence)
    return signed


def _sign_changes(amounts: Iterable[Decimal | int]) -> int:
    signs = [amount > 0 for amount in amounts if amount]
    return sum(earlier != later for earlier, later in pairwise(signs))


def _absurd() -> FlowsError:
    sentence = "The rate would lie below -99.99 % or above 100,000 % a year: check amounts and dates."
    return FlowsError(FlowFault.ABSURD, sentence)


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def _rounded(rate: Decimal) -> Decimal:
    return rate.quantize(PLACES, ROUND_HALF_UP) + 0  # + 0: never "-0"
