"""How a record screen shows values: cells, units, links to other records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app, url_for
from markupsafe import Markup

from portal.core.fields import Field
from portal.core.paging import key_of
from portal.core.values import UNITS, as_shown

if TYPE_CHECKING:
    from portal.core.views import PortalView


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
        """The record screen of a row of this list."""
        view: Any = screens()[self.record_view] if self.record_view else self
        return url_for(f"{view.endpoint}.show", pk=getattr(row, key_of(type(row)).key))

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
