"""The first-run tour: five steps for a role, shown once to each login, and again when it is asked for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import Id, Model, Moment, db
from portal.core.roles import Step, roles
from portal.core.work import verb

LENGTH = 5
"""Steps of every role's tour."""


class TourSeen(Model):
    """A login that has gone through the tour, or skipped it."""

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    seen_at: Mapped[Moment]


def steps(role_names: tuple[str, ...]) -> tuple[Step, ...]:
    """The tour of the first of these roles; nothing for somebody without a role."""
    return next((roles[name].tour for name in role_names if name in roles), ())


def is_due() -> bool:
    """Whether the actor has not been shown round yet."""
    user_id = scope.actor().user_id
    return user_id is not None and _held(user_id) is None


@verb("tours.seen")
def mark_seen() -> None:
    """The actor has seen the tour, to its end or not."""
    user_id = scope.actor().user_id
    if user_id is not None and _held(user_id) is None:
        db.session.add(TourSeen(user_id=user_id, seen_at=now()))
        db.session.flush()


def _held(user_id: int) -> Any:
    return db.session.scalar(select(TourSeen.id).where(TourSeen.user_id == user_id))
