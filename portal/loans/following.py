"""What areas above do once loans changed or a new day is open. They hook in here; the ledger knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import Any

import structlog
from sqlalchemy.orm import Session

from portal.core.db import db
from portal.core.registry import Registry

log = structlog.get_logger("portal.day_end")

changed: Registry[Callable[[Session, date, Collection[int]], None]] = Registry("followers of changed loans")
"""(session, open business date, loans): within the unit of work that booked on them; whatever raises undoes it."""
closed: Registry[Callable[[date], Any]] = Registry("followers of closed days")
"""(the last day that was closed, up to a month of them at a time)."""
opened: Registry[Callable[[date], Any]] = Registry("followers of day-end")
"""(the date that is open now): once, when all days are closed.

Both run after the day is in the database, each follower in a unit of work of its own; safe to run twice."""


def loans_changed(session: Session, day: date, loans: Collection[int]) -> None:
    """Tell everybody who follows that these loans were booked on."""
    for follow in changed.values():
        follow(session, day, loans)


def follow(followers: Registry[Callable[[date], Any]], day: date) -> list[str]:
    """Let everybody follow; the names of those who failed. The day stays closed and the others follow all the same."""
    failed = []
    for name, follower in followers.items():
        try:
            follower(day)
        except Exception:  # whatever it is, it is told by whoever called day-end
            log.exception("what follows day-end failed", follower=name, day=day.isoformat())
            db.session.rollback()
            failed.append(name)
    return failed
