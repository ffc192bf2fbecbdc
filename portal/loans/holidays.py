"""Holiday rules: where a due date goes that is not a working day in mainland China.

民法典 203: a period that ends on a statutory holiday ends on the day after it ("following"). What a product does beyond
that is a term of its contract.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar

from portal.products.terms import HolidayRule

SATURDAY = 5
ONE_DAY = timedelta(days=1)


def is_workday(day: date, announced: Mapping[date, bool] | None = None) -> bool:
    """Whether people work on this day, make-up working weekends (调休) included.

    `announced` holds days that the company itself has recorded and comes first. Next comes the State Council's
    calendar as far as the installed chinese-calendar knows it (2004 to 2026); other years have plain weekends.
    """
    if announced is not None and day in announced:
        return announced[day]
    return _is_calendar_workday(day)


@lru_cache(maxsize=20_000)  # chinese-calendar searches all its years at each question
def _is_calendar_workday(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:  # a year beyond the calendar's data
        return day.weekday() < SATURDAY


def last_known_year() -> int:
    """The last year that the installed chinese-calendar has the State Council's announcement of."""
    return int(max(day.year for day in chinese_calendar.holidays))


def due_date_mover(rule: HolidayRule, announced: Mapping[date, bool] | None = None) -> Callable[[date], date]:
    """The function that moves a due date by this rule (`announced` as in `is_workday`)."""

    def nearest(day: date, step: timedelta) -> date:
        while not is_workday(day, announced):
            day += step
        return day

    def move(day: date) -> date:
        if rule == HolidayRule.NONE:
            return day
        if rule == HolidayRule.PRECEDING:
            return nearest(day, -ONE_DAY)
        moved = nearest(day, ONE_DAY)
        if rule == HolidayRule.MODIFIED_FOLLOWING and moved.month != day.month:
            return nearest(day, -ONE_DAY)
        return moved

    return move
