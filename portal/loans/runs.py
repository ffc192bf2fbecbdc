"""Runs of day-end: what was closed when, by whom and with what figures; and that only one runs at a time.

Whoever runs it holds a lock that falls with the process: an advisory lock on PostgreSQL, a lock on a file beside the
database on SQLite. The row says who that is, so that a second one is told; a row whose process is gone is closed as
failed by the next run. A run also keeps figures of each day it closed, which a re-run must come to again.
"""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, BigInteger, Connection, Index, String, cast, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import BusinessDate, Choice, Id, Labelled, Model, Moment, db, label_of
from portal.core.errors import Refused
from portal.core.fields import field
from portal.core.values import CHINA
from portal.loans.classification import Category
from portal.loans.minima import severity_of
from portal.loans.state import LoanState  # noqa: F401 - gives the categories their words

MOST_TOLD = 50
"""Differences that a run keeps word for word; all are counted."""


class RunKind(Labelled):
    """What was run."""

    CLOSE = "close", _("Day-end")
    PROOF = "proof", _("Re-run")
    RECONCILIATION = "reconciliation", _("Reconciliation")


class RunState(Labelled):
    """How a run ended."""

    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class DayEndRun(Model):
    """One run of day-end, of a re-run of a past day, or of the reconciliation (日终批处理)."""

    __table_args__ = (Index("ix_day_end_run_first_day", "first_day"), Index("ix_day_end_run_last_day", "last_day"))

    id: Mapped[Id]
    kind: Mapped[RunKind] = field(_("Run"), Choice(RunKind))
    first_day: Mapped[BusinessDate] = field(_("First day"))
    last_day: Mapped[BusinessDate] = field(_("Last day"))
    state: Mapped[RunState] = field(_("State"), Choice(RunState), default=RunState.RUNNING)
    started_by: Mapped[str] = field(_("Started by"), String(80))
    started_at: Mapped[Moment] = field(_("Started at"))
    finished_at: Mapped[Moment | None] = field(_("Finished at"))
    loans: Mapped[int] = field(_("Loans"), default=0)
    journals: Mapped[int] = field(_("Journals"), default=0)
    computed_again: Mapped[int] = field(_("Computed again"), default=0)
    differences: Mapped[int | None] = field(_("Differences"), help=_("Empty where nothing was compared."))
    figures: Mapped[Any] = mapped_column(JSON, default=dict)
    """By day: what its positions added up to."""
    told: Mapped[Any] = mapped_column(JSON, default=list)
    """The first differences, word for word: (check, loan, detail)."""
    message: Mapped[str] = mapped_column(String(400), default="")

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


RUNNING = DayEndRun.state == RunState.RUNNING

#: What is added up of positions, and what people call it. `checksum` mixes every figure of every loan with its number.
FIGURES = {
    "loans": _("Loans"),
    "balance": _("Balance"),
    "accrued_interest": _("Accrued interest"),
    "overdue_principal": _("Overdue principal"),
    "overdue_interest": _("Overdue interest"),
    "days_past_due": _("Days past due"),
    **{category.value: label_of(category) for category in Category},
    "checksum": _("Checksum"),
}
MODULUS, PLACES = 1_000_003, 9_973


def figures_of(source: Any, *conditions: Any) -> Any:
    """A statement of one row: `FIGURES` of `LoanState`, `LoanSnapshot` or a subquery of positions."""
    held = source.c if hasattr(source, "c") else source
    severity = severity_of(held.category)
    number = cast(held.loan_id, BigInteger) % PLACES + 1  # so that two loans cannot swap their figures unseen
    mixed = number * (
        number
        + held.balance % MODULUS * 7
        + held.accrued_interest % MODULUS * 11
        + held.overdue_principal % MODULUS * 13
        + held.overdue_interest % MODULUS * 17
        + held.days_past_due * 19
        + severity * 23
        + severity_of(held.floor) * 29
    )

    def whole(value: Any, name: str) -> Any:
        return cast(func.coalesce(func.sum(value), 0), BigInteger).label(name)

    sums = ("balance", "accrued_interest", "overdue_principal", "overdue_interest", "days_past_due")
    columns = [
        func.count().label("loans"),
        *(whole(getattr(held, name), name) for name in sums),
        *(func.count().filter(held.category == category).label(category.value) for category in Category),
        whole(mixed % MODULUS, "checksum"),
    ]
    return select(*columns).select_from(source).where(*conditions)


def read_figures(session: Session, source: Any, *conditions: Any) -> dict[str, int]:
    """The figures as a run keeps them."""
    return {name: int(value) for name, value in session.execute(figures_of(source, *conditions)).one()._mapping.items()}


def differing(kept: Mapping[str, int], anew: Mapping[str, int]) -> list[str]:
    """Names of the figures that are not the same."""
    return [name for name in FIGURES if kept.get(name) != anew.get(name)]


# --- who runs it ------------------------------------------------------------------------------------------------------

LOCK = zlib.crc32(b"day-end")


@contextmanager
def holding(connection: Connection) -> Iterator[None]:
    """Be the one who runs day-end, as long as this connection lives. Refused, naming the holder, when another is."""
    if connection.dialect.name == "postgresql":
        if not connection.scalar(select(func.pg_try_advisory_lock(LOCK))):
            connection.rollback()
            raise Refused(_held_by())
        connection.commit()
        try:
            _close_dead()
            yield
        finally:
            connection.rollback()
            connection.execute(select(func.pg_advisory_unlock(LOCK)))
            connection.commit()
        return
    with _lock_file() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(_held_by()) from None
        _close_dead()
        yield


def is_held() -> bool:
    """Whether somebody runs day-end now."""
    if db.engine.dialect.name == "postgresql":
        held = text(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND objid = :lock AND granted"
        )
        return bool(db.session.scalar(held, {"lock": LOCK}))
    with _lock_file() as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    return True


def _lock_file() -> Any:
    return open(f"{db.engine.url.database}.day-end", "a")


def running() -> DayEndRun | None:
    """The run whose process works now."""
    latest = select(DayEndRun).where(RUNNING).order_by(DayEndRun.id.desc()).limit(1)
    row = db.session.scalar(latest)
    return row if row is not None and is_held() else None


def _held_by() -> str:
    """Who runs it, as the second one is told."""
    with db.engine.connect() as connection:
        statement = select(DayEndRun.started_by, DayEndRun.started_at, DayEndRun.first_day)
        row = connection.execute(statement.where(RUNNING).order_by(DayEndRun.id.desc()).limit(1)).first()
    if row is None:
        return str(gettext("Day-end is being run by somebody else; try again in a moment."))
    return held_by(row)


def held_by(run: Any) -> str:
    """Who runs it, as a second one is told."""
    return str(
        gettext(
            "Day-end of %(day)s is being run by %(who)s since %(at)s; wait until it is done.",
            day=run.first_day,
            who=run.started_by,
            at=f"{run.started_at.astimezone(CHINA):%H:%M}",
        )
    )


def _close_dead() -> None:
    """Runs whose process is gone did nothing of their day: say so."""
    dead = update(DayEndRun).where(RUNNING)
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(dead.values(state=RunState.FAILED, finished_at=now(), message="stopped"))


# --- rows -------------------------------------------------------------------------------------------------------------


def begin(kind: RunKind, first: date, last: date) -> int:
    """Write down that a run begins; its number."""
    values = {
        "kind": kind,
        "first_day": first,
        "last_day": last,
        "state": RunState.RUNNING,
        "started_by": scope.actor().name,
        "started_at": now(),
        "loans": 0,
        "journals": 0,
        "computed_again": 0,
        "figures": {},
        "told": [],
        "message": "",
    }
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        return int(connection.scalar(insert(DayEndRun).values(values).returning(DayEndRun.id)) or 0)


def record(session: Session, kind: RunKind, day: date, started_at: datetime, **values: Any) -> int:
    """Write down a run that is over: one that only compares."""
    row = {
        "kind": kind,
        "first_day": day,
        "last_day": day,
        "state": RunState.DONE,
        "started_by": scope.actor().name,
        "started_at": started_at,
        "finished_at": now(),
        "loans": 0,
        "journals": 0,
        "computed_again": 0,
        "figures": {},
        "told": [],
        "message": "",
        **values,
    }
    return int(session.scalar(insert(DayEndRun).values(row).returning(DayEndRun.id)) or 0)


def finish(session: Session, run_id: int, **values: Any) -> None:
    """Write down how it ended, in the transaction that did the work."""
    done: dict[str, Any] = {"state": RunState.DONE, "finished_at": now(), **values}
    session.execute(update(DayEndRun).where(DayEndRun.id == run_id).values(done))


def fail(run_id: int, reason: str) -> None:
    """Write down that it did not come to its end."""
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        values = {"state": RunState.FAILED, "finished_at": now(), "message": reason[:400]}
        connection.execute(update(DayEndRun).where(DayEndRun.id == run_id).values(values))


def tell_unfollowed(run_id: int, names: Sequence[str]) -> None:
    """Write down what should have followed the closed days and failed; the days stay closed."""
    if not names:
        return
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        held = connection.scalar(select(DayEndRun.message).where(DayEndRun.id == run_id)) or ""
        told = ", ".join(dict.fromkeys([*filter(None, held.split(", ")), *names]))
        connection.execute(update(DayEndRun).where(DayEndRun.id == run_id).values(message=told[:400]))


def figures_kept(day: date) -> tuple[Mapping[str, int] | None, datetime | None]:
    """What a day added up to when it was closed, and when that was; (None, None) where nothing was kept."""
    statement = (
        select(DayEndRun)
        .where(
            DayEndRun.kind == RunKind.CLOSE,
            DayEndRun.state == RunState.DONE,
            DayEndRun.first_day <= day,
            DayEndRun.last_day >= day,
        )
        .order_by(DayEndRun.id.desc())
    )
    for run in db.session.scalars(statement):
        if day.isoformat() in run.figures:
            return run.figures[day.isoformat()], run.finished_at
    return None, None
