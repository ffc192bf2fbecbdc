"""Pictures of the charts about change: waterfall, changes, curves of cohorts, small multiples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flask_babel import gettext

from dashboards.charts import ChartData, Line
from dashboards.charts_of_change import Changes, Curves, Panels, Waterfall
from dashboards.drawing import FIXED, Figure, greatest, in_lines, number, panel_title, told
from dashboards.theme import layout_base
from dashboards.wording import money_scale, percent_words, scaled
from portal.core.metric import Value, dimension_of
from portal.metrics.formatting import MINUS

RISE, FALL, STANDS = "var(--signal-danger)", "var(--signal-ok)", "var(--chart-1)"
SHADES = 8
"""Colours of curves; further ones begin again, dashed."""


def waterfall(chart: Waterfall, data: ChartData) -> Figure:
    """Bars from the sum before to the sum after, each beginning where the one above it ends."""
    assert data.total is not None
    before, after = int(data.total[2] or 0), int(data.total[3] or 0)
    size, unit = money_scale(max(abs(before), abs(after), greatest([line.values[0] for line in data.lines])))
    names = [str(data.columns[2].label), *(line.label for line in data.lines), str(data.columns[3].label)]
    bases, lengths, colours, texts, hover = [0.0], [before / size], [STANDS], [scaled(before, size)], [""]
    running = before
    for line in data.lines:
        change = int(line.values[0] or 0)
        bases.append(running / size)
        lengths.append(change / size)
        colours.append(RISE if change > 0 else FALL)
        texts.append(signed(change, size))
        hover.append(told(line, data.columns))
        running += change
    bases, lengths, colours = [*bases, 0.0], [*lengths, after / size], [*colours, STANDS]
    texts, hover = [*texts, scaled(after, size)], [*hover, ""]
    ends = [base + length for base, length in zip(bases, lengths, strict=True)]
    at = list(range(len(names)))
    most = max([*bases, *ends, 0]) or 1
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": at,
        "x": lengths,
        "base": bases,
        "width": 0.6,
        "marker": {"color": colours},
        "hoverinfo": "text",
        "hovertext": hover,
    }
    # The figure stands to the right of its bar, whichever way that points.
    labels = {
        "type": "scatter",
        "mode": "text",
        "x": [max(base, end) + most * 0.012 for base, end in zip(bases, ends, strict=True)],
        "y": at,
        "text": texts,
        "textposition": "middle right",
        "textfont": {"color": "var(--text)"},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    return {
        "data": [bars, labels],
        "layout": layout_base(
            margin={"l": 8, "r": 8, "t": 28, "b": 8},
            xaxis={"visible": False, "range": [min([*bases, *ends, 0]), most * 1.22], "fixedrange": True},
            yaxis=_names(names),
            annotations=[
                panel_title("x domain", gettext("%(label)s (%(unit)s)", label=data.columns[0].label, unit=unit))
            ],
        ),
    }


def changes(chart: Changes, data: ChartData) -> Figure:
    """Bars to the right for what rose, to the left for what fell; of many groups those that changed most."""
    lines = shortened(data.lines, chart.most)
    amounts = [int(line.values[0] or 0) for line in lines]
    size, unit = money_scale(greatest(list[Value](amounts)))
    values = [amount / size for amount in amounts]
    most = max([abs(value) for value in values], default=0) or 1
    falls = any(value < 0 for value in values)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": list(range(len(lines))),
                "x": values,
                "width": 0.62,
                "text": [signed(amount, size) for amount in amounts],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": [RISE if amount > 0 else FALL for amount in amounts]},
                "hoverinfo": "text",
                "hovertext": [told(line, data.columns) for line in lines],
            }
        ],
        "layout": layout_base(
            margin={"l": 8, "r": 8, "t": 28, "b": 8},
            xaxis={
                "visible": False,
                "range": [-most * 1.4 if falls else 0, most * 1.4],
                "fixedrange": True,
            },
            yaxis=_names([line.label for line in lines]),
            annotations=[
                panel_title("x domain", gettext("%(label)s (%(unit)s)", label=data.columns[0].label, unit=unit))
            ],
        ),
    }


def shortened(lines: tuple[Line, ...], most: int) -> list[Line]:
    """Those that changed, of many those that changed most, in their order."""
    changed = [line for line in lines if line.values[0]]
    kept = sorted(changed, key=lambda line: -abs(Fraction(line.values[0] or 0)))[:most]
    return [line for line in lines if line in kept]


def curves(chart: Curves, data: ChartData) -> Figure:
    """A line for each cohort over its months; the newest ones in full colour, older ones behind them."""
    traces: list[Any] = []
    for n, line in enumerate(data.lines):
        known = [(step, value) for step, value in enumerate(line.values[1:]) if value is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": line.label,
                "x": [step for step, _value in known],
                "y": [number(value) for _step, value in known],
                "line": {
                    "color": f"var(--chart-{n % SHADES + 1})",
                    "width": 2,
                    "dash": ("solid", "dash", "dot")[n // SHADES % 3],
                },
                "marker": {"size": 4},
                "hoverinfo": "text",
                "hovertext": [
                    gettext(
                        "%(cohort)s, month %(number)s: %(share)s",
                        cohort=line.label,
                        number=step,
                        share=percent_words(value),
                    )
                    for step, value in known
                ],
            }
        )
    return {
        "data": traces,
        "layout": layout_base(
            margin={"l": 8, "r": 12, "t": 8, "b": 8},
            showlegend=True,
            legend={"orientation": "h", "y": -0.2, "font": {"size": 11, "color": "var(--text-soft)"}},
            xaxis={
                "title": {"text": str(dimension_of(chart.across).label), "font": {"size": 12}},
                "dtick": 1,
                "showgrid": False,
                **FIXED,
            },
            yaxis={"rangemode": "tozero", "tickformat": ".1~%", "nticks": 6, **FIXED},
        ),
    }


def panels(chart: Panels, data: ChartData) -> Figure:
    """A small area for each group, all to one scale: what is higher is worse, wherever it stands."""
    rows = -(-len(data.lines) // chart.across)
    top = max((number(value) for line in data.lines for value in line.values), default=0) * 1.08 or 0.01
    steps = [metric.key for metric in reversed(data.columns)]
    traces: list[Any] = []
    axes: dict[str, Any] = {}
    notes: list[Any] = []
    for n, line in enumerate(data.lines):
        row, column = divmod(n, chart.across)
        name = "" if n == 0 else str(n + 1)
        values = list(reversed(line.values))
        known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [step for step, _value in known],
                "y": [number(value) for _step, value in known],
                "xaxis": f"x{name}",
                "yaxis": f"y{name}",
                "line": {"color": "var(--chart-4)", "width": 2},
                "fill": "tozeroy",
                "fillcolor": "var(--brand-soft)",
                "hoverinfo": "text",
                "hovertext": [f"{line.label}<br>{step}: {percent_words(value)}" for step, value in known],
            }
        )
        left, right = column / chart.across + 0.012, (column + 1) / chart.across - 0.012
        high, low = 1 - row / rows, 1 - (row + 1) / rows
        axes[f"xaxis{name}"] = {"domain": [left, right], "anchor": f"y{name}", "visible": False, "fixedrange": True}
        axes[f"yaxis{name}"] = {
            "domain": [low + 0.06 / rows, high - 0.3 / rows],
            "anchor": f"x{name}",
            "range": [0, top],
            "showticklabels": False,
            "nticks": 3,
            "fixedrange": True,
        }
        latest = percent_words(line.values[0]) if line.values[0] is not None else ""
        first = in_lines(line.label)[0]
        for text, x, anchor in ((first, left, "left"), (f"<b>{latest}</b>", right, "right")):
            notes.append(
                {
                    "x": x,
                    "y": high - 0.02 / rows,
                    "xref": "paper",
                    "yref": "paper",
                    "xanchor": anchor,
                    "yanchor": "top",
                    "text": text,
                    "showarrow": False,
                }
            )
    return {
        "data": traces,
        "layout": layout_base(margin={"l": 0, "r": 0, "t": 4, "b": 4}, annotations=notes, **axes),
    }


def signed(fen: int, size: int) -> str:
    """A change on a label: always with its sign."""
    return f"{'+' if fen > 0 else MINUS if fen < 0 else '±'}{scaled(abs(fen), size)}"


def _names(names: list[str]) -> dict[str, Any]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": ["<br>".join(in_lines(name)) for name in names],
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        **FIXED,
    }
