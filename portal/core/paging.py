"""One page of a list: counted with a cap, ordered by a known column, read in two steps, the far half backwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, inspect, select
from sqlalchemy.orm import joinedload

from portal.core.db import db
from portal.core.scope import outlook
from portal.core.values import is_whole

COUNT_CAP = 10_000
"""A filtered count stops here: nobody reads past ten thousand rows."""
LARGEST_PAGE = 200
KEPT_SECONDS = 10
"""How long the count of a list beyond the cap is kept: counting a million rows takes PostgreSQL 60 ms of both cores."""
MOST_KEPT = 500

_kept: dict[Any, tuple[float, int]] = {}


@dataclass(frozen=True)
class Window:
    """Which rows of a list to show: `number` from 1, `size` rows each, ordered by `order`."""

    number: int
    size: int
    order: str
    direction: str
    count: int
    capped: bool
    """`count` is only a floor."""

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // self.size))


def key_of(model: Any) -> Any:
    """The primary key's attribute."""
    return getattr(model, inspect(model).primary_key[0].key)


def clamped(text: str | None, default: int, least: int, most: int) -> int:
    """A number from the URL; nonsense is the default."""
    number = int(text) if text is not None and is_whole(text) else default
    return min(max(number, least), most)


def count_rows(narrowed: Select[Any], key: Any, filtered: bool) -> tuple[int, bool]:
    """(count, capped): exact when nothing is filtered, else up to the cap."""
    ids = narrowed.with_only_columns(key).order_by(None)
    if not filtered:
        return _whole_count(ids), False
    count = _count(ids.limit(COUNT_CAP + 1))
    return (COUNT_CAP, True) if count > COUNT_CAP else (count, False)


def _count(ids: Select[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0


def _whole_count(ids: Select[Any]) -> int:
    """Exact; beyond the cap it may be some seconds old, so that leafing through a large list counts it once."""
    wording: Any = ids._generate_cache_key()
    meant = wording.key, repr([parameter.effective_value for parameter in wording.bindparams])
    known, now = (str(db.engine.url), outlook(), meant), time.monotonic()
    at, count = _kept.get(known, (now - KEPT_SECONDS, 0))
    if now - at < KEPT_SECONDS:
        return count
    count = _count(ids)
    if count > COUNT_CAP:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[known] = now, count
    return count


def window(
    narrowed: Select[Any],
    model: Any,
    arguments: Mapping[str, str],
    filtered: bool,
    page_size: int,
    orderable: Sequence[str],
    order: tuple[str, str],
) -> Window:
    """What the URL asks for, within what there is."""
    count, capped = count_rows(narrowed, key_of(model), filtered)
    size = clamped(arguments.get("size"), page_size, 1, LARGEST_PAGE)
    number = clamped(arguments.get("page"), 1, 1, max(1, -(-count // size)))
    return Window(number, size, *ordering(arguments, orderable, order), count, capped)


def ordering(arguments: Mapping[str, str], orderable: Sequence[str], order: tuple[str, str]) -> tuple[str, str]:
    """Column and direction; a column that may not be ordered by is ignored."""
    column = arguments.get("order", "")
    if column not in orderable:
        return order
    return column, "asc" if arguments.get("direction") == "asc" else "desc"


def ordered(narrowed: Select[Any], model: Any, column: str, ascending: bool) -> Select[Any]:
    """By the column, ties broken by the key, so that pages never overlap."""
    key = key_of(model)
    by = getattr(model, column)
    columns = [key] if by.key == key.key else [by, key]
    return narrowed.order_by(*(c.asc() if ascending else c.desc() for c in columns))


def rows_of(narrowed: Select[Any], model: Any, shown: Window, references: Sequence[str]) -> list[Any]:
    """The window's rows, with the references that the list names."""
    offset = (shown.number - 1) * shown.size
    backwards = not shown.capped and offset > shown.count // 2
    size = min(shown.size, shown.count - offset) if backwards else shown.size
    start = max(0, shown.count - offset - size) if backwards else offset
    ids = ordered(narrowed, model, shown.order, (shown.direction == "asc") != backwards)
    found = list(db.session.scalars(ids.with_only_columns(key_of(model)).offset(start).limit(size)))
    return load(model, found[::-1] if backwards else found, references)


def load(model: Any, ids: Sequence[Any], references: Sequence[str]) -> list[Any]:
    """Rows in the order of `ids`, references joined."""
    if not ids:
        return []
    key = key_of(model)
    statement = select(model).where(key.in_(ids)).options(*(joinedload(getattr(model, name)) for name in references))
    by_id = {getattr(row, key.key): row for row in db.session.scalars(statement).unique()}
    return [by_id[i] for i in ids if i in by_id]
