"""Dashboards: what people look at. Every figure comes from `evaluate`; no SQL lives here."""

from __future__ import annotations

from importlib import import_module

from flask import Flask
from flask_babel import lazy_gettext as _

from portal.core.application import add_page

PAGES = ("portfolio", "changed", "migration", "vintages", "provisions", "branches", "concentration", "cash")
"""Modules of `dashboards.pages`, in the order of the menu; importing one registers its dashboard."""


def register(app: Flask) -> None:
    """Put the dashboards and the map of grids on the server. Dash is heavy, so it is imported only here."""
    for name in PAGES:
        import_module(f"dashboards.pages.{name}")
    import_module("dashboards.mount").mount(app)
    grid_map = import_module("dashboards.grid_map").GridMapView
    add_page(app.appbuilder, grid_map, _("Grid map"), ("grids", _("Grids")), "fa-map-location-dot")  # type: ignore[attr-defined]
