"""Access: the versions of roles. What is in force is a delivered role and the newest version over it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import Choice, Id, Labelled, Model, Moment, Text
from portal.core.fields import field


class VersionState(Labelled):
    """What became of a proposed change."""

    PROPOSED = "proposed", _("Waits for a decision")
    IN_FORCE = "in_force", _("In force")
    SUPERSEDED = "superseded", _("Superseded")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class RoleVersion(Model):
    """One change of one role: what it says from then on, who wanted it and why, who decided (角色版本).

    `document` is never changed once written; a decision only adds who, when and how. The database itself refuses
    anything else (triggers.py).
    """

    __table_args__ = (UniqueConstraint("role", "number"),)

    id: Mapped[Id]
    role: Mapped[str] = field(_("Role"), String(60), index=True)
    number: Mapped[int] = field(_("Version"))
    base_number: Mapped[int] = field(_("Changes version"))
    """The version in force when this was proposed; 0 = as delivered."""
    document: Mapped[Any] = mapped_column(JSON)
    """label, description, based_on, retired; grants {resource: {action: scope}} that differ from the delivered role;
    masks {resource: {field: mask}}."""
    state: Mapped[VersionState] = field(_("State"), Choice(VersionState), index=True)
    reason: Mapped[Text] = field(_("Reason"))
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    proposed_at: Mapped[Moment] = field(_("Proposed at"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    decided_at: Mapped[Moment | None] = field(_("Decided at"))
    decision_note: Mapped[str] = field(_("Note on the decision"), String(400), default="")

    proposed_by: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User", foreign_keys=[proposed_by_id])
    decided_by: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User", foreign_keys=[decided_by_id])

    def __str__(self) -> str:
        return f"{self.role} {self.number}"
