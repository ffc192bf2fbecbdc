"""Small pieces of markup that every part of a dashboard is made of."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component


def attributes(**values: Any) -> dict[str, Any]:
    """Attributes whose names hold a hyphen: `aria_label` becomes `aria-label`."""
    return {name.replace("_", "-"): value for name, value in values.items()}


def icon(name: str) -> Component:
    return html.I(className=f"fa fa-fw {name}", **attributes(aria_hidden="true"))


def waiting(kind: str) -> Component:
    """A quiet ground where something is on its way; the style sheet gives it the size of what comes."""
    return html.Div(className=f"skeleton skeleton-{kind}", **attributes(aria_hidden="true"))
