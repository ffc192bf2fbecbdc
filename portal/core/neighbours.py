"""The records before and after one in the list it was opened from: `?list=LoanView?f.status.eq=active&order=code`.

The list's screen and its arguments travel in the record's address, so the same order and filters hold, and a link can
be passed on. A neighbour is found from the row's own place in the order: one statement each way, however long the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import url_for
from sqlalchemy import ColumnElement, Select, and_, inspect, or_

from portal.core import filters, paging, scope
from portal.core.db import db
from portal.core.display import LONGEST, kept, origin_of, screens


@dataclass(frozen=True)
class Place:
    """Where a record stands in the list it was opened from."""

    back: str
    """The list as it was."""
    origin: str
    """What to pass on to other pages of the record."""
    previous: str = ""
    next: str = ""


def place_of(view: Any, row: Any, origin: str) -> Place:
    """The row's place in the list named by `origin`; without neighbours when that list does not lead to this screen."""
    name, _mark, query = origin[:LONGEST].partition("?")
    source = screens().get(name)
    leads_here = source is not None and (source is view or source.record_view == type(view).__name__)
    if source is None or not leads_here or not source.may("list"):
        return Place(url_for(f"{view.endpoint}.list"), "")
    arguments = dict(parse_qsl(query))
    origin = origin_of(name, arguments)
    target = f"{view.endpoint}.show"
    with scope.doing("", "list"):
        before, after = _neighbours(source, getattr(row, paging.key_of(type(row)).key), arguments)
    urls = [url_for(target, pk=key, list=origin) if key is not None else "" for key in (before, after)]
    return Place(url_for(f"{source.endpoint}.list", **kept(arguments)), origin, *urls)


def _neighbours(source: Any, key: int, arguments: Mapping[str, str]) -> tuple[int | None, int | None]:
    """(key before, key after) in the list's order."""
    row = db.session.get(source.model, key)
    if row is None:
        return None, None
    search = filters.read(source.model, arguments, source.filter_columns)
    column, direction = paging.ordering(arguments, source.orderable(), source.usual_order())
    narrowed = source.base_statement().where(*search.conditions)
    found = [_next(narrowed, source.model, row, column, ascending) for ascending in (False, True)]
    return (found[0], found[1]) if direction == "asc" else (found[1], found[0])


def _next(narrowed: Select[Any], model: Any, row: Any, column: str, ascending: bool) -> int | None:
    """The key of the first row after this one in a direction."""
    for condition in _beyond(model, row, column, ascending):
        statement = paging.ordered(narrowed.where(condition), model, column, ascending)
        found = db.session.scalar(statement.with_only_columns(paging.key_of(model)).limit(1))
        if found is not None:
            return int(found)
    return None


def _beyond(model: Any, row: Any, column: str, ascending: bool) -> list[ColumnElement[bool]]:
    """Conditions for the rows after this one, nearest first: each can start from an index.

    Rows without a value come first in SQLite and last in PostgreSQL.
    """
    key, by = paging.key_of(model), getattr(model, column)
    place, value = getattr(row, key.key), getattr(row, column)
    further = key > place if ascending else key < place
    if by.key == key.key:
        return [further]
    column_of = inspect(model).columns[column]
    empty_is_least = db.engine.dialect.name == "sqlite"
    if value is None:
        rest = [by.is_not(None)] if ascending == empty_is_least else []
        return [and_(by.is_(None), further), *rest]
    beyond = and_(by >= value, or_(by > value, further)) if ascending else and_(by <= value, or_(by < value, further))
    rest = [by.is_(None)] if column_of.nullable and ascending != empty_is_least else []
    return [beyond, *rest]
