"""What somebody looks after: areas tell how much it is and how it goes to another when he moves or leaves.

An area registers one holding for each kind of row that has a customer manager; staff moves ask for a successor for
each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from portal.core import records
from portal.core.registry import Registry
from portal.core.scope import SYSTEM, acting
from portal.organization.models import Staff


@dataclass(frozen=True)
class Amount:
    """How much of a kind somebody looks after; `fen` where money is at stake."""

    count: int
    fen: int | None = None


@dataclass(frozen=True)
class Holding:
    """A kind of rows that people look after."""

    key: str
    label: Any
    """Lazy."""
    amount: Callable[[int], Amount]
    """Of a member of staff, by id; asked as the system, so that who moves people need not see their rows."""
    hand_over: Callable[[int, Staff], int]
    """Give all of it to a successor, within a unit of work; returns how many rows moved."""


holdings: Registry[Holding] = Registry("what people look after")


def amounts(staff_id: int) -> Iterator[tuple[Holding, Amount]]:
    """What somebody looks after, kind by kind, none left out."""
    with acting(SYSTEM):
        found = [(holding, holding.amount(staff_id)) for holding in holdings.values()]
    yield from found


def give(model: type, row_ids: Sequence[int], successor: Staff) -> int:
    """Give rows that have no rules of their own to a successor: branch, team and manager together."""
    owner = {"branch": successor.branch_id, "team": successor.team_id, "manager": successor.id}
    for row_id in row_ids:
        records.change(model, row_id, dict(owner))
    return len(row_ids)
