"""Verbs of the import centre: a file is imported whole or not at all; a batch can be undone while nothing uses it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.core import files
from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import NotFound, Refused
from portal.core.notifications import notify
from portal.core.scope import actor, unscoped
from portal.core.wording import in_every_language
from portal.core.work import current_unit, taken_value, verb
from portal.imports.checking import Problems
from portal.imports.checks import Checked, Report, kind_called, need_right, silent
from portal.imports.kinds import Kind, Run, Status
from portal.imports.kinds.kind import STATUS, fields_by_kind
from portal.imports.mapping import Mapping, from_definition
from portal.imports.models import BatchState, ImportBatch, ImportMapping
from portal.imports.reading import LINE

CSV = "text/csv"


@verb("imports.run")
def run_import(checked: Checked, batch_id: int | None = None, report: Report = silent) -> ImportBatch:
    """Write a checked file, all or nothing, and the batch that says so. Refused when some of its rows are wrong."""
    need_right(checked.kind, checked.mapping)
    if checked.problems:
        raise Refused(checked.verdict())
    batch = load_batch(batch_id) if batch_id is not None else _new_batch(checked)
    if batch.state == BatchState.DONE:  # a job that was interrupted after its end and runs again
        return batch
    batch_id = batch.id
    with unscoped(f"import batch {batch_id}"):  # the right to import is the whole company's, see need_right
        _write(checked, batch_id, report)
    batch = load_batch(batch_id)
    _note(batch, checked)
    batch.state, batch.finished_at, batch.message = BatchState.DONE, now(), ""
    _tell(batch)
    current_unit().about(batch)
    current_unit().note(kind=batch.kind, file=batch.file_name, sha256=batch.sha256, **_counts(checked))
    return batch


def _write(checked: Checked, batch_id: int, report: Report) -> None:
    problems = Problems()
    run = Run(problems, to_write=True, batch_id=batch_id, cut_over=checked.cut_over)
    parts = checked.parts(problems)
    reports = db.engine.dialect.name != "sqlite"  # there, progress could not be written beside this transaction
    try:
        for chunk in range(checked.chunks):
            for index, part in enumerate(parts):
                part.kind.write(pl.read_ipc(checked.spooled(index, chunk)), part, run)
            if reports:
                done = checked.rows + checked.rows * (chunk + 1) // checked.chunks
                report(done, 2 * checked.rows, gettext("Writing"))
        for part in parts:
            part.kind.close(part, run)
        db.session.flush()
    except IntegrityError as error:
        sentence = _("The rows contradict other records (%(column)s).", column=taken_value(error) or "?")
        raise Refused(sentence) from error


def load_batch(batch_id: int) -> ImportBatch:
    """NotFound when there is none."""
    batch = db.session.get(ImportBatch, batch_id)
    if batch is None:
        raise NotFound(_("There is no such import batch."))
    return batch


def _new_batch(checked: Checked) -> ImportBatch:
    stored = files.store(checked.name, checked.path, CSV if checked.name.lower().endswith(".csv") else "")
    return _added(checked.kind.key, stored, checked.mapping, "", checked.cut_over)


def _added(
    kind: str, stored: files.StoredFile, mapping: Mapping | None, mapping_name: str, cut_over: date | None
) -> ImportBatch:
    batch = ImportBatch(
        kind=kind,
        file_name=stored.name,
        sha256=stored.sha256,
        size=stored.size,
        file_id=stored.id,
        mapping_name=mapping_name,
        definition=mapping.as_definition() if mapping else None,
        cut_over_on=cut_over,
        created_by=actor().name,
        created_at=now(),
    )
    db.session.add(batch)
    db.session.flush()
    return batch


def _counts(checked: Checked) -> dict[str, Any]:
    counts = {status.value: checked.counts[status] for status in Status}
    return counts | {f"created {kind}": count for kind, count in checked.created.items()}


def _note(batch: ImportBatch, checked: Checked) -> None:
    """What the check found, as the screen shows it later."""
    batch.rows_new, batch.rows_changed = checked.counts[Status.NEW], checked.counts[Status.CHANGED]
    batch.rows_unchanged, batch.rows_wrong = checked.counts[Status.UNCHANGED], checked.counts[Status.WRONG]
    batch.definition, batch.cut_over_on = checked.mapping.as_definition(), checked.cut_over
    batch.report = {
        "warnings": checked.warnings,
        "created": checked.created,
        "columns": [name for name, _label in checked.columns],
        "rows": [
            {"line": row[LINE], "status": row[STATUS], "values": [row[name] for name, _label in checked.columns]}
            for row in checked.first_rows
        ],
        "problems": [
            [problem.line, problem.column, problem.value, problem.reason] for problem in checked.first_problems()
        ],
    }


# --- by way of the screen: upload, check, run -------------------------------------------------------------------------


@verb("imports.upload")
def upload(
    kind: str,
    name: str,
    source: BinaryIO | Path,
    mapping: Mapping | None,
    mapping_name: str = "",
    cut_over: date | None = None,
) -> ImportBatch:
    """Keep a file and note what it is; nothing of it is read yet."""
    need_right(kind_called(kind), mapping)
    stored = files.store(name, source, CSV)
    batch = _added(kind, stored, mapping, mapping_name, cut_over)
    current_unit().about(batch)
    current_unit().note(kind=kind, file=batch.file_name, sha256=batch.sha256)
    return batch


@verb("imports.map")
def set_mapping(batch_id: int, mapping: Mapping, save_as: str = "") -> None:
    """Give a batch the mapping somebody made by hand, and save it under a name if one is given."""
    batch = load_batch(batch_id)
    if batch.state in (BatchState.RUNNING, BatchState.DONE, BatchState.UNDONE):
        raise Refused(_("This file has been imported already."))
    need_right(kind_called(batch.kind), mapping)
    batch.definition, batch.mapping_name = mapping.as_definition(), save_as[:120]
    batch.cut_over_on = mapping.cut_over or batch.cut_over_on
    batch.state = BatchState.DRAFT
    if save_as:
        save_mapping(save_as, mapping)


@verb("imports.save_mapping")
def save_mapping(name: str, mapping: Mapping) -> ImportMapping:
    """Keep a mapping under a name; the one of that name and kind is replaced."""
    saved = db.session.scalar(select(ImportMapping).where(ImportMapping.name == name))
    if saved is not None and saved.kind != mapping.kind:
        raise Refused(_("A mapping for another kind of file is already called “%(name)s”.", name=name))
    if saved is None:
        saved = ImportMapping(name=name[:120], kind=mapping.kind)
        db.session.add(saved)
    saved.definition = mapping.as_definition()
    db.session.flush()
    return saved


def mapping_of(batch: ImportBatch) -> Mapping | None:
    """The batch's mapping; None means by the headings."""
    return from_definition(batch.definition, fields_by_kind()) if batch.definition else None


@verb("imports.note_check")
def note_check(batch_id: int, checked: Checked) -> None:
    """Keep what a check found: counts, first rows, and the errors as a file."""
    batch = load_batch(batch_id)
    _note(batch, checked)
    batch.message = checked.verdict() if checked.problems else ""
    batch.state = BatchState.FAILED if checked.problems else BatchState.CHECKED
    if checked.problems:
        path = checked.folder / "errors.csv"
        checked.problems.write(path)
        batch.error_file_id = files.store(f"{Path(batch.file_name).stem}.errors.csv", path, CSV).id
    _tell(batch, checked.verdict if checked.problems else None)


@verb("imports.note_refusal")
def note_refusal(batch_id: int, why: Any) -> None:
    """The file as a whole was refused; `why` is the refusal or a lazy sentence."""
    batch = load_batch(batch_id)
    batch.state, batch.message, batch.finished_at = BatchState.FAILED, str(why)[:400], now()
    _tell(batch, lambda: why)


def _tell(batch: ImportBatch, why: Callable[[], Any] | None = None) -> None:
    """Tell whoever had the file checked, imported or taken back how it went; the system (command line) is told
    nothing."""
    counts = {"new": batch.rows_new, "changed": batch.rows_changed, "wrong": batch.rows_wrong}
    facts = {"file": batch.file_name, "kind": batch.kind, **counts, "reason": in_every_language(why) if why else ""}
    notify([actor().user_id], f"import_{batch.state.value}", _page(batch), **facts)


@verb("imports.start")
def start(batch_id: int, job_id: int, state: BatchState) -> None:
    """A background job now works on the batch: checks it, imports it, or (state DONE) takes it back."""
    batch = load_batch(batch_id)
    if state == BatchState.DONE:
        _need_undoable(batch)
    elif batch.state in (BatchState.DONE, BatchState.UNDONE):
        raise Refused(_("This file has been imported already."))
    batch.job_id, batch.state = job_id, state


# --- undo -------------------------------------------------------------------------------------------------------------


@verb("imports.undo")
def undo_import(batch_id: int) -> ImportBatch:
    """Take back what a batch did. Refused, with the reason, once anything depends on it."""
    batch = load_batch(batch_id)
    kind = _need_undoable(batch)
    try:
        with unscoped(f"undo of import batch {batch_id}"):
            kind.undo(batch_id)
            db.session.flush()
    except IntegrityError as error:
        raise Refused(_("Other records refer to what was imported; undo or move those first.")) from error
    batch = load_batch(batch_id)
    batch.state, batch.finished_at = BatchState.UNDONE, now()
    current_unit().about(batch)
    current_unit().note(kind=batch.kind, file=batch.file_name, sha256=batch.sha256)
    _tell(batch)
    return batch


def _need_undoable(batch: ImportBatch) -> Kind:
    kind = kind_called(batch.kind)
    need_right(kind)
    if batch.state != BatchState.DONE:
        raise Refused(_("Only an imported batch can be undone."))
    return kind


@verb("imports.note_not_undone")
def note_not_undone(batch_id: int, why: Any) -> dict[str, str]:
    """Tell whoever wanted it that a batch stays imported. `why` is a refusal or a lazy sentence; it is returned in
    every language."""
    batch = load_batch(batch_id)
    reason = in_every_language(lambda: why)
    facts = {"file": batch.file_name, "kind": batch.kind, "reason": reason}
    notify([actor().user_id], "import_not_undone", _page(batch), **facts)
    return reason


def _page(batch: ImportBatch) -> str:
    return f"/importbatchview/show/{batch.id}"
