"""What imports add to search, home pages and notifications."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import ngettext

from portal.core.display import record_url, screens
from portal.core.fields import fields_of
from portal.core.home import HomeCard, Line, Tone, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import derived, told
from portal.core.notifications import Message, register_message
from portal.core.offers import offer
from portal.core.values import as_shown
from portal.core.wording import for_reader
from portal.imports.kinds.kind import kinds
from portal.imports.models import BatchState, ImportBatch
from portal.imports.views import kind_label

WAITING: dict[BatchState, Tone] = {BatchState.CHECKED: "info", BatchState.DRAFT: "", BatchState.FAILED: "danger"}
"""States in which somebody must decide what becomes of a file."""


def undecided() -> Waiting:
    """Files that were uploaded or checked but neither imported nor given up, the newest first."""
    own = screens()["ImportBatchView"].base_statement().where(ImportBatch.state.in_(WAITING))
    found, count = waiting_rows(own.order_by(ImportBatch.id.desc()))
    lines = [_line(batch) for (batch,) in found]
    states = ",".join(state.value for state in WAITING)
    return Waiting(lines, count=count, url=list_url("ImportBatchView", {"f.state.in": states}))


def _line(batch: ImportBatch) -> Line:
    rows = batch.rows_new + batch.rows_changed + batch.rows_unchanged + batch.rows_wrong
    created = str(as_shown(fields_of(ImportBatch)["created_at"], batch.created_at))
    note = [derived(ImportBatch, ("kind",), kind_label(batch.kind)), derived(ImportBatch, ("created_at",), created)]
    if rows:
        note.append(ngettext("%(num)s row", "%(num)s rows", rows))
    return Line(
        told(batch, "file_name"), " · ".join(note), told(batch, "state"), record_url(batch), WAITING[batch.state]
    )


register_card(
    HomeCard(
        "imports_undecided",
        _("Files that await a decision"),
        "ImportBatch",
        "list",
        {"finance": 10, "compliance": 40, "audit": 50},
        undecided,
        _("No uploaded file awaits a decision."),
        "fa-upload",
    )
)


def _worded(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "kind": kind_label(arguments["kind"]), "reason": for_reader(arguments.get("reason"))}


register_message(
    Message(
        "import_checked",
        _("“%(file)s” (%(kind)s) is checked: %(new)s new, %(changed)s changed. It can be imported."),
        "info",
        _worded,
    )
)
register_message(
    Message("import_done", _("“%(file)s” (%(kind)s) is imported: %(new)s new, %(changed)s changed."), "ok", _worded)
)
register_message(Message("import_failed", _("“%(file)s” (%(kind)s) was refused. %(reason)s"), "danger", _worded))
register_message(Message("import_undone", _("The import of “%(file)s” (%(kind)s) was undone."), "ok", _worded))
register_message(
    Message("import_not_undone", _("The import of “%(file)s” (%(kind)s) was not undone. %(reason)s"), "danger", _worded)
)

for kind in kinds.values():
    offer(kind.resource, "import", "migrate")
