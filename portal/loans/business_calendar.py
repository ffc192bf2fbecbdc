"""The business calendar: days that the company records itself, which go before the built-in calendar (营业日历).

It is read wherever a due date is moved or a day is told to be a working day: schedules of new loans, what is disclosed
before one, extensions and restructurings, the calendar of day-end. A schedule that exists never changes with it.
"""

from __future__ import annotations

from datetime import date

from flask import g, has_request_context
from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint, event, extract, select
from sqlalchemy.orm import Mapped

from portal.core import role_store
from portal.core.clock import month_end
from portal.core.db import BusinessDate, Code, Id, Model, Name, Text, Versioned, db
from portal.core.fields import field
from portal.core.masks import told
from portal.core.notifications import Message, notify, register_message
from portal.loans import following
from portal.loans.holidays import last_known_year

DECEMBER = 12


class CalendarDay(Versioned, Model):
    """A day of which the company says whether people work on it, for what is made from a date on (营业日历)."""

    __table_args__ = (UniqueConstraint("on_day", "valid_from"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Entry number"), unique=True, search=True, help=_("Such as 2027-10-01."))
    on_day: Mapped[BusinessDate] = field(_("Day"))
    works: Mapped[bool] = field(
        _("Working day"),
        default=False,
        help=_("Yes for a weekend that is worked to make up for a holiday. Due dates that exist already stay."),
    )
    reason: Mapped[Name] = field(_("Reason"), search=True, help=_("Such as the name of the holiday."))
    valid_from: Mapped[BusinessDate] = field(
        _("Valid from"),
        help=_("Holds for schedules made from this date on, usually the day of the announcement; earlier ones stay."),
    )
    source: Mapped[Text] = field(_("Source"), help=_("The announcement of the State Council, or the decision."))

    def __str__(self) -> str:
        return told(self, "on_day")


def recorded_days(on: date) -> dict[date, bool]:
    """The days that are recorded, as in force on a date: whether each is a working day. Read once per request."""
    held: list[tuple[date, date, bool]] | None = g.get("calendar_days") if has_request_context() else None
    if held is None:
        rows = select(CalendarDay.valid_from, CalendarDay.on_day, CalendarDay.works).order_by(CalendarDay.valid_from)
        held = [(since, day, works) for since, day, works in db.session.execute(rows)]
        if has_request_context():
            g.calendar_days = held
    return {day: works for since, day, works in held if since <= on}


@event.listens_for(CalendarDay, "after_insert")
@event.listens_for(CalendarDay, "after_update")
@event.listens_for(CalendarDay, "after_delete")
def _forget(_mapper: object, _connection: object, _row: CalendarDay) -> None:
    """What this request has read of the calendar no longer holds."""
    if has_request_context():
        g.pop("calendar_days", None)


def unannounced(today: date) -> list[int]:
    """Years up to the next one that nobody knows the holidays of: not the built-in calendar, and no day is recorded."""
    wanted = [year for year in (today.year, today.year + 1) if year > last_known_year()]
    year_of = extract("year", CalendarDay.on_day)
    return [
        year for year in wanted if db.session.scalar(select(CalendarDay.id).where(year_of == year).limit(1)) is None
    ]


NOTHING = register_message(
    Message(
        "calendar.unannounced",
        _("%(year)s has no announced holidays yet: plain weekends are used. Record them in the business calendar."),
        "warn",
    )
)


def _after_day_end(opened: date) -> None:
    """Once, when December begins: who keeps the calendar is told of a coming year without holidays."""
    if opened.month == DECEMBER and opened == month_end(opened).replace(day=1):
        keepers = [user.id for user in role_store.allowed(("CalendarDay", "edit"))]
        for year in unannounced(opened):
            notify(keepers, NOTHING.key, "/calendardayview/list/", year=year)


following.opened.register("calendar", _after_day_end)
