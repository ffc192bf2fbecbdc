"""Charts for print: one small data object, drawn as SVG without a browser.

The same `ChartData` can feed an interactive chart; nothing here knows where its figures come from.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portal.core.tokens import TOKENS
from portal.metrics.formatting import NOT_AVAILABLE
from reports.figures import number
from reports.render_worker import HERE

#: Documents are paper, so always light. Series name their colour by these keys.
PALETTE = {
    "ink": TOKENS["light"]["text"],
    "soft": TOKENS["light"]["text-soft"],
    "muted": TOKENS["light"]["text-muted"],
    "line": TOKENS["light"]["border-strong"],
    "ground": TOKENS["light"]["surface-sunken"],
    "paper": TOKENS["light"]["surface"],
    "accent": TOKENS["light"]["brand"],
    "danger": TOKENS["light"]["danger"],
    "good": TOKENS["light"]["signal"]["ok"],
    **{name.replace("-", "_"): colour for name, colour in TOKENS["light"]["risk"].items()},
}

FONT_SIZE = 11
LABEL_GAP = 8
BAR, BAR_STEP = 16, 26
LINE_HEIGHT = 190
TICKS = 4


@dataclass(frozen=True)
class Series:
    """One row of values, a value per category; None where there is none. `colour` is a name of the palette."""

    name: str
    values: Sequence[Decimal | None]
    colour: str = "accent"


@dataclass(frozen=True)
class ChartData:
    """What a chart shows. Values are already rounded and in `unit`; stacked values must not be negative."""

    kind: Literal["bar", "stacked_bar", "line"]
    title: str
    categories: Sequence[str]
    series: Sequence[Series]
    unit: str

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.categories):
                raise ValueError(f"{self.title}: {series.name} has not one value for each category.")
            if self.kind != "line" and any(value is not None and value < 0 for value in series.values):
                raise ValueError(f"{self.title}: {series.name} has a negative value, which a bar cannot show.")


@dataclass(frozen=True)
class Box:
    """A rectangle of one value, with the text that belongs to it."""

    x: float
    y: float
    width: float
    height: float
    colour: str = ""
    text: str = ""
    ink: str = ""


@dataclass
class Drawing:
    """Everything placed, in the units of the SVG's own view box."""

    width: float
    height: float = 0
    legend: list[Box] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    labels: list[Box] = field(default_factory=list)
    ticks: list[Box] = field(default_factory=list)
    lines: list[tuple[str, list[list[tuple[float, float]]]]] = field(default_factory=list)


def svg(chart: ChartData, width: float = 680) -> Markup:
    """The chart as an inline SVG that names itself to a screen reader; `width` in CSS pixels."""
    drawing = (_line if chart.kind == "line" else _bars)(chart, width)
    return Markup(_templates.get_template(f"{chart.kind}.svg").render(chart=chart, drawing=drawing, palette=PALETTE))


def _bars(chart: ChartData, width: float) -> Drawing:
    """Horizontal bars, so that long names stay readable. One series, or several stacked."""
    drawing = Drawing(width)
    top = _legend(drawing, chart.series) if len(chart.series) > 1 else 0.0
    totals = [sum((s.values[i] or Decimal() for s in chart.series), Decimal()) for i in range(len(chart.categories))]
    known = [any(s.values[i] is not None for s in chart.series) for i in range(len(chart.categories))]
    left = max((text_width(name) for name in chart.categories), default=0) + LABEL_GAP
    room = width - left - max((text_width(number(total)) for total in totals), default=0) - 2 * LABEL_GAP
    scale = room / float(max(totals, default=Decimal()) or 1)
    for index, name in enumerate(chart.categories):
        y, x = top + index * BAR_STEP, left
        drawing.labels.append(Box(left - LABEL_GAP, y, 0, BAR, text=name, ink="end"))
        for series in chart.series:
            value = series.values[index]
            length = float(value or 0) * scale
            if length > 0:
                text = number(value) if len(chart.series) > 1 and text_width(number(value)) + 6 < length else ""
                colour = PALETTE[series.colour]
                drawing.boxes.append(Box(x, y, length, BAR, colour, text, ink=_ink_on(colour)))
            x += length
        total = number(totals[index]) if known[index] else NOT_AVAILABLE
        drawing.labels.append(Box(x + LABEL_GAP, y, 0, BAR, text=total, ink="start"))
    drawing.height = top + len(chart.categories) * BAR_STEP
    return drawing


def _line(chart: ChartData, width: float) -> Drawing:
    """Lines over equal steps from 0 (or the lowest value below it) to a round number above the highest."""
    drawing = Drawing(width)
    top = (_legend(drawing, chart.series) if len(chart.series) > 1 else 0.0) + FONT_SIZE
    values = [value for series in chart.series for value in series.values if value is not None]
    low, step = _round_axis(min([*values, Decimal()]), max([*values, Decimal()]))
    high = low + step * TICKS
    ticks = [low + step * i for i in range(TICKS + 1)]
    left = max(text_width(number(tick)) for tick in ticks) + LABEL_GAP
    right = width - max((text_width(name) for name in chart.categories[-1:]), default=0) / 2 - 1
    drawing.height = top + LINE_HEIGHT + 2 * FONT_SIZE

    def at(value: Decimal) -> float:
        return top + LINE_HEIGHT * float((high - value) / (high - low))

    def across(index: int) -> float:
        return left + 10 + (right - left - 10) * index / max(len(chart.categories) - 1, 1)

    drawing.ticks = [Box(left, at(tick), right - left, 0, text=number(tick)) for tick in ticks]
    every = math.ceil(sum(text_width(name) + LABEL_GAP for name in chart.categories) / max(right - left, 1)) or 1
    for index in range(len(chart.categories) - 1, -1, -every):  # counted from the last one: it is the newest
        drawing.labels.append(
            Box(across(index), top + LINE_HEIGHT, 0, 2 * FONT_SIZE, text=chart.categories[index], ink="middle")
        )
    for series in chart.series:
        pieces: list[list[tuple[float, float]]] = [[]]
        for index, value in enumerate(series.values):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append((across(index), at(value)))
        drawing.lines.append((PALETTE[series.colour], [piece for piece in pieces if piece]))
    return drawing


def _legend(drawing: Drawing, series: Sequence[Series]) -> float:
    """Place the names of the series, wrapping; returns where the chart itself may begin."""
    x, y = 0.0, 0.0
    for item in series:
        needed = FONT_SIZE + 5 + text_width(item.name) + 2 * LABEL_GAP
        if x and x + needed > drawing.width:
            x, y = 0.0, y + FONT_SIZE * 1.7
        drawing.legend.append(Box(x, y, FONT_SIZE, FONT_SIZE, PALETTE[item.colour], item.name))
        x += needed
    return y + FONT_SIZE * 2.4


def _round_axis(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """Start and step of an axis of TICKS steps that holds both ends; steps are 1, 2, 2.5 or 5 × a power of ten."""
    span = high - low
    if span == 0:
        return low, Decimal("0.25")
    power = Decimal(1).scaleb((span / TICKS).adjusted())
    for factor in ("1", "2", "2.5", "5", "10", "20"):
        step = (power * Decimal(factor)).normalize()
        start = (low / step).to_integral_value(rounding="ROUND_FLOOR") * step
        if start + step * TICKS >= high:
            break
    return start, Decimal(f"{step:f}")


def text_width(text: str) -> float:
    """Pixels of a text, near enough to place things by: Chinese is one em wide, Latin a little over half."""
    return FONT_SIZE * sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.57 for c in text)


def _ink_on(colour: str) -> str:
    """Black or white, whichever is readable on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return PALETTE["ink"] if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


_templates = Environment(
    loader=FileSystemLoader(HERE / "svg"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["px"] = lambda value: f"{value:.1f}".removesuffix(".0")
