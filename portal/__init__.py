"""Gridlend: an admin portal for small lenders."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

import config
from portal.core import application, registry, security
from portal.core.home import check_places
from portal.core.notification_view import NotificationView
from portal.core.search_view import SearchView

#: Categories of the sidebar: what is looked at first, what is configured last.
MENU = (
    "dashboards",
    "customers",
    "grids",
    "lending",
    "guarantees",
    "collection",
    "risk",
    "warnings",
    "reports",
    "imports",
    "parameters",
    "organization",
    "administration",
)


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application: kit, areas in their order, then what is built above them; registries frozen at the end."""
    app = application.assemble(settings or config.Settings.from_env())
    import_module("portal.roles")
    import_module("portal.roles_lending")
    import_module("portal.verbs")
    for area in config.AREAS:
        import_module(f"portal.{area}.models")
    with app.app_context():
        builder = application.add_builder(app)
        builder.add_view_no_menu(SearchView)
        builder.add_view_no_menu(NotificationView)
        for area in config.AREAS:
            import_module(f"portal.{area}.views").register(builder)
            import_module(f"portal.{area}.contributions")
        for package in config.APPS:
            import_module(package).register(app)
        application.order_menu(builder, MENU)
        security.check_declarations()
        check_places()
    registry.freeze_all()
    return app
