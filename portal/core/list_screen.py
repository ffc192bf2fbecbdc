"""The list half of a record screen: one page of rows narrowed by the URL, actions on rows, lookups and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, abort, flash, jsonify, redirect, request, send_file, stream_with_context, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from sqlalchemy import Select, select
from werkzeug.wrappers import Response as BaseResponse

from portal.core import export, export_jobs, facets, filters, paging, scope
from portal.core.bulk_edit import BulkEdit
from portal.core.clock import business_date
from portal.core.errors import Refused
from portal.core.fields import Field
from portal.core.lookup import lookup, may_be_named
from portal.core.places import decided_by
from portal.core.role_store import CLEAR, HIDDEN
from portal.core.values import is_whole
from portal.core.work import record


class ListScreen(BulkEdit):
    """What a PortalView shows of many rows."""

    exclude_route_methods: Any
    actions: Any
    update_redirect: Any
    find: Any
    order: tuple[str, str] = ("id", "desc")
    """Column and direction of a fresh list."""
    filter_columns: tuple[str, ...] = ()
    """Filters offered; empty = every filterable field."""
    quick_filters: tuple[str, ...] = ()
    """Choice fields of the list with chips above it; empty = the first with few choices."""
    export_columns: tuple[str, ...] = ()
    empty_text: Any = ""
    """What an empty list tells: where its rows come from (lazy)."""
    page_size = 25
    list_template = "portal/list.html"

    def base_statement(self) -> Select[Any]:
        """Rows of this screen before any search; a screen over a part of the table narrows it here."""
        return select(self.model)

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        search = filters.read(self.model, request.args, self.filter_columns)
        for problem in search.problems:
            flash(problem, "warning")
        settings = self.settings(search)
        page = self.page(search, names=settings["names"])
        return self.render_template(self.list_template, view=self, title=self.list_title, settings=settings, **page)

    def page(self, search: filters.Search, arguments: Any = None, names: Sequence[str] = ()) -> dict[str, Any]:
        """One page of rows and all that the list's template shows of it; `names` are its columns, if not the usual."""
        names, orderable = self.shown(names or self.list_columns), self.orderable()
        narrowed = self.base_statement().where(*search.conditions)
        shown = paging.window(
            narrowed,
            self.model,
            request.args if arguments is None else arguments,
            bool(search.conditions),
            self.page_size,
            orderable,
            self.usual_order(),
        )
        path = url_for(f"{self.endpoint}.list")
        references = [n for n in names if self.column(n).type == "ref"]
        return {
            "rows": paging.rows_of(narrowed, self.model, shown, references),
            "search": search,
            "count": shown.count,
            "count_capped": shown.capped,
            "page": shown.number,
            "pages": shown.pages,
            "size": shown.size,
            "order": shown.order,
            "direction": shown.direction,
            "columns": [self.column(n) for n in names],
            "orderable": orderable,
            "quick": self._quick(search, path),
            "filter_fields": filters.filterable(self.model, self.filter_columns),
            "rights": {a: self.may(a) for a in ("show", "add", "edit", "delete", "export")},
            "row_actions": [a for a in self.actions.values() if self.may(a.name)],
            "bulk_fields": self.bulk_choices(),
            "path": path,
        }

    def _quick(self, search: filters.Search, path: str) -> Sequence[tuple[Field, Sequence[facets.QuickChoice]]]:
        """The chips of each field that has some, keeping the order and size of the address."""
        kept = [(name, request.args[name]) for name in ("order", "direction", "size") if request.args.get(name)]
        fields = facets.offered(
            [self.column(n) for n in self.list_columns if self.mask(n) == CLEAR], self.quick_filters
        )
        return [(field, facets.switches(field, search, path, kept)) for field in fields]

    @property
    def pk(self) -> Any:
        return paging.key_of(self.model)

    def may(self, action: str) -> bool:
        """Whether this screen offers the action and the actor's role includes it."""
        offered = action not in (self.exclude_route_methods or ()) or (action == "show" and bool(self.record_view))
        return offered and scope.actor().may(self.resource, action)

    # ---- actions --------------------------------------------------------------------------------------------------

    def _run(self, name: str, pks: Sequence[str], single: bool) -> Any:
        action = self.actions.get(name)
        if action is None:
            abort(404)
        if not self.may(name):
            abort(403)
        wanted = [p for p in dict.fromkeys(pks) if is_whole(p)]
        if not wanted or len(wanted) > paging.LARGEST_PAGE:
            flash(gettext("Choose between 1 and %(most)s rows.", most=paging.LARGEST_PAGE), "warning")
            return redirect(url_for(f"{self.endpoint}.list"))
        with scope.doing(self.resource, name):
            rows = [self.find(p) for p in wanted]
            return action.func(rows[0] if single else rows)

    @expose("/action/<string:name>/<pk>", methods=["POST"])
    @has_access
    def action(self, name: str, pk: str) -> Any:
        return self._run(name, [pk], single=True)

    @expose("/action_post", methods=["POST"])
    @has_access
    def action_post(self) -> Any:
        return self._run(request.form.get("action", ""), request.form.getlist("rowid"), single=False)

    # ---- lookup and export ----------------------------------------------------------------------------------------

    @expose("/lookup/<string:name>")
    @has_access
    def lookup(self, name: str) -> Any:
        """Choices of a reference for a remote select: what the actor may see, by the beginning of a name or code."""
        field = self.fields.get(name)
        if field is None or field.type != "ref" or self.mask(name) == HIDDEN:
            abort(404)
        written = any(self.may(a) and name in getattr(self, f"{a}_columns") for a in ("add", "edit"))
        if not (written or may_be_named(field.target)):
            abort(403)
        return jsonify(lookup(field.target, request.args.get("q", ""), decided_by(self.model, name)))

    @expose("/counts/<string:name>")
    @has_access
    def counts(self, name: str) -> Any:
        """How many rows each choice of a field would leave, for the filter drawer: `{"active": "10,000+"}`."""
        field = filters.filterable(self.model, self.filter_columns).get(name)
        if field is None or field.type != "choice":
            abort(404)
        search = filters.read(self.model, request.args, self.filter_columns)
        return jsonify(facets.counts(self.model, self.base_statement(), field, search))

    @expose("/export/<string:fmt>", methods=["GET", "POST"])
    @has_access
    def export(self, fmt: str) -> Any:
        """The rows of this search as a file: sent at once, or, when there are many, begun as a job by a POST."""
        if fmt not in export_jobs.MIME:
            abort(404)
        search = filters.read(self.model, request.args, self.filter_columns)
        statement, columns = self.export_of(request.args)
        if export_jobs.too_many(statement, self.pk, fmt):
            return self._export_later(fmt, search, statement)
        self._note_export(fmt, search)
        lines = export.rows(self.model, statement, columns)
        name = f"{self.resource}-{business_date():%Y%m%d}.{fmt}"
        if fmt == "csv":
            body = stream_with_context(export.as_csv(columns, lines))
            headers = {"Content-Disposition": f"attachment; filename={name}"}
            return Response(body, mimetype="text/csv; charset=utf-8", headers=headers)
        file = export.as_xlsx(columns, lines)
        return send_file(file, as_attachment=True, download_name=name, mimetype=export_jobs.MIME[fmt])

    def export_of(self, arguments: Mapping[str, str]) -> tuple[Select[Any], Sequence[Field]]:
        """The rows that an address asks for, in its order, and the columns that leave the portal."""
        search = filters.read(self.model, arguments, self.filter_columns)
        column, direction = paging.ordering(arguments, self.orderable(), self.usual_order())
        narrowed = self.base_statement().where(*search.conditions)
        statement = paging.ordered(narrowed, self.model, column, direction == "asc")
        return statement, export.columns_for(self.model, self.export_columns)

    def _export_later(self, fmt: str, search: filters.Search, statement: Select[Any]) -> Any:
        """Ask whether to begin the job, or begin it."""
        title, back = str(self.list_title), url_for(f"{self.endpoint}.list") + self._here(search)
        if request.method == "GET":
            page = {"view": self, "title": title, "format": fmt, "back": back}
            return self.render_template("portal/export.html", **page)
        self._note_export(fmt, search)
        ordering = [(n, request.args[n]) for n in ("order", "direction") if request.args.get(n)]
        pairs = [*search.arguments(), *ordering]
        try:
            number = export_jobs.begin(type(self).__name__, self.resource, title, fmt, statement, self.pk, pairs)
        except Refused as refusal:
            flash(str(refusal), "warning")
            return redirect(back)
        return redirect(url_for("ExportView.index", _anchor=f"export-{number}"))

    def _note_export(self, fmt: str, search: filters.Search) -> None:
        """Exports are written down: who took what, narrowed how."""
        shown = {f.argument for f in search.filters if not (f.field.personal or f.field.sensitive)}
        asked = [f"{a}={v if a in shown else '•••'}" for a, v in search.arguments()]
        record("records.export", self.resource, facts={"format": fmt, "filters": asked})

    @expose("/download/<string:filename>")
    @has_access
    def download(self, filename: str) -> BaseResponse:
        """FAB's file download reads any row's file; ours go through the file store."""
        abort(404)
