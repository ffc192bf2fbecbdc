"""The house's tokens for Mantine components and for Plotly figures."""

from __future__ import annotations

from typing import Any

from portal.core.tokens import TOKENS, mix
from portal.loans.classification import Category

RISK_COLOURS = tuple((category, f"risk-{category.value.replace('_', '-')}") for category in Category)
"""Each of the five categories with the name of its colour token, on every page that draws them."""

PLAIN_AXIS = {
    "gridcolor": "var(--chart-grid)",
    "linecolor": "var(--chart-grid)",
    "tickfont": {"color": "var(--chart-axis)"},
    "zeroline": False,
    "ticks": "",
}


def layout_base(**own: Any) -> dict[str, Any]:
    """A figure's layout: the house's colours and type, with what is its own."""
    axes = {name: {**PLAIN_AXIS, **axis} for name, axis in own.items() if name.startswith(("xaxis", "yaxis"))}
    return {
        "autosize": True,
        "paper_bgcolor": "var(--surface)",
        "plot_bgcolor": "var(--surface)",
        "font": {"family": "var(--font-sans)", "size": 12, "color": "var(--text)"},
        "hoverlabel": {
            "bgcolor": "var(--surface-inverse)",
            "bordercolor": "var(--surface-inverse)",
            "font": {"family": "var(--font-sans)", "size": 12, "color": "var(--text-inverse)"},
            "align": "left",
        },
        "showlegend": False,
        "dragmode": False,
        **own,
        **axes,
    }


def mantine_theme() -> dict[str, Any]:
    """Mantine's theme: our type, radii and brand colour. Grounds and borders come from tokens.css (dashboards.css)."""
    shared = TOKENS["shared"]
    return {
        "fontFamily": shared["font-sans"],
        "fontFamilyMonospace": shared["font-mono"],
        "fontSizes": {name: shared["text"][name] for name in ("xs", "sm", "md", "lg", "xl")},
        "radius": {"xs": shared["radius"]["sm"], **{name: shared["radius"][name] for name in ("sm", "md", "lg")}},
        "defaultRadius": "md",
        "colors": {"brand": _shades()},
        "primaryColor": "brand",
        "primaryShade": {"light": 6, "dark": 5},
        "respectReducedMotion": True,
    }


def _shades() -> list[str]:
    """Mantine wants ten shades from light to dark: the brand colours of both themes stand at 6 and 5."""
    light, dark = TOKENS["light"]["brand"], TOKENS["dark"]["brand"]
    tints = [mix(dark, "#ffffff", share) for share in (0.08, 0.2, 0.4, 0.6, 0.8)]
    return [*tints, dark, light, *(mix(light, "#000000", share) for share in (0.85, 0.7, 0.55))]
