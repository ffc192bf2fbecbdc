"""What may be handed over, for how long, and what of it counts: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Task = tuple[str, str]
"""(resource, action)."""

APPROVE = "approve"
READS = ("list", "show")
NEVER = ("Delegation",)
"""Not handed on: what was delegated to somebody is his to use, not to give."""


class Extent(StrEnum):
    """What is handed over."""

    ROWS = "rows"
    APPROVALS = "approvals"
    BOTH = "both"


class Standing(StrEnum):
    """Where a hand-over stands on a day."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Problem(StrEnum):
    """Why a hand-over cannot be."""

    TO_ONESELF = "to_oneself"
    TO_THE_AUTHOR = "to_the_author"
    NO_LOGIN = "no_login"
    DELEGATE_NO_LOGIN = "delegate_no_login"
    LEAVES = "leaves"
    DELEGATE_LEAVES = "delegate_leaves"
    IN_THE_PAST = "in_the_past"
    BACKWARDS = "backwards"
    TOO_LONG = "too_long"
    TWICE = "twice"
    TOO_MANY = "too_many"


FIELDS = {
    Problem.NO_LOGIN: "manager",
    Problem.LEAVES: "last_day",
    Problem.IN_THE_PAST: "first_day",
    Problem.BACKWARDS: "last_day",
    Problem.TOO_LONG: "last_day",
}
"""The field that a problem is told at; every other at the delegate."""


@dataclass(frozen=True)
class Person:
    """What counts of the two persons."""

    id: int
    has_login: bool
    left_on: date | None = None


@dataclass(frozen=True)
class Days:
    """A hand-over that there is already, or the one that is wished for."""

    giver: int
    taker: int
    first: date
    last: date

    def meets(self, other: Days) -> bool:
        return self.first <= other.last and other.first <= self.last


def problem(
    giver: Person,
    taker: Person,
    wish: Days,
    author: int,
    today: date,
    most_days: int,
    at_once: int,
    others: list[Days],
) -> Problem | None:
    """The first thing that stands against a hand-over. `others`: those not withdrawn that involve the delegate."""
    if giver.id == taker.id:
        return Problem.TO_ONESELF
    if taker.id == author:
        return Problem.TO_THE_AUTHOR  # and the giver is somebody else: nobody takes another's rows for himself
    if not giver.has_login:
        return Problem.NO_LOGIN
    if not taker.has_login:
        return Problem.DELEGATE_NO_LOGIN
    if wish.first < today:
        return Problem.IN_THE_PAST
    if wish.last < wish.first:
        return Problem.BACKWARDS
    if (wish.last - wish.first).days + 1 > most_days:
        return Problem.TOO_LONG
    if giver.left_on is not None and giver.left_on < wish.last:
        return Problem.LEAVES
    if taker.left_on is not None and taker.left_on < wish.last:
        return Problem.DELEGATE_LEAVES
    meeting = [other for other in others if other.taker == wish.taker and other.meets(wish)]
    if any(other.giver == wish.giver for other in meeting):
        return Problem.TWICE
    if len(meeting) >= at_once:
        return Problem.TOO_MANY
    return None


def standing(first: date, last: date, withdrawn: bool, today: date) -> Standing:
    """The first and the last day belong to it."""
    if withdrawn:
        return Standing.WITHDRAWN
    if today < first:
        return Standing.PLANNED
    return Standing.RUNNING if today <= last else Standing.ENDED


def handed(grants: Mapping[Task, str], extent: Extent) -> dict[Task, str]:
    """What of somebody's rights goes along; approvals come with reading what is to be approved."""
    approved = {resource for resource, action in grants if action == APPROVE}
    found = {}
    for (resource, action), scope in grants.items():
        as_row = extent is not Extent.APPROVALS and action != APPROVE
        as_approval = extent is not Extent.ROWS and resource in approved and action in (*READS, APPROVE)
        if resource not in NEVER and (as_row or as_approval):
            found[resource, action] = scope
    return found
