"""The records a person opened last, for the search palette.

Noted after the answer has gone out, so that reading never waits for a writer: on SQLite a busy database is asked for a
moment only, and what could not be written is forgotten. Opening the same record again writes nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import structlog
from flask import Flask, Response, request
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, delete, insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import BigId, BigKey, Model, Moment, db
from portal.core.display import screens

log = structlog.get_logger("portal.recent")

SHOWN, KEPT = 10, 30
PATIENCE = 100
"""Milliseconds to wait for another writer (SQLite)."""


class RecentRecord(Model):
    """A record somebody opened (最近打开)."""

    __table_args__ = (
        UniqueConstraint("user_id", "screen", "row_id"),
        Index("ix_recent_record_user_opened", "user_id", "opened_at"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    screen: Mapped[str] = mapped_column(String(60))
    """Class name of the record screen."""
    row_id: Mapped[int] = mapped_column(BigKey)
    opened_at: Mapped[Moment]


def recent(limit: int = SHOWN) -> list[tuple[Any, Any]]:
    """(screen, row) of the records the actor opened last, as far as he may still see them; the last first."""
    user_id = scope.actor().user_id
    own = select(RecentRecord).where(RecentRecord.user_id == user_id).order_by(RecentRecord.opened_at.desc())
    noted = [entry for entry in db.session.scalars(own.limit(KEPT)) if entry.screen in screens()][:limit]
    rows: dict[tuple[str, int], Any] = {}
    for name in {entry.screen for entry in noted}:
        view = screens()[name]
        if view.may("show"):
            ids = [entry.row_id for entry in noted if entry.screen == name]
            with scope.doing("", "list"):
                found = db.session.scalars(view.base_statement().where(view.pk.in_(ids)))
                rows |= {(name, getattr(row, view.pk.key)): row for row in found}
    known = [(entry.screen, entry.row_id) for entry in noted if (entry.screen, entry.row_id) in rows]
    return [(screens()[key[0]], rows[key]) for key in known]


def register(app: Flask) -> None:
    """Note each record screen that was opened."""

    @app.after_request
    def opened(response: Response) -> Response:
        view_name, _dot, method = (request.endpoint or "").partition(".")
        pk = str((request.view_args or {}).get("pk", ""))
        user_id = scope.actor().user_id if scope.actor().viewer is None else None  # a viewer leaves no trace in it
        if method == "show" and response.status_code == 200 and user_id is not None and view_name in screens():
            response.call_on_close(lambda: note(app, user_id, view_name, int(pk), now()))
        return response


def note(app: Flask, user_id: int, screen: str, row_id: int, at: dt.datetime) -> None:
    """Write down that somebody opened a record, unless it is the one he opened last."""
    mine = RecentRecord.user_id == user_id
    newest = select(RecentRecord.screen, RecentRecord.row_id).where(mine).order_by(RecentRecord.opened_at.desc())
    with app.app_context():
        engine = db.engine
        with engine.connect() as connection:
            if connection.execute(newest.limit(1)).first() == (screen, row_id):
                return
        try:
            _write(user_id, screen, row_id, at)
        except OperationalError as busy:
            log.info("opened record not noted", reason=str(busy.orig))


def _write(user_id: int, screen: str, row_id: int, at: dt.datetime) -> None:
    mine = RecentRecord.user_id == user_id
    this = (mine, RecentRecord.screen == screen, RecentRecord.row_id == row_id)
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        waits = connection.dialect.name == "sqlite"
        if waits:
            driver.execute(f"PRAGMA busy_timeout={PATIENCE}")
        try:
            with connection.execution_options(write=True).begin():
                if not connection.execute(update(RecentRecord).where(*this).values(opened_at=at)).rowcount:
                    values = {"user_id": user_id, "screen": screen, "row_id": row_id, "opened_at": at}
                    connection.execute(insert(RecentRecord).values(values))
                    old = select(RecentRecord.id).where(mine).order_by(RecentRecord.opened_at.desc()).offset(KEPT)
                    ids = connection.execute(old).scalars().all()
                    if ids:
                        connection.execute(delete(RecentRecord).where(RecentRecord.id.in_(ids)))
        finally:
            if waits:
                driver.execute("PRAGMA busy_timeout=15000")
