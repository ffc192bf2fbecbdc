"""Durable jobs: the row is the truth, huey only rings the bell.

A queue loses its message when a worker is killed; the row does not. A worker claims a row with a lease, renews it while
it works, and a periodic check rings again for rows whose lease ran out. Jobs must be safe to run twice.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app
from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from huey import RedisHuey, SqliteHuey
from huey.api import Huey
from sqlalchemy import JSON, String, insert, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import audit, scope
from portal.core.clock import business_date, now
from portal.core.db import Choice, Id, Labelled, Model, Moment, Name, db
from portal.core.errors import PortalError, reference
from portal.core.fields import field
from portal.core.notifications import Message, Notification, entry, register_message
from portal.core.registry import Registry
from portal.core.scope import SYSTEM
from portal.core.security import actor_for_username
from portal.core.wording import for_reader, in_every_language
from portal.core.work import unit_of_work

log = structlog.get_logger("portal.jobs")

LEASE = dt.timedelta(seconds=30)
MOST_TRIES = 3


class JobState(Labelled):
    """Where a job stands."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Job(Model):
    """Something done in the background (后台任务)."""

    id: Mapped[Id]
    name: Mapped[Name] = field(_("Job"))
    arguments: Mapped[Any] = mapped_column(JSON)
    state: Mapped[JobState] = field(_("State"), Choice(JobState), default=JobState.QUEUED, index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(String(400), default="")
    """How far it is, in the words of its last report; of a failed job why, for whoever looks at the table."""
    result: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    """What the function returned; of a failed job `{"reason": …}`, the sentence in every language."""
    tries: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str] = mapped_column(String(80), default="")
    lease_until: Mapped[Moment | None]
    created_at: Mapped[Moment] = field(_("Created at"))
    finished_at: Mapped[Moment | None] = field(_("Finished at"))
    username: Mapped[str] = mapped_column(String(80))
    """Whose rights it runs with; empty = the system actor."""

    @property
    def reason(self) -> str:
        """Why the job failed, in the reader's language; jobs of earlier versions kept one language only."""
        kept = self.result.get("reason") if isinstance(self.result, dict) else None
        return for_reader(kept or self.message) if self.state == JobState.FAILED else ""

    def __str__(self) -> str:
        return f"{self.name} #{self.id}"


Report = Callable[[int, int, str], None]
JobFunction = Callable[..., Any]

functions: Registry[JobFunction] = Registry("jobs")
_labels: dict[str, Any] = {}
_tell_themselves: set[str] = set()

DONE, FAILED = "job_done", "job_failed"


def _named(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "job": label(arguments["job"]), "reason": for_reader(arguments.get("reason"))}


register_message(Message(DONE, _("%(job)s: done"), "ok", _named))
register_message(Message(FAILED, _("%(job)s: failed. %(reason)s"), "danger", _named))


def job(name: str, words: Any = "", tells_itself: bool = False) -> Callable[[JobFunction], JobFunction]:
    """Make `function(report, **arguments)` a job; `report(done, total, message)` shows progress.

    `words` is what people call it (lazy). Whoever asked for it is told of its end, unless it `tells_itself`.
    """

    def decorate(function: JobFunction) -> JobFunction:
        _labels[name] = words
        if tells_itself:
            _tell_themselves.add(name)
        return functions.register(name, function)

    return decorate


def label(name: str) -> str:
    """What people call a job."""
    return str(_labels.get(name) or name)


def submit(name: str, **arguments: Any) -> Job:
    """Write the row and ring the bell. Joins a running unit of work; then the bell rings at the next check."""
    if name not in functions:
        raise KeyError(name)
    who = scope.actor()
    with unit_of_work("jobs.submit"):
        row = Job(
            name=name,
            arguments=arguments,
            state=JobState.QUEUED,
            created_at=now(),
            username="" if who.everything else who.name,
        )
        db.session.add(row)
        db.session.flush()
    ring(row.id)
    return row


def queue() -> Huey:
    return current_app.extensions["huey"]


def ring(job_id: int) -> None:
    current_app.extensions["run_job"](job_id)


class LeaseLost(Exception):
    """Another worker has taken the job over; this one must stop."""


class _Lease:
    """Keeps a claimed job ours while it runs, from a thread with a connection of its own."""

    def __init__(self, app: Flask, job_id: int, owner: str) -> None:
        self.app, self.job_id, self.owner = app, job_id, owner
        self.stopped = threading.Event()
        self.lost = False
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Lease:
        self.thread.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.stopped.set()
        self.thread.join()

    def _beat(self) -> None:
        while not self.stopped.wait(LEASE.total_seconds() / 3):
            with self.app.app_context(), scope.acting(SYSTEM):
                try:
                    self.lost = not _renew(self.job_id, self.owner)
                except OperationalError as error:  # SQLite while this very job writes: nobody else can claim it either
                    log.info("lease not renewed", job=self.job_id, reason=str(error.orig))


def _renew(job_id: int, owner: str, **values: Any) -> bool:
    """Prolong the lease and note progress; False when the job is no longer ours."""
    mine = (Job.id == job_id, Job.owner == owner, Job.state == JobState.RUNNING)
    statement = update(Job).where(*mine).values(lease_until=now() + LEASE, **values)
    with db.engine.begin() as connection:
        return connection.execute(statement).rowcount == 1


def due() -> list[int]:
    """Jobs that nobody works on: never started, or their worker is gone."""
    waiting = or_(Job.state == JobState.QUEUED, (Job.state == JobState.RUNNING) & (Job.lease_until < now()))
    return list(db.session.scalars(select(Job.id).where(waiting).order_by(Job.id)))


def run(job_id: int) -> None:
    """Claim and run one job; does nothing when somebody else has it."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
    waiting = or_(Job.state == JobState.QUEUED, (Job.state == JobState.RUNNING) & (Job.lease_until < now()))
    claim = (
        update(Job)
        .where(Job.id == job_id, waiting)
        .values(state=JobState.RUNNING, owner=owner, lease_until=now() + LEASE, tries=Job.tries + 1)
        .returning(Job.name, Job.arguments, Job.username, Job.tries)
    )
    with db.engine.begin() as connection:
        claimed = connection.execute(claim).first()
    if claimed is None:
        return
    name, arguments, username, tries = claimed
    if tries > MOST_TRIES:
        words = _("Given up after %(tries)s tries.", tries=MOST_TRIES)
        _fail(job_id, owner, lambda: words, given_up=True)
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def report(done: int, total: int, message: str = "") -> None:
        if lease.lost or not _renew(job_id, owner, done=done, total=total, message=str(message)[:400]):
            raise LeaseLost(job_id)

    with _Lease(app, job_id, owner) as lease:
        try:
            with scope.acting(_actor(username)):
                result = functions[name](report, **arguments)
        except LeaseLost:
            log.warning("lease lost", job=job_id)
            return
        except PortalError as error:
            refusal = error
            db.session.rollback()
            _fail(job_id, owner, lambda: refusal)
            return
        except Exception as error:
            db.session.rollback()
            number = reference()
            log.error("job failed", job=job_id, reference=number, exc_info=error)
            words = _("Something went wrong on our side; reference %(number)s.", number=number)
            _fail(job_id, owner, lambda: words)
            return
    _finish(job_id, owner, JobState.DONE, result)


def _actor(username: str) -> scope.Actor:
    return actor_for_username(username) if username else SYSTEM


def _fail(job_id: int, owner: str, say: Callable[[], Any], given_up: bool = False) -> None:
    _finish(job_id, owner, JobState.FAILED, {"reason": in_every_language(say)}, given_up)


def _finish(job_id: int, owner: str, state: JobState, result: Any, given_up: bool = False) -> None:
    """Close the job, if it is still ours, write that down and tell whoever asked for it, in one transaction."""
    values: dict[str, Any] = {"state": state, "finished_at": now(), "result": result, "lease_until": None}
    if state is JobState.FAILED:
        values["message"] = result["reason"]["en"][:400]
    mine = update(Job).where(Job.id == job_id, Job.owner == owner).values(**values)
    verb, day = "jobs.done" if state is JobState.DONE else "jobs.failed", business_date()
    db.session.rollback()
    with db.engine.begin() as connection:
        closed = connection.execute(mine.returning(Job.name, Job.username)).first()
        if closed is None:
            return
        audit.write(connection, verb, day, "Job", job_id, {"job": closed.name})
        if not closed.username or (closed.name in _tell_themselves and not given_up):
            return
        user_id = connection.scalar(select(User.id).where(User.username == closed.username))
        if user_id is None:
            return
        facts = {"job": closed.name} | (result if state is JobState.FAILED else {})
        key = FAILED if state is JobState.FAILED else DONE
        connection.execute(insert(Notification).values(entry(user_id, key, "", facts)))


def register(app: Flask, redis_url: str, prefix: str) -> None:
    """The queue: Redis where it is given, else a file in the instance folder."""
    if redis_url:
        huey: Huey = RedisHuey(f"{prefix}-jobs", url=redis_url)
    else:
        huey = SqliteHuey("jobs", filename=os.path.join(app.instance_path, "jobs.db"))
    app.extensions["huey"] = huey

    @huey.task(name="run_job")
    def run_job(job_id: int) -> None:
        with app.app_context(), scope.acting(SYSTEM):
            run(job_id)

    app.extensions["run_job"] = run_job
