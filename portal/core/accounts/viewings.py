"""The register of viewings: which session sees the portal as somebody else or as a role, until when, and why."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, ScalarSelect, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, Choice, Labelled, Model, Moment, Text


class ViewingEnd(Labelled):
    """Why somebody no longer sees the portal as another, as he is told."""

    STOPPED = "stopped", _("You see the portal as yourself again.")
    SIGNED_OUT = "signed_out", _("You are signed out.")
    EXPIRED = "expired", _("The time of viewing is over. You see the portal as yourself again.")
    GONE = "gone", _("Whom you viewed has left, or the role is no longer in use. You see the portal as yourself again.")
    WITHDRAWN = "withdrawn", _("You may no longer view the portal as others. You see it as yourself again.")


class Viewing(Model):
    """Somebody sees the portal as another login, or as a role at a place (代看). At most one is open in a session."""

    id: Mapped[BigId]
    session_id: Mapped[int] = mapped_column(BigKey, ForeignKey("account_session.id", ondelete="CASCADE"), index=True)
    viewed_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    """The login that is seen; none for a role."""
    role: Mapped[str] = mapped_column(String(60), default="")
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id", ondelete="CASCADE"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id", ondelete="CASCADE"))
    place: Mapped[str] = mapped_column(String(250), default="")
    """What the role's branch and team were called when the viewing began."""
    reason: Mapped[Text]
    began_at: Mapped[Moment]
    ends_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    end: Mapped[ViewingEnd | None] = mapped_column(Choice(ViewingEnd))

    viewed: Mapped[Any] = relationship(User)


def open_in(session_id: Any) -> ScalarSelect[int]:
    """The viewing that is open in a session, as a column of the statement that finds the session."""
    newest = select(func.max(Viewing.id))
    return newest.where(Viewing.session_id == session_id, Viewing.ended_at.is_(None)).scalar_subquery()
