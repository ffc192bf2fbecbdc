"""The page that says which column of a file is which field: what it shows, and what it makes of the answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core import files
from portal.core.db import label_of
from portal.core.fields import Field
from portal.core.masks import COVER
from portal.core.values import ValueProblem, as_text, parse
from portal.imports.checking import masked
from portal.imports.checks import kind_called
from portal.imports.covering import covered_fields
from portal.imports.kinds import Kind
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.limits import limits_in_force
from portal.imports.mapping import EXCEL_DATES, SCALES, Mapping, MappingProblem, Rule, from_definition, suggest
from portal.imports.models import ImportBatch
from portal.imports.services import mapping_of

MOST_VALUES = 60
"""Different texts of a column that can be translated by hand."""
BLANK = "(blank)"
"""What people write for "this text means nothing"."""
BETWEEN = " | "

DATES = {
    "": _("2026-12-31, 2026/12/31, 20261231"),
    "%d.%m.%Y": "31.12.2026",
    "%d/%m/%Y": "31/12/2026",
    "%m/%d/%Y": "12/31/2026",
    "%Y-%m": "2026-12",
    "%b-%Y": "Dec-2026",
    EXCEL_DATES: _("46387 (day number of a spreadsheet)"),
}
SCALE_WORDS = {
    "yuan": _("yuan"),
    "fen": _("fen"),
    "thousand": _("thousand yuan"),
    "wan": _("ten thousand yuan"),
    "percent": _("percent a year"),
    "fraction": _("fraction of 1 a year"),
    "ppm": _("millionths a year"),
    "monthly-percent": _("percent a month"),
    "monthly-permille": _("per mille a month"),
    "one": _("as it is"),
    "years": _("years"),
}


@dataclass
class Text:
    """One text of a column, and what it means."""

    text: str
    count: int
    meaning: str


@dataclass
class Line:
    """One field on the page."""

    name: str
    described: Field
    required: bool
    rule: Rule
    sample: str = ""
    """First values of the chosen column, masked where personal."""
    texts: list[Text] = field(default_factory=list)
    """Texts of the column that need a meaning; empty when all can be read."""

    @property
    def scales(self) -> dict[str, Any]:
        return {"": _("as usual")} | {key: SCALE_WORDS[key] for key in SCALES.get(self.described.type, {})}

    @property
    def dates(self) -> dict[str, Any]:
        held = BETWEEN.join(self.rule.dates)
        return DATES if held in DATES else {**DATES, held: held}

    @property
    def date_form(self) -> str:
        return BETWEEN.join(self.rule.dates)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What a text can mean, for fields with a closed list."""
        if self.described.type == "bool":
            return [("1", gettext("Yes")), ("0", gettext("No"))]
        return [(c.value, str(label_of(c))) for c in self.described.choices or ()]

    @property
    def has_options(self) -> bool:
        """Whether one of the rarer settings is in use, so that they are shown at once."""
        rule = self.rule
        return bool(rule.prefix or rule.default or rule.scale or rule.dates or rule.round)


@dataclass
class ColumnForm:
    """Fields of a kind beside the columns of a file."""

    kind: Kind
    headings: list[str]
    lines: list[Line]
    base: Mapping
    """What the form does not show is taken from here: records created on the way, remarks."""
    blanks: str
    cut_over: str
    save_as: str

    @classmethod
    def of(cls, batch: ImportBatch, given: AnyMapping[str, str] | None) -> ColumnForm:
        """The form of a batch, as `given` or, at first, from its mapping or the headings.

        FileProblem when the file cannot be read, MappingProblem when its mapping no longer fits the kind.
        """
        kind = kind_called(batch.kind)
        assert batch.file is not None
        table = kind.open(files.local_path(batch.file), limits_in_force().file)
        rows = next(table.chunks(), pl.DataFrame(schema=dict.fromkeys(table.headings, pl.String)))
        fresh = given is None and batch.definition is None
        base = mapping_of(batch) or Mapping(kind.key, suggest(kind.fields, table.headings))
        known = {name: rule for name, rule in base.rules.items() if not rule.column or rule.column in table.headings}
        rules = known if given is None else {name: _given_rule(name, given) for name in kind.fields}
        needed = {name for name, described in kind.fields.items() if described.required} | set(kind.needed(known))
        lines = [
            _line(name, described, name in needed, rules.get(name, Rule()), rows, fresh)
            for name, described in kind.fields.items()
        ]
        covered = covered_fields(kind)
        for line in lines:
            line.sample = COVER if line.name in covered and line.sample else line.sample
        day = base.cut_over or batch.cut_over_on
        answers = given or {}
        return cls(
            kind,
            table.headings,
            sorted(lines, key=lambda line: not line.required),
            base,
            answers.get("blanks", BETWEEN.join(base.blanks)).strip(),
            answers.get("cut_over", day.isoformat() if day else "").strip(),
            answers.get("save_as", batch.mapping_name if batch.definition else "").strip(),
        )

    @property
    def unused(self) -> list[str]:
        """Columns that no field takes."""
        taken = {line.rule.column for line in self.lines}
        return [heading for heading in self.headings if heading not in taken]

    def mapping(self) -> Mapping:
        """What the form says. MappingProblem when it contradicts itself."""
        definition = self.base.as_definition()
        definition["blanks"] = _parts(self.blanks)
        definition["fields"] = {line.name: held for line in self.lines if (held := line.rule.as_definition())}
        definition.pop("cut_over", None)
        if self.kind.needs_cut_over and self.cut_over:
            definition["cut_over"] = self.cut_over
        found = from_definition(definition, fields_by_kind())
        lacking = [name for name in self.kind.needed(found.rules) if name not in found.rules]
        if lacking:
            labels = gettext(", ").join(f"“{self.kind.fields[name].label}”" for name in lacking)
            raise MappingProblem(_("The file has no column for %(labels)s.", labels=labels))
        return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(BETWEEN.strip()) if part.strip()]


def _given_rule(name: str, given: AnyMapping[str, str]) -> Rule:
    """A rule as the form's inputs give it."""

    def held(part: str) -> str:
        return given.get(f"{part}.{name}", "").strip()

    values: dict[str, str] = {}
    number = 0
    while (text := given.get(f"text.{name}.{number}")) is not None:
        meaning = given.get(f"value.{name}.{number}", "").strip()
        if meaning:
            values[text] = "" if meaning == BLANK else meaning
        number += 1
    same_column = held("column") == held("texts_of")  # texts of another column mean nothing here
    return Rule(
        column=held("column"),
        constant=held("constant"),
        prefix=held("prefix"),
        values=(values or None) if same_column else None,
        dates=tuple(_parts(held("dates"))),
        scale=held("scale"),
        round=bool(held("round")),
        default=held("default"),
    )


def _line(name: str, described: Field, required: bool, rule: Rule, rows: pl.DataFrame, fresh: bool) -> Line:
    line = Line(name, described, required, rule)
    if rule.column not in rows.columns:
        return line
    held = rows[rule.column].drop_nulls()
    line.sample = gettext(", ").join(masked(described, text)[:24] for text in held.unique(maintain_order=True)[:3])
    if fresh and described.type == "date":
        line.rule = Rule(column=rule.column, dates=_date_form(described, held))
    counts = held.value_counts(sort=True, name="count")
    if described.type in ("choice", "bool", "int") or rule.values is not None:
        line.texts = _texts(line, dict(counts.head(MOST_VALUES).iter_rows()), len(counts))
    return line


def _texts(line: Line, counts: dict[str, int], different: int) -> list[Text]:
    """All texts of a column when some of them cannot be read, or when they have been given meanings already."""
    rule, described = line.rule, line.described
    if rule.values is None:
        readable = {text: meaning for text in counts if (meaning := _read(described, text)) is not None}
        if rule.scale or len(readable) == len(counts) or different > MOST_VALUES:
            return []
        return [Text(text, count, readable.get(text, "")) for text, count in counts.items()]
    every = {**counts, **{text: counts.get(text, 0) for text in rule.values}}
    shown = {text: BLANK if meaning == "" else meaning for text, meaning in rule.values.items()}
    return [Text(text, count, shown.get(text, "")) for text, count in every.items()]


def _read(described: Field, text: str) -> str | None:
    try:
        return as_text(described, parse(described, text))
    except ValueProblem:
        return None


def _date_form(described: Field, held: pl.Series) -> tuple[str, ...]:
    """The one form that reads all of the column's first dates, if they are not written the usual way."""
    texts = held.head(200).to_list()
    if all(_read(described, text) is not None for text in texts):
        return ()
    fitting = [form for form in DATES if form not in ("", EXCEL_DATES) and all(_is_date(text, form) for text in texts)]
    return tuple(fitting) if len(fitting) == 1 else ()


def _is_date(text: str, form: str) -> bool:
    try:
        dt.datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True
