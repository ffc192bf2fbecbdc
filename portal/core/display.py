"""How a record screen shows values: cells, units, links to other records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import current_app, g, request, url_for
from markupsafe import Markup

from portal.core.fields import Field
from portal.core.paging import key_of
from portal.core.values import UNITS, as_shown

if TYPE_CHECKING:
    from portal.core.views import PortalView


ORIGIN = "list"
"""The argument of a record's address that says which list it was opened from (neighbours.py)."""


KEPT = ("q", "order", "direction", "page", "size")
LONGEST = 2_000
"""Characters of a list's arguments that travel along; a longer one is left behind."""


def kept(arguments: Mapping[str, str]) -> dict[str, Any]:
    """What of a list's arguments narrows, orders and pages it."""
    return {k: v for k, v in arguments.items() if v and (k in KEPT or k.startswith("f."))}


def origin_of(endpoint: str, arguments: Mapping[str, str]) -> str:
    """A list's screen and what it is narrowed to, as one argument."""
    text = f"{endpoint}?{urlencode(kept(arguments))}"
    return text if len(text) <= LONGEST else ""


class Display:
    """The showing half of a PortalView."""

    fields: dict[str, Field]
    label_columns: Any
    record_view: str
    endpoint: Any

    def column(self, name: str) -> Field:
        """Metadata of a list or record column; a plain property of the model is text."""
        return self.fields.get(name) or Field(self.label_columns.get(name, name), name=name, type="text")

    def unit(self, field: Field) -> Any:
        return UNITS.get(field.type, "")

    def cell(self, row: Any, name: str) -> str | Markup:
        """What a cell shows, masked where it is personal."""
        field = self.column(name)
        sealed = getattr(type(row), "__sealed__", {}).get(name)
        if sealed is not None:
            return str(sealed.masked(row))
        value = getattr(row, name)
        return value if isinstance(value, Markup) else as_shown(field, value)

    def largest(self, rows: Sequence[Any], columns: Sequence[Field]) -> dict[str, int]:
        """By column with bars, the value that a full bar stands for: the largest of these rows."""
        barred = [c.name for c in columns if c.bar]
        found = {name: max((getattr(row, name) or 0 for row in rows), default=0) for name in barred}
        return {name: most for name, most in found.items() if most > 0}

    def row_url(self, row: Any) -> str:
        """The record screen of a row of this list, which learns from it what comes before and after."""
        view: Any = screens()[self.record_view] if self.record_view else self
        key = getattr(row, key_of(type(row)).key)
        return url_for(f"{view.endpoint}.show", pk=key, list=self._origin() or None)

    def _origin(self) -> str:
        """The list that is being shown: the page's, or the related one that a record shows."""
        if "related_list" in g:
            return str(g.related_list)
        if request.endpoint != f"{self.endpoint}.list":
            return ""
        if "own_list" not in g:
            g.own_list = origin_of(self.endpoint, request.args)
        return str(g.own_list)

    def link(self, row: Any, name: str) -> str:
        """Where a reference leads, if the actor may open it."""
        field = self.column(name)
        target = getattr(row, name, None) if field.type == "ref" else None
        if target is None:
            return ""
        return record_url(target)


def screens() -> dict[str, PortalView]:
    """This application's record screens by class name."""
    return current_app.extensions.setdefault("screens", {})  # type: ignore[no-any-return]


def record_url(row: Any) -> str:
    """The record screen of a row, or empty when there is none the actor may open."""
    for view in screens().values():
        if view.model is type(row) and not view.record_view and view.may("show"):
            return url_for(f"{view.endpoint}.show", pk=row.id)
    return ""
