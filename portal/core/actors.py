"""Who asks: the actor, for whom he stands in, and how far a right reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

ALL, BRANCH, TEAM, SELF, NONE = "all", "branch", "team", "self", "none"
SCOPES = (NONE, SELF, TEAM, BRANCH, ALL)
OWNER, SHARED = "owner", "shared"
"""How far personal rows are seen; no role grants or widens it."""
BRANCH_AND_COMPANY = "branch_and_company"
"""How far a branch reads rows that may belong to the company as a whole; granted as BRANCH."""
READING = frozenset({"list", "show", "export"})
"""Actions that change nothing."""
WIDTH = {scope: width for width, scope in enumerate(SCOPES)}


@dataclass(frozen=True)
class StandIn:
    """Somebody whose rows were handed to the actor for some days (代理), and where that person stands."""

    delegation_id: int
    name: str
    """His login, for the audit trail."""
    user_id: int
    staff_id: int
    home: int
    branches: frozenset[int]
    teams: frozenset[int]
    until: dt.date
    """The last day."""
    grants: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False, hash=False)
    """What he may and handed over. It counts only where the actor's own roles allow the same action at all."""

    def scope(self, resource: str, action: str) -> str:
        return self.grants.get((resource, action), NONE)


@dataclass(frozen=True)
class Actor:
    """Who asks. `grants` maps (resource, action) to a scope; what is absent is refused."""

    name: str
    user_id: int | None = None
    staff_id: int = -1
    home: int = -1
    """The branch the person belongs to."""
    branches: frozenset[int] = frozenset()
    """The branch and everything below it."""
    teams: frozenset[int] = frozenset()
    grants: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False, hash=False)
    roles: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    """The delivered roles that his roles are or are based on: whose home page and tour he gets."""
    masks: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False, hash=False)
    """(resource, field) -> how much of the field is shown, where his roles say so (masks.py)."""
    everything: bool = False
    """Named system actors only."""
    standing_in: tuple[StandIn, ...] = ()
    """Whose rows he reaches besides, because they were handed to him for today."""
    criteria: dict[Any, tuple[Any, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )
    """What his statements get added in each task, kept by `scope`: a page has a dozen of them."""
    viewer: Actor | None = None
    """Who sees the portal as this actor (view_as.py): it reads for him, writes nothing, and is written down as his."""

    def scope(self, resource: str, action: str) -> str:
        return ALL if self.everything else self.grants.get((resource, action), NONE)

    def may(self, resource: str, action: str) -> bool:
        return self.scope(resource, action) != NONE

    def acts_for(self, user_id: int | None) -> bool:
        """Whether he is this login or stands in for it: four eyes are not his two."""
        return user_id is not None and user_id in (self.user_id, *(other.user_id for other in self.standing_in))


NOBODY = Actor("nobody")
SYSTEM = Actor("system", everything=True)

current: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def actor() -> Actor:
    return current.get()
