"""The record half of a PortalView: summary, blocks of fields, tabs of related rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort
from flask_appbuilder import expose, has_access

from portal.core import filters, scope
from portal.core.db import db
from portal.core.display import Display, screens
from portal.core.fields import Field
from portal.core.paging import key_of
from portal.core.values import is_whole

Sections = Sequence[tuple[str, Sequence[Field]]]
"""Fields under their headings."""


class RecordScreen(Display):
    """`show` and what belongs to it. The list and the declarations are the PortalView's."""

    model: Any
    resource: str
    actions: Any
    may: Any
    base_statement: Any
    render_template: Any
    update_redirect: Any
    show_template: str
    show_title: Any
    show_columns: Any
    summary_columns: tuple[str, ...]
    related: tuple[tuple[str, str], ...]

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
        row = db.session.scalar(self.base_statement().where(key_of(self.model) == int(pk)))
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
                argument = {f"f.{reference}.eq": str(getattr(row, key_of(self.model).key))}
                page = view.page(filters.read(view.model, argument), {"size": "10"})
            columns = [c for c in page["columns"] if c.name != reference]
            tabs.append({**page, "view": view, "columns": columns, "more": page["search"].url(page["path"])})
        return tabs
