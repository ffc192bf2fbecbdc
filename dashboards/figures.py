"""Pictures of chart data for Plotly: plain dictionaries whose colours are names of tokens, as in `var(--chart-1)`.

The browser puts the colours of the present theme in (static/dashboards/dashboards.js), so a change of theme asks
nothing of the server. Numbers become floats here, for drawing; what people read is text made from the exact values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext

from dashboards.cash_charts import CashByMonth, cash, collection
from dashboards.charts import Chart, ChartData, Parts, Ranking, Trend
from dashboards.charts_of_change import Changes, Curves, Matrix, Panels, Waterfall
from dashboards.drawing import (
    FIXED,
    Figure,
    beside_bar,
    greatest,
    in_lines,
    names_beside,
    number,
    panel_title,
    percent_of,
    room,
    told,
    told_at,
)
from dashboards.figures_of_change import changes, curves, panels, shortened, waterfall
from dashboards.stress_chart import Stress, stress
from dashboards.theme import layout_base
from dashboards.wording import money_scale, percent_words, scaled, with_unit


def figure(chart: Chart, data: ChartData) -> Figure:
    """The picture of a chart's rows."""
    drawn = DRAWN[chart.kind](chart, data)
    lines = shortened(data.lines, chart.most) if isinstance(chart, Changes) else data.lines
    drawn["layout"]["height"] = height_of(chart, [line.label for line in lines])
    return drawn


def height_of(chart: Chart, names: Sequence[str]) -> int:
    """Pixels of the picture of rows with these names."""
    if isinstance(chart, Parts):
        return 58 * len(names) + 8
    if isinstance(chart, Ranking):
        return (28 if all(len(in_lines(name)) == 1 for name in names) else 36) * len(names) + 44
    if isinstance(chart, Matrix):
        return 46 * (len(names) + 2)
    if isinstance(chart, (Waterfall, Changes)):
        rows = len(names) + 2 if isinstance(chart, Waterfall) else min(len(names), chart.most)
        return 34 * rows + 40
    if isinstance(chart, Panels):
        return 150 * -(-len(names) // chart.across) + 20
    if isinstance(chart, (Curves, CashByMonth)):
        return 380
    if isinstance(chart, Stress):
        return 58 * len(names) + 40
    return 312


def _parts(chart: Chart, data: ChartData) -> Figure:
    """A bar for each part on the track of the whole, its name above to the left and its figures to the right."""
    assert isinstance(chart, Parts)
    colours = dict(chart.colours)
    at = list(range(len(data.lines)))
    shares = [number(line.values[1]) for line in data.lines]
    bar = {"type": "bar", "orientation": "h", "y": at, "width": 0.26, "hoverinfo": "skip"}
    track = {**bar, "x": [1] * len(at), "marker": {"color": "var(--surface-sunken)"}}
    parts = {
        **bar,
        "x": shares,
        "marker": {"color": [f"var(--{colours[line.key]})" for line in data.lines]},
        "hoverinfo": "text",
        "hovertext": [told(line, data.columns) for line in data.lines],
    }
    words = []
    for n, line in enumerate(data.lines):
        share = percent_words(line.values[1]) if line.values[1] is not None else ""
        amount = with_unit(data.columns[0], line.values[0])
        words += [
            beside_bar(n, 0, "left", line.label),
            beside_bar(n, 1, "right", f"{amount}   <b>{share}</b>"),
        ]
    return {
        "data": [track, parts],
        "layout": layout_base(
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
    size, unit = money_scale(greatest(amounts))
    at = list(range(len(data.lines)))
    hover = [told(line, data.columns) for line in data.lines]
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
    left = [number(value) / size for value in amounts]
    right = [number(line.values[1]) for line in data.lines]
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
                "text": [percent_of(line.values[1]) for line in data.lines],
                "marker": {"color": "var(--chart-2)" if chart.more_is_better else "var(--chart-4)"},
                "xaxis": "x2",
            },
        ],
        "layout": layout_base(
            margin={"l": 8, "r": 8, "t": 28, "b": 8},
            xaxis={"visible": False, "domain": [0, 0.62], "range": room(left, 1.4), "fixedrange": True},
            xaxis2={"visible": False, "domain": [0.68, 1], "range": room(right, 2), "fixedrange": True},
            yaxis={
                "tickmode": "array",
                "tickvals": at,
                "ticktext": names_beside(data),
                "range": [len(at) - 0.5, -0.5],
                "showgrid": False,
                **FIXED,
            },
            annotations=[
                panel_title("x domain", gettext("%(label)s (%(unit)s)", label=chart.called or first.label, unit=unit)),
                panel_title("x2 domain", str(second.label)),
            ],
        ),
    }


def _trend(chart: Chart, data: ChartData) -> Figure:
    """The measure as an area above, the one beside it as a line below, month by month."""
    assert isinstance(chart, Trend)
    first, second = data.columns[:2]
    amounts = [line.values[0] for line in data.lines]
    size, unit = money_scale(greatest(amounts))
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
                "y": [number(value) / size for value in amounts],
                "hovertext": [told_at(point, first, 0) for point in data.lines],
                "line": {"color": "var(--chart-1)", "width": 2},
                "fill": "tozeroy",
                "fillcolor": "var(--brand-soft)",
            },
            {
                **line,
                "y": [number(point.values[1]) for point in data.lines],
                "hovertext": [told_at(point, second, 1) for point in data.lines],
                "line": {"color": "var(--chart-4)", "width": 2},
                "yaxis": "y2",
            },
        ],
        "layout": layout_base(
            margin={"l": 8, "r": 12, "t": 26, "b": 8},
            hovermode="x",
            xaxis={"type": "date", "tickformat": "%b\n%Y", "nticks": 8, "anchor": "y2", "showgrid": False, **FIXED},
            yaxis={"domain": [0.46, 1], "rangemode": "tozero", "nticks": 4, "tickformat": ",", **FIXED},
            yaxis2={"domain": [0, 0.3], "rangemode": "tozero", "nticks": 3, "tickformat": ".1~%", **FIXED},
            annotations=[
                panel_title("paper", gettext("%(label)s (%(unit)s)", label=first.label, unit=unit)),
                {**panel_title("paper", str(second.label)), "y": 0.3},
            ],
        ),
    }


DRAWN: dict[str, Callable[[Any, ChartData], Figure]] = {
    "parts": _parts,
    "ranking": _ranking,
    "trend": _trend,
    "waterfall": waterfall,
    "changes": changes,
    "curves": curves,
    "panels": panels,
    "stress": stress,
    "cash": cash,
    "collection": collection,
}
