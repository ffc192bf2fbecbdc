"""Field metadata: what a column is called and how it is read, declared once in the model.

Forms, lists, filters, imports, exports, REST and the glossary all read it from here.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Boolean, Column, Date, Integer, String, inspect
from sqlalchemy.ext.hybrid import HybridExtensionType
from sqlalchemy.orm import mapped_column

from portal.core.db import Choice, Fen, Ppm, UtcDateTime

TYPES = ("text", "code", "money", "rate", "date", "datetime", "int", "bool", "choice", "ref", "json")


class Words(Protocol):
    """Keys and what people call them."""

    def of(self, key: Any) -> str:
        """The words for a key, in the present language."""

    def keys(self, text: str) -> list[str]:
        """The keys whose words contain this text."""


@dataclass(frozen=True)
class Field:
    """One column as people meet it."""

    label: Any
    """Words on the screen (lazy)."""
    name: str = ""
    type: str = ""
    """One of TYPES; empty = taken from the column's type."""
    help: Any = ""
    """Why it is needed, under the form field (lazy)."""
    section: Any = ""
    """Heading of the form section and the record's block (lazy)."""
    search: bool = False
    """Found by the quick search."""
    pinyin: str = ""
    """Found by its spelling, too: `person` for names of people (and firms), `text` for others; see pinyin.py."""
    filter: bool = True
    """Offered as a filter of the list."""
    export: bool = True
    """Part of CSV and XLSX."""
    bar: bool = False
    """Lists draw its share of the largest value on the page beside the number."""
    sensitive: bool = False
    """Personal data: masked wherever shown, left out of audit entries."""
    personal: bool = False
    """Says who a person is, like a name: shown to whoever sees the row, left out of what cannot be erased later (audit
    entries, logs of exports)."""
    mask: Callable[[str], str] | None = None
    normalise: Callable[[str], str] | None = None
    check: Callable[[Any], Any] | None = None
    """Returns a sentence (lazy) when the value does not fit, else None."""
    choices: builtins.type[StrEnum] | None = None
    words: Words | None = None
    """What people call the keys that the column holds: shown, exported and searched instead of them."""
    offered: Words | None = None
    """The keys that may be chosen and what people call them: shown, searched and chosen; files and REST keep keys."""
    required: bool = False
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    target: builtins.type | None = None
    """The model a reference points to."""
    relation: str = ""
    """The relationship attribute of a reference."""
    only_if: tuple[str, tuple[Any, ...]] | None = None
    """(another field, its values): only then is there such a value; with any other the field stays empty."""
    readonly: bool = False
    """Set by the portal, never typed."""

    @property
    def numeric(self) -> bool:
        return self.type in ("money", "rate", "int")


def field(label: Any, *args: Any, **kw: Any) -> Any:
    """`mapped_column` with metadata: `code: Mapped[Code] = field(_("Code"), search=True, unique=True)`."""
    own = {name: kw.pop(name) for name in list(kw) if name in Field.__dataclass_fields__ and name not in ("name",)}
    return mapped_column(*args, info={"field": Field(label=label, **own)}, **kw)


def fields_of(model: Any) -> dict[str, Field]:
    """The described columns of a model and its sealed values, in order of declaration.

    A foreign key is listed under its relationship's name, with type `ref`.
    """
    return _described(model)


def columns_of(model: Any) -> dict[str, Field]:
    """The same by the names that entries of the audit trail use: a reference under its key's attribute."""
    found = {}
    for name, described in fields_of(model).items():
        mapper: Any = inspect(model)
        if described.type == "ref":
            column = next(iter(mapper.relationships[name].local_columns))
            name = mapper.get_property_by_column(column).key
        found[name] = described
    return found


@cache
def _described(model: Any) -> dict[str, Field]:
    mapper: Any = inspect(model)
    relation_of = {
        next(iter(r.local_columns)).key: r
        for r in mapper.relationships
        if r.direction.name == "MANYTOONE" and len(r.local_columns) == 1
    }
    found: dict[str, Field] = {}
    sealed = getattr(model, "__sealed__", {})
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if (own := prop.key.removesuffix("_sealed")) in sealed:
            found[own] = replace(sealed[own].field, name=own, type="text", sensitive=True)
            continue
        described = getattr(column, "info", {}).get("field")
        if described is None:
            continue
        relation = relation_of.get(column.key) if column.foreign_keys else None
        name = relation.key if relation is not None else prop.key
        found[name] = _completed(described, name, column, relation)
    for name, computed in mapper.all_orm_descriptors.items():
        hybrid = computed.extension_type is HybridExtensionType.HYBRID_PROPERTY
        if hybrid and "field" in computed.info and not name.startswith("_"):
            found[name] = replace(computed.info["field"], name=name, readonly=True)
    return found


def _completed(described: Field, name: str, column: Column[Any], relation: Any) -> Field:
    kind = column.type
    types = [(Fen, "money"), (Ppm, "rate"), (Date, "date"), (UtcDateTime, "datetime"), (Choice, "choice")]
    types += [(Boolean, "bool"), (Integer, "int"), (String, "text")]
    guessed = "ref" if relation is not None else next((t for c, t in types if isinstance(kind, c)), "json")
    has_default = column.default is not None or column.server_default is not None
    return replace(
        described,
        name=name,
        type=described.type or guessed,
        choices=kind.choices if isinstance(kind, Choice) else None,
        required=described.required or not (column.nullable or has_default),
        max_length=described.max_length or getattr(kind, "length", None),
        target=relation.mapper.class_ if relation is not None else None,
        relation=relation.key if relation is not None else "",
    )
