"""Whose loans a row of sums is about: today's owner, who sees it, and the owner of the day that it tells of.

Owners are not declared to be references: loans and their past owners keep them from being deleted, and a database that
looks up each reference of many rows spends more time on that than on writing them.
"""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BigId
from portal.core.scope import BranchScoped

OWNERS = ("branch_id", "team_id", "manager_id")
HELD = tuple(f"held_{name}" for name in OWNERS)


class Owned(BranchScoped):
    """Sums of loans that belong to one branch, team and manager now."""

    scope_resource = "Loan"

    id: Mapped[BigId]
    branch_id: Mapped[int] = mapped_column()
    team_id: Mapped[int | None] = mapped_column()
    manager_id: Mapped[int | None] = mapped_column()


class OwnedAndHeld(Owned):
    """The same, where it also matters whose they were on the day that is told of."""

    held_branch_id: Mapped[int]
    held_team_id: Mapped[int | None]
    held_manager_id: Mapped[int | None]
