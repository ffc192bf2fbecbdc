"""The parts that every dashboard is built of: filter bar, answer, tiles, chart cards, tables, states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component
from flask import url_for
from flask_babel import get_locale, gettext

from dashboards.asked import AS_OF, Asked, Figures, read
from dashboards.charts import Chart, ChartData, Line
from dashboards.dashboard import Dashboard, Tile
from dashboards.filters import choices, date_presets, is_needless
from dashboards.wording import day_words, percent_words, short_day_words
from portal.core.clock import business_date
from portal.core.metric import Metric, MetricError, Value, dimension_of, metric_of, words
from portal.metrics.formatting import heading, shown, unit_words

ADDRESS = "address"
"""Which page is shown; each page has a component of its own that follows the query string."""
PAGE = "page"


def part(dashboard: Dashboard, *names: str) -> str:
    """The id of a component of a page."""
    return "-".join((dashboard.key, *names))


def attributes(**values: Any) -> dict[str, Any]:
    """Attributes whose names hold a hyphen: `aria_label` becomes `aria-label`."""
    return {name.replace("_", "-"): value for name, value in values.items()}


def icon(name: str) -> Component:
    return html.I(className=f"fa fa-fw {name}", **attributes(aria_hidden="true"))


def message(title: str, text: str = "", icon_name: str = "fa-chart-simple", kind: str = "") -> Component:
    """Instead of a figure: nothing to show and why, or what went wrong."""
    children = [icon(icon_name), html.P(title, className="card-message-title")]
    children += [html.P(text, className="card-message-text")] if text else []
    return html.Div(children, className=f"card-message {kind}", role="status")


def nothing() -> Component:
    return message(
        gettext("No open loans"),
        gettext("There are none at this date within these filters, or none that you look after."),
    )


def refusal(error: Exception) -> Component:
    return message(gettext("This cannot be shown"), str(error), "fa-triangle-exclamation", "card-message-error")


def refused_address(dashboard: Dashboard, error: Exception) -> list[Component]:
    """The address asks for something that does not exist, or not for this person."""
    path = url_for(f"{page_name(dashboard)}.show")
    return [refusal(error), html.A(gettext("Show the page without filters"), href=path, className="btn btn-default")]


def skeleton(height: int) -> Component:
    return html.Div(className="skeleton", style={"height": height}, **attributes(aria_hidden="true"))


# ---- the page ---------------------------------------------------------------------------------------------------


def page(dashboard: Dashboard, search: str, may_export: bool) -> list[Component]:
    """A dashboard as it is opened with this query string: filters set, everything else still to come."""
    notice, spoken = None, attributes(aria_live="polite")
    try:
        asked = read(search, dashboard.filters)
    except MetricError as error:
        asked, notice = Asked(business_date()), refused_address(dashboard, error)
    return [
        dcc.Location(id=part(dashboard, "search"), search=search, refresh=False),
        filter_bar(dashboard, asked),
        html.Div(notice, id=part(dashboard, "notice"), className="dashboard-notice", **spoken),
        html.Div(
            [
                html.Div(skeleton(46), id=part(dashboard, "answer"), className="answer", **spoken),
                html.Div([skeleton(96) for _tile in dashboard.tiles], id=part(dashboard, "tiles"), className="tiles"),
                html.Div([chart_card(dashboard, chart, may_export) for chart in dashboard.charts], className="charts"),
            ],
            className="dashboard-body",
        ),
    ]


def filter_bar(dashboard: Dashboard, asked: Asked) -> Component:
    """The date and the filters. They are filled from the start: a control that fills itself would count as a choice."""
    chinese = str(get_locale()).startswith("zh")
    controls = [
        dmc.DatePickerInput(
            id=part(dashboard, AS_OF),
            label=gettext("As at"),
            value=asked.as_of.isoformat(),
            maxDate=business_date().isoformat(),
            presets=date_presets(),
            valueFormat="YYYY年M月D日" if chinese else "MMM D, YYYY",
            monthLabelFormat="YYYY年M月" if chinese else "MMMM YYYY",
            yearLabelFormat="YYYY年" if chinese else "YYYY",
            leftSection=icon("fa-calendar-day"),
            leftSectionPointerEvents="none",
            ariaLabels=_steps(),
            popoverProps={"withRoles": False},  # its role wants a name that it does not take
            className="dashboard-filter",
        ),
        *(_filter(dashboard, key, asked, choices(key, asked)) for key in dashboard.filters),
    ]
    return html.Div(controls, className="filter-bar", role="search", **attributes(aria_label=gettext("Filters")))


def _steps() -> dict[str, str]:
    """What the calendar's arrows are called."""
    return {
        "previousMonth": gettext("Previous month"),
        "nextMonth": gettext("Next month"),
        "previousYear": gettext("Previous year"),
        "nextYear": gettext("Next year"),
        "previousDecade": gettext("Previous decade"),
        "nextDecade": gettext("Next decade"),
    }


def _filter(dashboard: Dashboard, key: str, asked: Asked, found: list[dict[str, str]]) -> Component:
    control = dmc.MultiSelect(
        id=part(dashboard, key),
        label=str(dimension_of(key).label),
        data=found,
        value=asked.codes(key),
        placeholder=gettext("All"),
        searchable=True,
        clearable=True,
        hidePickedOptions=True,
        nothingFoundMessage=gettext("Nothing found"),
        maxDropdownHeight=280,
        clearButtonProps={"aria-label": gettext("Clear")},
    )
    hidden = is_needless(key, asked, found)
    return html.Div(control, id=part(dashboard, key, "control"), className="dashboard-filter", hidden=hidden)


def answer(asked: Asked, sentence: str) -> list[Component]:
    """First the answer: what the page says in one sentence, of which day, and within which filters (for paper)."""
    told: list[Component] = [
        html.P(sentence),
        html.P(gettext("As at %(day)s", day=day_words(asked.as_of)), className="answer-date"),
    ]
    for key, chosen in asked.where.items():
        names = ", ".join(words(dimension_of(key), chosen).values())
        told.append(html.P(f"{dimension_of(key).label}: {names}", className="answer-filters"))
    return told


# ---- tiles ------------------------------------------------------------------------------------------------------


def tile(declared: Tile, asked: Asked, course: Mapping[date, Figures]) -> Component:
    """A figure, its unit, its change since the month-end before, its course, what it means, and the way to its rows.

    `course` holds the figures at the date and at month-ends before it, the newest first.
    """
    metric = metric_of(declared.metric)
    now, before = course[asked.as_of], course[asked.month_end_before]
    value = now[metric.key]
    return html.Div(
        [
            html.Div([html.H2(str(metric.label)), explanation(metric, asked)], className="tile-head"),
            html.A(
                _digits(metric, value),
                href=asked.rows_url(metric.key),
                className="tile-figure",
                title=gettext("Show the loans behind this figure"),
            ),
            _change(declared, metric, value, before[metric.key], asked),
            *sparkline(metric, course),
        ],
        className="tile",
    )


def sparkline(metric: Metric, course: Mapping[date, Figures]) -> list[Component]:
    """The course of a figure as a small area, cut out of a coloured ground: no script and no picture is needed.

    Nothing when it was available at fewer than three dates. The area begins at the lowest value, not at 0: it shows the
    course, not the size, which the figure tells.
    """
    values = [(day, course[day][metric.key]) for day in sorted(course)]
    known = [(day, Fraction(value)) for day, value in values if value is not None]
    while known and not known[0][1]:
        known.pop(0)  # nothing was lent yet
    if len(known) < 3:
        return []
    low, high = min(value for _day, value in known), max(value for _day, value in known)
    step, room = Fraction(100, len(known) - 1), Fraction(84, 1) / (high - low) if high > low else Fraction()
    points = [f"{float(n * step):.1f}% {float(92 - room * (v - low)):.1f}%" for n, (_day, v) in enumerate(known)]
    label = gettext(
        "%(figure)s at %(count)s month-ends: from %(first)s to %(last)s",
        figure=metric.label,
        count=len(known),
        first=shown(metric, known[0][1]),
        last=shown(metric, known[-1][1]),
    )
    shape = f"polygon(0% 100%, {', '.join(points)}, 100% 100%)"
    return [html.Div(className="sparkline", style={"clipPath": shape}, role="img", **attributes(aria_label=label))]


def _digits(metric: Metric, value: Value) -> list[Any]:
    """The figure with its decimals smaller, and its unit."""
    whole, point, decimals = shown(metric, value).partition(".")
    return [
        html.Span([whole, html.Span(point + decimals, className="tile-decimals")], className="tile-digits"),
        html.Span(unit_words(metric) if value is not None else "", className="tile-unit"),
    ]


def explanation(metric: Metric, asked: Asked) -> Component:
    """The ⓘ of a figure: formula, source, date."""
    facts = [
        (gettext("Formula"), str(metric.formula)),
        (gettext("Source"), str(metric.source)),
        (gettext("As at"), day_words(asked.as_of)),
        (gettext("Compared with"), day_words(asked.month_end_before)),
    ]
    return html.Details(
        [
            html.Summary(
                icon("fa-circle-info"),
                className="tile-info",
                **attributes(aria_label=gettext("What %(figure)s means", figure=metric.label)),
            ),
            html.Dl(
                [html.Div([html.Dt(term), html.Dd(text)]) for term, text in facts], className="menu-panel tile-facts"
            ),
        ],
        className="menu menu-end",
    )


def _change(declared: Tile, metric: Metric, now: Value, before: Value, asked: Asked) -> Component:
    since = short_day_words(asked.month_end_before)
    if now is None:
        return html.P(gettext("not available"), className="tile-change")
    if before is None or (not before and now and metric.unit not in ("percent", "rate")):
        return html.P(gettext("nothing to compare at %(day)s", day=since), className="tile-change")
    difference = Fraction(now) - Fraction(before)
    if not difference:
        return html.P(gettext("unchanged since %(day)s", day=since), className="tile-change")
    rose = difference > 0
    good = {"up": rose, "down": not rose}.get(declared.good)
    amount = html.Span(
        [icon("fa-arrow-up" if rose else "fa-arrow-down"), "+" if rose else "", _amount(metric, difference, before)],
        className={True: "change change-good", False: "change change-bad", None: "change"}[good],
    )
    return html.P([amount, " ", gettext("since %(day)s", day=since)], className="tile-change")


def _amount(metric: Metric, difference: Fraction, before: Value) -> str:
    """Ratios change by percentage points, everything else by a share of what it was."""
    if metric.unit in ("percent", "rate"):
        return gettext("%(points)s pp", points=shown(metric, difference))
    assert before is not None
    return percent_words(difference / Fraction(before))


# ---- charts -----------------------------------------------------------------------------------------------------


def chart_card(dashboard: Dashboard, chart: Chart, may_export: bool) -> Component:
    """A card whose picture, table and file show the same rows."""
    title, heading_id = str(chart.title), part(dashboard, chart.key, "title")
    views = (("chart", gettext("Chart"), "fa-chart-column"), ("table", gettext("Table"), "fa-table"))
    tools = [
        html.Div(
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
            **attributes(aria_label=gettext("How %(chart)s is shown", chart=title)),
        ),
        html.Button("PNG", type="button", title=gettext("Save the chart as a picture"), **_file("png")),
    ]
    if may_export:
        href = url_for(f"{page_name(dashboard)}.export", chart=chart.key)
        tools.append(html.A("CSV", href=href, title=gettext("Save the rows as a file"), **_file("csv")))
    return html.Section(
        [
            html.Header([html.H2(title, id=heading_id), html.Div(tools, className="chart-tools")]),
            html.Div(
                dcc.Graph(
                    id=part(dashboard, chart.key, "graph"),
                    config={"displayModeBar": False, "locale": "zh-CN" if str(get_locale()).startswith("zh") else "en"},
                    responsive=True,
                ),
                className="chart-picture",
                role="img",
                **attributes(aria_labelledby=heading_id),
            ),
            dcc.Store(id=part(dashboard, chart.key, "figure")),
            html.Div(skeleton(240), id=part(dashboard, chart.key, "rows"), className="chart-rows", tabIndex=0),
        ],
        className="chart-card chart-wide" if chart.wide else "chart-card",
        **attributes(data_shown="chart", data_name=f"{dashboard.key}-{chart.key}", aria_labelledby=heading_id),
    )


def _file(kind: str) -> dict[str, Any]:
    """What the script knows a card's file buttons by."""
    return {"className": "chart-file", f"data-{kind}": ""}


def page_name(dashboard: Dashboard) -> str:
    """The name of the page's view, which begins its endpoints."""
    return "".join(word.title() for word in dashboard.key.split("_")) + "DashboardView"


def table(chart: Chart, data: ChartData) -> Component:
    """The chart's rows as a table; the first figure of a row leads to the rows behind it."""
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
    linked = html.A(figures[0], href=line.url) if line.url else figures[0]
    return [html.Td(cell, className="num") for cell in (linked, *figures[1:])]
