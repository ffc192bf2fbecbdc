"""A matrix as a table whose cells are tinted by their share of the row. Colour only repeats what stands in the cell."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from dash import html
from dash.development.base_component import Component
from flask_babel import gettext

from dashboards.charts import ChartData, Line
from dashboards.charts_of_change import Matrix, shares
from dashboards.markup import attributes
from dashboards.wording import money_scale, percent_words, scaled
from portal.core.metric import Value, dimension_of
from portal.metrics.formatting import heading, shown

LEAST, MOST = 8, 46
"""Per cent of colour in a cell's ground, of a trace and of a whole row: text stays readable on both."""
GROUNDS = {"worse": "--signal-danger", "same": "--chart-1", "better": "--signal-ok"}


def heat_table(chart: Matrix, data: ChartData) -> Component:
    """Rows are where loans stood, columns where they stand; each cell leads to its loans."""
    size, unit = (1, "")
    if data.columns[0].unit == "money":
        size, unit = money_scale(max((int(line.values[0] or 0) for line in data.lines), default=0))
    across = dimension_of(chart.across)
    head = [
        html.Th(data.heading, scope="col", rowSpan=2, className="cell-pin"),
        html.Th(heading(data.columns[0]), scope="col", rowSpan=2, className="num"),
        html.Th(str(across.label), scope="colgroup", colSpan=len(data.columns) - 1, className="heat-over"),
    ]
    below = [html.Th(str(metric.label), scope="col", className="num") for metric in data.columns[1:]]
    body = [_row(chart, data, line, size) for line in data.lines]
    told = (
        gettext(
            "Each cell: its share of the row, and the amount (%(unit)s). Red cells got worse, green ones better.",
            unit=unit,
        )
        if unit
        else gettext(
            "Each cell: its share of the row, and the number of loans. Red cells got worse, green ones better."
        )
    )
    return html.Div(
        [
            html.Table(
                [
                    html.Caption(str(chart.title), className="sr-only"),
                    html.Thead([html.Tr(head), html.Tr(below)]),
                    html.Tbody(body),
                ],
                className="heat",
            ),
            html.P(told, className="heat-note"),
        ]
    )


def _row(chart: Matrix, data: ChartData, line: Line, size: int) -> Component:
    whole, cells = line.values[0], line.values[1:]
    first = html.Td(html.A(shown(data.columns[0], whole), href=line.url), className="num heat-whole")
    return html.Tr(
        [
            html.Th(line.label, scope="row", className="cell-pin"),
            first,
            *(
                _cell(chart, line, to, (value, share), (line.urls[n + 1], data.columns[n + 1].label), size)
                for n, (to, value, share) in enumerate(
                    zip(dimension_of(chart.across).order, cells, shares(cells, whole), strict=True)
                )
            ),
        ]
    )


def _cell(
    chart: Matrix, line: Line, to: Any, figures: tuple[Value, Fraction | None], place: tuple[str, Any], size: int
) -> Component:
    (value, share), (url, label) = figures, place
    kind = direction(chart, line.key, to)
    if not value or share is None:
        return html.Td(html.Span("·", **attributes(aria_label="0")), className=f"heat-cell heat-none heat-{kind}")
    amount = scaled(int(value), size) if size > 1 else f"{int(value):,}"
    tint = LEAST + float(share) * (MOST - LEAST)
    words = gettext("%(row)s to %(column)s", row=line.label, column=label)
    return html.Td(
        html.A(
            [html.Span(percent_words(share, 1)), html.Small(amount)],
            href=url,
            title=words,
            **attributes(aria_label=f"{words}: {percent_words(share, 1)}, {amount}"),
        ),
        className=f"heat-cell heat-{kind}",
        style={"--heat": f"{tint:.0f}%"},
    )


def direction(chart: Matrix, row: Any, column: Any) -> str:
    """Whether loans of a cell got worse, better or stayed: the places of both in the order of their dimensions."""
    if column == "settled":
        return "better"
    rows, columns = dimension_of(chart.by).order, dimension_of(chart.across).order
    was, now = rows.index(row), columns.index(column)
    return "same" if was == now else "worse" if now > was else "better"
