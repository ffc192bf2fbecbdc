"""How Chinese names are spelled: keys that find 张伟 by `zw`, `zhangwei` and, with one slip, `zhangwie`.

A model says `pinyin="person"` (or `"text"`) of one field and inherits `Spelled`; the keys then follow that field on
every way of writing: attribute events see forms, REST and imports that change rows, `insert_rows` completes bulk rows.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from portal.core.db import code_point

INITIALS, SPELLING = 40, 120
"""Characters kept of each key: more than anybody types."""

PERSON, TEXT = "person", "text"

LONGEST_PERSON = 4
"""Longer names are those of firms, in which a first character is no surname."""

SURNAMES: Mapping[str, str] = {
    "万俟": "mo qi",
    "尉迟": "yu chi",
    "澹台": "tan tai",
    "单于": "chan yu",
    "单": "shan",
    "曾": "zeng",
    "仇": "qiu",
    "解": "xie",
    "查": "zha",
    "区": "ou",
    "朴": "piao",
    "覃": "qin",
    "乐": "yue",
    "重": "chong",
    "秘": "bi",
    "缪": "miao",
    "黑": "he",
    "折": "she",
    "种": "chong",
    "繁": "po",
    "召": "shao",
    "洗": "xian",
    "员": "yun",
    "牟": "mu",
    "句": "gou",
    "都": "du",
    "参": "shen",
    "祭": "zhai",
    "翟": "zhai",
    "隗": "wei",
    "佴": "nai",
    "阚": "kan",
}
"""Characters that are read otherwise when they are a surname."""

_KEPT = frozenset(string.ascii_lowercase + string.digits)


def spelled(text: str | None, kind: str = PERSON) -> tuple[str | None, str | None]:
    """(initials, whole spelling) of a text, in lower case without tones; (None, None) when nothing can be spelled."""
    if not text:
        return None, None
    syllables = _syllables(text, kind)
    initials = "".join(part[0] if part.isalpha() and len(part) > 1 else part for part in syllables)
    return initials[:INITIALS] or None, "".join(syllables)[:SPELLING] or None


def key_of(query: str) -> str:
    """What somebody typed, as the keys are written."""
    return "".join(letter for letter in query.lower() if letter in _KEPT)


def _syllables(text: str, kind: str) -> list[str]:
    text = text.strip().lower()
    if kind == PERSON and 2 <= len(text) <= LONGEST_PERSON:
        for length in (2, 1):
            surname = SURNAMES.get(text[:length])
            if surname is not None and len(text) > length:
                return surname.split() + [part for letter in text[length:] for part in _read(letter)]
        return [part for letter in text for part in _read(letter)]
    return [part for word in _pinyin(text) for part in _letters(word)]


@functools.lru_cache(20_000)
def _read(letter: str) -> tuple[str, ...]:
    """A character by itself."""
    return tuple(part for word in _pinyin(letter) for part in _letters(word))


def _letters(word: str) -> list[str]:
    """A syllable as it is; of anything else its letters and digits, one by one."""
    if word.isascii():
        return [word] if len(word) > 1 and word.isalpha() else [letter for letter in word if letter in _KEPT]
    return []


def _pinyin(text: str) -> list[str]:
    from pypinyin import lazy_pinyin  # 57 MB and a fifth of a second: only where names are written

    return lazy_pinyin(text, errors=list)  # type: ignore[arg-type]


def slips(key: str) -> set[str]:
    """Everything that is one letter too many, too few, wrong or in the wrong place away from the key."""
    halves = [(key[:at], key[at:]) for at in range(len(key) + 1)]
    letters = string.ascii_lowercase
    missing = {left + letter + right for left, right in halves for letter in letters}
    wrong = {left + letter + right[1:] for left, right in halves if right for letter in letters}
    extra = {left + right[1:] for left, right in halves if right}
    swapped = {left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1}
    return (missing | wrong | extra | swapped) - {key, ""}


class Spelled:
    """A row with a name that is found by its spelling: keys of the one field that says `pinyin`."""

    name_initials: Mapped[str | None] = mapped_column(code_point(INITIALS), index=True)
    name_pinyin: Mapped[str | None] = mapped_column(code_point(SPELLING), index=True)


def spelled_field(model: Any) -> tuple[str, str] | None:
    """(attribute, kind of text) that a model's keys are made of."""
    if not issubclass(model, Spelled):
        return None
    for attribute in model.__mapper__.column_attrs:
        kind = getattr(attribute.columns[0], "info", {}).get("field")
        if kind is not None and kind.pinyin:
            return attribute.key, kind.pinyin
    raise TypeError(f"{model.__name__} is Spelled but no field of it says pinyin")


def with_keys(model: Any, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Rows for a bulk writer, each with the keys of its name."""
    found = spelled_field(model)
    if found is None or not rows or "name_pinyin" in rows[0]:
        return rows
    attribute, kind = found
    keys = ((row, spelled(row[attribute], kind)) for row in rows)
    return [{**row, "name_initials": initials, "name_pinyin": pinyin} for row, (initials, pinyin) in keys]


@event.listens_for(Mapper, "mapper_configured")
def _follow(mapper: Any, model: Any) -> None:
    """Whenever the field is set, its keys are."""
    found = spelled_field(model)
    if found is None:
        return
    attribute, kind = found

    def keep(row: Any, value: Any, _old: Any, _initiator: Any) -> None:
        row.name_initials, row.name_pinyin = spelled(value, kind)

    event.listen(getattr(model, attribute), "set", keep)
