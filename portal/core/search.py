"""What the search palette finds: sources that areas register, each asked within the session's row scope.

A source of records is found by code, by name (its beginning first, then anywhere), by the spelling of the name with one
slip, and by whole personal numbers (blind index). Each step is one limited statement over an index; the first steps
that find enough end the search, so a million rows answer like a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, inspect, or_, select
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.db import CodePointString, db
from portal.core.display import screens
from portal.core.fields import fields_of
from portal.core.pinyin import TEXT, key_of, slips, spelled, spelled_field
from portal.core.registry import Registry
from portal.core.values import tidy

LONGEST_QUERY = 60
FEWEST_DIGITS = 6
"""Of a phone or ID number, which is found as a whole only."""
SHORTEST_WITH_SLIP = 4
LAST = "\U0010ffff"
"""Stands behind every other character."""


@dataclass(frozen=True)
class Query:
    """What somebody typed."""

    text: str

    @property
    def key(self) -> str:
        """As spellings are written; empty when it cannot be one."""
        return key_of(self.text) if self.text.isascii() else ""

    @property
    def is_code(self) -> bool:
        return self.text.isascii() and " " not in self.text

    @property
    def is_number(self) -> bool:
        return self.text.isascii() and sum(letter.isdigit() for letter in self.text) >= FEWEST_DIGITS

    def meets(self, *words: str) -> bool:
        """Whether it stands in these words, or in their spelling."""
        wanted = self.text.lower()
        for word in words:
            if wanted in word.lower():
                return True
            if self.key and any(self.key in (spelling or "") for spelling in spelled(word, TEXT)):
                return True
        return False


def read_query(text: str) -> Query:
    return Query(tidy(text)[:LONGEST_QUERY])


@dataclass(frozen=True)
class Hit:
    """One line of the answer."""

    title: str
    url: str
    note: str = ""
    icon: str = ""
    """FontAwesome name."""


@dataclass(frozen=True)
class Source:
    """Something that can be found. `find(query, limit)` gives at most so many hits, within what the actor may see."""

    key: str
    label: Any
    """Heading above its hits (lazy)."""
    find: Callable[[Query, int], Sequence[Hit]]
    place: int = 90
    """Where its hits stand, the smallest first."""


sources: Registry[Source] = Registry("search sources")


def register_source(source: Source) -> Source:
    return sources.register(source.key, source)


def _in_order() -> list[Source]:
    return sorted(sources.values(), key=lambda source: source.place)


def search(query: Query, limit: int) -> list[tuple[Source, Sequence[Hit]]]:
    """(source, hits) of every source that found something."""
    if not query.text:
        return []
    with scope.doing("", "list"):
        answers = [(source, source.find(query, limit)) for source in _in_order()]
    return [(source, hits) for source, hits in answers if hits]


def records(
    key: str, label: Any, screen: str, note: Callable[[Any], Sequence[Any]], load: Sequence[str] = (), place: int = 90
) -> Source:
    """A source of the records of a screen: registered. `note(row)` gives what stands beside the name.

    `load` names the references that the note reads.
    """

    def find(query: Query, limit: int) -> Sequence[Hit]:
        view = screens()[screen]
        if not view.may("show"):
            return []
        options = [joinedload(getattr(view.model, name)) for name in load]
        rows: dict[int, Any] = {}
        for condition, order in steps(view.model, query):
            narrowed = view.base_statement().where(condition).options(*options)
            for row in db.session.scalars(narrowed.order_by(order).limit(limit)):
                rows.setdefault(row.id, row)
            if len(rows) >= limit:
                break
        if not rows and (alike := with_a_slip(view.model, query)) is not None:
            narrowed = view.base_statement().where(alike).options(*options)
            rows = {row.id: row for row in db.session.scalars(narrowed.order_by(view.model.name_pinyin).limit(limit))}
        return [record_hit(view, row, note) for row in list(rows.values())[:limit]]

    return register_source(Source(key, label, find, place))


def record_hit(view: Any, row: Any, note: Callable[[Any], Sequence[Any]] | None = None) -> Hit:
    """A record as a line: its name, the screen's icon, what tells it from others of the same name."""
    words = note(row) if note is not None else [view.show_title]
    return Hit(str(row), view.row_url(row), " · ".join(str(word) for word in words if word), view.icon)


def steps(model: Any, query: Query) -> Iterator[tuple[ColumnElement[bool], Any]]:
    """(condition, order) of each way to find a row, the surest and cheapest first."""
    pk = inspect(model).primary_key[0]
    spelled_by = spelled_field(model)
    others = [
        getattr(model, name)
        for name, field in fields_of(model).items()
        if field.search and field.type in ("text", "code") and not (spelled_by and name == spelled_by[0])
    ]
    words = [column for column in others if fields_of(model)[column.key].type == "text"]
    sealed = getattr(model, "__sealed__", {})
    if query.is_number and sealed:
        yield or_(*(getattr(model, f"{name}_index") == value.index(query.text) for name, value in sealed.items())), pk
    if query.is_code:
        for column in others[:1]:
            ways = dict.fromkeys((query.text, query.text.upper()))
            yield or_(*(_begins(column, way) for way in ways)), column
    elif not spelled_by and words:  # a code is known by its beginning: within a million of them nothing is searched for
        yield or_(*(column.contains(query.text, autoescape=True) for column in words)), pk
    if query.key and len(query.text) == 18 and len(others) > 1:
        yield or_(*(column == query.text.upper() for column in others[1:])), pk
    if spelled_by is not None:
        yield from _names(model, getattr(model, spelled_by[0]), pk, query)


def _names(model: Any, name: Any, pk: Any, query: Query) -> Iterator[tuple[ColumnElement[bool], Any]]:
    if not query.text.isascii():
        yield _begins(name, query.text), name
        # within a subquery over the name alone, the index of names is read instead of the table
        yield pk.in_(select(pk).where(name.contains(query.text, autoescape=True))), pk
        return
    key = query.key
    if not key or key.isdigit():
        return
    # the first letter lets the index by branch and initials answer for a part of the company
    first = _begins(model.name_initials, key[0])
    yield _begins(model.name_initials, key), model.name_initials
    if len(key) > 1:
        yield and_(_begins(model.name_pinyin, key), first), model.name_pinyin


def with_a_slip(model: Any, query: Query) -> ColumnElement[bool] | None:
    """Names whose whole spelling is one slip away, the first letter being right; None where that cannot be asked."""
    key = query.key
    if spelled_field(model) is None or len(key) < SHORTEST_WITH_SLIP or not key.isalpha():
        return None
    alike = [other for other in slips(key) if other[0] == key[0]]
    return and_(model.name_pinyin.in_(sorted(alike)), _begins(model.name_initials, key[0]))


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    """The column begins with the text: a range where it is compared by code point, so that an index serves."""
    if isinstance(column.type, CodePointString):
        return and_(column >= text, column < text + LAST)
    return column.startswith(text, autoescape=True)  # type: ignore[no-any-return]
