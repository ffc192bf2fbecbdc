"""An entry as an auditor reads it: rows in words, values only of what the reader may see anyway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import select

from portal.core import jobs, scope
from portal.core.audit import RESOURCES
from portal.core.db import db
from portal.core.display import screens
from portal.core.masks import COVER
from portal.core.paging import key_of
from portal.core.timeline import TITLES, Change, References
from portal.core.verbs import notes, said


@dataclass(frozen=True)
class RowRead:
    """One row of an entry."""

    title: str
    """What happened to it and which it is: by name for whoever may open it, else by number."""
    url: str
    changes: Sequence[Change]


@dataclass(frozen=True)
class Reading:
    """What an entry says about its changes."""

    rows: Sequence[RowRead]
    facts: Sequence[tuple[str, str]]


def read(changes: Mapping[str, Any] | None) -> Reading:
    """The changes of an entry for the present actor."""
    held = dict(changes or {})
    rows = held.pop("rows", [])
    by_resource: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_resource.setdefault(row["resource"], []).append(row)
    found = [read_row for resource, some in by_resource.items() for read_row in _rows(resource, some)]
    return Reading(found, [(str(notes.get(name, name)), _fact(name, value)) for name, value in held.items()])


def _rows(resource: str, rows: Sequence[dict[str, Any]]) -> list[RowRead]:
    view: Any = screen_of(resource)
    reach = scope.actor().scope(view.resource, "show") if view is not None else scope.NONE
    seen = _seen(view, [row["id"] for row in rows]) if reach != scope.NONE else {}
    names = References(view.model, [row["fields"] for row in rows]) if view is not None else None
    read_rows = []
    for row in rows:
        there = seen.get(row["id"])
        open_to_reader = names is not None and (reach == scope.ALL or there is not None)
        read_rows.append(
            RowRead(
                f"{TITLES.get(row['what'], row['what'])}: {RESOURCES.of(resource)} {there or _number(row['id'])}",
                url_for(f"{view.endpoint}.show", pk=row["id"]) if there is not None else "",
                list(_changes(view, names if open_to_reader else None, row["fields"])),
            )
        )
    return read_rows


def _changes(view: Any, names: References | None, fields: Mapping[str, list[Any]]) -> Iterator[Change]:
    """What the reader is told of each field: both values, its name alone, or nothing where his roles hide it."""
    for name, pair in fields.items():
        told = names.change(name, pair) if names is not None else Change(_label(view, name))
        if told is not None:
            yield told


def screen_of(resource: str) -> Any:
    """The record screen of a model, by the model's name; None without one."""
    found = (v for v in screens().values() if v.model.__name__ == resource and not v.record_view)
    return next(found, None)


def _seen(view: Any, keys: Sequence[int]) -> dict[int, Any]:
    """The rows among these that the actor may open, by key."""
    with scope.doing(view.resource, "show"):
        key = key_of(view.model)
        rows = db.session.scalars(select(view.model).where(key.in_([k for k in keys if k is not None]))).all()
        return {getattr(row, key.key): row for row in rows}


def _number(key: int | None) -> str:
    return gettext("no. %(number)s", number=key) if key is not None else ""


def _label(view: Any, name: str) -> str:
    return str(view.column(name).label) if view is not None else name


TOLD_TO_ALL = frozenset({"reason", "role", "number"})
"""Facts that quote no field of a record."""


def _fact(name: str, value: Any) -> str:
    """What a fact says; keys in words. It names no field, so whoever has covered fields is told none of it."""
    if scope.actor().masks and name not in TOLD_TO_ALL:
        return COVER
    if name == "job":
        return jobs.label(str(value))
    return str(said[value]) if isinstance(value, str) and value in said else _told(value)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return gettext(", ").join(_told(item) for item in value)
    if isinstance(value, dict):
        return gettext(", ").join(f"{name} {_told(item)}" for name, item in value.items())
    return "—" if value in (None, "") else str(value)


class InWords:
    """The changes of entries as a text for files, by the same rules as on the screen."""

    def of(self, changes: Any) -> str:
        reading = read(changes)
        lines = [f"{row.title}{_fields(row)}" for row in reading.rows]
        return "\n".join([*lines, *(f"{name}: {text}" for name, text in reading.facts)])

    def keys(self, text: str) -> list[str]:
        """Nothing is searched by it."""
        return []


def _fields(row: RowRead) -> str:
    told = [f"{c.label}: {c.old or '—'} → {c.new or '—'}" if c.shown else str(c.label) for c in row.changes]
    return f" ({'; '.join(told)})" if told else ""
