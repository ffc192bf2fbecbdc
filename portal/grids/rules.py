"""Classes of a map's colours: few, of about as many grids each, with round limits. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction

STEPS = 6


def limits(values: Sequence[int | Fraction], steps: int = STEPS) -> list[Fraction]:
    """Where the classes begin, but for the first: rising, at most steps - 1, none that leaves a class empty.

    Values are shared out evenly, then each limit is rounded to two significant digits, so that a legend reads easily.
    """
    ordered = sorted(values)
    found: list[Fraction] = []
    below = 0
    for n in range(1, steps if ordered else 0):
        limit = round_down(ordered[len(ordered) * n // steps])
        held = bisect_left(ordered, limit)
        if held > below:
            found.append(limit)
            below = held
    return found


def round_down(value: int | Fraction) -> Fraction:
    """To two significant digits, towards 0: 12,785 -> 12,000."""
    exact = Fraction(value)
    size = Fraction(1)
    while abs(exact) >= 100 * size:
        size *= 10
    while exact and abs(exact) < 10 * size:
        size /= 10
    return Fraction(int(exact / size)) * size


def step_of(value: int | Fraction, starts: Sequence[Fraction]) -> int:
    """The class that a value falls into; a value that is a limit belongs to the class above it."""
    return bisect_right(starts, value)
