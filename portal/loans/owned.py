"""Whose loans a row of sums is about: today's owner, who sees it, and the owner of the day that it tells of."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BigId
from portal.core.scope import BranchScoped

OWNERS = ("branch_id", "team_id", "manager_id")
HELD = tuple(f"held_{name}" for name in OWNERS)


class Owned(BranchScoped):
    """Sums of loans that belong to one branch, team and manager now."""

    scope_resource = "Loan"

    id: Mapped[BigId]
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class OwnedAndHeld(Owned):
    """The same, where it also matters whose they were on the day that is told of."""

    held_branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    held_team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    held_manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
