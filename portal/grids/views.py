"""Screens of this area: Territories."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.views import PortalView, ScopedInterface
from portal.grids.models import Grid


class GridView(PortalView):
    """Territories."""

    datamodel = ScopedInterface(Grid)
    menu, icon = ("grids", _("Grids")), "fa-map"
    list_title, show_title, add_title, edit_title = _("Grids"), _("Grid"), _("Add a grid"), _("Edit grid")
    empty_text = _("Add a grid, or import a table or a map of grids (Imports).")
    list_columns = ["code", "name", "town", "kind", "potential_customers", "branch", "team", "manager"]
    order = ("code", "asc")
    related = (("CustomerView", "grid"),)


def register(builder: Any) -> None:
    add_screens(builder, GridView)
