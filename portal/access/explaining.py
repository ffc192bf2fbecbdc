"""Why somebody may or may not do something to a row: the role, the scope, and what the scope means for this row.

Pure: a person and a row in, a verdict and its reason out. It says again what portal.core.scope does for SQL and for
rows in memory, as reasons instead of conditions; tests/contracts/test_why.py holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

NONE, SELF, TEAM, BRANCH, ALL = "none", "self", "team", "branch", "all"


@dataclass(frozen=True)
class Source:
    """A role of the person that grants the action, and how far."""

    role: str
    scope: str


@dataclass(frozen=True)
class Person:
    """A login as it stands now."""

    open: bool = True
    """The login is active."""
    left: bool = False
    """Its person is no longer on the staff."""
    user_id: int = -1
    staff_id: int = -1
    home: int = -1
    branches: frozenset[int] = frozenset()
    """The home branch and all below it."""
    teams: frozenset[int] = frozenset()
    whole: bool = False
    """The home branch is the head office: "own branch" means the company."""
    sources: Sequence[Source] = field(default_factory=tuple)
    """Of the action that is asked about, the widest first."""

    @property
    def scope(self) -> str:
        """How far the widest role reaches."""
        return self.sources[0].scope if self.sources else NONE

    @property
    def reach(self) -> str:
        """How far that is for this person."""
        return ALL if self.whole and self.scope == BRANCH else self.scope


@dataclass(frozen=True)
class Row:
    """Whose a row is. Of a row that belongs to its parent's owner, the parent's."""

    kind: Literal["nobodys", "owned", "companys", "personal", "shared"] = "owned"
    branch: int | None = None
    team: int | None = None
    manager: int | None = None
    owner: int | None = None
    """The login that a personal row belongs to."""


class Because(StrEnum):
    """What decides."""

    CLOSED = "closed"
    LEFT = "left"
    NOT_GRANTED = "not_granted"
    GRANTED = "granted"
    """No row is asked about."""
    COMPANY = "company"
    NOBODYS = "nobodys"
    """The rows belong to nobody: granted is granted."""
    IN_BRANCH = "in_branch"
    OUTSIDE_BRANCH = "outside_branch"
    IN_TEAM = "in_team"
    OTHER_TEAM = "other_team"
    OTHER_BRANCH = "other_branch"
    """The row's branch is not the person's, so that neither team nor manager counts."""
    OWN = "own"
    OTHER_MANAGER = "other_manager"
    COMPANYS = "companys"
    """The row concerns the whole company: every branch reads it."""
    NO_OWNER = "no_owner"
    """The row, or its parent, belongs to no branch: only who sees the whole company sees it."""
    OWNER = "owner"
    SHARED = "shared"
    OTHER_OWNER = "other_owner"
    NO_RECORD = "no_record"
    UNTOLD = "untold"
    """It depends on a row that the asker may not see, if there is one."""
    ANY_RECORD = "any_record"
    """Whatever row it is, seen by the asker or not."""
    STANDS_IN = "stands_in"
    """It was handed over for some days by somebody who may."""
    SCREEN = "screen"
    """The screen shows only a part of its table, and for this person the row is not among it."""


@dataclass(frozen=True)
class Verdict:
    """`may` is None where it cannot be told."""

    may: bool | None
    because: Because


def barred(person: Person) -> Verdict | None:
    """What is decided before any row is looked at: the login, and whether a role grants the action."""
    if not person.open:
        return Verdict(False, Because.CLOSED)
    if person.left:
        return Verdict(False, Because.LEFT)
    if person.reach == NONE:
        return Verdict(False, Because.NOT_GRANTED)
    return None


def of_row(person: Person, row: Row, writes: bool = False) -> Verdict:
    """The verdict on a row. `writes` for actions that change it: a shared row is changed by its owner alone, one of the
    company by who reaches all of it."""
    before = barred(person)
    if before is not None:
        return before
    if row.kind == "nobodys":
        return Verdict(True, Because.NOBODYS)
    if row.kind in ("personal", "shared"):
        return _personal(person, row, writes)
    if person.reach == ALL:
        return Verdict(True, Because.COMPANY)
    if row.kind == "companys" and person.reach == BRANCH and not writes:
        return Verdict(True, Because.COMPANYS)
    if row.branch is None:
        return Verdict(False, Because.NO_OWNER)
    if person.reach == SELF:
        return _own(person, row)
    if row.branch not in person.branches:
        return Verdict(False, Because.OUTSIDE_BRANCH)
    if person.reach == BRANCH:
        return Verdict(True, Because.IN_BRANCH)
    mine = row.team in person.teams
    return Verdict(mine, Because.IN_TEAM if mine else Because.OTHER_TEAM)


def _own(person: Person, row: Row) -> Verdict:
    if row.manager != person.staff_id:
        return Verdict(False, Because.OTHER_MANAGER)
    if row.branch != person.home:
        return Verdict(False, Because.OTHER_BRANCH)
    return Verdict(True, Because.OWN)


def _personal(person: Person, row: Row, writes: bool) -> Verdict:
    if row.owner == person.user_id:
        return Verdict(True, Because.OWNER)
    shared = row.kind == "shared" and (row.team in person.teams or row.branch == person.home)
    return Verdict(True, Because.SHARED) if shared and not writes else Verdict(False, Because.OTHER_OWNER)


def of_unseen(person: Person, all_seen: bool) -> Verdict:
    """The verdict on a row that the asker does not find: missing, for who sees all; else he is not told which."""
    before = barred(person)
    if before is not None:
        return before
    if all_seen:
        return Verdict(False, Because.NO_RECORD)
    return Verdict(True, Because.ANY_RECORD) if person.reach == ALL else Verdict(None, Because.UNTOLD)


def of_task(person: Person) -> Verdict:
    """The verdict where no row is asked about."""
    return barred(person) or Verdict(True, Because.GRANTED)
