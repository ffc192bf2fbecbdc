"""Screens of the import centre: the batches, each with its columns, its check and its result; the saved mappings."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, jsonify, redirect, request, send_file, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import Select, select

from portal.core import files
from portal.core.application import add_page, add_screens
from portal.core.db import label_of
from portal.core.display import screens
from portal.core.errors import PortalError
from portal.core.help import Help
from portal.core.jobs import JobState
from portal.core.masks import COVER
from portal.core.scope import actor
from portal.core.views import PortalView, ScopedInterface
from portal.core.work import record
from portal.imports import jobs, services
from portal.imports import timeline as _timeline  # noqa: F401 - contributes to timelines
from portal.imports.column_form import ColumnForm
from portal.imports.covering import covered_fields, is_covered, may_assign, shown_report
from portal.imports.kinds import kinds
from portal.imports.kinds.masters import offer_entities
from portal.imports.mapping import MappingProblem
from portal.imports.models import BatchState, ImportBatch, ImportMapping
from portal.imports.reading import FileProblem
from portal.imports.upload_view import ImportView

MENU = ("imports", _("Imports"))
FINISHED = (BatchState.DONE, BatchState.UNDONE)


def viewable_kinds() -> list[str]:
    """Kinds whose rows the actor may look at; nobody sees them by way of an import."""
    return [key for key, kind in kinds.items() if actor().may(kind.resource, "list")]


def kind_label(key: str) -> str:
    """What a kind is called; kinds come and go, batches stay."""
    return str(kinds[key].label) if key in kinds else key


class ImportBatchView(PortalView):
    """Import batches: from the upload by way of check and import to undo, on one page that grows."""

    help = Help(
        _("Every file that was uploaded, with what became of it: new, changed, unchanged and wrong rows."),
        _(
            "Open a batch to set its columns, read its errors by row, import it, or undo it while nothing depends"
            " on it."
        ),
    )
    datamodel = ScopedInterface(ImportBatch)
    menu, icon = MENU, "fa-history"
    list_title, show_title = _("Import batches"), _("Import batch")
    empty_text = _("Upload a file to begin; it is checked before anything is written.")
    list_columns = [
        "file_name",
        "kind",
        "state",
        "rows_new",
        "rows_changed",
        "rows_unchanged",
        "rows_wrong",
        "created_by",
        "created_at",
    ]
    filter_columns = ("state", "created_at", "cut_over_on", "rows_new", "rows_wrong")
    list_template, show_template = "imports/list.html", "imports/batch.html"
    can_add = can_edit = can_delete = False
    method_actions = {"columns": "run", "check": "run", "run": "run", "progress": "show", "file": "export"}

    def base_statement(self) -> Select[Any]:
        return select(ImportBatch).where(ImportBatch.kind.in_(viewable_kinds()))

    def written(self, row: Any, name: str) -> str | Markup:
        return kind_label(row.kind) if name == "kind" else super().written(row, name)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: str) -> Any:
        self.update_redirect()
        batch = self.find(pk)
        job, busy = jobs.last_job(batch), jobs.job_at_work(batch)
        failed = job.reason if job is not None and job.state == JobState.FAILED else ""
        return self.render_template(
            self.show_template,
            view=self,
            row=batch,
            title=batch.file_name,
            kind=kinds.get(batch.kind),
            kind_label=kind_label(batch.kind),
            busy=busy,
            undoing=busy is not None and busy.name == jobs.UNDO,
            stopped=failed if batch.state not in FINISHED else "",
            not_undone=jobs.why_not_undone(batch),
            report=shown_report(batch),
            mapping=_used(batch),
            created=[(kind_label(k), n) for k, n in (batch.report or {}).get("created", {}).items() if n],
            rights={action: self.may(action) for action in ("run", "undo")} | {"export": self._gives_files(batch)},
        )

    @expose("/progress/<pk>")
    @has_access
    def progress(self, pk: str) -> Any:
        """How far the batch's job is, for the bar: asked every second."""
        batch = self.find(pk)
        busy = jobs.job_at_work(batch)
        if busy is None:
            return jsonify(working=False)
        return jsonify(
            working=True, done=busy.done, total=busy.total, message=busy.message or str(label_of(busy.state))
        )

    @expose("/columns/<pk>", methods=["GET", "POST"])
    @has_access
    def columns(self, pk: str) -> Any:
        """Which column of the file is which field; then on to the check."""
        batch = self.find(pk)
        if batch.state in FINISHED or jobs.job_at_work(batch) is not None:
            return redirect(url_for("ImportBatchView.show", pk=pk))
        if not may_assign(batch):
            abort(403)
        try:
            form = ColumnForm.of(batch, request.form if request.method == "POST" else None)
        except (FileProblem, MappingProblem) as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("ImportBatchView.show", pk=pk))
        problem = ""
        if request.method == "POST" and request.form.get("do") != "refresh":
            try:
                services.set_mapping(batch.id, form.mapping(), form.save_as)
                jobs.begin_check(int(pk))
                return redirect(url_for("ImportBatchView.show", pk=pk))
            except PortalError as refusal:
                problem = str(refusal)
                batch = self.find(pk)
        page = self.render_template(
            "imports/columns.html",
            view=self,
            row=batch,
            title=batch.file_name,
            kind_label=kind_label(batch.kind),
            form=form,
            problem=problem,
        )
        return page, 422 if problem else 200

    @expose("/check/<pk>", methods=["POST"])
    @has_access
    def check(self, pk: str) -> Any:
        return self._started(pk, jobs.begin_check)

    @expose("/run/<pk>", methods=["POST"])
    @has_access
    def run(self, pk: str) -> Any:
        return self._started(pk, jobs.begin_import)

    def _started(self, pk: str, begin: Any) -> Any:
        batch = self.find(pk)
        try:
            begin(batch.id)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        return redirect(url_for("ImportBatchView.show", pk=pk))

    @expose("/undo/<pk>", methods=["POST"])
    @has_access
    def undo(self, pk: str) -> Any:
        return self._started(pk, jobs.begin_undo)

    @expose("/file/<pk>/<string:which>")
    @has_access
    def file(self, pk: str, which: str) -> Any:
        """The file as it was uploaded, or the list of its errors. Written down: it may hold personal data."""
        batch = self.find(pk)
        stored = {"original": batch.file, "errors": batch.error_file}.get(which)
        if stored is None:
            abort(404)
        if not self._gives_files(batch):
            abort(403)
        content, name = files.open_file(stored), stored.name
        record("imports.download", self.resource, facts={"batch": batch.id, "which": which, "sha256": stored.sha256})
        return send_file(content, as_attachment=True, download_name=name, mimetype="application/octet-stream")

    def _gives_files(self, batch: ImportBatch) -> bool:
        return bool(self.may("export")) and not is_covered(batch)


def _used(batch: ImportBatch) -> list[tuple[str, str, dict[str, str]]]:
    """The mapping in words: field, where its value comes from, and what its texts become."""
    definition = batch.definition or {}
    fields = kinds[batch.kind].fields if batch.kind in kinds else {}
    covered = covered_fields(kinds[batch.kind]) if batch.kind in kinds else ()
    found = []
    for name, rule in definition.get("fields", {}).items():
        label = str(fields[name].label) if name in fields else name
        source = gettext("always “%(text)s”", text=rule["constant"]) if "constant" in rule else rule.get("column", "")
        if name in covered:
            source, rule = COVER if "constant" in rule else source, {}
        found.append((label, source, rule.get("values") or {}))
    return found


class ImportMappingView(PortalView):
    """Mappings kept under a name. They are made on the way of an import."""

    help = Help(
        _("Which column of a file is which field, kept under a name for files that come again and again."),
        _("Mappings are made on the way of an import. Delete those that nobody uses any more."),
    )
    datamodel = ScopedInterface(ImportMapping)
    resource = "ImportBatch"
    menu, icon = MENU, "fa-columns"
    list_title, show_title = _("Saved mappings"), _("Mapping")
    empty_text = _("A mapping is saved while you assign the columns of a file you import.")
    list_columns = show_columns = ["name", "kind", "columns_used"]
    label_columns = {"columns_used": _("Columns of the file")}
    filter_columns = ()
    can_add = can_edit = False

    def base_statement(self) -> Select[Any]:
        return select(ImportMapping).where(ImportMapping.kind.in_(viewable_kinds()))

    def written(self, row: Any, name: str) -> str | Markup:
        if name == "kind":
            return kind_label(row.kind)
        if name == "columns_used":
            rules = row.definition.get("fields", {}).values()
            return gettext(", ").join(dict.fromkeys(rule["column"] for rule in rules if "column" in rule))
        return super().written(row, name)


def register(builder: Any) -> None:
    """Add the import centre to the menu, and an import for every entity of the areas before."""
    offer_entities(screens().values())
    add_page(builder, ImportView, _("New import"), MENU, "fa-upload")
    add_screens(builder, ImportBatchView, ImportMappingView)
