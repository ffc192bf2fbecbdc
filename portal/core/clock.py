"""The business date: a row in the database, moved only by day-end. The only place that asks what day or time it is."""

from __future__ import annotations

import datetime as dt

from flask import g, has_request_context
from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BusinessDate, Model, db
from portal.core.errors import Refused


class BusinessDay(Model):
    """The one row that says which business date is open."""

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    open_date: Mapped[BusinessDate]
    moves: Mapped[bool] = mapped_column(default=True)
    """False for a demo company, whose date is fixed: the nightly day-end leaves it alone."""


def now() -> dt.datetime:
    """This moment, in UTC: for logs, audit entries and leases, never for business rules."""
    return dt.datetime.now(dt.UTC)


def calendar_date() -> dt.date:
    """Today's date in China, where the lenders are: how far the nightly day-end has to go, and on which days somebody
    stands in for another. Who is away is away on real days, in a demo company with a fixed date too."""
    return (now() + dt.timedelta(hours=8)).date()


def business_date() -> dt.date:
    """The open business date. Before the first one was set: today's date in China."""
    if has_request_context() and hasattr(g, "business_date"):
        return g.business_date  # type: ignore[no-any-return]
    found = db.session.scalar(select(BusinessDay.open_date))
    date = found or calendar_date()
    if has_request_context():
        g.business_date = date
    return date


def move_business_date(to: dt.date) -> None:
    """Open a later business date (day-end only; inside a unit of work). The first call opens the books."""
    day = db.session.get(BusinessDay, 1)
    if day is None:
        db.session.add(BusinessDay(id=1, open_date=to))
    elif to < day.open_date:
        raise Refused(f"The business date is {day.open_date}; it cannot move back to {to}.")
    else:
        day.open_date = to
    if has_request_context():
        g.business_date = to


def month_end(day: dt.date) -> dt.date:
    """Last calendar day of the month."""
    first_of_next = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return first_of_next - dt.timedelta(days=1)
