"""What a page asks of the server: its filters, its figures, its charts. All data of a dashboard passes through here."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboards import components as ui
from dashboards.asked import AS_OF, asked_by, month_ends, read
from dashboards.charts import Chart
from dashboards.dashboard import Dashboard, dashboards
from dashboards.figures import figure
from dashboards.filters import choices, is_needless
from portal.core import scope
from portal.core.errors import PortalError
from portal.core.metric import MetricError
from portal.core.security import require

COURSE = 13
"""Dates of a tile's sparkline: the date asked about and the twelve month-ends before it."""


def register_page_switch(app: Dash) -> None:
    """The one callback that belongs to no page: it puts the page of the address in."""

    @app.callback(Output(ui.PAGE, "children"), Input(ui.ADDRESS, "pathname"), State(ui.ADDRESS, "search"))
    def page(pathname: str, search: str | None) -> Any:
        dashboard = dashboards[pathname.strip("/").rpartition("/")[2]]
        require(dashboard.resource, "show")
        return ui.page(dashboard, search or "", scope.actor().may(dashboard.resource, "export"))


def _search(dashboard: Dashboard) -> str:
    """The component that follows the query string: what a page is asked stands there and nowhere else."""
    return ui.part(dashboard, "search")


def register_callbacks(app: Dash, dashboard: Dashboard) -> None:
    """The callbacks of one page."""
    _filters(app, dashboard)
    _headline(app, dashboard)
    for chart in dashboard.charts:
        _chart(app, dashboard, chart)


def _filters(app: Dash, dashboard: Dashboard) -> None:
    """Controls and address, each following the other: one callback, since two would wait for each other."""
    date_id = ui.part(dashboard, AS_OF)
    ids = {key: ui.part(dashboard, key) for key in dashboard.filters}

    @app.callback(
        output={
            "search": Output(_search(dashboard), "search"),
            "as_of": Output(date_id, "value"),
            "values": {key: Output(name, "value") for key, name in ids.items()},
            "choices": {key: Output(name, "data") for key, name in ids.items()},
            "hidden": {key: Output(f"{name}-control", "hidden") for key, name in ids.items()},
            "notice": Output(ui.part(dashboard, "notice"), "children"),
        },
        inputs={
            "search": Input(_search(dashboard), "search"),
            "as_of": Input(date_id, "value"),
            "values": {key: Input(name, "value") for key, name in ids.items()},
        },
        prevent_initial_call=True,  # the page comes with its filters set
    )
    def filters(search: str, as_of: str | None, values: dict[str, list[str] | None]) -> dict[str, Any]:
        by_address = ctx.triggered_id == _search(dashboard)
        same = dict.fromkeys(ids, no_update)
        try:
            if by_address:
                asked = read(search, dashboard.filters)
            else:
                asked = asked_by(as_of or "", {key: chosen or () for key, chosen in values.items()})
            # Another date has other choices; another filter has the same.
            fresh = by_address or ctx.triggered_id == date_id
            found = {key: choices(key, asked) for key in ids} if fresh else {}
        except MetricError as error:
            shown = {"search": no_update, "as_of": no_update, "values": same, "choices": same, "hidden": same}
            return {**shown, "notice": ui.refused_address(dashboard, error)}
        return {
            "search": no_update if by_address else asked.search(),
            "as_of": asked.as_of.isoformat(),
            "values": {key: asked.codes(key) for key in ids},
            "choices": found or same,
            "hidden": {key: is_needless(key, asked, found[key]) for key in found} or same,
            "notice": None,
        }


def _headline(app: Dash, dashboard: Dashboard) -> None:
    """The sentence and the tiles."""
    keys = tuple(tile.metric for tile in dashboard.tiles)

    @app.callback(
        Output(ui.part(dashboard, "answer"), "children"),
        Output(ui.part(dashboard, "tiles"), "children"),
        Input(_search(dashboard), "search"),
    )
    def headline(search: str) -> Any:
        try:
            asked = read(search, dashboard.filters)
            course = asked.series(keys, month_ends(asked.as_of, COURSE))
            answer = dashboard.answer(asked, course[asked.as_of], course[asked.month_end_before])
        except PortalError as error:
            return ui.refusal(error), None
        return ui.answer(asked, answer), [ui.tile(tile, asked, course) for tile in dashboard.tiles]


def _chart(app: Dash, dashboard: Dashboard, chart: Chart) -> None:
    """The rows of a chart, drawn and listed; the browser colours the drawing."""
    store, graph, table = (ui.part(dashboard, chart.key, name) for name in ("figure", "graph", "rows"))

    @app.callback(Output(store, "data"), Output(table, "children"), Input(_search(dashboard), "search"))
    def rows(search: str) -> Any:
        try:
            data = chart.data(read(search, dashboard.filters))
        except PortalError as error:
            return None, ui.refusal(error)
        if not data.lines:
            return None, ui.nothing()
        return figure(chart, data), ui.table(chart, data)

    app.clientside_callback(
        ClientsideFunction("dashboards", "paint"),
        Output(graph, "figure"),
        Output(graph, "style"),
        Input(store, "data"),
        State(graph, "id"),
    )
