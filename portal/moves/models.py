"""Staff moves, and who takes over what."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BusinessDate, Choice, Id, Labelled, Model, Moment, Text, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import BranchScoped, ScopedThrough
from portal.organization.models import Level, Post


class MoveState(Labelled):
    """How far a move is."""

    OPEN = "open_move", _("To be confirmed")
    CONFIRMED = "confirmed", _("Confirmed")
    DONE = "carried_out", _("Carried out")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class StaffMove(BranchScoped, Model, Versioned):
    """Somebody gets another branch, team, post or level, or leaves (调岗、离职). It counts from its day on.

    Branch, team, post and level of before are kept as they were when it was entered, and refreshed when it is carried
    out; until then it can be changed or withdrawn.
    """

    __table_args__ = (
        Index("ix_staff_move_branch_manager", "branch_id", "manager_id"),
        Index("ix_staff_move_state_day", "state", "on_day"),
    )

    id: Mapped[Id]
    manager_id: Mapped[int] = field(_("Person"), ForeignKey("staff.id"), index=True, section=_("Move"))
    on_day: Mapped[BusinessDate] = field(
        _("Counts from"),
        section=_("Move"),
        help=_("From this business day the new post counts; who leaves was at work for the last time the day before."),
    )
    leaves: Mapped[bool] = field(_("Leaves the company"), default=False, section=_("Move"))
    to_branch_id: Mapped[int | None] = field(
        _("New branch"), ForeignKey("branch.id"), index=True, section=_("Where to"), help=_("Empty: stays as it is.")
    )
    to_team_id: Mapped[int | None] = field(_("New team"), ForeignKey("team.id"), index=True, section=_("Where to"))
    to_post: Mapped[Post | None] = field(_("New post"), Choice(Post), section=_("Where to"))
    to_level: Mapped[Level | None] = field(_("New level"), Choice(Level), section=_("Where to"))
    reason: Mapped[Text] = field(_("Reason"), section=_("Where to"))
    state: Mapped[MoveState] = field(
        _("State"), Choice(MoveState), default=MoveState.OPEN, readonly=True, section=_("Decision")
    )
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    decided_at: Mapped[Moment | None] = field(_("Confirmed at"), readonly=True, section=_("Decision"))
    done_at: Mapped[Moment | None] = field(_("Carried out at"), readonly=True, section=_("Decision"))
    roles_after: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    """Names of the roles that the login has afterwards; none = as the new post has it."""
    problem: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    """Why it was not carried out on its day, in every language (wording.py)."""
    from_post: Mapped[Post] = field(_("Post before"), Choice(Post), readonly=True, section=_("From where"))
    from_level: Mapped[Level | None] = field(_("Level before"), Choice(Level), readonly=True, section=_("From where"))
    branch_id: Mapped[int] = field(
        _("Branch before"), ForeignKey("branch.id"), index=True, readonly=True, section=_("From where")
    )
    team_id: Mapped[int | None] = field(
        _("Team before"), ForeignKey("team.id"), index=True, readonly=True, section=_("From where")
    )

    manager: Mapped[Any] = relationship("Staff", foreign_keys=[manager_id])
    branch: Mapped[Any] = relationship("Branch", foreign_keys=[branch_id])
    team: Mapped[Any] = relationship("Team", foreign_keys=[team_id])
    to_branch: Mapped[Any] = relationship("Branch", foreign_keys=[to_branch_id])
    to_team: Mapped[Any] = relationship("Team", foreign_keys=[to_team_id])
    entered_by: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User", foreign_keys=[entered_by_id])
    decided_by: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User", foreign_keys=[decided_by_id])
    successors: Mapped[list[MoveSuccessor]] = relationship(back_populates="move", cascade="all, delete-orphan")

    @property
    def is_pending(self) -> bool:
        return self.state in (MoveState.OPEN, MoveState.CONFIRMED)

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Leaving has no place to go to; anything else has something that changes."""
        names = ("to_branch", "to_team", "to_post", "to_level")
        given = [name for name in names if values.get(name) not in (None, "")]
        if values.get("leaves"):
            return {name: [gettext("Leave this empty: the person leaves.")] for name in given}
        if not given:
            return {"to_post": [gettext("Say what changes: branch, team, post or level, or that the person leaves.")]}
        if values.get("to_level") and values.get("to_post") not in (None, "", Post.CUSTOMER_MANAGER):
            return {"to_level": [gettext("Levels are for customer managers only.")]}
        return {}

    def __str__(self) -> str:
        return f"{told(self, 'manager') or '…'} · {told(self, 'on_day')}"


class MoveSuccessor(ScopedThrough, Model):
    """Who takes over one kind of what somebody looked after."""

    scope_parent, scope_key = StaffMove, "move_id"
    scope_resource = "StaffMove"
    __table_args__ = (UniqueConstraint("move_id", "kind"),)

    id: Mapped[Id]
    move_id: Mapped[int] = mapped_column(ForeignKey("staff_move.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    """Key of a holding (organization/holdings.py)."""
    successor_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    moved: Mapped[int | None] = mapped_column()
    """How many rows went over; None before."""

    move: Mapped[StaffMove] = relationship(back_populates="successors")
    successor: Mapped[Any] = relationship("Staff")
