"""Stress: what would be required if a share of every category became worse. A rule, not a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from portal.loans.classification import Category
from portal.metrics.formatting import half_up


def shifted(balances: Mapping[Category, int], share: Fraction) -> dict[Category, int]:
    """Balances, in fen, after this share of each category but loss has moved into the next worse one.

    All move at once: what arrives does not move on. Each move is rounded to the fen, so nothing is lost or won.
    """
    if not 0 <= share <= 1:
        raise ValueError("A share lies between 0 and 1.")
    found = {category: balances.get(category, 0) for category in Category}
    for better, worse in pairwise(Category):
        moving = int(half_up(balances.get(better, 0) * share, 0))
        found[better] -= moving
        found[worse] += moving
    return found


def required(balances: Mapping[Category, int], ratios: Mapping[Category, Fraction]) -> int:
    """Provision in fen: balance times ratio, added up exactly and rounded once."""
    total = sum((Fraction(fen) * ratios[category] for category, fen in balances.items()), Fraction())
    return int(half_up(total, 0))
