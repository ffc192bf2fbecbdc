"""Screens of this area: Territories."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.grids.models import Grid


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
    list_columns = ["code", "name", "town", "kind", "potential_customers", "branch", "team", "manager"]
    order = ("code", "asc")
    related = (("CustomerView", "grid"),)


def register(builder: Any) -> None:
    add_screens(builder, GridView)
