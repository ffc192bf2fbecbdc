"""Notifications: an outbox table, written in the same unit of work as what it tells.

A row holds the key of a message and its arguments, never words: the reader's language is known only when it is read.
Everybody sees his own; the functions here are the only ones that read the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import BigId, Model, Moment, db
from portal.core.registry import Registry
from portal.core.work import unit_of_work, verb

TONES = ("ok", "info", "warn", "danger")


@dataclass(frozen=True)
class Message:
    """What a notification says. `text` is lazy, with %(name)s for its arguments."""

    key: str
    text: Any
    tone: str = "info"
    words: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """Turns stored arguments into words: the key of an import's kind into its label."""


messages: Registry[Message] = Registry("messages")


def register_message(message: Message) -> Message:
    return messages.register(message.key, message)


class Notification(Model):
    """One message to one login (通知)."""

    __table_args__ = (Index("ix_notification_user_read", "user_id", "read_at"),)

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    key: Mapped[str] = mapped_column(String(60))
    arguments: Mapped[Any] = mapped_column(JSON, default=dict)
    link: Mapped[str] = mapped_column(String(300), default="")
    """Path of the page it is about; empty for none."""
    created_at: Mapped[Moment]
    read_at: Mapped[Moment | None]

    @property
    def message(self) -> Message | None:
        """None when the code no longer knows the message."""
        return messages.get(self.key)

    @property
    def text(self) -> str:
        message = self.message
        return self.key if message is None else str(message.text) % message.words(self.arguments)

    @property
    def tone(self) -> str:
        return self.message.tone if self.message is not None else "info"


def entry(user_id: int, key: str, link: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table, for a writer with a connection of its own (jobs)."""
    if key not in messages:
        raise KeyError(key)
    return {"user_id": user_id, "key": key, "arguments": dict(arguments), "link": link, "created_at": now()}


@verb("notify")
def notify(user_ids: Iterable[int | None], key: str, link: str = "", **arguments: Any) -> None:
    """Tell these logins something; None among them (the system) is left out. Joins the running unit of work."""
    for user_id in dict.fromkeys(user_ids):
        if user_id is not None:
            db.session.add(Notification(**entry(user_id, key, link, arguments)))


def _mine() -> Any:
    return Notification.user_id == scope.actor().user_id


def unread_count() -> int:
    """How many the actor has not read: one count over an index."""
    unread = select(func.count()).select_from(Notification).where(_mine(), Notification.read_at.is_(None))
    return db.session.scalar(unread) or 0


def latest(limit: int, before: int | None = None) -> list[Notification]:
    """The actor's notifications, the newest first; `before` an id for the next page."""
    rows = select(Notification).where(_mine()).order_by(Notification.id.desc()).limit(limit)
    return list(db.session.scalars(rows if before is None else rows.where(Notification.id < before)))


def mark_read(notification_id: int | None = None) -> None:
    """Mark one of the actor's notifications as read, or all. Nothing of what others were told changes."""
    statement = update(Notification).where(_mine(), Notification.read_at.is_(None)).values(read_at=now())
    if notification_id is not None:
        statement = statement.where(Notification.id == notification_id)
    with unit_of_work("notifications.read"):
        db.session.execute(statement.execution_options(synchronize_session=False))
