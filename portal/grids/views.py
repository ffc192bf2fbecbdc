"""Screens of this area: territories, and the lines that their map draws for orientation."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.grids.models import Grid, MapLine


class GridView(PortalView):
    """Territories."""

    help = Help(
        _(
            "The territories that the county is divided into: villages, communities, business districts and "
            "parks, each with one customer manager."
        ),
        _(
            "Team leads assign grids to customer managers; branch heads see where nobody is responsible. The "
            "potential is an estimate of how many households and firms there could become customers."
        ),
    )
    datamodel = ScopedInterface(Grid)
    menu, icon = ("grids", _("Grids")), "fa-map"
    list_title, show_title, add_title, edit_title = _("Grids"), _("Grid"), _("Add a grid"), _("Edit grid")
    empty_text = _("Add a grid, or import a table or a map of grids (Imports).")
    list_columns = ["code", "name", "town", "kind", "potential_customers", "branch", "team", "manager"]
    order = ("code", "asc")
    summary_columns = ("potential_customers", "manager")
    summary_metrics, summary_dimension = ("loan_balance", "loan_count", "borrower_count", "par_30"), "grid"
    related = (("CustomerView", "grid"),)
    list_template, show_template = "grids/list.html", "grids/record.html"


class MapLineView(PortalView):
    """Boundaries under the grids on the map."""

    help = Help(
        _("County and town boundaries that the map of grids draws for orientation."),
        _("Each line names its source, which the map prints. No figure depends on them."),
    )
    datamodel = ScopedInterface(MapLine)
    menu, icon = ("grids", _("Grids")), "fa-draw-polygon"
    list_title, show_title, add_title, edit_title = (
        _("Map lines"),
        _("Map line"),
        _("Add a map line"),
        _("Edit map line"),
    )
    list_columns = ["name", "source"]
    order = ("name", "asc")
    empty_text = _("A boundary that the map of grids shows for orientation, as GeoJSON.")


def register(builder: Any) -> None:
    add_screens(builder, GridView, MapLineView)
