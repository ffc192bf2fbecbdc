"""The interest periods of a loan: monthly, on the same day of each month.

The due day is anchored to the start day and never drifts: a loan of 31 January falls due on 28 February, then on
31 March. A first due date that lies whole months after the start keeps that anchor; any other makes a first period of
odd length, and its own day the anchor.
"""

from calendar import isleap
from datetime import date
from typing import NamedTuple

from portal.loans.day_count import counts_months, days
from portal.products.terms import DayCount, ResetRule

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Period(NamedTuple):
    """One interest period."""

    start: date
    end: date
    """The contractual due date, before any holiday rule."""
    days: int
    """Days of interest under the product's day count; a whole month has 30 under 30/360."""


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = 29 if month == 1 and isleap(year) else _LENGTHS[month]
    return date(year, month + 1, min(day.day, length))


def whole_months(start: date, end: date) -> int | None:
    """How many months after `start` `end` lies, or None when that is not a whole number (or less than one)."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if months > 0 and add_months(start, months) == end else None


def next_reset(rule: ResetRule, start: date, after: date) -> date:
    """The first day after `after` on which the rate of a loan paid out on `start` is set anew."""
    if rule == ResetRule.JANUARY:
        return date(after.year + 1, 1, 1)
    years = after.year - start.year
    return next(day for day in (add_months(start, 12 * (years + n)) for n in range(2)) if day > after)


def due_dates(start: date, count: int, first_due: date | None) -> list[date]:
    """The contractual due dates: `first_due` (a month after `start` if None), then monthly."""
    months = 1 if first_due is None else whole_months(start, first_due)
    anchor = first_due if first_due is not None and months is None else start
    return [add_months(anchor, (months or 0) + index) for index in range(count)]


def interest_periods(start: date, count: int, first_due: date | None, convention: DayCount) -> list[Period]:
    """The `count` periods from `start` on, ending on the due dates."""
    ends = due_dates(start, count, first_due)
    starts = [start, *ends[:-1]]
    if counts_months(convention):
        lengths = _thirty_day_months(start, count, first_due, convention)
    else:
        lengths = [(end - begin).days for begin, end in zip(starts, ends, strict=True)]
    return list(map(Period._make, zip(starts, ends, lengths, strict=True)))


def interest_days(start: date, count: int, first_due: date | None, convention: DayCount) -> list[int]:
    """The days of `interest_periods` alone: under 30/360 they need no calendar."""
    if counts_months(convention):
        return _thirty_day_months(start, count, first_due, convention)
    return [period.days for period in interest_periods(start, count, first_due, convention)]


def _thirty_day_months(start: date, count: int, first_due: date | None, convention: DayCount) -> list[int]:
    if first_due is None:
        return [30] * count
    months = whole_months(start, first_due)
    first = days(start, first_due, convention) if months is None else 30 * months
    return [first, *[30] * (count - 1)]
