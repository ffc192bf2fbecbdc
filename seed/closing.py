"""Month-ends of the demo company: two years of provisions, VAT and interest kept off balance, booked month by month.

The last month-end is left to finance: its provision was proposed and waits for a second person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select

from portal.closing.models import EntryKind
from portal.closing.posting import post
from portal.closing.proposals import propose
from portal.core.db import db
from portal.core.scope import acting, actor
from portal.loans.state import LoanSnapshot
from seed.company import BUSINESS_DATE

MONTHS = 24
NOTE = "五级分类已由风险部复核"


def load_month_ends() -> None:
    """Book them in order; nothing where no month-end is kept. Within a unit of work."""
    days = [day for day in _ends() if _kept(day)]
    for day in days:
        for kind in EntryKind:
            if kind is not EntryKind.PROVISION or day != days[-1]:
                post(kind, day, historical=True)
    if days:
        with acting(replace(actor(), name="finance")):
            propose(EntryKind.PROVISION, days[-1], NOTE)


def _ends() -> Iterator[date]:
    """The last month-ends before the business date, the earliest first."""
    day = BUSINESS_DATE
    found: list[date] = []
    while len(found) < MONTHS:
        day = day.replace(day=1) - timedelta(days=1)
        found.append(day)
    yield from reversed(found)


def _kept(day: date) -> bool:
    return db.session.scalar(select(LoanSnapshot.id).where(LoanSnapshot.as_of == day).limit(1)) is not None
