"""How a record screen shows values: cells, units, links to other records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from flask import current_app, g, request, url_for
from markupsafe import Markup, escape

from portal.core.fields import Field
from portal.core.masks import covered, mask_of
from portal.core.paging import key_of
from portal.core.role_store import CLEAR, HIDDEN, MASKED
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


ALIGNED = frozenset({"money", "rate", "int", "date", "datetime"})
"""Types that stand right-aligned in tabular digits: what people compare down a column."""


SAFE = "!$'()*,/:;?@"
"""What `url_for` leaves as it is in an argument: every way to a record has the same address."""


class Head(NamedTuple):
    """What the cells of one column have in common, worked out once for all rows of a table."""

    field: Field
    attributes: Markup
    """Of the tag that begins each cell; on phones it carries the column's label."""
    most: int
    """What a full bar stands for; 0 = no bars."""


class Cell(NamedTuple):
    """One cell: attributes of its tag, bar (percent; None = none), text and where it leads."""

    attributes: Markup
    bar: int | None
    shown: str | Markup
    link: str


class Display:
    """The showing half of a PortalView."""

    fields: dict[str, Field]
    label_columns: Any
    record_view: str
    endpoint: Any
    model: Any
    borrowed: tuple[str, ...] = ()
    """Columns described with another model of the same resource; they are masked like it."""

    def column(self, name: str) -> Field:
        """Metadata of a list or record column; a plain property of the model is text."""
        return self.fields.get(name) or Field(self.label_columns.get(name, name), name=name, type="text")

    def unit(self, field: Field) -> Any:
        return UNITS.get(field.type, "")

    def cell(self, row: Any, name: str) -> str | Markup:
        """What a cell shows, masked where it is personal or the actor's roles cover it."""
        mask = self.mask(name)
        if mask == HIDDEN:
            return ""
        if mask == MASKED and name not in getattr(type(row), "__sealed__", {}):
            return covered(self.column(name), self.value(row, name))
        return self.written(row, name)

    def written(self, row: Any, name: str) -> str | Markup:
        """The cell of a field that is shown; a screen with columns of its own overrides it."""
        sealed = getattr(type(row), "__sealed__", {}).get(name)
        if sealed is not None:
            return str(sealed.masked(row))
        value = self.value(row, name)
        return value if isinstance(value, Markup) else as_shown(self.column(name), value)

    def value(self, row: Any, name: str) -> Any:
        """What a column holds."""
        return getattr(row, name)

    def mask(self, name: str) -> str:
        """How much of a column the actor is shown."""
        field = self.column(name)
        return mask_of(self.model, field) if name in self.fields or name in self.borrowed else CLEAR

    def shown(self, names: Iterable[str]) -> list[str]:
        """Those of the columns that are not hidden from the actor."""
        return [name for name in names if self.mask(name) != HIDDEN]

    def largest(self, rows: Sequence[Any], columns: Sequence[Field]) -> dict[str, int]:
        """By column with bars, the value that a full bar stands for: the largest of these rows."""
        barred = [c.name for c in columns if c.bar and self.mask(c.name) == CLEAR]
        found = {name: max((getattr(row, name) or 0 for row in rows), default=0) for name in barred}
        return {name: most for name, most in found.items() if most > 0}

    def heads(self, rows: Sequence[Any], columns: Sequence[Field]) -> list[Head]:
        """The columns of a table of these rows."""
        most, made = self.largest(rows, columns), []
        for place, column in enumerate(columns):
            classes = " ".join(c for c, on in (("cell-pin", not place), ("num", column.type in ALIGNED)) if on)
            label = escape(str(column.label))
            attributes = Markup(f'class="{classes}" data-column="{escape(column.name)}" data-label="{label}"')
            made.append(Head(column, attributes, most.get(column.name, 0)))
        return made

    def cells(self, row: Any, heads: Sequence[Head]) -> Iterator[Cell]:
        """The cells of a row; the first one's link is the row's own affair."""
        for place, (field, attributes, most) in enumerate(heads):
            bar = max((getattr(row, field.name) or 0) * 100 // most, 0) if most else None
            yield Cell(attributes, bar, self.cell(row, field.name), self.link(row, field.name) if place else "")

    def row_url(self, row: Any) -> str:
        """The record screen of a row of this list, which learns from it what comes before and after."""
        view: Any = screens()[self.record_view] if self.record_view else self
        origin = self._origin()
        address = record_address(view, getattr(row, key_of(type(row)).key))
        return f"{address}?list={quote(origin, safe=SAFE)}" if origin else address

    def edit_url(self, row: Any) -> str:
        """Where a row of the list is edited; a screen that edits only some rows answers empty for the others."""
        return record_address(self, getattr(row, key_of(type(row)).key), "edit")

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
        target = getattr(row, name, None) if field.type == "ref" and self.mask(name) == CLEAR else None
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
            return record_address(view, row.id)
    return ""


def record_address(view: Any, key: Any, method: str = "show") -> str:
    """The address of a screen's record. A page holds hundreds of them: the part before the key is asked for once."""
    known, endpoint = g.setdefault("record_addresses", {}), f"{view.endpoint}.{method}"
    if endpoint not in known:
        known[endpoint] = url_for(endpoint, pk=0).removesuffix("0")
    return f"{known[endpoint]}{key}"


def name_of(user: Any) -> str:
    """A login's name the way it is written in its own language; empty for nobody."""
    if user is None:
        return ""
    if user.last_name and not user.last_name.isascii():
        return f"{user.last_name}{user.first_name}"
    return str(user.get_full_name()).strip()
