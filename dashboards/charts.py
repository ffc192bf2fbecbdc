"""The kinds of charts: what each asks for, and the rows that its picture, its table and its file are all made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked, month_ends
from dashboards.wording import day_words, month_words
from portal.core.metric import Metric, Value, dimension_of, metric_of

SHARE = Metric("share", _("Share"), "percent", "stock", _("The row ÷ the total."), "", subject="", internal=True)
"""A column beside a figure: its part of the whole. No metric: it means something only within its table."""


@dataclass(frozen=True)
class Line:
    """One row: what it is of, its values, and where the rows behind them are listed."""

    key: Any
    label: str
    values: tuple[Value, ...]
    url: str = ""
    urls: tuple[str, ...] = ()
    """Of each value, where they lead to rows of their own; the first of them is `url` then."""


@dataclass(frozen=True)
class ChartData:
    """The rows of a chart, in the order of its columns."""

    heading: str
    """What the rows are: branches, products, month-ends."""
    columns: tuple[Metric, ...]
    lines: tuple[Line, ...]
    total: tuple[Value, ...] | None = None
    """Of all rows together, computed from the rows behind them, never added up; None where that means nothing."""
    nothing: str = ""
    """Why there are no rows, where the page's own sentence does not say it."""

    def column(self, key: str) -> list[Value]:
        at = [metric.key for metric in self.columns].index(key)
        return [line.values[at] for line in self.lines]


@dataclass(frozen=True, kw_only=True)
class Chart(ABC):
    """A chart of a page. Subclasses say what they ask; `dashboards.figures` draws each kind."""

    kind: ClassVar[str]
    key: str
    title: Any
    by: str = ""
    """The dimension whose groups are the rows, if any."""
    wide: bool = False
    """Takes the whole width of the page."""
    note: Any = ""
    """What must be known to read it, below its title."""
    drawn: ClassVar[bool] = True
    """Whether there is a picture besides the table."""
    grows: ClassVar[bool] = True
    """Whether the picture is as high as it has rows; if not, the page need not know them beforehand."""

    @abstractmethod
    def data(self, asked: Asked) -> ChartData:
        """The rows; none when there is nothing to show."""


@dataclass(frozen=True, kw_only=True)
class Parts(Chart):
    """One balance cut into the few values of a dimension with a fixed order, each with its share and its count."""

    kind = "parts"
    measure: str
    count: str
    colours: tuple[tuple[Any, str], ...]
    """Value of the dimension -> name of its colour token."""

    def data(self, asked: Asked) -> ChartData:
        found = asked.evaluate((self.measure, self.count), by=(self.by,))
        whole = found.total[self.measure]
        rows = {row.by[self.by]: row.values for row in found.rows}
        dimension = dimension_of(self.by)
        words = dimension.labels(dimension.order)
        return ChartData(
            heading=str(dimension.label),
            columns=(metric_of(self.measure), SHARE, metric_of(self.count)),
            lines=tuple(
                self._line(asked, key, words[key], rows.get(key, {}), whole) for key in dimension.order if whole
            ),
            total=(whole, _share(whole, whole), found.total[self.count]),
        )

    def _line(self, asked: Asked, key: Any, label: str, values: Any, whole: Value) -> Line:
        part = values.get(self.measure, 0)
        url = asked.rows_url(self.measure, **{self.by: key}) if part else ""
        return Line(key, label, (part, _share(part, whole), values.get(self.count, 0)), url)


@dataclass(frozen=True, kw_only=True)
class Ranking(Chart):
    """The groups of a dimension from the greatest to the smallest, with a second measure beside the first."""

    kind = "ranking"
    measure: str
    beside: str
    also: tuple[str, ...] = ()
    """Further columns of the table."""
    more_is_better: bool = False
    """Of the measure beside: its bars are not those of lateness."""
    called: Any = ""
    """What stands over the bars of the measure; empty = its whole name, where that is short."""

    def data(self, asked: Asked) -> ChartData:
        keys = (self.measure, self.beside, *self.also)
        found = asked.evaluate(keys, by=(self.by,))
        rows = sorted(found.rows, key=lambda row: -(row.values[self.measure] or 0))
        urls = asked.rows_urls(self.measure, self.by, [row.by[self.by] for row in rows])
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=tuple(map(metric_of, keys)),
            lines=tuple(
                Line(
                    row.by[self.by],
                    row.labels[self.by],
                    tuple(row.values[key] for key in keys),
                    urls[row.by[self.by]],
                )
                for row in rows
            ),
            total=tuple(found.total[key] for key in keys),
        )


@dataclass(frozen=True, kw_only=True)
class Trend(Chart):
    """Two measures at the date and at the month-ends before it that are kept: working one out from the ledger takes
    seconds at a million loans, and the line shows two years of them."""

    kind = "trend"
    measure: str
    beside: str
    count: str
    """Tells whether there was anything: the line begins after the last month-end at which this was 0."""
    months: int = 24

    def data(self, asked: Asked) -> ChartData:
        keys = (self.measure, self.beside, self.count)
        _today, *before = month_ends(asked.as_of, self.months + 1)
        found = asked.series(keys, [asked.as_of, *asked.kept(keys, before)])
        lines: list[Line] = []
        for day, values in found.items():
            if not values[self.count]:
                break
            url = asked.at(day).rows_url(self.measure)
            lines.append(Line(day, _when(day, asked.as_of), tuple(values[key] for key in keys), url))
        return ChartData(
            heading=gettext("As at"),
            columns=tuple(map(metric_of, (self.measure, self.beside, self.count))),
            lines=tuple(reversed(lines)),
        )


def _share(part: Value, whole: Value) -> Value:
    return None if part is None or not whole else Fraction(part) / Fraction(whole)


def _when(day: date, as_of: date) -> str:
    return day_words(day) if day == as_of else month_words(day)
