"""`/search`: what the palette asks as somebody types, and the same as a page for who has no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flask import current_app, jsonify, request
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.display import screens
from portal.core.help import Help
from portal.core.recent import recent
from portal.core.search import Hit, Query, Source, read_query, record_hit, register_source, search

IN_PALETTE, ON_PAGE = 6, 25


def menu_hits() -> Iterator[Hit]:
    """Every screen of the menu that the role may open."""
    for area in current_app.appbuilder.menu.get_data():  # type: ignore[attr-defined]
        if not isinstance(area, dict):
            continue
        for item in area.get("childs") or [area]:
            if isinstance(item, dict) and item.get("url"):
                note = str(area["label"]) if item is not area else ""
                yield Hit(str(item["label"]), item["url"], note, item.get("icon") or "fa-table")


def action_hits() -> Iterator[Hit]:
    """What the role may start: a new record of each screen."""
    for view in screens().values():
        if view.may("add") and not view.record_view:
            yield Hit(str(view.add_title), f"{view.route_base}/add", str(view.list_title), "fa-plus")


def _screens(query: Query, limit: int) -> Sequence[Hit]:
    found = [hit for hit in menu_hits() if query.meets(hit.title) or query.text.lower() in hit.url]
    return found[:limit]


def _actions(query: Query, limit: int) -> Sequence[Hit]:
    return [hit for hit in action_hits() if query.meets(hit.title)][:limit]


register_source(Source("screens", _("Screens"), _screens, 50))
register_source(Source("actions", _("Actions"), _actions, 60))


class SearchView(BaseView):
    """Search over everything the actor may see. An empty query gives what was opened last, and the screens."""

    help = Help(
        _("Finds customers, loans, grids, staff, screens and actions you may open."),
        _("Type a name, its pinyin initials such as zw, a code, or a whole phone or ID number."),
    )
    route_base = "/search"
    default_view = "index"

    @expose("/")
    @has_access
    def index(self) -> Any:
        query = read_query(request.args.get("q", ""))
        return self.render_template(
            "portal/search.html", title=gettext("Search"), query=query.text, groups=_groups(query, ON_PAGE)
        )

    @expose("/find")
    @has_access
    def find(self) -> Any:
        groups = _groups(read_query(request.args.get("q", "")), IN_PALETTE)
        return jsonify(groups=[{"label": label, "hits": [vars(hit) for hit in hits]} for label, hits in groups])


def _groups(query: Query, limit: int) -> list[tuple[str, Sequence[Hit]]]:
    if query.text:
        return [(str(source.label), hits) for source, hits in search(query, limit)]
    opened = [record_hit(view, row) for view, row in recent()]
    groups: list[tuple[str, Sequence[Hit]]] = [
        (gettext("Opened last"), opened),
        (gettext("Actions"), list(action_hits())[:limit]),
        (gettext("Screens"), list(menu_hits())),
    ]
    return [(label, hits) for label, hits in groups if hits]
