"""Dash on the Flask server: inlined in the portal's pages, behind one guard, under its content security policy.

Dash's own index is never routed: a page is a view of the portal, with its menu entry and its line in the role table.
What Dash adds (layout, dependencies, callbacks, scripts) is reached under the same prefix and passes the same guard.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc
import plotly
from dash import Dash, dcc, html
from dash.fingerprint import build_fingerprint
from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError, generate_csrf
from markupsafe import Markup

from dashboards import page as frame
from dashboards.asked import read
from dashboards.callbacks import register_callbacks, register_page_switch
from dashboards.dashboard import Dashboard, dashboards
from dashboards.files import as_csv
from dashboards.printing import as_pdf
from dashboards.theme import mantine_theme
from portal.core import scope
from portal.core.application import add_page
from portal.core.errors import error_response
from portal.core.headers import allow_inline_styles, csp_nonce
from portal.core.metric import dimension_of, metric_of
from portal.core.security import require
from portal.core.view_as import reads_by_post
from portal.core.work import unit_of_work
from reports.render import RenderError

PREFIX = "/dashboards/"
CALLBACK = f"{PREFIX}_dash-update-component"
INTERNAL = ("_dash-layout", "_dash-dependencies", "_dash-update-component", "_dash-component-suites/")
"""What of Dash is reached from outside: its index, reloader and catch-all are not."""

CSRF_COOKIE = "_csrf_token"
"""Dash sends this cookie's value as X-CSRFToken."""


class PortalDash(Dash):
    """Dash within the portal's frame."""

    def _add_url(self, name: str, view_func: Callable[..., Any], methods: tuple[str, ...] = ("GET",)) -> None:
        if name.startswith(INTERNAL):
            super()._add_url(name, view_func, methods)

    def interpolate_index(self, *_parts: str, **named: str) -> str:
        """The page: Dash's tags, with the nonce that lets their scripts run, in the portal's frame."""
        nonce = f'<script nonce="{csp_nonce()}"'
        tags = {name: Markup(text.replace("<script", nonce)) for name, text in named.items()}
        builder = current_app.appbuilder  # type: ignore[attr-defined]
        may_export = scope.actor().may(g.dashboard.resource, "export")
        return render_template(
            "dashboards/page.html",
            dash=tags,
            title=g.dashboard.title,
            dashboard=g.dashboard,
            filters=[
                gettext("As at"),
                *(option.label for option in g.dashboard.options),
                *(dimension_of(key).label for key in g.dashboard.filters),
            ],
            figures=[metric_of(tile.metric).label for tile in g.dashboard.tiles],
            pdf_url=url_for(f"{g.dashboard.view}.pdf") if may_export else "",
            appbuilder=builder,
            base_template=builder.base_template,
        )


class DashboardPage(BaseView):
    """A dashboard's page and its files. Made for each dashboard by `page_of`."""

    resource: str
    dashboard: Dashboard
    default_view = "show"
    method_actions = {"pdf": "export"}

    @expose("/")
    @has_access
    def show(self) -> Response:
        g.dashboard = self.dashboard
        self.update_redirect()
        allow_inline_styles()
        answer = make_response(current_app.extensions["dash"].index())
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        answer.set_cookie(CSRF_COOKIE, generate_csrf(), path=PREFIX, secure=secure, samesite="Lax")
        return answer

    @expose("/<string:chart>.csv")
    @has_access
    def export(self, chart: str) -> Response:
        """The rows of a chart, as the page shows them; written down like every export."""
        chosen = self.dashboard.chart(chart)
        if chosen is None:
            abort(404)
        search = request.query_string.decode()
        asked = read(search, self.dashboard.filters, self.dashboard.options)
        text = as_csv(chosen.data(asked))
        filters = {key: asked.codes(key) for key in asked.where}
        with unit_of_work("dashboards.export") as unit:
            unit.resource = self.resource
            unit.note(chart=chart, as_of=asked.as_of.isoformat(), filters=filters)
        name = f"{self.dashboard.key}-{chart}-{asked.as_of:%Y%m%d}.csv"
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(text, mimetype="text/csv; charset=utf-8", headers=headers)

    @expose("/print.pdf")
    @has_access
    def pdf(self) -> Any:
        """The page as PDF, with the filters of the address; written down like every export."""
        asked = read(request.query_string.decode(), self.dashboard.filters, self.dashboard.options)
        try:
            content = as_pdf(self.dashboard, asked)
        except RenderError as error:
            flash(str(error), "danger")
            return redirect(url_for(f"{self.endpoint}.show") + asked.search())
        filters = {key: asked.codes(key) for key in asked.where}
        with unit_of_work("dashboards.print") as unit:
            unit.resource = self.resource
            unit.note(as_of=asked.as_of.isoformat(), filters=filters, bytes=len(content))
        name = f"{self.dashboard.key}-{asked.as_of:%Y%m%d}.pdf"
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        return Response(content, mimetype="application/pdf", headers=headers)


def page_of(dashboard: Dashboard) -> type[DashboardPage]:
    """The view of a dashboard."""
    own = {
        "resource": dashboard.resource,
        "dashboard": dashboard,
        "route_base": PREFIX + dashboard.key,
        "help": dashboard.help,
        "help_figures": tuple(tile.metric for tile in dashboard.tiles),
    }
    return type(dashboard.view, (DashboardPage,), own)


def mount(app: Flask) -> None:
    """Put every registered dashboard on the server."""
    dash = PortalDash(
        "dashboards",
        server=app,  # type: ignore[arg-type]
        routes_pathname_prefix=PREFIX,
        requests_pathname_prefix=PREFIX,
        serve_locally=True,
        external_scripts=[_plotly_url()],
        include_assets_files=False,
        suppress_callback_exceptions=True,
        update_title="",
        add_log_handler=False,
        csrf_token_name=CSRF_COOKIE,
    )
    dash.layout = _frame
    register_page_switch(dash)
    owners: dict[str, Dashboard] = {}
    for dashboard in dashboards.values():
        known = set(dash.callback_map)
        register_callbacks(dash, dashboard)
        owners |= dict.fromkeys(set(dash.callback_map) - known, dashboard)
        builder = app.appbuilder  # type: ignore[attr-defined]
        add_page(builder, page_of(dashboard), dashboard.title, ("dashboards", _("Dashboards")), dashboard.icon)
    app.extensions["dash"] = dash
    reads_by_post(CALLBACK)
    app.before_request(lambda: _guard(owners))
    app.register_error_handler(CSRFError, _forged)


def _plotly_url() -> str:
    """Plotly at an address that browsers may keep: left to itself, Dash loads it late and asks again each time."""
    path = "package_data/plotly.min.js"
    changed = int((Path(str(plotly.__file__)).parent / path).stat().st_mtime)
    return f"{PREFIX}_dash-component-suites/plotly/{build_fingerprint(path, plotly.__version__, changed)}"


def _frame() -> Any:
    """What all pages share; the page itself is put in by a callback, for whoever asks, in his language."""
    chinese = str(get_locale()).startswith("zh")
    return dmc.MantineProvider(
        dmc.DatesProvider(
            [dcc.Location(id=frame.ADDRESS, refresh=False), html.Div(id=frame.PAGE, className="dashboard")],
            settings={"locale": "zh-cn" if chinese else "en", "firstDayOfWeek": 1},
        ),
        id="mantine",
        theme=mantine_theme(),
    )


def _guard(owners: dict[str, Dashboard]) -> Any:
    """Nothing under the prefix without a login and the right in the role table."""
    if not request.path.startswith(PREFIX):
        return None
    internal = request.path.removeprefix(PREFIX).startswith(INTERNAL)
    who = scope.actor()
    if who.user_id is None:
        if internal:
            return _log_in_again()
        return redirect(url_for("AuthDBView.login", next=request.full_path.rstrip("?")))
    if request.path == CALLBACK:
        return _enter_callback(owners)
    if internal:
        if not any(who.may(dashboard.resource, "show") for dashboard in dashboards.values()):
            abort(403)
    elif request.endpoint:
        require(*scope.task())
    return None


def _enter_callback(owners: dict[str, Dashboard]) -> None:
    """A callback acts for the page that it belongs to. The page switch belongs to none, and asks for itself."""
    output = str((request.get_json(silent=True) or {}).get("output", ""))
    if output not in current_app.extensions["dash"].callback_map:
        abort(404)
    owner = owners.get(output)
    if owner is not None:
        require(owner.resource, "show")
        scope.enter(scope.actor(), owner.resource, "show")


def _forged(error: CSRFError) -> Any:
    """Whose session has ended is told so, rather than that a token is missing."""
    if request.path == CALLBACK and scope.actor().user_id is None:
        return _log_in_again()
    return error_response(400, str(error.description))


def _log_in_again() -> Any:
    return error_response(401, gettext("Your session has ended. Sign in again; the page and its filters are kept."))
