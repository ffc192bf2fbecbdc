"""Dashboards: what people look at. Every figure comes from `evaluate`; no SQL lives here."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

PAGES = ("portfolio",)
"""Modules of `dashboards.pages`, in the order of the menu; importing one registers its dashboard."""


def register(app: Flask) -> None:
    """Put the dashboards on the server. Dash and its components are heavy, so they are imported only here."""
    for name in PAGES:
        import_module(f"dashboards.pages.{name}")
    import_module("dashboards.mount").mount(app)
