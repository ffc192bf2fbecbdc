"""Which import added or changed a record, in its timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import and_, literal, select, union_all

from portal.core import timeline
from portal.core.audit import AuditEntry, AuditRow
from portal.core.db import db
from portal.core.timeline import Event, Window
from portal.imports.models import BatchState, ImportBatch, ImportedChange, ImportedRange

timeline.call("imports.run", _("Changed by an import"))
timeline.call("imports.undo", _("Restored: an import was undone"))
timeline.call("imports.upload", _("File uploaded"))


@timeline.contribute("imports")
def imported(row: Any, window: Window) -> Iterator[Event]:
    """The batches that added or changed the row and still stand. The file is named to those who may see imports."""
    resource, key = type(row).__name__, row.id
    touched = union_all(
        select(ImportedRange.batch_id, literal(1).label("added")).where(
            ImportedRange.resource == resource, ImportedRange.first_id <= key, ImportedRange.last_id >= key
        ),
        select(ImportedChange.batch_id, literal(0).label("added")).where(
            ImportedChange.resource == resource, ImportedChange.row_id == key
        ),
    ).subquery()
    run = and_(
        AuditEntry.resource == "ImportBatch", AuditEntry.subject_id == ImportBatch.id, AuditEntry.verb == "imports.run"
    )
    row_listed = (AuditRow.entry_id == AuditEntry.id, AuditRow.resource == resource, AuditRow.row_id == key)
    listed = select(AuditRow.id).where(*row_listed).exists()  # the audit trail tells what changed, field by field
    statement = (
        select(ImportBatch, AuditEntry.business_date, AuditEntry.id, touched.c.added)
        .join(touched, touched.c.batch_id == ImportBatch.id)
        .join(AuditEntry, run)
        .where(
            ~listed, ImportBatch.state == BatchState.DONE, *window.condition(AuditEntry.business_date, AuditEntry.id)
        )
        .order_by(AuditEntry.business_date.desc(), AuditEntry.id.desc())
        .limit(window.size)
    )
    for batch, day, number, added in db.session.execute(statement):
        url = timeline.link_to(batch)
        yield Event(
            day=day,
            number=number,
            title=gettext("Imported") if added else gettext("In an imported file"),
            mark="ok" if added else "info",
            text=str(batch) if url else "",
            at=batch.finished_at,
            who=batch.created_by,
            url=url,
        )
