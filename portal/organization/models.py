"""Organisation: the tree of branches, the teams in them, the people in the teams."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, relationship, synonym

from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Name, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.core.pinyin import PERSON, Spelled
from portal.core.scope import Scoped


class BranchKind(Labelled):
    """The levels of the tree of offices."""

    HEAD_OFFICE = "head_office", _("Head office")
    BRANCH = "branch", _("Branch")
    OUTLET = "outlet", _("Outlet")


class Post(Labelled):
    """What somebody is employed as; the role a login has is another matter."""

    CUSTOMER_MANAGER = "customer_manager", _("Customer manager")
    TEAM_LEAD = "team_lead", _("Team lead")
    BRANCH_HEAD = "branch_head", _("Branch head")
    COMMITTEE = "committee", _("Management committee")
    RISK = "risk", _("Risk officer")
    APPROVER = "approver", _("Approver")
    FINANCE = "finance", _("Finance officer")
    COLLECTIONS = "collections", _("Collections officer")
    COMPLIANCE = "compliance", _("Compliance officer")
    AUDIT = "audit", _("Auditor")
    HR = "hr", _("HR officer")
    ADMINISTRATOR = "administrator", _("Administrator")


class Level(Labelled):
    """The four levels of customer managers (C123)."""

    TRAINEE = "trainee", _("Trainee")
    JUNIOR = "junior", _("Junior")
    INTERMEDIATE = "intermediate", _("Intermediate")
    SENIOR = "senior", _("Senior")


class Branch(Scoped, Model, Versioned):
    """An office: the head office, a branch, or an outlet; each but the first has a parent (机构)."""

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Branch code"), unique=True, search=True)
    name: Mapped[Name] = field(_("Branch"), search=True)
    kind: Mapped[BranchKind] = field(_("Kind"), Choice(BranchKind))
    parent_id: Mapped[int | None] = field(_("Parent branch"), ForeignKey("branch.id"), index=True)
    opened_on: Mapped[BusinessDate | None] = field(_("Opened on"))
    closed_on: Mapped[BusinessDate | None] = field(_("Closed on"))

    parent: Mapped[Branch | None] = relationship(remote_side="Branch.id", back_populates="children")
    children: Mapped[list[Branch]] = relationship(back_populates="parent", order_by="Branch.code")
    branch_id = synonym("id")

    def __str__(self) -> str:
        return told(self, "name")


class Team(Scoped, Model, Versioned):
    """Customer managers who work together in one branch (团队). Its lead is the staff member with that post."""

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Team code"), unique=True, search=True)
    name: Mapped[Name] = field(_("Team"), search=True)
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True)

    branch: Mapped[Branch] = relationship()
    members: Mapped[list[Staff]] = relationship(back_populates="team", order_by="Staff.code")
    team_id = synonym("id")

    def __str__(self) -> str:
        return told(self, "name")


class Staff(Scoped, Spelled, Model, Versioned):
    """An employee (员工), with or without a login."""

    __table_args__ = (Index("ix_staff_branch_team", "branch_id", "team_id"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Staff code"), unique=True, search=True)
    name: Mapped[Name] = field(_("Name"), search=True, pinyin=PERSON)
    post: Mapped[Post] = field(_("Post"), Choice(Post))
    level: Mapped[Level | None] = field(
        _("Level"), Choice(Level), help=_("Customer managers only."), only_if=("post", (Post.CUSTOMER_MANAGER,))
    )
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True)
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True)
    supervisor_id: Mapped[int | None] = field(_("Reports to"), ForeignKey("staff.id"), index=True)
    joined_on: Mapped[BusinessDate | None] = field(_("Joined on"))
    left_on: Mapped[BusinessDate | None] = field(_("Left on"))
    user_id: Mapped[int | None] = field(
        _("User account"), ForeignKey("ab_user.id"), unique=True, help=_("The login of this person; empty for none.")
    )

    branch: Mapped[Branch] = relationship()
    team: Mapped[Team | None] = relationship(back_populates="members")
    supervisor: Mapped[Staff | None] = relationship(remote_side="Staff.id")
    user: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User")
    manager_id = synonym("id")

    def __str__(self) -> str:
        return f"{told(self, 'name')} ({told(self, 'code')})"
