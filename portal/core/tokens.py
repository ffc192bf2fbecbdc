"""Design tokens: every colour, space, radius and type size of the portal, in one dictionary.

`python -m portal.core.tokens` writes them as CSS custom properties to static/portal/tokens.css (a test keeps the file
equal). Pages use `var(--name)`; Dash and the PDF reports, which cannot, read the same values from here.

The risk scale was chosen by search: its five colours stay at least 20 CIELAB units apart for people with protanopia,
deuteranopia and tritanopia, and 3:1 against the surface. It is still never the only signal: chips add a shape and
a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

Theme = Literal["light", "dark"]

STYLESHEET = Path(__file__).resolve().parents[1] / "static" / "portal" / "tokens.css"

#: How much of a signal colour tints the ground behind a chip or a notice.
SOFT = {"light": 0.10, "dark": 0.16}

TOKENS: dict[str, dict[str, Any]] = {
    "shared": {
        "font-sans": (
            '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, '
            '"PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", '
            '"Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei", sans-serif'
        ),
        "font-mono": (
            'ui-monospace, SFMono-Regular, Consolas, "Liberation Mono", Menlo, "PingFang SC", "Microsoft YaHei", '
            '"Noto Sans CJK SC", monospace'
        ),
        "text": {
            "xs": "0.75rem",
            "sm": "0.8125rem",
            "md": "0.875rem",
            "lg": "1rem",
            "xl": "1.25rem",
            "2xl": "1.625rem",
        },
        "weight": {"normal": "400", "medium": "500", "bold": "600"},
        "leading": {"tight": "1.3", "normal": "1.5"},
        "space": ["4px", "8px", "12px", "16px", "20px", "24px", "32px", "48px"],
        "radius": {"sm": "4px", "md": "6px", "lg": "10px", "full": "999px"},
        "size": {
            "control": "34px",
            "row": "38px",
            "row-compact": "30px",
            "touch": "44px",
            "topbar": "52px",
            "sidebar": "232px",
            "rail": "60px",
            "form": "1040px",
        },
        "speed": "120ms",
    },
    "light": {
        "bg": "#f6f7f9",
        "surface": "#ffffff",
        "surface-sunken": "#f4f5f8",
        "surface-hover": "#f2f4f8",
        "surface-selected": "#edf2ff",
        "surface-inverse": "#1b2130",
        "border": "#e4e7ec",
        "border-strong": "#cfd4dd",
        "border-control": "#868e9c",
        "text": "#161b26",
        "text-soft": "#454d5c",
        "text-muted": "#626b7b",
        "text-inverse": "#f4f6fb",
        "brand": "#3157d5",
        "brand-hover": "#2647b4",
        "brand-text": "#2b4fc7",
        "brand-soft": "#e9eefc",
        "on-brand": "#ffffff",
        "danger": "#c4283c",
        "danger-hover": "#a51e30",
        "on-danger": "#ffffff",
        "focus": "#3157d5",
        "scrim": "rgb(15 20 32 / 42%)",
        "shadow": {
            "sm": "0 1px 2px rgb(16 24 40 / 6%)",
            "md": "0 4px 12px rgb(16 24 40 / 10%), 0 1px 3px rgb(16 24 40 / 6%)",
            "lg": "0 16px 40px rgb(16 24 40 / 18%), 0 2px 8px rgb(16 24 40 / 8%)",
        },
        "signal": {"ok": "#0f7453", "info": "#2463c7", "warn": "#a15c07", "danger": "#c4283c", "neutral": "#626b7b"},
        "risk": {
            "normal": "#0495d7",
            "special-mention": "#ce8504",
            "substandard": "#cf593b",
            "doubtful": "#7e062a",
            "loss": "#351e41",
        },
        "chart": ["#036ad7", "#0b9788", "#d58a26", "#de3453", "#884aa3", "#16b8f3", "#814112", "#345a67"],
        "sequence": ["#e3ebf7", "#b9d1ea", "#7fb0d9", "#4287c4", "#205ea1", "#0d3b70"],
        "chart-grid": "#e4e7ec",
        "chart-axis": "#626b7b",
    },
    "dark": {
        "bg": "#0d1016",
        "surface": "#151921",
        "surface-sunken": "#1a1f29",
        "surface-hover": "#1d232e",
        "surface-selected": "#1b2747",
        "surface-inverse": "#e8ebf2",
        "border": "#272d39",
        "border-strong": "#3a4252",
        "border-control": "#717b8d",
        "text": "#e8ebf1",
        "text-soft": "#b4bcca",
        "text-muted": "#929cad",
        "text-inverse": "#151921",
        "brand": "#4569e8",
        "brand-hover": "#3c5fdb",
        "brand-text": "#93adff",
        "brand-soft": "#1f2a4d",
        "on-brand": "#ffffff",
        "danger": "#d2384c",
        "danger-hover": "#bd2c40",
        "on-danger": "#ffffff",
        "focus": "#93adff",
        "scrim": "rgb(0 0 0 / 60%)",
        "shadow": {
            "sm": "0 1px 2px rgb(0 0 0 / 40%)",
            "md": "0 4px 14px rgb(0 0 0 / 50%)",
            "lg": "0 18px 48px rgb(0 0 0 / 64%)",
        },
        "signal": {"ok": "#3fbf8f", "info": "#6ba4f5", "warn": "#e0a33c", "danger": "#f2758a", "neutral": "#929cad"},
        "risk": {
            "normal": "#118eb9",
            "special-mention": "#efc581",
            "substandard": "#fb832c",
            "doubtful": "#d9284d",
            "loss": "#e0d0ff",
        },
        "chart": ["#5196fb", "#30d2b2", "#fac445", "#ee5f72", "#bf97de", "#a3e1f0", "#cd7e43", "#8591a5"],
        "sequence": ["#16304f", "#1d4b7d", "#2d6bab", "#4f90cf", "#85b7e4", "#c6dff5"],
        "chart-grid": "#272d39",
        "chart-axis": "#929cad",
    },
}


def mix(colour: str, ground: str, share: float) -> str:
    """`share` of a colour over a ground, both #rrggbb, as #rrggbb (no colour-mix(): PDF and older browsers lack it)."""
    parts = zip(bytes.fromhex(colour[1:]), bytes.fromhex(ground[1:]), strict=True)
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in parts)


def _tints(theme: Theme) -> dict[str, Any]:
    """The soft grounds of the signal and risk colours of a theme."""
    tokens, share = TOKENS[theme], SOFT[theme]
    groups = {"signal": tokens["signal"], "risk": tokens["risk"]}
    return {
        f"{group}-{name}-soft": mix(colour, tokens["surface"], share)
        for group, colours in groups.items()
        for name, colour in colours.items()
    }


def palette(theme: Theme = "light") -> dict[str, Any]:
    """All colours of a theme with their soft grounds, for Dash and the reports."""
    return {**TOKENS[theme], **_tints(theme)}


def _properties(tokens: dict[str, Any], prefix: str = "--") -> Iterator[str]:
    for name, value in tokens.items():
        if isinstance(value, dict):
            yield from _properties(value, f"{prefix}{name}-")
        elif isinstance(value, list):
            yield from _properties({str(number): item for number, item in enumerate(value, 1)}, f"{prefix}{name}-")
        else:
            yield f"{prefix}{name}: {value};"


def _rule(selector: str, lines: list[str], indent: str = "") -> str:
    body = "\n".join(f"{indent}  {line}" for line in lines)
    return f"{indent}{selector} {{\n{body}\n{indent}}}\n"


def stylesheet() -> str:
    """The tokens as CSS. Dark is for screens only: paper is always light."""
    light = [*_properties(TOKENS["shared"]), "color-scheme: light;", *_properties(palette("light"))]
    dark = ["color-scheme: dark;", *_properties(palette("dark"))]
    return (
        "/* Generated from portal/core/tokens.py by `python -m portal.core.tokens`. Edit there. */\n"
        + _rule(":root", light)
        + "@media screen {\n"
        + _rule(':root[data-theme="dark"]', dark, "  ")
        + "}\n@media screen and (prefers-color-scheme: dark) {\n"
        + _rule(':root[data-theme="system"]', dark, "  ")
        + "}\n"
    )


def main() -> None:
    """Write the stylesheet."""
    STYLESHEET.write_text(stylesheet(), encoding="utf-8")


if __name__ == "__main__":
    main()
