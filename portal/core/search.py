"""What the search palette finds: sources that areas register, each asked within the session's row scope.

Records are found by code, by name (its beginning first, then anywhere), by the spelling of the name with one slip, and
by whole personal numbers (blind index). Each of these steps is limited and answered by an index, so a million rows
answer like a thousand. One statement takes the surest steps of all kinds of records; a second one the last resorts of
those that found too few; then the rows that were found are read, kind by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, inspect, literal_column, or_, select, union_all
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.db import db
from portal.core.display import screens
from portal.core.fields import fields_of
from portal.core.filters import FEWEST_DIGITS, findable
from portal.core.masks import is_clear
from portal.core.pinyin import TEXT, key_of, slips, spelled, spelled_field
from portal.core.registry import Registry
from portal.core.values import tidy
from portal.core.words import anywhere, begins, by_code_point, keys_where

LONGEST_QUERY = 60
SHORTEST_WITH_SLIP = 4


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


@dataclass(frozen=True)
class Records(Source):
    """The records of a screen."""

    screen: str = ""
    note: Callable[[Any], Sequence[Any]] = lambda _row: ()
    """What stands beside the name."""
    load: Sequence[str] = ()
    """The references that the note reads."""


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
        kept = [source for source in _in_order() if isinstance(source, Records)]
        found = dict(zip(kept, _found(kept, query, limit), strict=True))
        answers = [
            (source, found[source] if isinstance(source, Records) else source.find(query, limit))
            for source in _in_order()
        ]
    return [(source, hits) for source, hits in answers if hits]


def records(
    key: str, label: Any, screen: str, note: Callable[[Any], Sequence[Any]], load: Sequence[str] = (), place: int = 90
) -> Source:
    """A source of the records of a screen: registered. `note(row)` gives what stands beside the name.

    `load` names the references that the note reads.
    """

    def find(query: Query, limit: int) -> Sequence[Hit]:
        return _found([source], query, limit)[0]

    source = Records(key, label, find, place, screen, note, load)
    register_source(source)
    return source


Step = tuple[ColumnElement[bool], Any]
"""(condition, order) of one way to find a row."""


def _found(kinds: Sequence[Records], query: Query, limit: int) -> list[Sequence[Hit]]:
    """The hits of each kind of records."""
    views = {kind.key: screens()[kind.screen] for kind in kinds}
    asked = {kind.key: views[kind.key] for kind in kinds if views[kind.key].may("show")}
    found = _places(asked, {key: list(steps(view.model, query)) for key, view in asked.items()}, limit)
    few = {key: view for key, view in asked.items() if len(found[key]) < limit}
    last = {key: list(last_resorts(view.model, query, bool(found[key]))) for key, view in few.items()}
    for key, places in _places(few, last, limit).items():
        for pk, (way, order) in places.items():
            found[key].setdefault(pk, (LAST + way, order))
    return [_hits(kind, views[kind.key], found.get(kind.key, {}), limit) for kind in kinds]


LAST = 100
"""Places of what the last resorts found: behind all others."""
Places = dict[int, tuple[int, Any]]
"""Primary key -> (number of the step that found it, the column by which that step orders)."""


def _places(views: Mapping[str, Any], asked: Mapping[str, Sequence[Step]], limit: int) -> dict[str, Places]:
    """What the steps of each kind find, in one statement."""
    found: dict[str, Places] = {key: {} for key in views}
    ways = [(key, condition, order) for key, steps_ in asked.items() for condition, order in steps_]
    parts = []
    for number, (key, condition, order) in enumerate(ways):
        part = (
            views[key]
            .base_statement()
            .with_only_columns(literal_column(str(number)).label("way"), views[key].pk.label("pk"))
        )
        parts.append(select(part.where(condition).order_by(order).limit(limit).subquery()))
    if parts:
        together = union_all(*parts).subquery()
        for way, pk in sorted(map(tuple, db.session.execute(select(together.c.way, together.c.pk)))):
            key, _condition, order = ways[way]
            found[key].setdefault(pk, (way, order))
    return found


def _hits(kind: Records, view: Any, places: Places, limit: int) -> Sequence[Hit]:
    """The rows themselves, as lines."""
    if not places:
        return []
    loaded = [joinedload(getattr(view.model, name)) for name in kind.load]
    rows = db.session.scalars(view.base_statement().where(view.pk.in_(places)).options(*loaded)).all()

    def place(row: Any) -> tuple[int, Any]:
        way, order = places[getattr(row, view.pk.key)]
        return way, getattr(row, order.key)

    return [record_hit(view, row, kind.note) for row in sorted(rows, key=place)[:limit]]


def record_hit(view: Any, row: Any, note: Callable[[Any], Sequence[Any]] | None = None) -> Hit:
    """A record as a line: its name, the screen's icon, what tells it from others of the same name."""
    words = note(row) if note is not None else [view.show_title]
    return Hit(str(row), view.row_url(row), " · ".join(str(word) for word in words if word), view.icon)


def steps(model: Any, query: Query) -> Iterator[Step]:
    """The ways to find a row that an index answers, the surest first."""
    pk = inspect(model).primary_key[0]
    spelled_by = _spelled(model)
    others = [
        getattr(model, name)
        for name, field in fields_of(model).items()
        if field.search
        and field.type in ("text", "code")
        and not (spelled_by and name == spelled_by[0])
        and is_clear(model, name)
    ]
    codes = [column for column in others if by_code_point(column)]
    words = [column for column in others if fields_of(model)[column.key].type == "text" and not by_code_point(column)]
    sealed = getattr(model, "__sealed__", {})
    looked_up = [(name, value) for name, value in sealed.items() if value.looked_up and findable(model, name)]
    if query.is_number and looked_up:
        yield or_(*(getattr(model, f"{name}_index") == value.index(query.text) for name, value in looked_up)), pk
    if query.is_code:
        for column in others[:1]:
            for way in dict.fromkeys((query.text, query.text.upper())):  # OR with an order would read a whole index
                yield begins(column, way), column
    elif not spelled_by:  # a code is known by its beginning: within a million of them nothing is searched for
        for column in codes:
            yield begins(column, query.text), column
        if words:
            yield or_(*(column.contains(query.text, autoescape=True) for column in words)), pk
    if query.key and len(query.text) == 18 and len(others) > 1:
        yield or_(*(column == query.text.upper() for column in others[1:])), pk
    if spelled_by is not None:
        yield from _names(model, getattr(model, spelled_by[0]), query)


def _names(model: Any, name: Any, query: Query) -> Iterator[Step]:
    if not query.text.isascii():
        yield begins(name, query.text), name
        return
    key = query.key
    if not key or key.isdigit():
        return
    # the first letter lets the index by branch and initials answer for a part of the company
    first = begins(model.name_initials, key[0])
    yield begins(model.name_initials, key), model.name_initials
    if len(key) > 1:
        yield and_(begins(model.name_pinyin, key), first), model.name_pinyin


def last_resorts(model: Any, query: Query, found: bool) -> Iterator[Step]:
    """What is tried when the steps found too few rows: words anywhere in a name; one slip, if they found none."""
    spelled_by = _spelled(model)
    if spelled_by is None:
        return
    name, pk = getattr(model, spelled_by[0]), inspect(model).primary_key[0]
    if not query.text.isascii():
        if by_code_point(name) and len(query.text) > 1:
            yield pk.in_(keys_where(model, anywhere(name, query.text))), pk
        else:
            # within a subquery over the name alone, the index of names is read instead of the table
            yield pk.in_(select(pk).where(name.contains(query.text, autoescape=True))), pk
    elif not found and (alike := with_a_slip(model, query)) is not None:
        yield alike, model.name_pinyin


def _spelled(model: Any) -> tuple[str, str] | None:
    """The field that is found by its spelling, if the actor is shown it."""
    found = spelled_field(model)
    return found if found is not None and is_clear(model, found[0]) else None


def with_a_slip(model: Any, query: Query) -> ColumnElement[bool] | None:
    """Names whose whole spelling is one slip away, the first letter being right; None where that cannot be asked."""
    key = query.key
    if _spelled(model) is None or len(key) < SHORTEST_WITH_SLIP or not key.isalpha():
        return None
    alike = [other for other in slips(key) if other[0] == key[0]]
    return and_(model.name_pinyin.in_(sorted(alike)), begins(model.name_initials, key[0]))
