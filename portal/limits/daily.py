"""What is kept of every day: who used how much of which limit, and the register of limits that were near or broken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from flask_babel import gettext
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.limits.exposure import Book
from portal.limits.measuring import Measuring, Usage, limits_on
from portal.limits.models import LendingLimit, LimitBreach, LimitUsage, share_ppm
from portal.limits.parameters import SHOWN
from portal.limits.rules import Reading, Spell, Standing, followed
from portal.loans import following
from portal.parameters.services import parameter

LEVELS = (Standing.NEAR, Standing.BEYOND)


@verb("limits.measure")
def measure(day: date) -> int:
    """Measure all limits at the end of a day that was just closed, and keep it; again for the same day: kept anew.

    A day before that must be a month-end with a snapshot; Refused otherwise. Returns how many rows were kept.
    """
    session = db.session()
    just_closed = session.scalar(select(BusinessDay.open_date)) == day + timedelta(days=1)
    book = Book(session, None if just_closed else day)
    if not (just_closed or book.kept):
        raise Refused(gettext("No positions of %(day)s are kept.", day=day))
    with unscoped("limits are measured for the whole company"):
        return _measure(session, book, day)


def _measure(session: Session, book: Book, day: date) -> int:
    measuring, largest = Measuring(book, day), int(parameter(SHOWN, day).value)
    session.execute(delete(LimitUsage).where(LimitUsage.on_day == day))
    kept = 0
    for limit in limits_on(session, day):
        found = measuring.usage(limit, largest)
        session.add_all(_row(usage, day) for usage in found)
        _follow(session, limit, found, Reading(limit.bound, 0, measuring.base(limit)), day)
        kept += len(found)
    _end_others(session, day)
    session.flush()
    current_unit().note(day=day.isoformat(), kept=kept)
    return kept


def _row(usage: Usage, day: date) -> LimitUsage:
    reading = usage.reading
    return LimitUsage(
        on_day=day,
        limit_id=usage.limit.id,
        subject=usage.subject,
        customer_id=usage.named,
        members=len(usage.members),
        insider=usage.insider,
        used=reading.used,
        base=reading.base,
        of_base=share_ppm(reading),
        free=reading.free,
        standing=reading.standing,
    )


def _follow(session: Session, limit: LendingLimit, found: Sequence[Usage], nothing: Reading, day: date) -> None:
    """Carry the register of one limit on: begin, extend and end its spells. Who is not measured is not near."""
    by_subject = {usage.subject: usage for usage in found}
    statement = select(LimitBreach).where(LimitBreach.limit_id == limit.id, LimitBreach.first_day <= day)
    rows = session.scalars(statement.order_by(LimitBreach.first_day, LimitBreach.id))
    held = {(row.subject, row.level): row for row in rows}
    known = {*held, *((subject, level) for subject in by_subject for level in LEVELS)}
    for subject, level in sorted(known, key=lambda one: (one[0], LEVELS.index(one[1]))):
        usage, row = by_subject.get(subject), held.get((subject, level))
        before = None if row is None else _spell(row)
        after = followed(before, nothing if usage is None else usage.reading, level, day)
        if after == before:
            continue
        if after is None:
            session.delete(row)
            continue
        if row is None or after.first_day != row.first_day:
            row = LimitBreach(limit_id=limit.id, subject=subject, level=level, first_day=day)
            session.add(row)
        row.ended_on, row.highest, row.highest_on = after.ended_on, after.highest, after.highest_on
        if usage is not None and after.highest_on == day:
            row.highest_share, row.customer_id = share_ppm(usage.reading), usage.named


def _end_others(session: Session, day: date) -> None:
    """What was open under a limit that is not in force any more ends."""
    in_force = {limit.id for limit in limits_on(session, day)}
    for row in session.scalars(select(LimitBreach).where(LimitBreach.ended_on.is_(None), LimitBreach.first_day < day)):
        if row.limit_id not in in_force:
            row.ended_on = day


def _spell(row: LimitBreach) -> Spell:
    return Spell(row.level, row.first_day, row.ended_on, row.highest, row.highest_on)


def measure_month_ends(days: Iterable[date]) -> None:
    """Measure past month-ends in order, each from its snapshot: for a company whose history was taken over."""
    for day in sorted(days):
        measure(day)


following.closed.register("limits", measure)
