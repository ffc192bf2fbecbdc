"""The design tokens: one source, readable in both themes, and a risk scale that colour-blind readers can tell apart."""

import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.theme import mantine_theme
from portal.core import tokens
from reports.charts import PALETTE

STATIC = Path(tokens.__file__).parents[1] / "static" / "portal"
OWN_SHEETS = [STATIC / f"{name}.css" for name in ("portal", "lists", "records", "vendor")]
THEMES = ("light", "dark")
GROUNDS = ("bg", "surface", "surface-sunken", "surface-hover", "surface-selected", "brand-soft")

#: Machado, Oliveira and Fernandes 2009, severity 1: what linear RGB becomes for each kind of colour vision.
VISIONS = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def linear(colour: str) -> list[float]:
    parts = [part / 255 for part in bytes.fromhex(colour.removeprefix("#"))]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    luminances = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(one), linear(other))]
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def lab(colour: str, vision: str) -> tuple[float, float, float]:
    """CIELAB of a colour as somebody with this vision sees it."""
    seen = [
        min(1.0, max(0.0, sum(w * part for w, part in zip(row, linear(colour), strict=True))))
        for row in VISIONS[vision]
    ]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(w * part for w, part in zip(row, seen, strict=True)) for row in to_xyz]
    white = (0.9505, 1.0, 1.089)
    shares = [part / of for part, of in zip(xyz, white, strict=True)]
    x, y, z = (share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116 for share in shares)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def names_in(values: Any, path: str = "") -> set[str]:
    """The paths of all values, so that two themes can be compared."""
    if not isinstance(values, dict | list):
        return {path}
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return set().union(*(names_in(value, f"{path}/{name}") for name, value in items))


def closest(colours: list[str], vision: str) -> float:
    seen = [lab(colour, vision) for colour in colours]
    return min(math.dist(one, other) for one, other in itertools.combinations(seen, 2))


def test_the_stylesheet_is_what_the_tokens_say() -> None:
    assert tokens.STYLESHEET.read_text(encoding="utf-8") == tokens.stylesheet()


def test_both_themes_define_the_same_names() -> None:
    assert names_in(tokens.palette("light")) == names_in(tokens.palette("dark"))


def test_paper_is_never_dark() -> None:
    outside_screens = tokens.stylesheet().split("@media screen")[0]
    assert tokens.TOKENS["light"]["bg"] in outside_screens
    assert tokens.TOKENS["dark"]["bg"] not in outside_screens


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", ["text", "text-soft", "text-muted", "brand-text"])
def test_text_is_readable_on_every_ground(theme: tokens.Theme, ground: str, text: str) -> None:
    palette = tokens.palette(theme)
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_buttons_and_the_bulk_bar_are_readable(theme: tokens.Theme) -> None:
    palette = tokens.palette(theme)
    pairs = [("on-brand", "brand"), ("on-brand", "brand-hover"), ("on-danger", "danger"), ("on-danger", "danger-hover")]
    pairs.append(("text-inverse", "surface-inverse"))
    assert [pair for pair in pairs if contrast(palette[pair[0]], palette[pair[1]]) < 4.5] == []


@pytest.mark.parametrize("theme", THEMES)
def test_notices_and_chips_are_readable_on_their_tints(theme: tokens.Theme) -> None:
    palette = tokens.palette(theme)
    for name, colour in palette["signal"].items():
        assert contrast(colour, palette[f"signal-{name}-soft"]) >= 4.5, name
        assert contrast(palette["text"], palette[f"signal-{name}-soft"]) >= 4.5, name
    for name in palette["risk"]:
        assert contrast(palette["text"], palette[f"risk-{name}-soft"]) >= 4.5, name


@pytest.mark.parametrize("theme", THEMES)
def test_edges_of_controls_are_visible(theme: tokens.Theme) -> None:
    palette = tokens.palette(theme)
    assert contrast(palette["border-control"], palette["surface"]) >= 3
    assert contrast(palette["focus"], palette["bg"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_risk_colours_are_visible_on_the_surface(theme: tokens.Theme) -> None:
    palette = tokens.palette(theme)
    assert [name for name, colour in palette["risk"].items() if contrast(colour, palette["surface"]) < 3] == []


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", THEMES)
def test_colour_blind_readers_can_tell_the_five_categories_apart(theme: tokens.Theme, vision: str) -> None:
    assert closest(list(tokens.TOKENS[theme]["risk"].values()), vision) >= 20


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", THEMES)
def test_colour_blind_readers_can_tell_chart_series_apart(theme: tokens.Theme, vision: str) -> None:
    assert closest(tokens.TOKENS[theme]["chart"], vision) >= 15


@pytest.mark.parametrize("theme", THEMES)
def test_the_sequence_runs_steadily_away_from_the_surface(theme: tokens.Theme) -> None:
    steps = [contrast(colour, tokens.TOKENS[theme]["surface"]) for colour in tokens.TOKENS[theme]["sequence"]]
    assert steps == sorted(steps)


def test_a_mix_lies_between_its_colours() -> None:
    assert tokens.mix("#000000", "#ffffff", 0) == "#ffffff"
    assert tokens.mix("#000000", "#ffffff", 1) == "#000000"
    assert tokens.mix("#ff0000", "#0000ff", 0.5) == "#800080"


def test_every_risk_category_but_normal_has_a_mark_of_its_own() -> None:
    rules = (STATIC / "lists.css").read_text(encoding="utf-8")
    values = [name.replace("-", "_") for name in tokens.TOKENS["light"]["risk"] if name != "normal"]
    assert [value for value in values if f".chip-{value}::before {{" not in rules] == []


@pytest.mark.parametrize("sheet", OWN_SHEETS, ids=lambda path: path.stem)
def test_stylesheets_use_only_names_that_exist(sheet: Path) -> None:
    text = sheet.read_text(encoding="utf-8")
    everywhere = tokens.stylesheet() + "".join(path.read_text(encoding="utf-8") for path in OWN_SHEETS)
    defined = set(re.findall(r"(--[a-z0-9-]+):", everywhere))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) - defined == set()


@pytest.mark.parametrize("sheet", OWN_SHEETS, ids=lambda path: path.stem)
def test_colours_come_from_the_tokens(sheet: Path) -> None:
    text = re.sub(r"url\([^)]*\)", "", sheet.read_text(encoding="utf-8"))
    swagger_and_logo = {"#fff", "#161b26", "#swagger"}
    assert set(re.findall(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b", text)) - swagger_and_logo == set()


ROOT = Path(tokens.__file__).parents[2]
DRESSED = [
    path
    for pattern in (
        "reports/*.css",
        "reports/*.html",
        "reports/svg/*.svg",
        "portal/static/dashboards/*.css",
        "portal/static/portal/grid-map.*",
    )
    for path in sorted(ROOT.glob(pattern))
]


@pytest.mark.parametrize("path", DRESSED, ids=lambda path: path.name)
def test_dashboards_maps_and_paper_type_no_colour_of_their_own(path: Path):
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?!;)|rgba?\(|hsla?\(", path.read_text(encoding="utf-8")) == []


def test_pages_dashboards_and_paper_show_the_same_colours():
    """The style sheet, Mantine's theme and the palette of reports all come from the one dictionary."""
    written = dict(
        re.findall(r"^  --([\w-]+): (#\w+);", (STATIC / "tokens.css").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert PALETTE["accent"] == written["brand"] == mantine_theme()["colors"]["brand"][6]
    assert PALETTE["ink"] == written["text"]
    assert PALETTE["special_mention"] == written["risk-special-mention"]
    assert set(PALETTE.values()) <= set(written.values())
