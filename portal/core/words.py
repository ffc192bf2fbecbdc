"""Words looked for in names and codes, asked so that an index answers.

A name of a person has at most four characters: what stands anywhere in it begins at its first, second or third one, and
each of these beginnings is an index range. The few longer names (firms) have a small index of their own to be read
through. Codes are known by their beginning, unless the words could only be part of a code.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Index, Select, and_, func, inspect, literal_column, or_, select, text, union_all

from portal.core.db import CodePointString
from portal.core.fields import Field, fields_of
from portal.core.masks import is_clear
from portal.core.pinyin import LONGEST_PERSON

LAST = "\U0010ffff"
"""Stands behind every other character."""
MIDDLES = range(2, LONGEST_PERSON)
"""Where else than at the beginning two characters of a short name can begin."""


def name_indexes(table: str, column: str) -> tuple[Index, ...]:
    """The indexes that `anywhere` reads: for a field of a large table that says `pinyin` and is kept by code point."""
    long = text(f"length({column}) > {LONGEST_PERSON}")
    return (
        *(Index(f"ix_{table}_{column}_from_{place}", text(f"substr({column}, {place})")) for place in MIDDLES),
        Index(f"ix_{table}_long_{column}", column, "id", sqlite_where=long, postgresql_where=long),
    )


def begins(column: Any, words: str) -> ColumnElement[bool]:
    """The column begins with the words: a range where it is compared by code point, so that an index serves."""
    if isinstance(column.type, CodePointString):
        return and_(column >= words, column < words + LAST)
    return column.startswith(words, autoescape=True)  # type: ignore[no-any-return]


def anywhere(column: Any, words: str) -> list[ColumnElement[bool]]:
    """Two or more characters anywhere in a name with `name_indexes`: conditions of which each has its index."""
    middles = (func.substr(column, literal_column(str(place))) for place in MIDDLES)
    long = and_(func.length(column) > literal_column(str(LONGEST_PERSON)), column.contains(words, autoescape=True))
    return [begins(column, words), *(and_(m >= words, m < words + LAST) for m in middles), long]


def ways(model: Any, words: str) -> tuple[list[ColumnElement[bool]], bool]:
    """(conditions, whether an index answers each): how the words may stand in the searchable columns of a model."""
    found: list[ColumnElement[bool]] = []
    indexed = True
    for name, field in fields_of(model).items():
        if not field.search or field.type not in ("text", "code") or not is_clear(model, name):
            continue
        column = getattr(model, name)
        if words.isascii() or not by_code_point(column):
            if words.isascii() or field.check is None:  # a checked number has no Chinese characters
                found.append(contains(column, field, words))
                indexed = False
        elif field.pinyin and len(words) > 1:
            found += anywhere(column, words)
        elif field.pinyin:
            found.append(column.contains(words, autoescape=True))
            indexed = False
        else:
            found.append(begins(column, words))
    return found, indexed


def contains(column: Any, field: Field, words: str) -> ColumnElement[bool]:
    """The column contains the words, or holds a key that is called so."""
    found: ColumnElement[bool] = column.contains(words, autoescape=True)
    called = field.words or field.offered
    return found if called is None else or_(found, column.in_(called.keys(words)))


def keys_where(model: Any, conditions: list[ColumnElement[bool]]) -> Any:
    """The primary keys of the rows that meet one of the conditions, each asked by itself: OR would read the table."""
    pk = inspect(model).primary_key[0]
    parts: list[Select[Any]] = [select(pk).select_from(model).where(condition) for condition in conditions]
    return union_all(*parts)


def by_code_point(column: Any) -> bool:
    """Whether beginnings are index ranges in this column."""
    return isinstance(column.type, CodePointString)
