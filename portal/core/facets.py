"""What a list may be narrowed to with one click: quick filters over it, and how many rows each choice would leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Select, func, inspect, select

from portal.core import paging
from portal.core.db import db, label_of
from portal.core.fields import Field
from portal.core.filters import Search, column_of

MOST_COUNTED = 100_000
"""Rows that counting the choices looks at; beyond it every count is only a floor."""
MOST_CHOICES = 6
"""A field with more choices is for the drawer, not for chips."""


@dataclass(frozen=True)
class QuickChoice:
    """A chip: its words, whether the list is narrowed to it now, and the list with it switched."""

    value: str
    label: Any
    chosen: bool
    url: str


def offered(columns: list[Field], named: tuple[str, ...]) -> list[Field]:
    """The fields with chips: those a screen names, else the first status-like column of the list."""
    few = [f for f in columns if f.type == "choice" and f.filter and f.choices and len(f.choices) <= MOST_CHOICES]
    return [f for f in columns if f.name in named] if named else few[:1]


def switches(field: Field, search: Search, path: str, kept: list[tuple[str, str]]) -> list[QuickChoice]:
    """The chips of one field; several may be on at a time. `kept` are the order and page size of the address."""
    mine = [f for f in search.filters if f.name == field.name and f.operator in ("in", "eq")]
    on = [value for f in mine for value in f.text.split(",")]
    others = [(a, v) for a, v in search.arguments() if a not in {f.argument for f in mine}]
    chips = []
    for choice in field.choices or ():
        chosen = choice.value in on
        wanted = [v for v in on if v != choice.value] if chosen else [*on, choice.value]
        pairs = [*others, *([(f"f.{field.name}.in", ",".join(wanted))] if wanted else []), *kept]
        chips.append(
            QuickChoice(choice.value, label_of(choice), chosen, f"{path}?{urlencode(pairs)}" if pairs else path)
        )
    return chips


def counts(model: Any, base: Select[Any], field: Field, search: Search) -> dict[str, str]:
    """By value, how many rows each choice would leave under the other filters, as shown ("10,000+"). One statement."""
    others = [f.condition for f in search.filters if f.name != field.name]
    words = list(search.conditions[len(search.filters) :])
    column = column_of(model, field)
    # A computed value alone would no longer tell whose rows are counted, and the statement would miss the scope.
    mapped = field.name in inspect(model).column_attrs
    keys = [] if mapped else [paging.key_of(model).label("row")]
    seen = base.where(*others, *words).with_only_columns(column.label("value"), *keys).order_by(None)
    part = seen.limit(MOST_COUNTED + 1).subquery()
    grouped = select(part.c.value, func.count(part.c.row) if keys else func.count()).group_by(part.c.value)
    found: dict[Any, int] = dict(db.session.execute(grouped).all())
    cut = sum(found.values()) > MOST_COUNTED
    return {choice.value: _shown(found.get(choice, 0), cut) for choice in field.choices or ()}


def _shown(count: int, cut: bool) -> str:
    if count > paging.COUNT_CAP:
        return f"{paging.COUNT_CAP:,}+"
    return f"{count:,}+" if cut else f"{count:,}"
