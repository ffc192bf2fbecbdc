"""Filters of a list, in its URL: `?q=张伟&f.status.eq=active&f.disbursed_on.ge=2026-01-01&f.branch.in=3,4`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, inspect, or_, select
from werkzeug.datastructures import MultiDict

from portal.core.db import db, label_of
from portal.core.fields import Field, fields_of
from portal.core.lookup import may_be_named
from portal.core.masks import is_clear, is_hidden, mask_of
from portal.core.role_store import CLEAR
from portal.core.values import ValueProblem, as_shown, as_text, parse, tidy
from portal.core.words import contains, keys_where, ways

OPERATORS = {
    "eq": _("is"),
    "ne": _("is not"),
    "contains": _("contains"),
    "lt": _("less than"),
    "le": _("at most"),
    "gt": _("more than"),
    "ge": _("at least"),
    "in": _("is one of"),
    "empty": _("is empty"),
    "ends": _("ends in"),
}
BY_TYPE = {
    "text": ("contains", "eq", "empty"),
    "code": ("contains", "eq"),
    "money": ("ge", "le", "gt", "lt", "eq"),
    "rate": ("ge", "le", "gt", "lt", "eq"),
    "int": ("ge", "le", "gt", "lt", "eq"),
    "date": ("ge", "le", "gt", "lt", "eq", "empty"),
    "datetime": ("ge", "le"),
    "bool": ("eq",),
    "choice": ("in", "eq", "ne"),
    "ref": ("in", "eq", "ne", "empty"),
    "tail": ("ends",),
}
"""`tail` is no type of a column: a sealed value of which the last characters are found."""
MOST_FILTERS = 20
FEWEST_DIGITS = 6
"""Of a number that is looked up by blind index, which finds it as a whole only."""
LONGEST_WORDS = 200
"""Characters of a search for words; nothing in a list is longer than that and still looked for."""


@dataclass(frozen=True)
class Filter:
    """One condition as it stands in the URL, understood."""

    name: str
    operator: str
    text: str
    field: Field
    condition: ColumnElement[bool]
    shown: str

    @property
    def argument(self) -> str:
        return f"f.{self.name}.{self.operator}"

    @property
    def label(self) -> str:
        return f"{self.field.label} {OPERATORS[self.operator]}"


@dataclass(frozen=True)
class Search:
    """What a list is narrowed to: a quick search, filters, and what of the URL could not be understood."""

    query: str
    filters: tuple[Filter, ...]
    problems: tuple[str, ...]
    conditions: tuple[ColumnElement[bool], ...]

    def arguments(self, without: Filter | None = None) -> list[tuple[str, str]]:
        """The URL arguments that mean this search."""
        kept = [("q", self.query)] if self.query else []
        return kept + [(f.argument, f.text) for f in self.filters if f is not without]

    def url(self, path: str, without: Filter | None = None, keep_query: bool = True) -> str:
        pairs = [p for p in self.arguments(without) if keep_query or p[0] != "q"]
        return f"{path}?{urlencode(pairs)}" if pairs else path


def filterable(model: type, columns: tuple[str, ...] = ()) -> dict[str, Field]:
    """The fields a list of this model may be filtered by."""
    known = {n: f for n, f in fields_of(model).items() if f.filter and f.type in BY_TYPE and mask_of(model, f) == CLEAR}
    for name, sealed in getattr(model, "__sealed__", {}).items():
        if sealed.tail and findable(model, name):
            known[name] = replace(fields_of(model)[name], type="tail", max_length=sealed.tail)
    return {n: known[n] for n in columns if n in known} if columns else known


def read(model: type, arguments: Mapping[str, str], columns: tuple[str, ...] = ()) -> Search:
    """Understand the URL; what makes no sense is left out and said, never an error page."""
    query = tidy(arguments.get("q", ""))[:80]
    known, found, wrong = filterable(model, columns), [], []
    named = [(key, text) for key, text in _given(arguments) if key.startswith("f.") and text != ""]
    if len(named) > MOST_FILTERS:
        wrong.append(gettext("Only the first %(most)s filters were used.", most=MOST_FILTERS))
    for key, text in named[:MOST_FILTERS]:
        name, _dot, operator = key[2:].rpartition(".")
        field = known.get(name)
        if field is None or operator not in BY_TYPE[field.type]:
            wrong.append(gettext("The filter “%(name)s” is not known here and was left out.", name=key[2:60]))
            continue
        try:
            condition, shown = _condition(model, field, operator, text)
        except ValueProblem as problem:
            wrong.append(f"{field.label}: {problem}")
            continue
        found.append(Filter(name, operator, text, field, condition, shown))
    conditions = [f.condition for f in found]
    if query:
        conditions.append(quick_search(model, query))
    return Search(query, tuple(found), tuple(wrong), tuple(conditions))


def _given(arguments: Mapping[str, str]) -> list[tuple[str, str]]:
    """The arguments; one that a plain form sends several times (checkboxes) is joined."""
    if isinstance(arguments, MultiDict):
        return [(key, ",".join(texts)) for key, texts in arguments.lists()]
    return list(arguments.items())


def column_of(model: type, field: Field) -> Any:
    """The mapped column a field filters and sorts by; a reference's is its foreign key."""
    if field.type == "ref":
        column: Any = next(iter(inspect(model).relationships[field.name].local_columns))
        return getattr(model, inspect(model).get_property_by_column(column).key)
    return getattr(model, field.name)


def _condition(model: type, field: Field, operator: str, text: str) -> tuple[ColumnElement[bool], str]:
    if operator == "ends":
        return _ends(model, field, tidy(text))
    column = column_of(model, field)
    if operator == "empty":
        return (column.is_(None), str(_("yes"))) if text != "0" else (column.is_not(None), str(_("no")))
    if operator == "contains":
        words = tidy(text)[:LONGEST_WORDS]
        return contains(column, field, words), words
    if operator == "in":
        values = [v for part in text.split(",")[:200] if (v := parse(field, part)) is not None]
        if not values:
            raise ValueProblem(gettext("Choose at least one."))
        return column.in_(values), gettext(", ").join(_shown(field, value) for value in values[:5])
    value = parse(field, text)
    if value is None:  # blanks and control characters only
        raise ValueProblem(gettext("Give a value."))
    if operator == "ne":
        return or_(column != value, column.is_(None)), _shown(field, value)
    compare = {"eq": column.__eq__, "lt": column.__lt__, "le": column.__le__, "gt": column.__gt__, "ge": column.__ge__}
    return compare[operator](value), _shown(field, value)


def _ends(model: Any, field: Field, text: str) -> tuple[ColumnElement[bool], str]:
    """A sealed value by its last characters: all of them, for the index knows no fewer."""
    sealed = getattr(model, "__sealed__", {})[field.name]
    if not (len(text) == sealed.tail and text.isascii() and text.isalnum()):
        raise ValueProblem(gettext("Give the last %(count)s characters, no more and no fewer.", count=sealed.tail))
    return getattr(model, f"{field.name}_tail") == sealed.tail_index(text), text


def _shown(field: Field, value: Any) -> str:
    if field.type == "choice":
        return str(label_of(value))
    if field.type == "ref":
        row = db.session.get(field.target, value) if may_be_named(field.target) else None  # type: ignore[arg-type]
        return str(row) if row is not None else f"#{value}"
    if field.type == "bool":
        return str(_("yes") if value else _("no"))
    return str(as_shown(field, value)) if field.type in ("money", "int", "datetime") else as_text(field, value)


def findable(model: type, name: str) -> bool:
    """Whether a search may look into a field: when it is clear, or sealed and masked, by its whole value."""
    if name in getattr(model, "__sealed__", {}):
        return not is_hidden(model, name)
    return is_clear(model, name)


def _whole_number(model: type, query: str) -> list[Any]:
    """Conditions that indexes answer, when the words are a valid resident ID, phone, account or credit code."""
    found: list[Any] = []
    for name, field in fields_of(model).items():
        if field.check is None or not (field.search or field.sensitive) or field.check(query):
            continue
        if not findable(model, name):
            continue
        sealed = getattr(model, "__sealed__", {}).get(name)
        if sealed is not None and not sealed.looked_up:
            continue
        value = field.normalise(query) if field.normalise else query
        found.append(
            getattr(model, name) == value if sealed is None else getattr(model, f"{name}_index") == sealed.index(query)
        )
    codes = [n for n, f in fields_of(model).items() if f.type == "code" and f.search and is_clear(model, n)]
    return [*found, *(getattr(model, name) == query for name in codes)] if found else []


def quick_search(model: type, query: str) -> ColumnElement[bool]:
    """Rows where a searchable column contains the words, or a sealed value equals them, or a searchable parent does.

    A whole number of a person or company (one that its field's check lets pass) is looked up, not searched for.
    """
    if exact := _whole_number(model, query):
        return or_(*exact)
    conditions, indexed = ways(model, query)
    for name, field in fields_of(model).items():
        if field.search and field.type == "ref" and findable(model, name):
            target: Any = inspect(model).relationships[name].mapper.class_
            inside, served = ways(target, query)
            if inside:
                key = select(inspect(target).primary_key[0]).select_from(target)
                keys = keys_where(target, inside) if served else key.where(or_(*inside))
                conditions.append(column_of(model, field).in_(keys))
    if sum(c.isdigit() for c in query) >= FEWEST_DIGITS:
        for name, sealed in getattr(model, "__sealed__", {}).items():
            if sealed.looked_up and findable(model, name):
                conditions.append(getattr(model, f"{name}_index") == sealed.index(query))
    pk: Any = inspect(model).primary_key[0]
    if not conditions:
        return pk.is_(None)  # type: ignore[no-any-return]
    return pk.in_(keys_where(model, conditions)) if indexed else or_(*conditions)
