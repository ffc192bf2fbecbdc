"""Charts of cash: what borrowers are to pay by month against what the company must repay, and collection curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked
from dashboards.charts import Chart, ChartData, Line
from dashboards.charts_of_change import Curves, column_of, month_index
from dashboards.drawing import FIXED, Figure, greatest, number
from dashboards.figures_of_change import curves
from dashboards.theme import layout_base
from dashboards.wording import money_scale, with_unit
from portal.core.metric import Metric, Value, dimension_of, metric_of
from portal.metrics.collection import first_followed, last_ended, month_number

EXPECTED = ("expected_principal", "expected_interest", "expected_amount")
FUNDING = ("funding_due", "cash_gap")
RUNNING = Metric(
    "cash_gap_running",
    _("Cash left, added up"),
    "money",
    "stock",
    _("Cash left after maturities, from the first month to this one."),
    "",
    subject="",
    internal=True,
)
"""A column beside the months. No metric: it means something only within its table."""
LATER = "later"


@dataclass(frozen=True, kw_only=True)
class CashByMonth(Chart):
    """Expected principal and interest of the coming months against borrowings that mature, and what is left in all."""

    kind = "cash"
    grows: ClassVar[bool] = False
    by: str = "due_month"
    months: int = 12

    def data(self, asked: Asked) -> ChartData:
        keys = (*EXPECTED, *FUNDING)
        found = asked.evaluate(keys, by=(self.by,))
        rows = {row.by[self.by]: row.values for row in found.rows}
        told = found.total["funding_due"] is not None
        shown = [month_number(asked.as_of, n) for n in range(self.months)]
        later = [month for month in rows if month is not None and month > shown[-1]]
        lines: list[Line] = []
        if any(found.total[key] for key in keys):
            labels = dimension_of(self.by).labels(shown)
            for month in shown:
                lines.append(self._line(asked, month, labels[month], _added(rows, keys, [month], told), told))
            if later:
                lines.append(Line(LATER, gettext("Later"), _added(rows, keys, later, told)))
        lines = _with_running(lines, told)
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=(*map(metric_of, keys), RUNNING),
            lines=tuple(lines),
            total=(*(found.total[key] for key in keys), lines[-1].values[-1] if lines else None),
        )

    def _line(self, asked: Asked, month: int, label: str, values: tuple[Value, ...], told: bool) -> Line:
        """Months lead to their loans, and maturities to the borrowings."""
        urls = [
            asked.rows_url(key, due_month=month) if value else "" for key, value in zip(EXPECTED, values, strict=False)
        ]
        funding = asked.rows_url("funding_due", due_month=month) if told and values[3] else ""
        return Line(month, label, values, urls[0], (*urls, funding))


def _added(rows: Mapping[Any, Any], keys: tuple[str, ...], months: list[int], told: bool) -> tuple[Value, ...]:
    """The figures of some months together; what the company owes is 0 in a month without, where it is known at all."""
    found: list[Value] = []
    for key in keys:
        if key in FUNDING and not told:
            found.append(None)
        else:
            found.append(sum(rows[month][key] or 0 for month in months if month in rows))
    return tuple(found)


def _with_running(lines: list[Line], told: bool) -> list[Line]:
    """The rows with what is left, added up from the first on."""
    running, found = 0, []
    for line in lines:
        running += int(line.values[-1] or 0)
        found.append(replace(line, values=(*line.values, running if told else None)))
    return found


@dataclass(frozen=True, kw_only=True)
class CollectionCurves(Curves):
    """A curve for each month of due dates: which share of what fell due in it was collected by the end of each month.

    Only months that have ended are on it.
    """

    kind = "collection"
    across: str = "months_after"
    by: str = "due_month"

    def data(self, asked: Asked) -> ChartData:
        due = asked.evaluate((self.whole,), by=(self.by,))
        added = asked.evaluate((self.part,), by=(self.by, self.across))
        steps = {(row.by[self.by], row.by[self.across]): int(row.values[self.part] or 0) for row in added.rows}
        first, last = first_followed(asked.as_of), last_ended(asked.as_of)
        rows = [row for row in due.rows if row.values[self.whole] and first <= int(row.by[self.by]) <= last]
        rows.sort(key=lambda row: -int(row.by[self.by]))
        longest = max((month_index(last) - month_index(row.by[self.by]) + 1 for row in rows), default=0)
        lines = []
        for row in rows:
            month, whole = row.by[self.by], int(row.values[self.whole] or 0)
            values: list[Value] = []
            running = 0
            for after in range(month_index(last) - month_index(month) + 1):
                running += steps.get((month, after), 0)
                values.append(Fraction(running, whole))
            values += [None] * (longest - len(values))
            url = asked.rows_url(self.whole, **{self.by: month})
            lines.append(Line(month, row.labels[self.by], (whole, *values), url))
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=(metric_of(self.whole), *(column_of(n, f"+{n}", "percent") for n in range(longest))),
            lines=tuple(lines),
            nothing=gettext("Nothing fell due in the twelve months that ended by the date."),
        )


def collection(chart: Curves, data: ChartData) -> Figure:
    """Curves that lie close below the whole: the axis begins where they do."""
    drawn = curves(chart, data)
    drawn["layout"]["yaxis"] |= {"rangemode": "normal"}
    return drawn


def cash(chart: CashByMonth, data: ChartData) -> Figure:
    """Above the line what comes in, below it what must be repaid; the line is what is left, added up."""
    lines = [line for line in data.lines if line.key != LATER]
    size, unit = money_scale(greatest([value for line in lines for value in line.values]))
    at = [line.label for line in lines]

    def bars(column: int, colour: str, sign: int = 1) -> dict[str, Any]:
        metric = data.columns[column]
        return {
            "type": "bar",
            "name": str(metric.label),
            "x": at,
            "y": [sign * number(line.values[column]) / size for line in lines],
            "marker": {"color": f"var({colour})"},
            "hoverinfo": "text",
            "hovertext": [
                f"{line.label}<br>{metric.label}: <b>{with_unit(metric, line.values[column])}</b>" for line in lines
            ],
        }

    traces = [bars(0, "--chart-1"), bars(1, "--chart-2")]
    if lines and lines[0].values[3] is not None:
        traces.append(bars(3, "--chart-4", -1))
        traces.append(
            {
                **bars(5, "--text"),
                "type": "scatter",
                "mode": "lines+markers",
                "line": {"color": "var(--text)", "width": 2},
                "marker": {"size": 5, "color": "var(--text)"},
            }
        )
    return {
        "data": traces,
        "layout": layout_base(
            barmode="relative",
            bargap=0.35,
            margin={"l": 8, "r": 8, "t": 8, "b": 8},
            showlegend=True,
            legend={"orientation": "h", "y": -0.14, "font": {"size": 11, "color": "var(--text-soft)"}},
            xaxis={"type": "category", "showgrid": False, **FIXED},
            yaxis={"title": {"text": unit, "font": {"size": 12}}, "nticks": 6, "zeroline": True, **FIXED},
        ),
    }
