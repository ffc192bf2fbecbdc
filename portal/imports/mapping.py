"""Column mappings: how the columns of somebody else's file become our fields, saved by name and kept as JSON or TOML.

kind = "opening-positions"
cut_over = 2018-03-31
blanks = ["NA"]                                   # texts that mean "nothing"

[fields]
code = { column = "rownames", prefix = "LC-" }
amount = "loan_amount"                            # short for { column = "loan_amount" }
rate = { column = "interest", scale = "monthly-permille" }
disbursed_on = { column = "issue_month", dates = ["%b-%Y"] }
state = { column = "loan_status", values = { "Current" = "active", "Fully Paid" = "settled" } }
method = { constant = "level" }

[[create]]                                        # records the rows refer to, made where they are missing
kind = "branches"
fields = { code = "state", name = "state", kind = { constant = "outlet" } }
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from flask_babel import force_locale
from flask_babel import lazy_gettext as _

from portal.core.errors import PortalError
from portal.core.fields import Field
from portal.imports.reading import LINE, WIDTH

SCALES: dict[str, dict[str, Decimal]] = {
    "money": {"yuan": Decimal(1), "fen": Decimal("0.01"), "thousand": Decimal(1000), "wan": Decimal(10_000)},
    "rate": {
        "percent": Decimal(1),
        "fraction": Decimal(100),
        "ppm": Decimal("0.0001"),
        "monthly-percent": Decimal(12),
        "monthly-permille": Decimal("1.2"),
    },
    "int": {"one": Decimal(1), "years": Decimal(12)},
}
"""What one unit of the column is worth in yuan, percent a year, or months."""

EXCEL_DATES = "excel"
"""Among `dates`: bare day numbers as spreadsheets count them are dates."""


class MappingProblem(PortalError):
    """The mapping is wrong, or does not fit the file; one sentence."""

    status = 422


@dataclass(frozen=True)
class Rule:
    """Where one field's value comes from."""

    column: str = ""
    constant: str = ""
    prefix: str = ""
    """Put before what the column holds."""
    values: AnyMapping[str, str] | None = None
    """What each of the column's texts becomes; a text that is not listed is an error."""
    dates: tuple[str, ...] = ()
    """Forms of the column's dates, as in "%d.%m.%Y"; ISO dates are always read."""
    scale: str = ""
    """What one unit stands for, see SCALES."""
    round: bool = False
    """Round half up to what the field holds (whole fen); without it more decimals are an error."""
    default: str = ""
    """For blank cells."""

    def as_definition(self) -> dict[str, Any]:
        """The rule as JSON, without what is left at its default."""
        held = {name: getattr(self, name) for name in Rule.__dataclass_fields__}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in held.items() if v}


@dataclass(frozen=True)
class Creation:
    """Records of another kind made from the same rows where their code is new; existing ones stay as they are."""

    kind: str
    rules: dict[str, Rule]


@dataclass(frozen=True)
class Mapping:
    """Rules by field name, what is created on the way, and options of the kind."""

    kind: str
    rules: dict[str, Rule]
    create: tuple[Creation, ...] = ()
    blanks: tuple[str, ...] = ()
    cut_over: dt.date | None = None
    notes: tuple[str, ...] = field(default=())
    """Remarks for whoever reads the preview, in the words of whoever wrote the mapping."""

    def as_definition(self) -> dict[str, Any]:
        """The mapping as JSON; `from_definition` reads it back."""
        found: dict[str, Any] = {"kind": self.kind, "fields": {n: r.as_definition() for n, r in self.rules.items()}}
        if self.create:
            found["create"] = [
                {"kind": c.kind, "fields": {n: r.as_definition() for n, r in c.rules.items()}} for c in self.create
            ]
        if self.blanks:
            found["blanks"] = list(self.blanks)
        if self.cut_over:
            found["cut_over"] = self.cut_over.isoformat()
        if self.notes:
            found["notes"] = list(self.notes)
        return found

    def missing_columns(self, headings: Sequence[str]) -> list[str]:
        """Columns that rules name and the file does not have."""
        every = [self.rules, *(creation.rules for creation in self.create)]
        named = {rule.column for rules in every for rule in rules.values() if rule.column}
        return sorted(named - set(headings))


KEYS = {"kind", "fields", "create", "blanks", "cut_over", "notes"}
FieldsOf = AnyMapping[str, AnyMapping[str, Field]]
"""Fields by kind: what a mapping may name."""


def load_mapping(path: Path, fields_of_kind: FieldsOf) -> Mapping:
    """Read a .toml or .json file; MappingProblem with one sentence when it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        definition = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise MappingProblem(
            _("The mapping %(name)s cannot be read: %(why)s.", name=path.name, why=error.strerror)
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise MappingProblem(_("The mapping %(name)s cannot be read: %(why)s.", name=path.name, why=error)) from None
    return from_definition(definition, fields_of_kind)


def from_definition(definition: Any, fields_of_kind: FieldsOf) -> Mapping:
    """Check a definition and make it a Mapping."""
    if not isinstance(definition, dict):
        raise MappingProblem(_("A mapping is a table with kind and fields."))
    unknown = definition.keys() - KEYS
    if unknown:
        raise MappingProblem(_("The mapping has an unknown entry “%(name)s”.", name=min(unknown)))
    kind = definition.get("kind", "")
    rules = _rules(kind, definition.get("fields"), fields_of_kind)
    create = tuple(
        Creation(c.get("kind", ""), _rules(c.get("kind", ""), c.get("fields"), fields_of_kind))
        for c in definition.get("create", [])
    )
    return Mapping(
        kind,
        rules,
        create,
        tuple(map(str, definition.get("blanks", ()))),
        _day(definition.get("cut_over")),
        tuple(map(str, definition.get("notes", ()))),
    )


def _day(value: Any) -> dt.date | None:
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise MappingProblem(_("“%(text)s” is not a date; write it like 2026-06-30.", text=str(value)[:40])) from None


def _rules(kind: str, definition: Any, fields_of_kind: FieldsOf) -> dict[str, Rule]:
    if kind not in fields_of_kind:
        raise MappingProblem(_("There is no kind of import called “%(name)s”.", name=str(kind)[:40]))
    if not isinstance(definition, dict) or not definition:
        raise MappingProblem(_("The mapping names no fields."))
    fields = fields_of_kind[kind]
    unknown = definition.keys() - fields.keys()
    if unknown:
        raise MappingProblem(_("%(kind)s have no field “%(name)s”.", kind=kind, name=min(unknown)))
    return {name: _rule(fields[name], held) for name, held in definition.items()}


def _rule(field: Field, definition: Any) -> Rule:
    if isinstance(definition, str):
        definition = {"column": definition}
    if not isinstance(definition, dict) or not definition:
        raise MappingProblem(_("The rule for “%(name)s” is empty.", name=field.name))
    unknown = definition.keys() - Rule.__dataclass_fields__.keys()
    if unknown:
        raise MappingProblem(
            _("The rule for “%(name)s” has an unknown entry “%(entry)s”.", name=field.name, entry=min(unknown))
        )
    held = {name: _plain(value) for name, value in definition.items()}
    rule = Rule(**held)
    if bool(rule.column) == bool(rule.constant):
        raise MappingProblem(_("The rule for “%(name)s” needs either a column or a constant.", name=field.name))
    if rule.scale and rule.scale not in SCALES.get(field.type, {}):
        raise MappingProblem(_("“%(scale)s” is no scale for “%(name)s”.", scale=rule.scale, name=field.name))
    return rule


def _plain(value: Any) -> Any:
    """Texts, whatever TOML made of them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return tuple(map(str, value))
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def rewrite(frame: pl.DataFrame, rules: AnyMapping[str, Rule], blanks: Sequence[str] = ()) -> pl.DataFrame:
    """The file's text by field name, with LINE and WIDTH.

    A text that a rule's values do not list comes through behind UNLISTED, which no field accepts.
    """
    columns = [pl.col(LINE), pl.col(WIDTH)]
    for name, rule in rules.items():
        columns.append(_expression(rule, blanks).alias(name))
    return frame.select(columns)


UNLISTED = "\0unlisted "


def _expression(rule: Rule, blanks: Sequence[str]) -> pl.Expr:
    if rule.constant:
        return pl.lit(rule.constant, dtype=pl.String)
    held = pl.col(rule.column)
    if blanks:
        held = pl.when(~held.is_in(list(blanks))).then(held)
    if rule.values is not None:
        listed = held.replace_strict(
            list(rule.values), list(rule.values.values()), default=None, return_dtype=pl.String
        )
        held = pl.when(held.is_null() | held.is_in(list(rule.values))).then(listed).otherwise(_refused(held))
        held = pl.when(held != "").then(held)  # a value mapped to nothing is blank
    if rule.prefix:
        held = pl.when(held.str.starts_with("\0")).then(held).otherwise(pl.lit(rule.prefix) + held)
    return held.fill_null(rule.default) if rule.default else held


def _refused(held: pl.Expr) -> pl.Expr:
    return pl.when(held.str.starts_with("\0")).then(held).otherwise(pl.lit(UNLISTED) + held)


# --- headings that need no mapping ------------------------------------------------------------------------------------


def heading(field: Field) -> str:
    """What our templates write above a field in the present language, with its unit."""
    units = {"money": _("yuan"), "rate": "%"}
    label = str(field.label)
    return f"{label} ({units[field.type]})" if field.type in units else label


def suggest(fields: AnyMapping[str, Field], headings: Sequence[str]) -> dict[str, Rule]:
    """Rules for the headings that are fields' names or labels, in any of our languages, with or without their unit."""
    known: dict[str, str] = {}
    for name in fields:
        known.setdefault(_key(name), name)
    for locale in ("zh", "en"):
        with force_locale(locale):
            for name, described in fields.items():
                known.setdefault(_key(str(described.label)), name)
                known.setdefault(_key(heading(described)), name)
    found: dict[str, Rule] = {}
    for text in headings:
        found_name = known.get(_key(text)) or known.get(_key(text.partition("(")[0].partition("（")[0]))
        if found_name and found_name not in found:
            found[found_name] = Rule(column=text)
    return found


def _key(text: str) -> str:
    return "".join(text.lower().split()).replace("（", "(").replace("）", ")").replace("_", "")
