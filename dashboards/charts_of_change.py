"""Kinds of charts about change: a matrix of where loans went, what a change is made of, curves of cohorts, panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar

from flask_babel import gettext

from dashboards.asked import Asked, month_ends
from dashboards.charts import Chart, ChartData, Line
from dashboards.wording import day_words, month_words
from portal.core.metric import Metric, Row, Unit, Value, dimension_of, metric_of


def column_of(key: Any, label: str, unit: Unit) -> Metric:
    """A column of a table that is one value of a dimension. No metric: it means something only within its table."""
    return Metric(str(key), label, unit, "stock", "", "", subject="", internal=True)


@dataclass(frozen=True, kw_only=True)
class Matrix(Chart):
    """Where the rows of one dimension went, by another; each cell with its share of its row, read like a table."""

    kind = "matrix"
    drawn: ClassVar[bool] = False
    across: str
    """The dimension whose values are the columns."""
    measure: str
    count: str
    leave_out: tuple[Any, ...] = ()
    """Rows that have nothing to share out."""

    def data(self, asked: Asked) -> ChartData:
        measure = metric_of(self.measure)
        found = asked.evaluate((self.measure, self.count), by=(self.by, self.across))
        cells = {(row.by[self.by], row.by[self.across]): row.values for row in found.rows}
        down, across = dimension_of(self.by), dimension_of(self.across)
        rows = [key for key in down.order if key not in self.leave_out and self._total(cells, key)]
        words, heads = down.labels(down.order), across.labels(across.order)
        sums = [measure, *(column_of(key, heads[key], measure.unit) for key in across.order)]
        return ChartData(
            heading=str(down.label),
            columns=tuple(sums),
            lines=tuple(self._line(asked, key, words[key], cells) for key in rows),
            total=(
                sum(self._total(cells, key) for key in rows),
                *(sum(self._cell(cells, key, to) for key in rows) for to in across.order),
            ),
        )

    def _cell(self, cells: Mapping[Any, Mapping[str, Value]], row: Any, column: Any) -> int:
        return int(cells.get((row, column), {}).get(self.measure) or 0)

    def _total(self, cells: Mapping[Any, Mapping[str, Value]], row: Any) -> int:
        return sum(self._cell(cells, row, to) for to in dimension_of(self.across).order)

    def _line(self, asked: Asked, key: Any, label: str, cells: Mapping[Any, Mapping[str, Value]]) -> Line:
        values = [self._cell(cells, key, to) for to in dimension_of(self.across).order]
        urls = [
            asked.rows_url(self.measure, **{self.by: key, self.across: to}) if value else ""
            for to, value in zip(dimension_of(self.across).order, values, strict=True)
        ]
        whole = asked.rows_url(self.measure, **{self.by: key})
        return Line(key, label, (sum(values), *values), whole, (whole, *urls))


@dataclass(frozen=True, kw_only=True)
class Waterfall(Chart):
    """From a sum before to the sum after, by the parts of its change; every loan is in one part."""

    kind = "waterfall"
    measure: str
    """The change; cut by `by` it adds up."""
    before: str
    after: str
    count: str
    leave_out: tuple[Any, ...] = ()
    """Parts that change nothing by definition and are no part of it."""

    def data(self, asked: Asked) -> ChartData:
        keys = (self.measure, self.count, self.before, self.after)
        found = asked.evaluate(keys, by=(self.by,))
        rows = {row.by[self.by]: row for row in found.rows if any(row.values.values())}
        parts = [key for key in dimension_of(self.by).order if key in rows and key not in self.leave_out]
        return ChartData(
            heading=gettext("Cause"),
            columns=tuple(map(metric_of, keys)),
            lines=tuple(
                Line(
                    key,
                    rows[key].labels[self.by],
                    tuple(rows[key].values[name] for name in keys),
                    urls=tuple(
                        asked.rows_url(name, **{self.by: key}) if rows[key].values[name] else "" for name in keys
                    ),
                )
                for key in parts
            ),
            total=tuple(found.total[key] for key in keys),
        )


@dataclass(frozen=True, kw_only=True)
class Changes(Chart):
    """The groups of a dimension by how much they changed, the greatest rise first; falls point the other way."""

    kind = "changes"
    measure: str
    also: tuple[str, ...] = ()
    most: int = 12
    """Groups shown, those that changed most; the file and the table hold them all."""

    def data(self, asked: Asked) -> ChartData:
        keys = (self.measure, *self.also)
        found = asked.evaluate(keys, by=(self.by,))
        rows = [row for row in found.rows if any(row.values.values())]
        rows.sort(key=lambda row: -(row.values[self.measure] or 0))
        urls = asked.rows_urls(self.measure, self.by, [row.by[self.by] for row in rows])
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=tuple(map(metric_of, keys)),
            lines=tuple(
                Line(
                    row.by[self.by],
                    row.labels[self.by],
                    tuple(row.values[key] for key in keys),
                    urls[row.by[self.by]] if row.values[self.measure] else "",
                )
                for row in rows
            ),
            total=tuple(found.total[key] for key in keys),
        )


@dataclass(frozen=True, kw_only=True)
class Curves(Chart):
    """A curve for each cohort by months on book: the running sum of what each month added ÷ what was lent.

    A month that lies after the latest kept month-end, or whose month-end is not kept, is not observed and left out.
    """

    kind = "curves"
    grows: ClassVar[bool] = False
    part: str
    whole: str
    across: str = "months_on_book"
    cohorts: int = 12
    """The newest ones are shown."""

    def data(self, asked: Asked) -> ChartData:
        lent = asked.evaluate((self.whole,), by=(self.by,))
        added = asked.evaluate((self.part,), by=(self.by, self.across))
        steps = {(row.by[self.by], row.by[self.across]): int(row.values[self.part] or 0) for row in added.rows}
        kept = {index_of(day) for day in asked.kept(("loan_balance",), month_ends(asked.as_of, 61)[1:])}
        rows = [row for row in lent.rows if row.values[self.whole] and month_index(row.by[self.by]) in kept]
        rows = sorted(rows, key=lambda row: -int(row.by[self.by]))[: self.cohorts]
        found = [self._line(asked, row.by[self.by], row, steps, kept) for row in rows]
        longest = max((len(line.values) for line in found), default=0)
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=(metric_of(self.whole), *(column_of(n, str(n), "percent") for n in range(longest - 1))),
            lines=tuple(
                Line(line.key, line.label, line.values + (None,) * (longest - len(line.values)), line.url)
                for line in found
            ),
            nothing=""
            if lent.rows and kept
            else gettext("No month-end is kept yet from which a cohort could be followed."),
        )

    def _line(self, asked: Asked, cohort: int, row: Row, steps: Mapping[Any, int], kept: set[int]) -> Line:
        whole = int(row.values[self.whole] or 0)
        values: list[Value] = []
        running, first = 0, month_index(cohort)
        while first + len(values) in kept:
            running += steps.get((cohort, len(values)), 0)
            values.append(Fraction(running, whole))
        return Line(cohort, row.labels[self.by], (whole, *values), asked.rows_url(self.part, **{self.by: cohort}))


def month_index(month: int) -> int:
    """202606 as a number of months, so that months can be counted between."""
    return month // 100 * 12 + month % 100


def index_of(day: date) -> int:
    return day.year * 12 + day.month


@dataclass(frozen=True, kw_only=True)
class Panels(Chart):
    """Small multiples: one measure of each group at month-ends, all to one scale, the worst group first."""

    kind = "panels"
    measure: str
    weight: str
    """Tells which groups were there; groups without it at the date are left out."""
    months: int = 12
    across: int = 4

    def data(self, asked: Asked) -> ChartData:
        _now, *before = month_ends(asked.as_of, self.months + 1)
        days = [*reversed(asked.kept((self.measure,), before)), asked.as_of]
        answers = asked.series_by((self.measure, self.weight), days, (self.by,))
        values: dict[Any, dict[date, Value]] = {}
        for day, rows in answers.items():
            for row in rows:
                values.setdefault(row.by[self.by], {})[day] = row.values[self.measure]
        shown = [row for row in answers[asked.as_of] if row.values[self.weight]]
        shown.sort(key=lambda row: -Fraction(row.values[self.measure] or 0))
        urls = asked.rows_urls(self.measure, self.by, [row.by[self.by] for row in shown])
        unit = metric_of(self.measure).unit
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=tuple(column_of(day, _at(day, asked.as_of), unit) for day in reversed(days)),
            lines=tuple(
                Line(
                    row.by[self.by],
                    row.labels[self.by],
                    tuple(values[row.by[self.by]].get(day) for day in reversed(days)),
                    urls[row.by[self.by]],
                )
                for row in shown
            ),
        )


def _at(day: date, as_of: date) -> str:
    return day_words(day) if day == as_of else month_words(day)


def shares(values: Sequence[Value], whole: Value) -> list[Fraction | None]:
    """Each value's share of a whole."""
    return [Fraction(value or 0) / Fraction(whole) if whole else None for value in values]
