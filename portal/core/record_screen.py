"""The record half of a PortalView: summary, blocks of fields, tabs of related rows, the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask import abort, g, request, url_for
from flask_appbuilder import expose, has_access
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.core import filters, paging, scope, timeline
from portal.core.db import db
from portal.core.display import ORIGIN, Display, origin_of, screens
from portal.core.fields import Field
from portal.core.neighbours import place_of
from portal.core.paging import key_of
from portal.core.record_links import links_of
from portal.core.summary import Figure, figures_of
from portal.core.values import is_whole

Sections = Sequence[tuple[str, Sequence[Field]]]
"""Fields under their headings."""

MOST_TABS, KEPT_TABS = 7, 3
"""Beyond so many kinds of related rows, empty ones have no tab, but for the first few."""


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
    summary_metrics: tuple[str, ...]
    summary_dimension: str
    related: tuple[tuple[str, str], ...]
    has_timeline: bool

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
            place=place_of(self, row, request.args.get(ORIGIN, "")),
            summary=[self.column(n) for n in self.shown(self.summary_columns)],
            figures=self._figures(row),
            sections=self._sections(row),
            tabs=self._tabs(row),
            rights={a: self._offered(row, a) for a in ("edit", "delete", "reveal")},
            links=links_of(self, row),
            row_actions=[a for a in self.actions.values() if self._offered(row, a.name)],
        )

    def find(self, pk: str) -> Any:
        """The row with what it refers to, if the present task reaches it; 404 otherwise."""
        if not is_whole(pk):
            abort(404)
        statement = self.base_statement().where(key_of(self.model) == int(pk))
        named = [n for n in self.show_columns if self.column(n).type == "ref"]
        row = db.session.scalar(statement.options(*(joinedload(getattr(self.model, name)) for name in named)))
        return row if row is not None else abort(404)

    def _offered(self, row: Any, action: str) -> bool:
        return bool(self.may(action)) and self._reaches(row, action) and self.makes_sense(row, action)

    def makes_sense(self, row: Any, action: str) -> bool:
        """Whether the state of a record leaves anything to this action: what is over offers no button to end it."""
        return True

    def _reaches(self, row: Any, action: str) -> bool:
        if not isinstance(row, scope.Scoped):
            return True
        with scope.doing(self.resource, action):
            return scope.visible(row)

    def _figures(self, row: Any) -> Sequence[Figure]:
        """The registered figures of the summary line, of what belongs to this record."""
        return figures_of(self.summary_metrics, {self.summary_dimension: row.id}) if self.summary_metrics else ()

    def _sections(self, row: Any) -> Sections:
        grouped: dict[str, Any] = {}
        for name in self.shown(self.show_columns):
            if name not in self.summary_columns:
                grouped.setdefault(str(self.column(name).section or ""), []).append(self.column(name))
        return tuple(grouped.items())

    # ---- related rows ---------------------------------------------------------------------------------------------

    def _related(self, row: Any) -> Iterator[tuple[Any, str, filters.Search]]:
        """(screen, its reference that points here, the search for this record) of the tabs that the actor may open."""
        for name, reference in self.related:
            view = screens()[name]
            if view.may("list"):
                with scope.doing("", "list"):
                    argument = {f"f.{reference}.eq": str(getattr(row, key_of(self.model).key))}
                    yield view, reference, filters.read(view.model, argument)

    def _tabs(self, row: Any) -> Sequence[dict[str, Any]]:
        """Related lists, all counted in one statement; their rows are fetched when a tab is opened.

        Where there are many, those that are empty are left out, but for the first ones.
        """
        found = list(self._related(row))
        if not found:
            return ()
        counts = []
        for view, _reference, search in found:
            ids = view.base_statement().where(*search.conditions).with_only_columns(key_of(view.model)).order_by(None)
            counts.append(select(func.count()).select_from(ids.limit(paging.COUNT_CAP + 1).subquery()))
        with scope.doing("", "list"):
            first, *others = counts
            statement = first.add_columns(*(count.scalar_subquery() for count in others))
            numbers = db.session.execute(statement).one()
        return [
            {
                "view": view,
                "count": min(number, paging.COUNT_CAP),
                "count_capped": number > paging.COUNT_CAP,
                "more": search.url(url_for(f"{view.endpoint}.list")),
                "rows": url_for(f"{self.endpoint}.related_rows", pk=row.id, name=type(view).__name__),
            }
            for place, ((view, _reference, search), number) in enumerate(zip(found, numbers, strict=True))
            if number or place < KEPT_TABS or len(found) <= MOST_TABS
        ]

    @expose("/related/<pk>/<string:name>", methods=["GET"])
    @has_access
    def related_rows(self, pk: str, name: str) -> Any:
        """The first rows of one related list: what its tab shows."""
        row = self.find(pk)
        for view, reference, search in self._related(row):
            if type(view).__name__ == name:
                with scope.doing("", "list"):
                    page = view.page(search, {"size": "10"})
                g.related_list = origin_of(view.endpoint, dict(search.arguments()))
                columns = [c for c in page["columns"] if c.name != reference]
                tab = {**page, "view": view, "columns": columns, "more": search.url(page["path"])}
                return self.render_template("portal/related.html", tab=tab)
        return abort(404)

    # ---- timeline -------------------------------------------------------------------------------------------------

    @expose("/timeline/<pk>", methods=["GET"])
    @has_access
    def timeline(self, pk: str) -> Any:
        """Everything that happened to the record, newest first; as a page of its own, or only its rows for the tab."""
        if not self.has_timeline:
            abort(404)
        row = self.find(pk)
        events, older = timeline.page(row, request.args.get("until", ""))
        return self.render_template(
            "portal/timeline_rows.html" if "part" in request.args else "portal/timeline.html",
            view=self,
            row=row,
            title=str(row),
            kind=self.show_title,
            days=timeline.by_day(events),
            older=older,
        )
