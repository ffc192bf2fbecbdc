"""Checking, importing and undoing in the background: with the rights, and in the language, of whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import force_locale, get_locale, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import files, jobs
from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.wording import for_reader
from portal.core.work import unit_of_work
from portal.imports import services
from portal.imports.checks import Checked, checked_file, kind_called
from portal.imports.models import BatchState, ImportBatch

CHECK, RUN, UNDO = "imports.check", "imports.run", "imports.undo"


def begin_check(batch_id: int) -> None:
    """Have a batch checked in the background. Refused when it is imported already."""
    _begin(CHECK, batch_id, BatchState.DRAFT)


def begin_import(batch_id: int) -> None:
    """Have a batch checked once more and written in the background. Refused when it is imported already."""
    _begin(RUN, batch_id, BatchState.RUNNING)


def begin_undo(batch_id: int) -> None:
    """Have what a batch did taken back in the background. Refused when it is not, or no longer, imported."""
    _begin(UNDO, batch_id, BatchState.DONE)


def _begin(name: str, batch_id: int, state: BatchState) -> None:
    with unit_of_work("imports.begin"):
        batch = db.session.scalars(select(ImportBatch).where(ImportBatch.id == batch_id).with_for_update()).one()
        if job_at_work(batch) is not None:  # pressed twice
            return
        row = jobs.submit(name, batch_id=batch_id, language=str(get_locale() or "en"))
        services.start(batch_id, row.id, state)
        job_id = row.id
    jobs.ring(job_id)  # once more: before the commit above, a worker found nothing


def last_job(batch: ImportBatch) -> jobs.Job | None:
    """The job that worked on the batch last, or does."""
    return db.session.get(jobs.Job, batch.job_id) if batch.job_id is not None else None


def why_not_undone(batch: ImportBatch) -> str:
    """Why the last wish to take the batch back came to nothing; empty when there was none."""
    job = last_job(batch)
    if job is None or job.name != UNDO or batch.state != BatchState.DONE:
        return ""
    return job.reason or for_reader((job.result or {}).get("refused"))


def job_at_work(batch: ImportBatch) -> jobs.Job | None:
    """The batch's job while it waits or runs."""
    job = last_job(batch)
    return job if job is not None and job.state in (jobs.JobState.QUEUED, jobs.JobState.RUNNING) else None


@jobs.job(CHECK, _("Check of an import file"), tells_itself=True)
def check(report: jobs.Report, batch_id: int, language: str) -> None:
    """Read the file and note what importing it would do."""

    def halved(done: int, total: int, message: str) -> None:
        report(done, max(total // 2, done), message)  # the other half would be writing

    _with_file(batch_id, language, halved, lambda checked: services.note_check(batch_id, checked), to_write=False)


@jobs.job(RUN, _("Import of a file"), tells_itself=True)
def run(report: jobs.Report, batch_id: int, language: str) -> None:
    """Import the file: checked once more, since the database may have changed, and written as a whole."""

    def write(checked: Checked) -> None:
        if checked.problems:
            services.note_check(batch_id, checked)
        else:
            services.run_import(checked, batch_id, report)

    _with_file(batch_id, language, report, write, to_write=True)


@jobs.job(UNDO, _("Undo of an import"), tells_itself=True)
def undo(report: jobs.Report, batch_id: int, language: str) -> dict[str, Any]:
    """Take the batch back; it stays as it is when that is refused: `{"refused": why, in every language}`."""
    with force_locale(language):
        if services.load_batch(batch_id).state == BatchState.UNDONE:  # the job was interrupted after its end
            return {}
        report(0, 0, gettext("Taking back"))
        try:
            services.undo_import(batch_id)
        except PortalError as refusal:
            return {"refused": services.note_not_undone(batch_id, refusal)}
        except jobs.LeaseLost:  # another worker has it
            raise
        except Exception:  # the job tells what; whoever asked must not wait for ever
            db.session.rollback()
            services.note_not_undone(batch_id, _("Something went wrong on our side"))
            raise
    return {}


def _with_file(
    batch_id: int, language: str, report: jobs.Report, act: Callable[[Checked], Any], *, to_write: bool
) -> None:
    """Check the batch's file and act on the verdict; a refusal of the file as a whole is noted with the batch."""
    with force_locale(language):
        batch = services.load_batch(batch_id)
        if batch.state == BatchState.DONE:  # the job was interrupted after its end and runs again
            return
        try:
            assert batch.file is not None
            path, kind, mapping = files.local_path(batch.file), kind_called(batch.kind), services.mapping_of(batch)
            options: Any = {"name": batch.file_name, "cut_over": batch.cut_over_on}
            with checked_file(path, kind, mapping, **options, to_write=to_write, report=report) as checked:
                act(checked)
        except PortalError as refusal:
            services.note_refusal(batch_id, refusal)
        except jobs.LeaseLost:  # another worker has it
            raise
        except Exception:  # the job tells what; the batch must not look as if it ran for ever
            db.session.rollback()
            services.note_refusal(batch_id, _("The work on this file was interrupted; nothing was imported."))
            raise
