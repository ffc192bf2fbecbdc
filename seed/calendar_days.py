"""The days of autumn 2026 as announced, recorded by the company as well: holidays, and the weekends worked for them."""

from __future__ import annotations

from datetime import date, timedelta

from portal.core.db import db
from portal.loans.business_calendar import CalendarDay

SINCE = date(2025, 12, 1)
SOURCE = "国务院办公厅关于2026年部分节假日安排的通知"
HOLIDAYS = (("中秋节", date(2026, 9, 25), 3), ("国庆节", date(2026, 10, 1), 7))
"""Name, first day, days off."""
WORKED = ((date(2026, 9, 20), "国庆节调休"), (date(2026, 10, 10), "国庆节调休"))


def load_calendar() -> None:
    """Write them; within a unit of work."""
    for reason, first, count in HOLIDAYS:
        for n in range(count):
            _record(first + timedelta(days=n), False, reason)
    for day, reason in WORKED:
        _record(day, True, reason)


def _record(day: date, works: bool, reason: str) -> None:
    db.session.add(
        CalendarDay(code=day.isoformat(), on_day=day, works=works, reason=reason, valid_from=SINCE, source=SOURCE)
    )
