"""Pictures of chart data for Plotly: plain dictionaries whose colours are names of tokens, as in `var(--chart-1)`.

The browser puts the colours of the present theme in (static/dashboards/dashboards.js), so a change of theme asks
nothing of the server. Numbers become floats here, for drawing; what people read is text made from the exact values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from flask_babel import gettext

from dashboards.charts import Chart, ChartData, Line, Parts, Ranking, Trend
from dashboards.theme import layout_base
from dashboards.wording import day_words, money_scale, percent_words, scaled, with_unit
from portal.core.metric import Metric, Value

Figure = dict[str, Any]
FIXED = {"fixedrange": True, "automargin": True}
"""An axis that dragging does not move: a finger that scrolls the page must not get stuck in a chart."""
LINE_OF_LABEL = 18
"""Columns of a line of a name beside a bar, where a Chinese character takes two; a longer name takes two lines."""


def figure(chart: Chart, data: ChartData) -> Figure:
    """The picture of a chart's rows."""
    return DRAWN[chart.kind](chart, data)


def _parts(chart: Chart, data: ChartData) -> Figure:
    """A bar for each part on the track of the whole, its name above to the left and its figures to the right."""
    assert isinstance(chart, Parts)
    colours = dict(chart.colours)
    at = list(range(len(data.lines)))
    shares = [_number(line.values[1]) for line in data.lines]
    bar = {"type": "bar", "orientation": "h", "y": at, "width": 0.26, "hoverinfo": "skip"}
    track = {**bar, "x": [1] * len(at), "marker": {"color": "var(--surface-sunken)"}}
    parts = {
        **bar,
        "x": shares,
        "marker": {"color": [f"var(--{colours[line.key]})" for line in data.lines]},
        "hoverinfo": "text",
        "hovertext": [_told(line, data.columns) for line in data.lines],
    }
    words = []
    for n, line in enumerate(data.lines):
        share = percent_words(line.values[1]) if line.values[1] is not None else ""
        amount = with_unit(data.columns[0], line.values[0])
        words += [
            _beside_bar(n, 0, "left", line.label),
            _beside_bar(n, 1, "right", f"{amount}   <b>{share}</b>"),
        ]
    return {
        "data": [track, parts],
        "layout": layout_base(
            height=58 * len(at) + 8,
            barmode="overlay",
            margin={"l": 0, "r": 0, "t": 4, "b": 0},
            xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
            yaxis={"visible": False, "range": [len(at) - 0.6, -0.75], "fixedrange": True},
            annotations=words,
        ),
    }


def _ranking(chart: Chart, data: ChartData) -> Figure:
    """Two panels of bars with the same rows: the measure to the left, the one beside it to the right."""
    assert isinstance(chart, Ranking)
    first, second = data.columns[:2]
    amounts = [line.values[0] for line in data.lines]
    size, unit = money_scale(_greatest(amounts))
    at = list(range(len(data.lines)))
    hover = [_told(line, data.columns) for line in data.lines]
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": at,
        "width": 0.62,
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "text",
        "hovertext": hover,
    }
    left = [_number(value) / size for value in amounts]
    right = [_number(line.values[1]) for line in data.lines]
    return {
        "data": [
            {
                **bar,
                "x": left,
                "text": [scaled(int(value or 0), size) for value in amounts],
                "marker": {"color": "var(--chart-1)"},
            },
            {
                **bar,
                "x": right,
                "text": [_percent(line.values[1]) for line in data.lines],
                "marker": {"color": "var(--chart-4)"},
                "xaxis": "x2",
            },
        ],
        "layout": layout_base(
            height=(28 if all("<br>" not in name for name in _beside(data)) else 36) * len(at) + 44,
            margin={"l": 8, "r": 8, "t": 28, "b": 8},
            xaxis={"visible": False, "domain": [0, 0.62], "range": _room(left, 1.4), "fixedrange": True},
            xaxis2={"visible": False, "domain": [0.68, 1], "range": _room(right, 2), "fixedrange": True},
            yaxis={
                "tickmode": "array",
                "tickvals": at,
                "ticktext": _beside(data),
                "range": [len(at) - 0.5, -0.5],
                "showgrid": False,
                **FIXED,
            },
            annotations=[
                _panel_title("x domain", gettext("%(label)s (%(unit)s)", label=first.label, unit=unit)),
                _panel_title("x2 domain", str(second.label)),
            ],
        ),
    }


def _trend(chart: Chart, data: ChartData) -> Figure:
    """The measure as an area above, the one beside it as a line below, month by month."""
    assert isinstance(chart, Trend)
    first, second = data.columns[:2]
    amounts = [line.values[0] for line in data.lines]
    size, unit = money_scale(_greatest(amounts))
    # Each point stands on its month, so that the axis names the month of a month-end.
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [line.key.replace(day=1).isoformat() for line in data.lines],
        "hoverinfo": "text",
        "marker": {"size": 5},
    }
    return {
        "data": [
            {
                **line,
                "y": [_number(value) / size for value in amounts],
                "hovertext": [_at(point, first, 0) for point in data.lines],
                "line": {"color": "var(--chart-1)", "width": 2},
                "fill": "tozeroy",
                "fillcolor": "var(--brand-soft)",
            },
            {
                **line,
                "y": [_number(point.values[1]) for point in data.lines],
                "hovertext": [_at(point, second, 1) for point in data.lines],
                "line": {"color": "var(--chart-4)", "width": 2},
                "yaxis": "y2",
            },
        ],
        "layout": layout_base(
            height=312,
            margin={"l": 8, "r": 12, "t": 26, "b": 8},
            hovermode="x",
            xaxis={"type": "date", "tickformat": "%b\n%Y", "nticks": 8, "anchor": "y2", "showgrid": False, **FIXED},
            yaxis={"domain": [0.46, 1], "rangemode": "tozero", "nticks": 4, "tickformat": ",", **FIXED},
            yaxis2={"domain": [0, 0.3], "rangemode": "tozero", "nticks": 3, "tickformat": ".1~%", **FIXED},
            annotations=[
                _panel_title("paper", gettext("%(label)s (%(unit)s)", label=first.label, unit=unit)),
                {**_panel_title("paper", str(second.label)), "y": 0.3},
            ],
        ),
    }


DRAWN: dict[str, Callable[[Chart, ChartData], Figure]] = {"parts": _parts, "ranking": _ranking, "trend": _trend}


def _number(value: Value) -> float:
    return 0.0 if value is None else float(value)


def _greatest(values: list[Value]) -> int:
    return max((abs(int(value)) for value in values if value is not None), default=0)


def _percent(value: Value) -> str:
    return "" if value is None else percent_words(value)


def _beside(data: ChartData) -> list[str]:
    """The names of the rows, each on one line or two; of what is longer still, beginning and end."""
    return ["<br>".join(in_lines(line.label)) for line in data.lines]


def in_lines(label: str) -> list[str]:
    """A name in at most two lines. Names that differ only in the middle or at the end stay different, or nearly so."""
    if width_of(label) <= LINE_OF_LABEL:
        return [label]
    head = _fitting(label)
    space = head.rfind(" ")
    if space > 0 and label[len(head)] != " ":
        head = head[:space]
    rest = label[len(head) :].strip()
    if width_of(rest) <= LINE_OF_LABEL:
        return [head.rstrip(), rest]
    return [head.rstrip(), "…" + _fitting(rest[::-1], LINE_OF_LABEL - 1)[::-1]]


def _fitting(text: str, most: int = LINE_OF_LABEL) -> str:
    """As much of the beginning as fits into so many columns."""
    while width_of(text) > most:
        text = text[:-1]
    return text


def width_of(text: str) -> int:
    """Columns: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _room(values: list[float], times: float) -> list[float]:
    """A range from 0 with room for the labels after the longest bar."""
    return [0, max([*values, 0]) * times or 1]


def _told(line: Line, columns: tuple[Metric, ...]) -> str:
    """What hovering says of a row."""
    facts = (f"{m.label}: {with_unit(m, v)}" for m, v in zip(columns, line.values, strict=True))
    return "<br>".join([f"<b>{line.label}</b>", *facts])


def _at(line: Line, metric: Metric, column: int) -> str:
    return f"{day_words(line.key)}<br>{metric.label}: <b>{with_unit(metric, line.values[column])}</b>"


def _beside_bar(row: int, x: int, anchor: str, text: str) -> dict[str, Any]:
    return {
        "x": x,
        "xref": "paper",
        "y": row,
        "yref": "y",
        "yshift": 17,
        "xanchor": anchor,
        "borderpad": 0,
        "text": text,
        "showarrow": False,
    }


def _panel_title(axis: str, text: str) -> dict[str, Any]:
    return {
        "x": 0,
        "xref": axis,
        "y": 1,
        "yref": "paper",
        "yshift": 4,
        "xanchor": "left",
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"color": "var(--text-muted)"},
    }
