"""What stands where figures cannot: there are none, they are refused, something went wrong."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component
from flask import url_for
from flask_babel import gettext

from dashboards.dashboard import Dashboard
from dashboards.markup import icon
from portal.core.errors import ADVICE, TITLES, reference, written_down


def nothing(dashboard: Dashboard, because: str = "") -> Component:
    """Nothing to show, and why: the chart's own sentence, or that of the page."""
    lines = (
        [html.P(because, className="card-message-text")]
        if because
        else [
            html.P(str(dashboard.nothing), className="card-message-title"),
            html.P(str(dashboard.nothing_because), className="card-message-text"),
        ]
    )
    return html.Div([icon("fa-chart-simple"), *lines], className="card-message", role="status")


def failure(error: Exception) -> Component:
    """What went wrong in words, with the number under which the log has it; nothing of the inside."""
    status, sentence = written_down(error)
    title = gettext("This cannot be shown") if sentence else str(TITLES.get(status, TITLES[500]))
    lines = [
        html.P(title, className="card-message-title"),
        html.P(sentence or str(ADVICE.get(status, ADVICE[500])), className="card-message-text"),
        html.P(gettext("Reference number %(number)s", number=reference()), className="card-message-reference"),
    ]
    return html.Div(
        [icon("fa-triangle-exclamation"), *lines], className="card-message card-message-error", role="alert"
    )


def refused_address(dashboard: Dashboard, error: Exception) -> list[Component]:
    """The address asks for something that does not exist, or not for this person; and the way out."""
    path = url_for(f"{dashboard.view}.show")
    return [failure(error), html.A(gettext("Show the page without filters"), href=path, className="btn btn-default")]
