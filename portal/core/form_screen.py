"""The form half of a PortalView: adding, editing and deleting through verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from sqlalchemy import inspect

from portal.core import forms, kept, records
from portal.core.errors import InvalidValues, OutOfScope, PortalError, Refused
from portal.core.fields import Field
from portal.core.values import is_whole


def _gone_to(address: str) -> Any:
    """On to another page: a redirect, or its address where forms.js saves without leaving the page."""
    return jsonify(location=address) if request.headers.get("X-Requested-With") == "fetch" else redirect(address)


def is_form_post() -> bool:
    """A record form is being saved. It checks its token itself, so that a stale one costs nothing that was typed."""
    view_name, _dot, method = (request.endpoint or "").partition(".")
    if request.method != "POST" or method not in ("add", "edit"):
        return False
    return any(
        isinstance(view, FormScreen) and type(view).__name__ == view_name
        for view in current_app.extensions["appbuilder"].baseviews
    )


class FormScreen:
    """`add`, `edit` and `delete`. The declarations are the PortalView's."""

    model: Any
    fields: dict[str, Field]
    endpoint: Any
    may: Any
    find: Any
    render_template: Any
    add_form: Any
    edit_form: Any
    add_columns: Any
    edit_columns: Any
    add_title: Any
    edit_title: Any
    add_template: str

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
        back = url_for(f"{self.endpoint}.list")
        if request.method == "GET":
            return self._form_page(self._made(self.add_form, data=self._defaults(given)), self.add_title, back)
        if kept.KEPT in request.form:
            return self._form_page(self._brought_back(self.add_form), self.add_title, back, status=200)
        form = self._made(self.add_form)
        if not self._outdated(form) and self._readable(form):
            row = self._saved(form, lambda: self.add_verb(form.values()))
            if row is not None:
                flash(gettext("%(what)s was added.", what=str(row)), "success")
                return _gone_to(url_for(f"{self.endpoint}.show", pk=row.id))
        return self._form_page(form, self.add_title, back, status=422)

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
        row, status = self.find(pk), 200
        origin = request.args.get("list") or None
        if request.method == "GET":
            held = {n: forms.held_value(row, self.fields[n]) for n in self._edited()}
            form = self._made(self.edit_form, data=held)
            if "version_seen" in form._fields:
                form.version_seen.data = str(row.version)
        elif kept.KEPT in request.form:
            form = self._brought_back(self.edit_form)
        else:
            form, status = self._made(self.edit_form), 422
            if not self._outdated(form, row) and self._readable(form, row):
                seen = request.form.get("version_seen", "")
                versioned = "version_seen" in form._fields
                version = (int(seen) if is_whole(seen) else -1) if versioned else None
                typed = forms.changed_values(form, row)
                saved = self._saved(form, lambda: self.change_verb(int(pk), typed, version), pk)
                if saved is not None:
                    flash(gettext("%(what)s was saved.", what=str(saved)), "success")
                    return _gone_to(url_for(f"{self.endpoint}.show", pk=pk, list=origin))
                row = self.find(pk)
        shown = self.may("show")
        back = url_for(f"{self.endpoint}.show", pk=pk, list=origin) if shown else url_for(f"{self.endpoint}.list")
        return self._form_page(form, self.edit_title, back, str(row), status)

    def _brought_back(self, form_class: Any) -> Any:
        """The form with what was typed before its author had to sign in again; nothing is saved yet."""
        typed = kept.unseal(request.form[kept.KEPT])
        if typed is None or typed.address.partition("?")[0] != request.path:
            abort(400)
        flash(gettext("You are signed in again. Nothing you typed is lost, and nothing is saved yet."), "warning")
        return self._made(form_class, formdata=typed.values)

    def _edited(self) -> list[str]:
        """The fields of a record that the actor may change."""
        others = forms.left_out(self.model, self.edit_columns, editing=True)
        return [n for n in self.edit_columns if n not in others]

    def _made(self, form_class: Any, **kw: Any) -> Any:
        """A form with the fields that the actor may fill in."""
        form, editing = form_class(**kw), form_class is self.edit_form
        form.leave_out(forms.left_out(self.model, self.edit_columns if editing else self.add_columns, editing))
        return form

    def _outdated(self, form: Any, row: Any = None) -> bool:
        """Whether the page is older than the portal. Fields it did not have keep what the record holds."""
        if not form.outdated(request.form.get("form_shape", "")):
            return False
        for name in self._edited() if row is not None else ():
            if name not in request.form:
                form._fields[name].process_data(forms.held_value(row, self.fields[name]))
        flash(
            gettext("The portal was updated while this form was open. Nothing is lost: check it and save again."),
            "warning",
        )
        return True

    def _readable(self, form: Any, row: Any = None) -> bool:
        """Whether every text could be read; if not, all else that is wrong is said at the same time."""
        if form.parsed():
            return True
        typed = form.values() if row is None else forms.changed_values(form, row)
        for name, texts in records.problems(self.model, typed, row, partial=row is not None).items():
            field = form._fields.get(name)
            if field is not None and not field.errors:
                field.errors = texts
        return False

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

    def _form_page(self, form: Any, title: Any, back: str, record: str = "", status: int = 200) -> Any:
        if status != 200 and form.csrf_token.errors:
            form.csrf_token.errors = []
            flash(gettext("You signed in anew since this form was opened. Nothing is lost: save again."), "warning")
        page = self.render_template(
            self.add_template, view=self, form=form, title=title, record=record, back=back, author=kept.author()
        )
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
