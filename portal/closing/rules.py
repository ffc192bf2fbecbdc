"""How entries of a month-end are worked out: what a group is short of, where the odd fen goes, on which day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from datetime import date, timedelta
from typing import NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Group(NamedTuple):
    """Loans that are provided for, taxed and noted together: of one owner and one product."""

    branch_id: int
    team_id: int | None
    manager_id: int | None
    product_id: int


def differences(wanted: Mapping[K, int], held: Mapping[K, int]) -> dict[K, int]:
    """What has to be booked for an account to hold what is wanted, in fen; below 0: given back. Zeros are left out."""
    found = {key: wanted.get(key, 0) - held.get(key, 0) for key in {**wanted, **held}}
    return {key: amount for key, amount in found.items() if amount}


def with_odd_fen(parts: Mapping[K, int], whole: int) -> dict[K, int]:
    """Rounded parts that add up to the rounded whole (尾差调整): the largest, of equals the first, takes the rest."""
    found = dict(parts)
    rest = whole - sum(found.values())
    if rest and found:
        largest = max(found, key=lambda key: abs(found[key]))
        found[largest] += rest
    return found


def apportioned(
    parts: Mapping[K, int], heading: Callable[[K], Hashable], headings: Mapping[Hashable, int], whole: int
) -> dict[K, int]:
    """Parts, each rounded by itself, that add up to what their headings are, and these to the whole.

    A branch then holds exactly its own rounded figure, and the company its own; only in the largest branch, and there
    in the largest group, a few fen differ from what rounding that group by itself gives. A heading that is not told is
    0: nothing is asked for there any more.
    """
    wanted = with_odd_fen(headings, whole)
    by_heading: dict[Hashable, dict[K, int]] = defaultdict(dict)
    for key, amount in parts.items():
        by_heading[heading(key)][key] = amount
    found: dict[K, int] = {}
    for head, own in by_heading.items():
        found |= with_odd_fen(own, wanted.get(head, 0))
    return found


def last_month_end(open_date: date) -> date:
    """The last month-end that is closed while this business date is open."""
    return open_date.replace(day=1) - timedelta(days=1)


def booking_day(month_end: date, open_date: date) -> date:
    """The last closed month is still open for its own entries; what belongs to an older one is booked today."""
    return month_end if month_end == last_month_end(open_date) else open_date


def is_month_end(day: date) -> bool:
    """Whether it is the last calendar day of a month."""
    return (day + timedelta(days=1)).day == 1
