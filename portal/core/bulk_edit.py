"""Changing one field of many rows: choose the value, see what will change, confirm; all of it or nothing.

Rows are the ticked ones or all that match the list's search. What is confirmed is what was shown: each row travels with
the version that was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import abort, flash, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.core import forms, paging, places, scope
from portal.core.db import db
from portal.core.errors import InvalidValues, PortalError, Refused
from portal.core.fields import Field
from portal.core.list_settings import ListSettings
from portal.core.role_store import CLEAR
from portal.core.values import as_shown, is_whole
from portal.core.work import current_unit, verb

MOST_ROWS = 1_000
"""Rows changed in one go: more is the work of an import, which is checked and can be undone."""
MOST_SHOWN = 200

Seen = tuple[int, int | None]
"""A row's key and the version of it that was seen, where it has versions."""
Change = Callable[[int, dict[str, Any], int | None], Any]


@verb("records.change_many")
def change_many(
    resource: str, change: Change, seen: Sequence[Seen], values: dict[str, Any], names: Mapping[int, str]
) -> int:
    """Give many rows the same values through their own verb. Refused, naming the row, when one does not take them."""
    for row_id, version in seen:
        try:
            change(row_id, dict(values), version)
        except PortalError as error:
            texts = [t for ts in error.fields.values() for t in ts] if isinstance(error, InvalidValues) else [error]
            what, why = names.get(row_id, f"#{row_id}"), "; ".join(map(str, texts))
            raise Refused(gettext("Nothing was changed. %(row)s: %(why)s", row=what, why=why)) from error
    unit = current_unit()
    unit.resource, unit.subject_id = resource, None
    unit.note(rows_changed=len(seen), fields_changed=sorted(values))
    return len(seen)


class BulkEdit(ListSettings):
    """The bulk edit of a list, for the fields that a screen names."""

    resource: str
    list_title: Any
    render_template: Any
    base_statement: Callable[[], Select[Any]]
    may: Callable[[str], bool]
    change_verb: Change
    pk: Any
    bulk_fields: tuple[str, ...] = ()
    """Fields that may be changed for many rows at once."""

    def bulk_choices(self) -> list[Field]:
        """What the bulk bar offers."""
        if not self.bulk_fields or not self.may("edit"):
            return []
        return [self.fields[name] for name in self.bulk_fields if self.mask(name) == CLEAR]

    @expose("/bulk_edit", methods=["POST"])
    @has_access
    def bulk_edit(self) -> Any:
        """Three steps over one form: the value, the preview, the change."""
        name = request.form.get("field", "")
        if name not in {field.name for field in self.bulk_choices()}:
            abort(404)
        try:
            seen, left_out = self._wanted()
        except Refused as refusal:
            flash(str(refusal), "warning")
            return self._back(self._asked())
        form = forms.form_class(self.model, [name], f"{type(self).__name__}.lookup", versioned=False)()
        asked = "step" in request.form
        ready = asked and form.parsed() and self._exists(form, name)
        # A value that was typed over after the preview is previewed first.
        if ready and request.form["step"] == "confirm" and request.form.get("shown") == form[name].text:
            try:
                with scope.doing(self.resource, "edit"):
                    names = {getattr(row, self.pk.key): str(row) for row in self._rows([i for i, _version in seen])}
                    count = change_many(self.resource, self.change_verb, seen, form.values(), names)
                flash(gettext("%(count)s records were changed.", count=f"{count:,}"), "success")
            except PortalError as refusal:
                flash(str(refusal), "danger")
            return self._back(self._asked())
        return self._bulk_page(name, form, seen, left_out, ready), 422 if asked and not ready else 200

    def _exists(self, form: Any, name: str) -> bool:
        """A reference must lead to a row that the actor sees."""
        value, target = form[name].data, self.fields[name].target
        if target is not None and value is not None and db.session.get(target, value) is None:
            form[name].errors = [gettext("There is no such record within your area of responsibility.")]
            return False
        if self.fields[name].required and value is None:
            form[name].errors = [gettext("This is needed.")]
            return False
        return True

    def _wanted(self) -> tuple[list[Seen], int]:
        """(ids with the versions seen, how many are not the actor's to change). Refused when too many or none."""
        carried = [tuple(text.split(":")) for text in request.form.getlist("seen")]
        if carried:
            if len(carried) > MOST_ROWS:
                raise Refused(_too_many(len(carried)))
            pairs = [p for p in carried if len(p) == 2 and is_whole(p[0]) and (p[1] == "" or is_whole(p[1]))]
            return [(int(number), int(version) if version else None) for number, version in pairs], 0
        key, narrowed, asked = paging.key_of(self.model), self.base_statement(), 0
        if request.form.get("all") == "1":
            narrowed = narrowed.where(*self._asked().conditions)
        else:
            ticked = {int(p) for p in request.form.getlist("rowid") if is_whole(p)}
            asked = len(ticked)
            if asked > MOST_ROWS:
                raise Refused(_too_many(asked))
            narrowed = narrowed.where(key.in_(ticked))
        with scope.doing(self.resource, "edit"):
            version = getattr(self.model, "version", key)
            ids = narrowed.with_only_columns(key, version).order_by(key).limit(MOST_ROWS + 1)
            found = [(i, v if hasattr(self.model, "version") else None) for i, v in db.session.execute(ids)]
        if len(found) > MOST_ROWS:
            with scope.doing(self.resource, "edit"):
                count, capped = paging.count_rows(narrowed, key, filtered=True)
            raise Refused(_too_many(count, capped))
        if not found:
            raise Refused(gettext("Choose at least one row that you may change."))
        return found, max(0, asked - len(found))

    def _bulk_page(self, name: str, form: Any, seen: Sequence[Seen], left_out: int, ready: bool) -> Any:
        field = self.fields[name]
        lines, same = self._lines(field, form[name], [i for i, _version in seen]) if ready else ([], 0)
        return self.render_template(
            "portal/bulk_edit.html",
            view=self,
            title=gettext("Change: %(field)s", field=field.label),
            form=form,
            field=field,
            follow=[self.fields[n].label for n in places.decided_by(self.model, name)],
            seen=seen,
            left_out=left_out,
            ready=ready,
            lines=lines[:MOST_SHOWN],
            changed=len(lines),
            same=same,
            here=self._here(self._asked()),
            back=url_for(f"{self.endpoint}.list") + self._here(self._asked()),
        )

    def _lines(self, field: Field, control: Any, ids: Sequence[int]) -> tuple[list[tuple[Any, Any, Any]], int]:
        """(row, value now, value then) of each row that changes, and how many have the value already."""
        then = control.chosen() if field.type == "ref" else as_shown(field, control.data)
        with scope.doing(self.resource, "edit"):
            rows = self._rows(ids, field.name if field.type == "ref" else "")
        changing = [row for row in rows if forms.held_value(row, field) != control.data]
        return [(row, self.cell(row, field.name) or "—", then or "—") for row in changing], len(rows) - len(changing)

    def _rows(self, ids: Sequence[int], reference: str = "") -> list[Any]:
        """These rows as far as the present task reaches, with the reference that is changed."""
        statement = self.base_statement().where(paging.key_of(self.model).in_(ids))
        if reference:
            statement = statement.options(joinedload(getattr(self.model, reference)))
        return list(db.session.scalars(statement.order_by(paging.key_of(self.model))).unique())


def _too_many(count: int, capped: bool = False) -> str:
    shown = f"{count:,}+" if capped else f"{count:,}"
    words: str = gettext(
        "%(count)s rows are selected; at most %(most)s can be changed at once. Narrow the list, or import a file.",
        count=shown,
        most=f"{MOST_ROWS:,}",
    )
    return words
