"""Help: what each screen is for, who works with it, what its columns and figures mean; opened by the ? in the top bar.

A screen declares `help = Help(…)`; the rest comes from the role table, the field metadata and the metric registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Response, abort, current_app, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core import scope, tour
from portal.core.metric import metrics
from portal.core.role_store import current
from portal.core.roles import PLACES
from portal.core.security import OPEN_VIEWS, allows, task_of, views_by_name


@dataclass(frozen=True)
class Help:
    """Two short paragraphs, in the words of those who lend."""

    purpose: Any
    """What the screen shows, and what it is for."""
    use: Any
    """Who works with it, when, and what to mind."""


class Term(NamedTuple):
    """A column or figure in words."""

    label: Any
    meaning: Any


def help_of(view: Any) -> Help | None:
    """What a screen says about itself."""
    return getattr(view, "help", None)


def terms_of(view: Any) -> Iterator[Term]:
    """What the screen's columns mean, as far as their names do not say it, and its figures."""
    names = getattr(view, "list_columns", None) or ()
    for name in view.shown(names) if names else ():
        column = view.column(name)
        if column.help:
            yield Term(column.label, column.help)
    for key in getattr(view, "help_figures", ()):
        yield Term(metrics[key].label, metrics[key].formula)


def readers_of(view: Any) -> list[Any]:
    """The names of the roles that may open the screen; empty when everybody may."""
    if type(view).__name__ in OPEN_VIEWS:
        return []
    task = task_of(view, getattr(view, "default_view", "list"))
    return [role.label for role in current().roles.values() if task in role.grants]


class HelpView(BaseView):
    """`/help/<screen>`: the page; with `?panel=1` only what the panel shows."""

    route_base = "/help"
    default_view = "show"

    @expose("/<string:screen>")
    @has_access
    def show(self, screen: str) -> Any:
        view = views_by_name().get(screen)
        text = help_of(view)
        if text is None or not allows(scope.actor(), screen, getattr(view, "default_view", "list")):
            abort(404)
        return self.render_template(
            "portal/help_panel.html" if "panel" in request.args else "portal/help.html",
            title=_title(view),
            text=text,
            readers=readers_of(view),
            terms=list(terms_of(view)),
            has_tour=bool(tour.steps(scope.actor().templates)),
            glossary="GlossaryView" if allows(scope.actor(), "GlossaryView", "list") else "",
        )

    @expose("/tour/seen", methods=["POST"])
    @has_access
    def tour_seen(self) -> Response:
        """The tour was gone through or skipped: it does not come again by itself."""
        tour.mark_seen()
        return Response(status=204)


def _title(view: Any) -> Any:
    """The screen's name, as the menu has it."""
    name = type(view).__name__
    entries = [entry for top in current_app.extensions["appbuilder"].menu.get_list() for entry in top.childs or [top]]
    named = next((entry.label for entry in entries if entry.baseview is view), None)
    return named or getattr(view, "list_title", None) or OTHER_TITLES.get(name, name)


OTHER_TITLES = {
    "HomeView": _("Home"),
    "AccountView": _("Sign-in and security"),
    "AccountOfView": _("Sign-in and security of a login"),
    "MetricRowsView": _("The loans behind a figure"),
    "ViewAsView": _("View as others"),
}


def for_templates() -> dict[str, Any]:
    """What the frame needs: the screen that ? explains, and on the home page the tour when it is due or asked for."""
    who = scope.actor()
    name, _dot, _method = (request.endpoint or "").partition(".")
    if who.user_id is None or help_of(views_by_name().get(name)) is None:
        return {"help_screen": "", "tour_steps": ()}
    wanted = name == "HomeView" and who.viewer is None and ("tour" in request.args or tour.is_due())
    return {"help_screen": name, "tour_steps": _pointed(who.templates) if wanted else ()}


def _pointed(role_names: tuple[str, ...]) -> list[dict[str, str]]:
    """The steps, each with the selector of what it points at."""
    found = []
    for step in tour.steps(role_names):
        view = views_by_name().get(step.at)
        if view is not None and not allows(scope.actor(), step.at, view.default_view):
            continue  # a role that was based on this one may have lost the screen
        at = PLACES.get(step.at) or f'.sidebar-nav a[href="{_address(view)}"]'
        found.append({"at": at, "title": str(step.title), "text": str(step.text)})
    return found


def _address(view: Any) -> str:
    return url_for(f"{view.endpoint}.{view.default_view}")
