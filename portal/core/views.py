"""PortalView: the one base of record screens. Flask-AppBuilder gives routes, permissions and menus.

Filters, paging and order are read from each request and clamped; rows are loaded in two steps with what the list names;
sums and counts, lookups, actions and exports pass the session's row scope; add, edit and delete go through verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import (
    Response,
    abort,
    flash,
    jsonify,
    redirect,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask_appbuilder import ModelView, expose, has_access
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import gettext
from sqlalchemy import Select, inspect, select
from werkzeug.wrappers import Response as BaseResponse

from portal.core import export, filters, forms, paging, records, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.display import Display, screens
from portal.core.errors import InvalidValues, OutOfScope, PortalError, Refused
from portal.core.fields import Field, fields_of
from portal.core.help import Help
from portal.core.lookup import lookup
from portal.core.values import is_whole
from portal.core.work import record

ScopedInterface = SQLAInterface
"""The datamodel of a PortalView; row scope itself lives in the session."""


Sections = Sequence[tuple[str, Sequence[Field]]]
"""Fields under their headings."""


class PortalView(Display, ModelView):
    """List, record, form, lookup, actions and export of one model, from its field metadata."""

    list_columns: Any
    show_columns: Any
    add_columns: Any
    edit_columns: Any
    label_columns: Any
    exclude_route_methods: Any
    resource: str = ""
    """The resource of the role table; empty = the model's name."""
    menu: tuple[str, Any] = ("", "")
    """(key, words) of the menu category; the view's `list_title` is its entry. Empty = no entry."""
    icon: str = "fa-table"
    order: tuple[str, str] = ("id", "desc")
    """Column and direction of a fresh list."""
    filter_columns: tuple[str, ...] = ()
    """Filters offered; empty = every filterable field."""
    export_columns: tuple[str, ...] = ()
    summary_columns: tuple[str, ...] = ()
    """The figures of the record's summary line."""
    related: tuple[tuple[str, str], ...] = ()
    """Tabs of the record: (name of another PortalView class, its reference field that points here)."""
    empty_text: Any = ""
    """What an empty list tells: where its rows come from (lazy)."""
    help: Help
    """What the screen is for and who works with it; every screen has it (tests/contracts/test_help.py)."""
    record_view: str = ""
    """For a list without a record screen of its own: the screen its rows lead to, by the same key."""
    page_size = 25
    can_add = can_edit = can_delete = True
    show_template = "portal/record.html"
    list_template = "portal/list.html"
    add_template = edit_template = "portal/form.html"

    # ---- start-up -------------------------------------------------------------------------------------------------

    def __init__(self, **kw: Any) -> None:
        self.model = self.datamodel.obj
        self.fields = fields_of(self.model)
        self.resource = self.resource or self.model.__name__
        names = list(self.fields)
        self.list_columns = list(self.list_columns or names[:8])
        self.show_columns = list(self.show_columns or [n for n in names if self.fields[n].type != "json"])
        typed = [n for n in names if not self.fields[n].readonly]
        self.add_columns = list(self.add_columns or typed)
        self.edit_columns = list(self.edit_columns or typed)
        self.label_columns = {n: f.label for n, f in self.fields.items()} | dict(self.label_columns or {})
        if self.record_view:
            self.exclude_route_methods = {*(self.exclude_route_methods or ()), "show"}
        for method, allowed in (("add", self.can_add), ("edit", self.can_edit), ("delete", self.can_delete)):
            if not allowed:
                self.exclude_route_methods = {*(self.exclude_route_methods or ()), method}
        super().__init__(**kw)

    def _init_properties(self) -> None:
        """Our own declarations are complete; FAB's search for columns is not needed."""
        self.related_views: Any = []
        self._related_views: Any = []
        self.formatters_columns: Any = {}
        self.base_filters: Any = []
        self.order_columns = [n for n in self.list_columns if n in self.fields and self.fields[n].type != "ref"]

    def _init_forms(self) -> None:
        versioned = self.model.__mapper__.version_id_col is not None
        lookup = f"{type(self).__name__}.lookup"
        self.search_form = None
        self.add_form = forms.form_class(self.model, self.add_columns, lookup, versioned=False)
        self.edit_form = forms.form_class(self.model, self.edit_columns, lookup, versioned)

    def _init_titles(self) -> None:
        self.title = self.list_title

    @property
    def endpoint_name(self) -> str:
        """The last part of the REST address: the model's name in lower case."""
        return str(self.model.__table__.name).replace("_", "-")

    # ---- list -----------------------------------------------------------------------------------------------------

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
        return self.render_template(self.list_template, view=self, title=self.list_title, **self.page(search))

    def page(self, search: filters.Search, arguments: Any = None) -> dict[str, Any]:
        """One page of rows and all that the list's template shows of it."""
        narrowed = self.base_statement().where(*search.conditions)
        shown = paging.window(
            narrowed,
            self.model,
            request.args if arguments is None else arguments,
            bool(search.conditions),
            self.page_size,
            self.order_columns,
            self.order,
        )
        references = [n for n in self.list_columns if self.column(n).type == "ref"]
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
            "columns": [self.column(n) for n in self.list_columns],
            "filter_fields": filters.filterable(self.model, self.filter_columns),
            "rights": {a: self.may(a) for a in ("show", "add", "edit", "delete", "export")},
            "row_actions": [a for a in self.actions.values() if self.may(a.name)],
            "path": url_for(f"{self.endpoint}.list"),
        }

    @property
    def pk(self) -> Any:
        return paging.key_of(self.model)

    def may(self, action: str) -> bool:
        """Whether this screen offers the action and the actor's role includes it."""
        offered = action not in (self.exclude_route_methods or ()) or (action == "show" and bool(self.record_view))
        return offered and scope.actor().may(self.resource, action)

    # ---- record ---------------------------------------------------------------------------------------------------

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: str) -> Any:
        self.update_redirect()
        row = self.find(pk)
        return self.render_template(
            self.show_template,
            view=self,
            row=row,
            title=str(row),
            kind=self.show_title,
            summary=[self.column(n) for n in self.summary_columns],
            sections=self._sections(row),
            tabs=self._tabs(row),
            rights={a: self.may(a) and self._reaches(row, a) for a in ("edit", "delete")},
            row_actions=[a for a in self.actions.values() if self.may(a.name) and self._reaches(row, a.name)],
        )

    def find(self, pk: str) -> Any:
        """The row, if the present task reaches it; 404 otherwise."""
        if not is_whole(pk):
            abort(404)
        row = db.session.scalar(self.base_statement().where(self.pk == int(pk)))
        return row if row is not None else abort(404)

    def _reaches(self, row: Any, action: str) -> bool:
        if not isinstance(row, scope.Scoped):
            return True
        with scope.doing(self.resource, action):
            return scope.visible(row)

    def _sections(self, row: Any) -> Sections:
        grouped: dict[str, Any] = {}
        for name in self.show_columns:
            if name not in self.summary_columns:
                grouped.setdefault(str(self.column(name).section or ""), []).append(self.column(name))
        return tuple(grouped.items())

    def _tabs(self, row: Any) -> Sequence[dict[str, Any]]:
        """The first rows of each related list that the actor may open."""
        tabs = []
        for name, reference in self.related:
            view = screens()[name]
            if not view.may("list"):
                continue
            with scope.doing("", "list"):
                argument = {f"f.{reference}.eq": str(getattr(row, self.pk.key))}
                page = view.page(filters.read(view.model, argument), {"size": "10"})
            columns = [c for c in page["columns"] if c.name != reference]
            tabs.append({**page, "view": view, "columns": columns, "more": page["search"].url(page["path"])})
        return tabs

    # ---- add, edit, delete ----------------------------------------------------------------------------------------

    def add_verb(self, values: dict[str, Any]) -> Any:
        """The verb behind the add form; an area with rules of its own overrides it."""
        return records.add(self.model, values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return records.change(self.model, row_id, values, version_seen)

    def remove_verb(self, row_id: int) -> None:
        records.remove(self.model, row_id)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        given = {n: request.args[n] for n in self.add_columns if n in request.args}
        form = self.add_form(data=self._defaults(given)) if request.method == "GET" else self.add_form()
        if request.method == "POST" and form.parsed():
            row = self._saved(form, lambda: self.add_verb(form.values()))
            if row is not None:
                flash(gettext("%(what)s was added.", what=str(row)), "success")
                return redirect(url_for(f"{self.endpoint}.show", pk=row.id))
        back = url_for(f"{self.endpoint}.list")
        return self._form_page(form, self.add_title, back)

    def _defaults(self, given: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.add_columns:
            field = self.fields[name]
            if name in given and field.type == "ref" and is_whole(given[name]):
                found[name] = int(given[name])
                continue
            column = inspect(self.model).columns.get(name)
            default = getattr(column, "default", None) if column is not None else None
            if default is not None and default.is_scalar:
                found[name] = default.arg
        return found

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Any:
        row = self.find(pk)
        if request.method == "GET":
            form = self.edit_form(data={n: forms.held_value(row, self.fields[n]) for n in self.edit_columns})
            if "version_seen" in form._fields:
                form.version_seen.data = str(row.version)
        else:
            form = self.edit_form()
            if form.parsed():
                seen = request.form.get("version_seen", "")
                versioned = "version_seen" in form._fields
                version = (int(seen) if is_whole(seen) else -1) if versioned else None
                typed = forms.changed_values(form, row)
                saved = self._saved(form, lambda: self.change_verb(int(pk), typed, version), pk)
                if saved is not None:
                    flash(gettext("%(what)s was saved.", what=str(saved)), "success")
                    return redirect(url_for(f"{self.endpoint}.show", pk=pk))
                row = self.find(pk)
        back = url_for(f"{self.endpoint}.show", pk=pk) if self.may("show") else url_for(f"{self.endpoint}.list")
        return self._form_page(form, self.edit_title, back, str(row))

    def _saved(self, form: Any, save: Callable[[], Any], pk: str = "") -> Any:
        """Run a verb; what is wrong goes to the fields, and what was typed stays."""
        try:
            return save()
        except InvalidValues as error:
            for name, texts in error.fields.items():
                if name in form._fields:
                    form._fields[name].errors = [*form._fields[name].errors, *texts]
                else:
                    flash("; ".join(map(str, texts)), "danger")
        except records.Conflict as conflict:
            flash(f"{conflict} {gettext('Their values stand beside yours; save again to keep yours.')}", "warning")
            row = self.find(pk)
            forms.show_conflict(form, row)
            form.version_seen.data = str(row.version)
            form.version_seen.raw_data = [form.version_seen.data]
        except (OutOfScope, Refused) as refusal:
            flash(str(refusal), "danger")
        return None

    def _form_page(self, form: Any, title: Any, back: str, record: str = "") -> Any:
        status = 422 if request.method == "POST" else 200
        page = self.render_template(self.add_template, view=self, form=form, title=title, record=record, back=back)
        return page, status

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> Any:
        row = self.find(pk)
        what = str(row)
        try:
            self.remove_verb(int(pk))
        except PortalError as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for(f"{self.endpoint}.show", pk=pk))
        flash(gettext("%(what)s was deleted.", what=what), "success")
        return redirect(url_for(f"{self.endpoint}.list"))

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
        if field is None or field.type != "ref":
            abort(404)
        return jsonify(lookup(field.target, request.args.get("q", "")))

    @expose("/export/<string:fmt>")
    @has_access
    def export(self, fmt: str) -> Any:
        if fmt not in ("csv", "xlsx"):
            abort(404)
        search = filters.read(self.model, request.args, self.filter_columns)
        column, direction = paging.ordering(request.args, self.order_columns, self.order)
        narrowed = self.base_statement().where(*search.conditions)
        statement = paging.ordered(narrowed, self.model, column, direction == "asc")
        columns = export.columns_for(self.model, self.export_columns)
        self._note_export(fmt, search)
        lines = export.rows(self.model, statement, columns)
        name = f"{self.resource}-{business_date():%Y%m%d}.{fmt}"
        if fmt == "csv":
            body = stream_with_context(export.as_csv(columns, lines))
            headers = {"Content-Disposition": f"attachment; filename={name}"}
            return Response(body, mimetype="text/csv; charset=utf-8", headers=headers)
        mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return send_file(export.as_xlsx(columns, lines), as_attachment=True, download_name=name, mimetype=mime)

    def _note_export(self, fmt: str, search: filters.Search) -> None:
        """Exports are written down: who took what, narrowed how."""
        asked = [f"{a}={'•••' if a == 'q' else v}" for a, v in search.arguments()]
        record("records.export", self.resource, facts={"format": fmt, "filters": asked})

    @expose("/download/<string:filename>")
    @has_access
    def download(self, filename: str) -> BaseResponse:
        """FAB's file download reads any row's file; ours go through the file store."""
        abort(404)
