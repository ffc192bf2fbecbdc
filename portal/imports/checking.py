"""From text to typed values, whole columns at once; what does not fit is noted with its row, column and reason.

Plain values (digits, ISO dates) are converted by Polars. Every other text goes once through `portal.core.values`, which
forms and REST use too: so a value means the same everywhere, and its refusal is said in the same words.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
from flask_babel import gettext

from portal.core.fields import Field
from portal.core.values import ValueProblem, as_text, parse, parse_number
from portal.imports.mapping import EXCEL_DATES, SCALES, UNLISTED, Rule
from portal.imports.reading import CELL_ERROR, FORMULA, LINE, WIDTH, column_letters

MOST_PROBLEMS = 100_000
"""Listed before checking stops: whoever has more will not read them one by one."""

DTYPES: dict[str, Any] = {
    "money": pl.Int64,
    "rate": pl.Int64,
    "int": pl.Int64,
    "date": pl.Date,
    "bool": pl.Boolean,
    "datetime": pl.Datetime,
}
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2200, 12, 31)
EXCEL_EPOCH = dt.date(1899, 12, 30)
_EXPONENT = re.compile(r"[0-9][eE][+-]?[0-9]")
_SERIAL = re.compile(r"[1-9][0-9]{4}")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one row."""

    line: int
    column: str
    value: str
    """As it stands in the file, masked where it is personal."""
    reason: str


class TooManyProblems(Exception):
    """Checking stops here."""


@dataclass
class Problems:
    """What is wrong, row by row."""

    found: list[Problem] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    cells: set[tuple[int, str]] = field(default_factory=set)
    complete: bool = True
    """False when checking stopped because of their number."""

    def add(self, line: int, column: str, value: str, reason: Any) -> None:
        if len(self.found) >= MOST_PROBLEMS:
            self.complete = False
            raise TooManyProblems
        self.found.append(Problem(line, column, value[:80], str(reason)))
        self.rows.add(line)
        self.cells.add((line, column))

    def __bool__(self) -> bool:
        return bool(self.found)

    def ordered(self) -> list[Problem]:
        return sorted(self.found, key=lambda problem: problem.line)

    def write(self, path: Path) -> None:
        """As CSV that opens in a spreadsheet."""
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([gettext("Row"), gettext("Column"), gettext("Value"), gettext("What is wrong")])
            for problem in self.ordered():
                row = [problem.line, problem.column, problem.value, problem.reason]
                writer.writerow([f"'{c}" if isinstance(c, str) and c.startswith(tuple("=+-@")) else c for c in row])


Checks = Mapping[str, Callable[[Any], Any]]


@dataclass
class Converter:
    """Converts text frames of one kind and mapping."""

    fields: Mapping[str, Field]
    rules: Mapping[str, Rule]
    headings: list[str]
    """Of the file, to name cells by."""
    problems: Problems
    largest_money: int
    """Fen; amounts above are taken for mistakes."""
    checks: Checks = field(default_factory=dict)
    """In place of a field's own check."""
    rounded: Counter[str] = field(default_factory=Counter)
    """Cells rounded, by field."""

    def typed(self, text: pl.DataFrame) -> pl.DataFrame:
        """LINE and one typed column per rule; what does not fit is null, and noted."""
        self._note_ragged(text)
        columns = [self._column(text, name) for name in self.rules]
        return pl.DataFrame([text[LINE], *columns])

    def heading_of(self, name: str) -> str:
        """What the user calls the field: his column, or our label for a constant."""
        rule = self.rules.get(name)
        return rule.column if rule and rule.column else str(self.fields[name].label)

    def note(self, name: str, lines: Iterable[int], values: Iterable[Any], reason: Any) -> None:
        """Note the same problem for several rows."""
        described = self.fields[name]
        for line, value in zip(lines, values, strict=True):
            self.problems.add(line, self.heading_of(name), masked(described, value), reason)

    def _note_ragged(self, text: pl.DataFrame) -> None:
        expected = len(self.headings)
        for line, width in text.filter(pl.col(WIDTH) != expected).select(LINE, WIDTH).iter_rows():
            reason = gettext("The row has %(have)s cells, the heading %(want)s.", have=width, want=expected)
            self.problems.add(line, "", "", reason)

    def _column(self, text: pl.DataFrame, name: str) -> pl.Series:
        described, rule, held = self.fields[name], self.rules[name], text[name]
        dtype = DTYPES.get(described.type, pl.String)
        fast = self._fast(held, described, rule)
        rest = held.filter(held.is_not_null() & fast.is_null()).unique(maintain_order=True).to_list()
        good: dict[str, Any] = {}
        bad: dict[str, str] = {}
        for cell in rest:
            try:
                good[cell] = self._read(described, rule, cell)
            except ValueProblem as problem:
                bad[cell] = str(problem)
        if good:
            values = pl.Series(list(good.values()), dtype=dtype)
            fast = fast.fill_null(held.replace_strict(list(good), values, default=None, return_dtype=dtype))
        check = self.checks.get(name, described.check)
        if check or described.normalise:
            fast = self._fitting(fast, described, check, held, bad)
        if bad:
            self._note_bad(text, name, bad)
        return fast.alias(name)

    def _fitting(
        self, values: pl.Series, described: Field, check: Any, held: pl.Series, bad: dict[str, str]
    ) -> pl.Series:
        """The values as they are stored; those that the field's own check refuses become null and bad."""
        normalise = described.normalise
        known: dict[Any, Any] = {None: None}
        for text, value in zip(held, values, strict=True):
            if value in known:
                continue
            known[value] = normalise(value) if normalise else value
            problem = check(known[value]) if check else None
            if problem:
                bad[text], known[value] = gettext(str(problem)), None
        return pl.Series(values.name, [known[value] for value in values], dtype=values.dtype)

    def _fast(self, held: pl.Series, described: Field, rule: Rule) -> pl.Series:
        """The plainly written values; null for all that need a closer look."""
        dtype = DTYPES.get(described.type, pl.String)
        nothing = pl.Series([None] * len(held), dtype=dtype)
        frame = held.to_frame("text")
        if rule.scale:
            return nothing
        match described.type:
            case "money":
                return frame.select(_whole(2, self.largest_money))["text"]
            case "rate":
                return frame.select(_whole(4, min(described.maximum or 10**7, 10**7), described.minimum or 0))["text"]
            case "int":
                return frame.select(_whole(0, described.maximum or 10**9, described.minimum or 0))["text"]
            case "date":
                iso = pl.col("text").str.contains(r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$")
                day = pl.when(iso).then(pl.col("text")).str.to_date("%Y-%m-%d", strict=False)
                return frame.select(day.alias("text"))["text"]
            case "text" | "code" | "ref":
                plain = ~pl.col("text").str.contains(r"[\x00-\x1f\x7f]")
                short = pl.col("text").str.len_chars() <= (described.max_length or 10**6)
                return frame.select(pl.when(plain & short).then(pl.col("text")))["text"]
            case _:
                return nothing

    def _read(self, described: Field, rule: Rule, text: str) -> Any:
        """One text, by the rules that forms use, and what only files bring along."""
        if text.startswith("\0"):
            raise ValueProblem(_mark_reason(text))
        if described.type in ("money", "rate", "int"):
            value = self._number(described, rule, text)
        elif described.type == "date":
            value = _date(rule, text)
        else:
            value = parse(replace(described, type="text") if described.type == "ref" else described, text)
        self._within(described, value)
        return value.value if described.type == "choice" else value

    def _number(self, described: Field, rule: Rule, text: str) -> Any:
        if _EXPONENT.search(text):
            reason = gettext("“%(text)s” was shortened to powers of ten; all digits are needed.", text=text[:40])
            raise ValueProblem(reason)
        percent = text.rstrip().endswith(("%", "％"))
        if percent and described.type != "rate":
            raise ValueProblem(gettext("“%(text)s” is not a number.", text=text[:40]))
        scale = Decimal(1) if percent or not rule.scale else SCALES[described.type][rule.scale]
        if scale != 1 or rule.round:
            number = parse_number(text) * scale
            if rule.round:
                step = Decimal(1).scaleb(-{"money": 2, "rate": 4, "int": 0}[described.type])
                exact, number = number, number.quantize(step, ROUND_HALF_UP)
                self.rounded[described.name] += exact != number
            text = f"{number:f}"
        return parse(described, text)

    def _within(self, described: Field, value: Any) -> None:
        if described.type == "money" and described.minimum is None and value < 0:
            raise ValueProblem(gettext("An amount cannot be negative."))
        if described.type == "money" and value > self.largest_money:
            most = f"{self.largest_money // 100:,}"
            raise ValueProblem(gettext("This amount is above %(most)s yuan, which files may not hold.", most=most))
        least = 0 if described.type == "rate" and described.minimum is None else described.minimum
        if least is not None and value < least:
            raise ValueProblem(gettext("At least %(least)s.", least=as_text(described, least)))
        if described.maximum is not None and value > described.maximum:
            raise ValueProblem(gettext("At most %(most)s.", most=as_text(described, described.maximum)))

    def _note_bad(self, text: pl.DataFrame, name: str, bad: dict[str, str]) -> None:
        described, rule = self.fields[name], self.rules[name]
        rows = text.filter(pl.col(name).is_in(list(bad))).select(LINE, name)
        for line, cell in rows.iter_rows():
            reason = bad[cell]
            if cell in (FORMULA, CELL_ERROR) and rule.column in self.headings:
                address = f"{column_letters(self.headings.index(rule.column))}{line}"
                reason = gettext("Cell %(cell)s: %(reason)s", cell=address, reason=reason)
            shown = cell.removeprefix(UNLISTED)
            self.problems.add(
                line, self.heading_of(name), "" if shown[:1] == "\0" else masked(described, shown), reason
            )


def _whole(decimals: int, largest: int, least: int = 0) -> pl.Expr:
    """Plain digits with at most so many decimals as a whole number of the last one, within the bounds; else null."""
    text = pl.col("text")
    form = rf"^[0-9]{{1,13}}(\.[0-9]{{1,{decimals}}})?$" if decimals else r"^[0-9]{1,10}$"
    parts = pl.when(text.str.contains(form)).then(text).str.splitn(".", 2)
    whole = parts.struct.field("field_0").cast(pl.Int64) * 10**decimals
    if decimals:
        whole += parts.struct.field("field_1").fill_null("0").str.pad_end(decimals, "0").cast(pl.Int64)
    return pl.when(whole.is_between(least, largest)).then(whole).alias("text")


def _date(rule: Rule, text: str) -> dt.date:
    if _SERIAL.fullmatch(text):
        if EXCEL_DATES not in rule.dates:
            raise ValueProblem(
                gettext("“%(text)s” is a spreadsheet's day number; format the column as dates.", text=text)
            )
        return EXCEL_EPOCH + dt.timedelta(days=int(text))
    for form in rule.dates:
        if form != EXCEL_DATES:
            try:
                return dt.datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
            except ValueError:
                continue
    day: dt.date = parse(Field("", type="date"), text)
    if not EARLIEST <= day <= LATEST:
        raise ValueProblem(gettext("“%(text)s” lies before 1900 or after 2200.", text=text[:40]))
    return day


def _mark_reason(text: str) -> str:
    if text == FORMULA:
        return gettext("This cell holds a formula; paste its value instead.")
    if text == CELL_ERROR:
        return gettext("This cell holds an error of the spreadsheet.")
    return gettext("The mapping does not say what this value means.")


def masked(described: Field, value: Any) -> str:
    """A value as error lists may show it."""
    text = "" if value is None else str(value)
    if described.mask:
        return described.mask(text)
    return "•" * 6 if described.sensitive and text else text
