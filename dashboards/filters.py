"""The choices of the filter bar: values that have something to count at the date, as this person may see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext

from dashboards.asked import Asked, month_ends
from dashboards.wording import month_end_words
from portal.core.clock import business_date
from portal.core.metric import dimension_of, evaluate, words
from portal.metrics.dimensions import codes

PRESETS = 12


def choices(dimension: str, counted: str, asked: Asked) -> list[dict[str, str]]:
    """Codes and words of a dimension's values at the date, whatever else is filtered; chosen ones always among them.

    A value is there when the figure `counted` has rows of it, or when it is one of a closed list.
    """
    closed = dimension_of(dimension).order  # a closed list is offered whole: what of it is there takes long to find
    rows = () if closed else evaluate((counted,), (dimension,), as_of=asked.as_of).rows
    found = words(dimension_of(dimension), closed) | {row.by[dimension]: row.labels[dimension] for row in rows}
    chosen = [key for key in asked.where.get(dimension, ()) if key not in found]
    found |= words(dimension_of(dimension), chosen)
    coded = codes(dimension, found)
    return [{"value": coded[key], "label": label} for key, label in found.items()]


def is_needless(dimension: str, asked: Asked, found: Sequence[dict[str, str]]) -> bool:
    """A filter with one choice, and that not chosen, would only take room."""
    return len(found) < 2 and not asked.where.get(dimension)


def date_presets() -> list[dict[str, Any]]:
    """The open business date and the month-ends before it, for the date control."""
    today = business_date()
    days: list[tuple[date, str]] = [(today, gettext("Business date"))]
    days += [(day, month_end_words(day)) for day in month_ends(today, PRESETS + 1)[1:]]
    return [{"value": day.isoformat(), "label": label} for day, label in days]
