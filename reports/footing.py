"""Footing checks: does a return add up, exactly and in print?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reports.figures import rounding_difference


@dataclass(frozen=True)
class Check:
    """A total against the sum of its parts, in fen, and what rounding leaves over in print, in 万元."""

    label: str
    total: int
    parts: int
    printed_difference: Decimal
    tolerance: Decimal
    """The largest rounding difference that the form lets pass, in 万元."""

    @property
    def difference(self) -> int:
        return self.total - self.parts

    @property
    def passed(self) -> bool:
        return self.difference == 0 and abs(self.printed_difference) <= self.tolerance


@dataclass(frozen=True)
class Footing:
    """How a form rounds (decimals of 万元) and what it lets pass (万元)."""

    decimals: int
    tolerance: Decimal

    def check(self, label: str, total: int, parts: Iterable[int]) -> Check:
        """Whether the parts add up to the total; fen."""
        parts = list(parts)
        return Check(label, total, sum(parts), self.difference(total, parts), self.tolerance)

    def difference(self, total: int, parts: Iterable[int]) -> Decimal:
        """The rounding difference of a total and its parts (fen), in 万元."""
        return rounding_difference(total, parts, self.decimals)
