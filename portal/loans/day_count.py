"""Day count conventions: how many days of interest lie between two dates, and how many make a year."""

from calendar import isleap
from datetime import date

from portal.products.terms import DayCount


def year_basis(convention: DayCount) -> int:
    """Days in a year of this convention."""
    return 365 if convention == DayCount.ACT_365 else 360


def counts_months(convention: DayCount) -> bool:
    """Whether each whole month has 30 days, whatever the calendar says."""
    return convention in (DayCount.THIRTY_360, DayCount.THIRTY_E_360)


def days(start: date, end: date, convention: DayCount) -> int:
    """Days of interest from `start` (included) to `end` (excluded)."""
    if convention == DayCount.THIRTY_360:
        return _thirty_360(start, end)
    if convention == DayCount.THIRTY_E_360:
        return _thirty(start, end, min(start.day, 30), min(end.day, 30))
    return (end - start).days


def _thirty_360(start: date, end: date) -> int:
    """NASD rules with the end-of-month rule for February (ISDA's 30/360 without it differs only there)."""
    from_day, to_day = start.day, end.day
    if _is_end_of_february(start):
        from_day = 30
        if _is_end_of_february(end):
            to_day = 30
    if to_day == 31 and from_day >= 30:
        to_day = 30
    return _thirty(start, end, min(from_day, 30), to_day)


def _thirty(start: date, end: date, from_day: int, to_day: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + to_day - from_day


def _is_end_of_february(day: date) -> bool:
    return day.month == 2 and day.day == (29 if isleap(day.year) else 28)
