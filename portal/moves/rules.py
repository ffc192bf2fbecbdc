"""What a move means: which roles go with a post, and what stands against it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

ROLE_OF_POST = {
    "customer_manager": "customer_manager",
    "team_lead": "team_lead",
    "branch_head": "branch_head",
    "committee": "committee",
    "risk": "risk",
    "approver": "approver",
    "finance": "finance",
    "collections": "collections",
    "compliance": "compliance",
    "audit": "audit",
    "hr": "hr",
    "administrator": "administrator",
}
"""The role that belongs to each post; whatever else a login has was given to the person and is decided on by hand."""


def roles_after(held: Collection[str], post: str, new_post: str | None) -> list[str]:
    """The roles a login keeps or gets by default. Leaving takes all of them."""
    if new_post is None:
        return []
    kept = set(held) if post == new_post else set(held) - {ROLE_OF_POST[post]}
    return sorted(kept | {ROLE_OF_POST[new_post]})


@dataclass(frozen=True)
class Where:
    """A place of work."""

    branch: int
    team: int | None


def must_hand_over(before: Where, after: Where | None, post: str, new_post: str | None) -> bool:
    """Whether all he looks after goes to others: branch, team and manager of a row belong together."""
    return after is None or after != before or (post != new_post and post == "customer_manager")


def last_at_work(on: date) -> date:
    """A move that is leaving counts from the day after the last one at work."""
    return on - timedelta(days=1)


class Problem(StrEnum):
    """Why a successor will not do."""

    MISSING = "missing"
    HIMSELF = "himself"
    LEFT = "left"
    MOVES = "moves"


@dataclass(frozen=True)
class Successor:
    """What counts of somebody who takes over."""

    id: int
    left_on: date | None = None
    moves_on: date | None = None
    """The day of a move of his own that is decided on and takes him elsewhere."""


def successor_problem(person: int, on: date, successor: Successor | None, needed: bool) -> Problem | None:
    """What stands against a successor on the day of the move."""
    if successor is None:
        return Problem.MISSING if needed else None
    if successor.id == person:
        return Problem.HIMSELF
    if successor.left_on is not None and successor.left_on < on:
        return Problem.LEFT
    if successor.moves_on is not None and successor.moves_on <= on:
        return Problem.MOVES
    return None


def differences(before: Collection[str], after: Collection[str]) -> tuple[list[str], list[str]]:
    """(roles that end, roles that begin)."""
    return sorted(set(before) - set(after)), sorted(set(after) - set(before))
