"""Delegations: the rows of those who are away, in the hands of those who are there."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Date, ForeignKey, Index, bindparam, case, inspect, type_coerce
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, relationship

from portal.core.clock import calendar_date
from portal.core.db import BusinessDate, Choice, Id, Labelled, Model, Moment, Text, Versioned
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.core.scope import BranchScoped
from portal.delegations.rules import Standing, standing


class Extent(Labelled):
    """What is handed over (rules.Extent in words)."""

    BOTH = "both", _("Rows and approvals")
    ROWS = "rows", _("Rows")
    APPROVALS = "approvals", _("Approvals")


class State(Labelled):
    """Where a delegation stands today (rules.Standing in words)."""

    PLANNED = "planned", _("Planned")
    RUNNING = "running", _("Running")
    ENDED = "ended", _("Ended")
    WITHDRAWN = "withdrawn", _("Withdrawn")


def _today() -> Any:
    return bindparam("delegation_today", callable_=calendar_date, type_=Date())


class Delegation(BranchScoped, Model, Versioned):
    """Somebody's rows and approvals in another's hands from a first to a last day (代理授权).

    Its days are days of the calendar, not of the books: who is away is away on real days. A day-end that runs late,
    or a demo company whose business date never moves, must not keep a delegation open; see docs/adr/0015.
    """

    __table_args__ = (
        Index("ix_delegation_branch_manager", "branch_id", "manager_id"),
        Index("ix_delegation_delegate_last_day", "delegate_id", "last_day"),
    )

    id: Mapped[Id]
    manager_id: Mapped[int] = field(
        _("Who is away"), ForeignKey("staff.id"), index=True, help=_("Whose rows and approvals are handed over.")
    )
    delegate_id: Mapped[int] = field(
        _("Delegate"),
        ForeignKey("staff.id"),
        index=True,
        help=_("Who stands in. He may do to these rows what both of your roles allow, and cannot hand them on."),
    )
    extent: Mapped[Extent] = field(_("Extent"), Choice(Extent), default=Extent.BOTH)
    first_day: Mapped[BusinessDate] = field(_("First day"))
    last_day: Mapped[BusinessDate] = field(_("Last day"), help=_("It ends by itself after this day."))
    reason: Mapped[Text] = field(_("Reason"), help=_("Leave, illness, a course: as it should stand in the record."))
    withdrawn_at: Mapped[Moment | None] = field(_("Withdrawn at"), readonly=True)
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True)
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True)

    manager: Mapped[Any] = relationship("Staff", foreign_keys=[manager_id])
    delegate: Mapped[Any] = relationship("Staff", foreign_keys=[delegate_id])
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")

    @hybrid_property
    def state(self) -> State:
        """Where it stands today."""
        return State(standing(self.first_day, self.last_day, self.withdrawn_at is not None, calendar_date()).value)

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> Any:
        words: Any = case(
            (cls.withdrawn_at.is_not(None), Standing.WITHDRAWN.value),
            (cls.first_day > _today(), Standing.PLANNED.value),
            (cls.last_day >= _today(), Standing.RUNNING.value),
            else_=Standing.ENDED.value,
        )
        return type_coerce(words, Choice(State))

    def __str__(self) -> str:
        return f"{told(self, 'manager') or '…'} → {told(self, 'delegate') or '…'}"


inspect(Delegation).all_orm_descriptors["state"].info["field"] = Field(_("State"), type="choice", choices=State)
