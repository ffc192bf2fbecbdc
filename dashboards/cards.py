"""Chart cards: a picture, a table and files of the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component
from flask import url_for
from flask_babel import get_locale, gettext

from dashboards.charts import Chart, ChartData, Line
from dashboards.charts_of_change import Matrix
from dashboards.dashboard import Dashboard
from dashboards.figures import height_of
from dashboards.heat import heat_table
from dashboards.markup import attributes, icon, waiting
from portal.metrics.formatting import heading, shown


def chart_card(dashboard: Dashboard, chart: Chart, names: Sequence[str], may_export: bool) -> Component:
    """A card whose rows are still to come; it is as high as its picture would be with all of these rows."""
    heading_id = dashboard.id_of(chart.key, "title")
    title = html.Div([html.H2(str(chart.title), id=heading_id), *([html.P(str(chart.note))] if chart.note else [])])
    return html.Section(
        [
            html.Header([title, _tools(dashboard, chart, may_export)]),
            html.Div(
                [
                    *([_picture(dashboard, chart, heading_id)] if chart.drawn else []),
                    dcc.Store(id=dashboard.id_of(chart.key, "figure")),
                    html.Div(
                        waiting("chart"),
                        id=dashboard.id_of(chart.key, "rows"),
                        className="chart-rows",
                        tabIndex=0,
                        role="region",
                        **attributes(aria_labelledby=heading_id),
                    ),
                ],
                className="chart-body",
                style={"--drawing": f"{height_of(chart, names)}px"},
            ),
        ],
        className="chart-card chart-wide" if chart.wide else "chart-card",
        **attributes(
            data_shown="chart" if chart.drawn else "table",
            data_name=dashboard.id_of(chart.key),
            aria_labelledby=heading_id,
        ),
    )


def _picture(dashboard: Dashboard, chart: Chart, heading_id: str) -> Component:
    return html.Div(
        dcc.Graph(
            id=dashboard.id_of(chart.key, "graph"),
            config={"displayModeBar": False, "locale": "zh-CN" if str(get_locale()).startswith("zh") else "en"},
            responsive=True,
        ),
        className="chart-picture",
        role="img",
        **attributes(aria_labelledby=heading_id),
    )


def _tools(dashboard: Dashboard, chart: Chart, may_export: bool) -> Component:
    """Chart or table; the picture and, for whoever may export, the rows as files."""
    views = (("chart", gettext("Chart"), "fa-chart-column"), ("table", gettext("Table"), "fa-table"))
    switch = html.Div(
        [
            html.Button(
                icon(icon_name),
                type="button",
                title=label,
                **attributes(data_view=view, aria_pressed=str(view == "chart").lower(), aria_label=label),
            )
            for view, label, icon_name in views
        ],
        className="view-switch",
        role="group",
        **attributes(aria_label=gettext("How %(chart)s is shown", chart=chart.title)),
    )
    png = html.Button("PNG", type="button", title=gettext("Save the chart as a picture"), **_file("png"))
    tools = [switch, png] if chart.drawn else []
    if may_export:
        href = url_for(f"{dashboard.view}.export", chart=chart.key)
        tools.append(html.A("CSV", href=href, title=gettext("Save the rows as a file"), **_file("csv")))
    return html.Div(tools, className="chart-tools")


def _file(kind: str) -> dict[str, Any]:
    """What the script knows a card's file buttons by."""
    return {"className": "chart-file", f"data-{kind}": ""}


def table(chart: Chart, data: ChartData) -> Component:
    """The chart's rows as a table; the first figure of a row leads to the rows behind it."""
    if isinstance(chart, Matrix):
        return heat_table(chart, data)
    head = [html.Th(data.heading, scope="col")]
    head += [html.Th(heading(metric), scope="col", className="num") for metric in data.columns]
    body = [html.Tr([html.Th(line.label, scope="row"), *_cells(data, line)]) for line in data.lines]
    if data.total is not None:
        whole = Line(None, gettext("Total"), data.total)
        body.append(html.Tr([html.Th(whole.label, scope="row"), *_cells(data, whole)], className="total"))
    return html.Table(
        [html.Caption(str(chart.title), className="sr-only"), html.Thead(html.Tr(head)), html.Tbody(body)],
        className="data-table",
    )


def _cells(data: ChartData, line: Line) -> list[Component]:
    figures = [shown(metric, value) for metric, value in zip(data.columns, line.values, strict=True)]
    urls = line.urls or (line.url,)
    cells = [html.A(figure, href=urls[n]) if n < len(urls) and urls[n] else figure for n, figure in enumerate(figures)]
    return [html.Td(cell, className="num") for cell in cells]
