"""What the sentence on top of a page is made of: how far a sum has moved, and where most of it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dashboards.asked import Asked, Figures
from reports.figures import whole


@dataclass(frozen=True)
class Part:
    """The greatest part of a sum."""

    of: str
    """What it is of: a branch, a product."""
    share: Fraction
    """Of the whole; 1 when there is no other part."""


def growth(key: str, now: Figures, before: Figures) -> Fraction | None:
    """By what share of what it was a sum has grown (shrunk: below 0); None when there was nothing before."""
    earlier = whole(before, key)
    return Fraction(whole(now, key) - earlier, earlier) if earlier else None


def greatest_part(asked: Asked, key: str, dimensions: Sequence[str]) -> Part | None:
    """Where most of a sum stands, by the first of these dimensions that has more than one group; None if none has."""
    for dimension in dimensions:
        found = asked.evaluate((key,), by=(dimension,))
        if len(found.rows) > 1:
            greatest = max(found.rows, key=lambda row: whole(row.values, key))
            share = Fraction(whole(greatest.values, key), whole(found.total, key))
            return Part(greatest.labels[dimension], share)
    return None
