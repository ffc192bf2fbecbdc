"""What pictures are made of: numbers for drawing, names beside bars, titles of panels, words for hovering."""

from __future__ import annotations

import unicodedata
from typing import Any

from dashboards.charts import ChartData, Line
from dashboards.wording import day_words, percent_words, with_unit
from portal.core.metric import Metric, Value

Figure = dict[str, Any]
FIXED = {"fixedrange": True, "automargin": True}
"""An axis that dragging does not move: a finger that scrolls the page must not get stuck in a chart."""
LINE_OF_LABEL = 18
"""Columns of a line of a name beside a bar, where a Chinese character takes two; a longer name takes two lines."""


def number(value: Value) -> float:
    return 0.0 if value is None else float(value)


def greatest(values: list[Value]) -> int:
    return max((abs(int(value)) for value in values if value is not None), default=0)


def percent_of(value: Value) -> str:
    return "" if value is None else percent_words(value)


def names_beside(data: ChartData) -> list[str]:
    """The names of the rows, each on one line or two; of what is longer still, beginning and end."""
    return ["<br>".join(in_lines(line.label)) for line in data.lines]


def in_lines(label: str) -> list[str]:
    """A name in at most two lines. Names that differ only in the middle or at the end stay different, or nearly so."""
    if width_of(label) <= LINE_OF_LABEL:
        return [label]
    head = _fitting(label)
    space = head.rfind(" ")
    if space > 0 and label[len(head)] != " ":
        head = head[:space]
    rest = label[len(head) :].strip()
    if width_of(rest) <= LINE_OF_LABEL:
        return [head.rstrip(), rest]
    return [head.rstrip(), "…" + _fitting(rest[::-1], LINE_OF_LABEL - 1)[::-1]]


def _fitting(text: str, most: int = LINE_OF_LABEL) -> str:
    """As much of the beginning as fits into so many columns."""
    while width_of(text) > most:
        text = text[:-1]
    return text


def width_of(text: str) -> int:
    """Columns: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def room(values: list[float], times: float) -> list[float]:
    """A range from 0 with room for the labels after the longest bar."""
    return [0, max([*values, 0]) * times or 1]


def told(line: Line, columns: tuple[Metric, ...]) -> str:
    """What hovering says of a row."""
    facts = (f"{m.label}: {with_unit(m, v)}" for m, v in zip(columns, line.values, strict=True))
    return "<br>".join([f"<b>{line.label}</b>", *facts])


def told_at(line: Line, metric: Metric, column: int) -> str:
    return f"{day_words(line.key)}<br>{metric.label}: <b>{with_unit(metric, line.values[column])}</b>"


def beside_bar(row: int, x: int, anchor: str, text: str) -> dict[str, Any]:
    return {
        "x": x,
        "xref": "paper",
        "y": row,
        "yref": "y",
        "yshift": 17,
        "xanchor": anchor,
        "borderpad": 0,
        "text": text,
        "showarrow": False,
    }


def panel_title(axis: str, text: str) -> dict[str, Any]:
    return {
        "x": 0,
        "xref": axis,
        "y": 1,
        "yref": "paper",
        "yshift": 4,
        "xanchor": "left",
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"color": "var(--text-muted)"},
    }
