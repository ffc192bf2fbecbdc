"""Large exports: written by a job into the file store, there for whoever asked and for nobody else."""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask_babel import force_locale, get_locale
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Select, String, func, select
from sqlalchemy.orm import Mapped, contains_eager, joinedload, mapped_column, relationship

from portal.core import export, files, jobs, scope
from portal.core.clock import business_date, now
from portal.core.db import Id, Model, Moment, Name, db
from portal.core.display import screens
from portal.core.errors import Forbidden, NotFound, Refused
from portal.core.fields import Field, field, fields_of
from portal.core.scope import Personal
from portal.core.values import as_shown
from portal.core.work import current_unit, unit_of_work, verb

WRITE = "exports.write"
AT_ONCE = {"csv": 100_000, "xlsx": 10_000}
"""Rows that are sent while one waits; more is the work of a job."""
MOST_ROWS_XLSX = 1_048_575
"""What a sheet holds below its heading."""
MIME = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
LATEST = 20
EVERY = 2_000
"""Rows between two reports of progress."""


_kept_days: list[Callable[[], int]] = []


def register_kept_days(days: Callable[[], int]) -> Callable[[], int]:
    """Say for how many days an export's file is kept: a parameter, which this floor does not know."""
    _kept_days[:] = [days]
    return days


def kept_days() -> int:
    return _kept_days[0]()


class ExportJob(Personal, Model):
    """An export made in the background (后台导出)."""

    id: Mapped[Id]
    screen: Mapped[str] = mapped_column(String(60))
    resource: Mapped[str] = mapped_column(String(60))
    title: Mapped[Name] = field(_("Export"))
    format: Mapped[str] = field(_("Format"), String(10))
    rows: Mapped[int] = field(_("Rows"))
    created_at: Mapped[Moment] = field(_("Asked for at"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))

    job: Mapped[jobs.Job | None] = relationship()
    file: Mapped[files.StoredFile | None] = relationship()

    @property
    def busy(self) -> bool:
        return self.job is not None and self.job.state in (jobs.JobState.QUEUED, jobs.JobState.RUNNING)

    @property
    def gone(self) -> bool:
        """It was made, and its file has been removed since."""
        return self.file_id is None and self.job is not None and self.job.state == jobs.JobState.DONE

    @property
    def asked_at(self) -> str:
        return str(as_shown(fields_of(ExportJob)["created_at"], self.created_at))

    def __str__(self) -> str:
        return f"{self.title} ({self.format.upper()})"


def too_many(statement: Select[Any], key: Any, fmt: str) -> bool:
    """Whether an export is more than one waits for."""
    ids = statement.with_only_columns(key).order_by(None).limit(AT_ONCE[fmt] + 1).subquery()
    return (db.session.scalar(select(func.count()).select_from(ids)) or 0) > AT_ONCE[fmt]


def begin(screen: str, resource: str, title: str, fmt: str, statement: Select[Any], key: Any, pairs: Any) -> int:
    """Have a list's rows written in the background; returns the export's number. Refused when no sheet holds them."""
    ids = statement.with_only_columns(key).order_by(None).subquery()
    count = db.session.scalar(select(func.count()).select_from(ids)) or 0
    if fmt == "xlsx" and count > MOST_ROWS_XLSX:
        raise Refused(_("A sheet holds at most %(most)s rows; take CSV instead.", most=f"{MOST_ROWS_XLSX:,}"))
    row = _begun(screen, resource, title, fmt, count, pairs)
    assert row.job_id is not None
    jobs.ring(row.job_id)  # once more: before the commit a worker found nothing
    return row.id


@verb("exports.begin")
def _begun(screen: str, resource: str, title: str, fmt: str, count: int, pairs: Any) -> ExportJob:
    row = ExportJob(screen=screen, resource=resource, title=title, format=fmt, rows=count, created_at=now())
    row.owner_id = scope.actor().user_id
    db.session.add(row)
    db.session.flush()
    language = str(get_locale() or "en")
    row.job_id = jobs.submit(WRITE, export_id=row.id, pairs=pairs, language=language).id
    db.session.flush()
    return row


@jobs.job(WRITE)
def write(report: jobs.Report, export_id: int, pairs: Sequence[Sequence[str]], language: str) -> None:
    """Write the file as whoever asked sees the rows now; nothing to do when it is there already."""
    row = _find(export_id)
    if row.file_id is not None:
        return
    if not scope.actor().may(row.resource, "export"):
        raise Forbidden(_("Your role no longer includes this export."))
    fmt, total, name = row.format, row.rows, f"{row.resource}-{business_date():%Y%m%d}.{row.format}"
    view = screens()[row.screen]
    with force_locale(language), scope.doing(row.resource, "export"):
        statement, columns = view.export_of({pair[0]: pair[1] for pair in pairs})
        lines = _counted(export.rows(view.model, statement, columns), report, total)
        db.session.rollback()  # the rows are read in sessions of their own; this one holds nothing meanwhile
        with _written(fmt, columns, lines) as file, unit_of_work("exports.finish"):
            stored = files.store(name, file, MIME[fmt])
            _find(export_id).file_id = stored.id
            current_unit().note(export=export_id, sha256=stored.sha256)


def _counted(lines: Iterator[list[Any]], report: jobs.Report, total: int) -> Iterator[list[Any]]:
    for number, line in enumerate(lines, 1):
        yield line
        if number % EVERY == 0:
            report(number, max(total, number), "")


@contextlib.contextmanager
def _written(fmt: str, columns: Sequence[Field], lines: Iterator[list[Any]]) -> Iterator[Any]:
    """A temporary file with the export."""
    if fmt == "xlsx":
        with export.as_xlsx(columns, lines) as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:
        for text in export.as_csv(columns, lines):
            file.write(text.encode())
        yield file


def _find(export_id: int) -> ExportJob:
    row: ExportJob | None = db.session.scalar(select(ExportJob).where(ExportJob.id == export_id))
    if row is None:
        raise NotFound(_("This export does not exist, or somebody else asked for it."))
    return row


def latest() -> list[ExportJob]:
    """The actor's own exports, newest first."""
    both = (joinedload(ExportJob.job), joinedload(ExportJob.file))
    return list(db.session.scalars(select(ExportJob).options(*both).order_by(ExportJob.id.desc()).limit(LATEST)))


def content_of(export_id: int) -> files.StoredFile:
    """The file of one's own export. NotFound when it is not there; Forbidden when the role no longer includes it."""
    row = _find(export_id)
    if not scope.actor().may(row.resource, "export"):
        raise Forbidden(_("Your role no longer includes this export."))
    if row.gone:
        raise NotFound(_("The file of this export is no longer kept; ask for the export again."))
    if row.file is None:
        raise NotFound(_("This export is not finished yet."))
    return row.file


def remove_old() -> int:
    """Remove the files of exports made longer ago than files are kept; returns how many. The exports stay listed."""
    removed = _forget_old(now() - dt.timedelta(days=kept_days()))
    files.sweep(removed)
    return len(removed)


@verb("exports.remove_old")
def _forget_old(before: dt.datetime) -> list[str]:
    old = select(ExportJob).join(ExportJob.file).where(files.StoredFile.created_at < before)
    hashes = []
    for row in db.session.scalars(old.options(contains_eager(ExportJob.file))).all():
        assert row.file is not None
        hashes.append(files.forget(row.file))
        row.file = None
    if hashes:
        current_unit().note(files=len(hashes), before=before.isoformat(timespec="seconds"))
    return hashes
