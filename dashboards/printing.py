"""A dashboard on paper: its answer, tiles and charts, from the same rows as the page, printed by the report worker.

Paper has no room to show bars and figures apart: the bars stand within the table of their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import get_locale
from flask_login import current_user

from dashboards.asked import Asked, course_of
from dashboards.changes import told
from dashboards.charts import SHARE, Chart, ChartData, Parts, Ranking, Trend
from dashboards.dashboard import Dashboard, Tile
from dashboards.wording import money_scale
from portal.core import scope
from portal.core.display import name_of
from portal.core.metric import Metric, Value, dimension_of, metric_of, words
from portal.metrics.formatting import half_up, heading, shown, unit_words
from reports import charts
from reports.document import LANGUAGES, environment, stylesheet
from reports.reader import context_for
from reports.render import render_pdf

HALVED = 12
"""A course of more dates than this stands in two tables side by side."""
WHOLE = 32
"""A card of at most so many rows stays on one page."""


@dataclass(frozen=True)
class Cell:
    """A figure, and the length and colour of its bar where it has one."""

    text: str
    percent: str = ""
    colour: str = ""


def as_html(dashboard: Dashboard, asked: Asked) -> tuple[str, str]:
    """(the document, its title) in the language of the moment."""
    locale = _language()
    context, title = context_for(locale, asked.as_of), str(dashboard.title)
    course = course_of(dashboard.tiles, asked, 2)
    now, before = course[asked.as_of], course[asked.month_end_before]
    html = (
        environment(locale)
        .get_template("dashboard.html")
        .render(
            context=context,
            title=title,
            lang=LANGUAGES[locale],
            palette=charts.PALETTE,
            printed_by=name_of(current_user) if current_user.is_authenticated else scope.actor().name,
            answer=dashboard.answer(asked, now, before),
            filters=[
                (str(dimension_of(key).label), ", ".join(words(dimension_of(key), chosen).values()))
                for key, chosen in asked.where.items()
            ]
            + [(str(option.label), option.words(value)) for option, value in asked.options.items()],
            tiles=[_tile(tile, now[tile.metric], before.get(tile.metric), asked) for tile in dashboard.tiles],
            cards=[_card(chart, chart.data(asked)) for chart in dashboard.charts],
            nothing=dashboard.nothing,
        )
    )
    return html, title


def as_pdf(dashboard: Dashboard, asked: Asked) -> bytes:
    """Raises RenderError when this machine cannot print, and what the figures raise."""
    html, title = as_html(dashboard, asked)
    css = [str(stylesheet("print.css")), str(stylesheet("dashboard.css"))]
    created = datetime.combine(asked.as_of, time())
    return render_pdf(html, css, [], title=title, lang=LANGUAGES[_language()], created=created)


def _language() -> str:
    return "zh" if str(get_locale() or "en").startswith("zh") else "en"


def _tile(tile: Tile, now: Value, before: Value, asked: Asked) -> dict[str, Any]:
    metric = metric_of(tile.metric)
    return {
        "label": str(metric.label),
        "figure": shown(metric, now),
        "unit": unit_words(metric) if now is not None else "",
        "change": told(tile, metric, now, before, asked),
    }


def _card(chart: Chart, data: ChartData) -> dict[str, Any]:
    bars = _bars(chart, data)
    rows = [(line.label, _cells(data, line.values, bars, n)) for n, line in enumerate(data.lines)]
    half = -(-len(rows) // 2) if isinstance(chart, Trend) and len(rows) > HALVED else len(rows)
    return {
        "kind": chart.kind,
        "nothing": data.nothing,
        "title": str(chart.title),
        "drawings": _drawings(chart, data) if data.lines else [],
        "columns": [(heading(metric), metric.unit, n in bars) for n, metric in enumerate(data.columns)],
        "first": data.heading,
        "tables": [part for part in (rows[:half], rows[half:]) if part],
        "total": _cells(data, data.total, {}, 0) if data.total is not None else None,
        "whole": half <= WHOLE,
    }


def _cells(data: ChartData, values: Sequence[Value], bars: dict[int, list[Cell]], row: int) -> list[Cell]:
    plain = [Cell(shown(metric, value)) for metric, value in zip(data.columns, values, strict=True)]
    return [bars[n][row] if n in bars else cell for n, cell in enumerate(plain)]


def _bars(chart: Chart, data: ChartData) -> dict[int, list[Cell]]:
    """The columns that are drawn as bars, by their place: the share of each part, both measures of a ranking."""
    if isinstance(chart, Parts):
        token, at = dict(chart.colours), data.columns.index(SHARE)
        return {at: _barred(data, at, [token[line.key].removeprefix("risk-") for line in data.lines], Fraction(1))}
    if isinstance(chart, Ranking):
        count = len(data.lines)
        return {
            n: _barred(data, n, [colour] * count, _most(data, n))
            for n, colour in ((0, "accent"), (1, "good" if chart.more_is_better else "danger"))
        }
    return {}


def _barred(data: ChartData, column: int, colours: Sequence[str], most: Fraction) -> list[Cell]:
    metric = data.columns[column]
    values = [line.values[column] for line in data.lines]
    return [
        Cell(shown(metric, value), f"{half_up(Fraction(value) * 100 / most, 1)}" if value else "", colour)
        for value, colour in zip(values, colours, strict=True)
    ]


def _most(data: ChartData, column: int) -> Fraction:
    return max((Fraction(line.values[column] or 0) for line in data.lines), default=Fraction())


def _drawings(chart: Chart, data: ChartData) -> list[tuple[str, Any]]:
    """(caption, drawing) of each measure of a course of dates; they stand side by side."""
    if not isinstance(chart, Trend):
        return []
    drawn = [_line(data, column, colour) for column, colour in ((0, "accent"), (1, "danger"))]
    return [(line.title, charts.svg(line, 450)) for line in drawn]


def _line(data: ChartData, column: int, colour: str) -> charts.ChartData:
    metric = data.columns[column]
    values = [line.values[column] for line in data.lines]
    size, unit = (1, unit_words(metric))
    if metric.unit == "money":
        size, unit = money_scale(max((abs(int(value)) for value in values if value is not None), default=0))
    return charts.ChartData(
        "line",
        f"{metric.label} ({unit})" if unit else str(metric.label),
        [f"{line.key:%Y-%m}" for line in data.lines],
        [charts.Series(str(metric.label), [_scaled(metric, value, size) for value in values], colour)],
        unit,
    )


def _scaled(metric: Metric, value: Value, size: int) -> Decimal | None:
    if value is None:
        return None
    return half_up(Fraction(value) * (100 if metric.unit in ("percent", "rate") else 1) / size, 2)
