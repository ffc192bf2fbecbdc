"""What a page asks of the server: its filters, its figures, its charts. All data of a dashboard passes through here.

Whatever goes wrong in one of them is written down and said in the place of what it should have brought.
"""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards import page as frame
from dashboards.asked import AS_OF, asked_by, course_of, read
from dashboards.cards import table
from dashboards.charts import Chart
from dashboards.dashboard import Dashboard, dashboards
from dashboards.figures import figure
from dashboards.filters import choices, is_needless
from dashboards.options import SINCE, Option
from dashboards.states import failure, nothing, refused_address
from dashboards.tiles import tile
from portal.core import scope
from portal.core.errors import NotFound
from portal.core.security import require

COURSE = 13
"""Dates of a tile's sparkline: the date asked about and the twelve month-ends before it."""


def register_page_switch(app: Dash) -> None:
    """The one callback that belongs to no page: it puts the page of the address in."""

    @app.callback(
        Output(frame.PAGE, "children"),
        Input(frame.ADDRESS, "pathname"),
        State(frame.ADDRESS, "search"),
        on_error=failure,
    )
    def page(pathname: str, search: str | None) -> Any:
        dashboard = dashboards.get(pathname.strip("/").rpartition("/")[2])
        if dashboard is None:
            raise NotFound
        require(dashboard.resource, "show")
        return frame.page(dashboard, search or "", scope.actor().may(dashboard.resource, "export"))


def _search(dashboard: Dashboard) -> str:
    """The component that follows the query string: what a page is asked stands there and nowhere else."""
    return dashboard.id_of("search")


def register_callbacks(app: Dash, dashboard: Dashboard) -> None:
    """The callbacks of one page."""
    _filters(app, dashboard)
    _headline(app, dashboard)
    for chart in dashboard.charts:
        _chart(app, dashboard, chart)


def _filters(app: Dash, dashboard: Dashboard) -> None:
    """Controls and address, each following the other: one callback, since two would wait for each other."""
    date_id = dashboard.id_of(AS_OF)
    ids = {key: dashboard.id_of(key) for key in dashboard.filters}
    settings = {option.key: dashboard.id_of(option.key) for option in dashboard.options}
    same = dict.fromkeys(ids, no_update)

    def refused(error: Exception) -> dict[str, Any]:
        shown = {"search": no_update, "as_of": no_update, "values": same, "choices": same, "hidden": same}
        shown["options"] = dict.fromkeys(settings, no_update)
        return {**shown, "notice": refused_address(dashboard, error)}

    @app.callback(
        output={
            "search": Output(_search(dashboard), "search"),
            "as_of": Output(date_id, "value"),
            "values": {key: Output(name, "value") for key, name in ids.items()},
            "choices": {key: Output(name, "data") for key, name in ids.items()},
            "hidden": {key: Output(f"{name}-control", "hidden") for key, name in ids.items()},
            "options": {key: Output(name, "value") for key, name in settings.items()},
            "notice": Output(dashboard.id_of("notice"), "children"),
        },
        inputs={
            "search": Input(_search(dashboard), "search"),
            "as_of": Input(date_id, "value"),
            "values": {key: Input(name, "value") for key, name in ids.items()},
            "options": {key: Input(name, "value") for key, name in settings.items()},
        },
        prevent_initial_call=True,  # the page comes with its filters set
        on_error=refused,
    )
    def filters(
        search: str, as_of: str | None, values: dict[str, list[str] | None], options: dict[str, Any]
    ) -> dict[str, Any]:
        by_address = ctx.triggered_id == _search(dashboard)
        if by_address:
            asked = read(search, dashboard.filters, dashboard.options)
        else:
            moved = ctx.triggered_id == date_id
            chosen = {option: _chosen(option, options[option.key], moved) for option in dashboard.options}
            asked = asked_by(as_of or "", {key: texts or () for key, texts in values.items()}, chosen)
        # Another date has other choices; another filter has the same.
        fresh = by_address or ctx.triggered_id == date_id
        found = {key: choices(key, dashboard.counted, asked) for key in ids} if fresh else {}
        return {
            "search": no_update if by_address else asked.search(),
            "as_of": asked.as_of.isoformat(),
            "values": {key: asked.codes(key) for key in ids},
            "choices": found or same,
            "hidden": {key: is_needless(key, asked, found[key]) for key in found} or same,
            "options": {option.key: option.text(value) for option, value in asked.options.items()},
            "notice": None,
        }


def _chosen(option: Option, value: Any, moved: bool) -> str:
    """What a control says; a date to compare with follows the date of the page when that is moved."""
    return "" if value is None or (moved and option.key == SINCE) else str(value)


def _headline(app: Dash, dashboard: Dashboard) -> None:
    """The sentence and the tiles."""

    @app.callback(
        Output(dashboard.id_of("answer"), "children"),
        Output(dashboard.id_of("tiles"), "children"),
        Input(_search(dashboard), "search"),
        on_error=lambda error: (failure(error), None),
    )
    def headline(search: str) -> Any:
        asked = read(search, dashboard.filters, dashboard.options)
        course = course_of(dashboard.tiles, asked, COURSE)
        answer = dashboard.answer(asked, course[asked.as_of], course[asked.month_end_before])
        return frame.answer(asked, answer), [tile(declared, asked, course) for declared in dashboard.tiles]


def _chart(app: Dash, dashboard: Dashboard, chart: Chart) -> None:
    """The rows of a chart, drawn and listed; the browser colours the drawing."""
    store, graph, listed = (dashboard.id_of(chart.key, name) for name in ("figure", "graph", "rows"))

    @app.callback(
        Output(store, "data"),
        Output(listed, "children"),
        Input(_search(dashboard), "search"),
        on_error=lambda error: (None, failure(error)),
    )
    def rows(search: str) -> Any:
        data = chart.data(read(search, dashboard.filters, dashboard.options))
        if not data.lines:
            return None, nothing(dashboard, data.nothing)
        return figure(chart, data) if chart.drawn else None, table(chart, data)

    if not chart.drawn:
        return
    app.clientside_callback(
        ClientsideFunction("dashboards", "paint"),
        Output(graph, "figure"),
        Output(graph, "style"),
        Input(store, "data"),
        State(graph, "id"),
    )
