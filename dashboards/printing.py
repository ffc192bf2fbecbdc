"""A dashboard on paper: its answer, tiles and charts, from the same rows as the page, printed by the report worker."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import get_locale

from dashboards.asked import Asked, month_ends
from dashboards.charts import Chart, ChartData, Parts, Ranking, Trend
from dashboards.dashboard import Dashboard
from dashboards.wording import day_words, money_scale
from portal.core.metric import Metric, Value, dimension_of, metric_of, words
from portal.metrics.formatting import half_up, heading, shown, unit_words
from reports import charts
from reports.document import LANGUAGES, environment, stylesheet
from reports.reader import context_for
from reports.render import render_pdf

MOST_BARS = 12
"""Rows of a drawing; the table below it has them all."""


def as_html(dashboard: Dashboard, asked: Asked) -> tuple[str, str]:
    """(the document, its title) in the language of the moment."""
    locale = "zh" if str(get_locale() or "en").startswith("zh") else "en"
    context, title = context_for(locale, asked.as_of), str(dashboard.title)
    keys = tuple(tile.metric for tile in dashboard.tiles)
    course = asked.series(keys, month_ends(asked.as_of, 2))
    now, before = course[asked.as_of], course[asked.month_end_before]
    html = (
        environment(locale)
        .get_template("dashboard.html")
        .render(
            context=context,
            title=title,
            lang=LANGUAGES[locale],
            palette=charts.PALETTE,
            answer=dashboard.answer(asked, now, before),
            filters=[
                (str(dimension_of(key).label), ", ".join(words(dimension_of(key), chosen).values()))
                for key, chosen in asked.where.items()
            ],
            before=day_words(asked.month_end_before),
            tiles=[_tile(metric_of(key), now[key], before[key]) for key in keys],
            cards=[_card(chart, chart.data(asked)) for chart in dashboard.charts],
        )
    )
    return html, title


def as_pdf(dashboard: Dashboard, asked: Asked) -> bytes:
    """Raises RenderError when this machine cannot print, and what the figures raise."""
    html, title = as_html(dashboard, asked)
    css = [str(stylesheet("print.css")), str(stylesheet("dashboard.css"))]
    lang = LANGUAGES["zh" if str(get_locale() or "en").startswith("zh") else "en"]
    return render_pdf(html, css, [], title=title, lang=lang, created=datetime.combine(asked.as_of, time()))


def _tile(metric: Metric, now: Value, before: Value) -> dict[str, str]:
    return {
        "label": str(metric.label),
        "figure": shown(metric, now),
        "unit": unit_words(metric) if now is not None else "",
        "before": shown(metric, before),
    }


def _card(chart: Chart, data: ChartData) -> dict[str, Any]:
    return {
        "title": str(chart.title),
        "drawings": [_drawn(drawing) for drawing in _drawings(chart, data)] if data.lines else [],
        "headings": [data.heading, *(heading(metric) for metric in data.columns)],
        "rows": [(line.label, _texts(data, line.values)) for line in data.lines],
        "total": _texts(data, data.total) if data.total is not None else None,
    }


def _drawn(drawing: charts.ChartData) -> tuple[str, str, Any]:
    """(kind, caption, drawing): lines stand side by side, bars take the width."""
    return drawing.kind, drawing.title, charts.svg(drawing, 330 if drawing.kind == "line" else 680)


def _texts(data: ChartData, values: tuple[Value, ...]) -> list[str]:
    return [shown(metric, value) for metric, value in zip(data.columns, values, strict=True)]


def _drawings(chart: Chart, data: ChartData) -> list[charts.ChartData]:
    """The first column of the rows as bars, or both measures of a course of dates as lines."""
    if isinstance(chart, Trend):
        return [_drawing("line", data, column, colour) for column, colour in ((0, "accent"), (1, "danger"))]
    if isinstance(chart, (Parts, Ranking)):
        return [_drawing("bar", data, 0, "accent")]
    raise TypeError(f"{chart.kind} has no drawing for paper")


def _drawing(kind: Any, data: ChartData, column: int, colour: str) -> charts.ChartData:
    metric = data.columns[column]
    lines = data.lines if kind == "line" else data.lines[:MOST_BARS]
    values = [line.values[column] for line in lines]
    size, unit = (1, unit_words(metric))
    if metric.unit == "money":
        size, unit = money_scale(max((abs(int(value)) for value in values if value is not None), default=0))
    return charts.ChartData(
        kind,
        f"{metric.label} ({unit})" if unit else str(metric.label),
        [f"{line.key:%Y-%m}" if kind == "line" else line.label for line in lines],
        [charts.Series(str(metric.label), [_scaled(metric, value, size) for value in values], colour)],
        unit,
    )


def _scaled(metric: Metric, value: Value, size: int) -> Decimal | None:
    if value is None:
        return None
    return half_up(Fraction(value) * (100 if metric.unit in ("percent", "rate") else 1) / size, 2)
