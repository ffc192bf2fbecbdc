"""Reliefs (减免): what the lender lets go of interest, penalty, fees or costs; above a limit a second one approves."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Labelled, Model, Money, Text
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.components import Component
from portal.loans.ledger import Journal
from portal.loans.models import Loan, LoanChild


class ReliefState(Labelled):
    """How far a relief has come."""

    PROPOSED = "proposed", _("Awaits approval")
    BOOKED = "booked", _("Booked")
    REFUSED = "refused", _("Refused")


class Relief(LoanChild, Model):
    """A relief with who proposed it, who decided and why. What it changes is booked by a journal."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_relief_state", "state", "proposed_on"),
    )

    id: Mapped[BigId]
    component: Mapped[Component] = field(_("Component"), Choice(Component))
    amount: Mapped[Money] = field(_("Amount"))
    value_date: Mapped[BusinessDate] = field(_("Value date"), help=_("The day from which it is not owed any more."))
    reason: Mapped[Text] = field(_("Reason"))
    state: Mapped[ReliefState] = field(_("State"), Choice(ReliefState), default=ReliefState.PROPOSED)
    proposed_by: Mapped[str] = field(_("Proposed by"), String(80), readonly=True)
    proposed_on: Mapped[BusinessDate] = field(_("Proposed on"), readonly=True)
    decided_by: Mapped[str | None] = field(_("Decided by"), String(80), readonly=True)
    decided_on: Mapped[BusinessDate | None] = field(_("Decided on"), readonly=True)
    journal_id: Mapped[int | None] = field(_("Journal"), BigKey, ForeignKey("journal.id"), readonly=True)

    loan: Mapped[Loan] = relationship()
    journal: Mapped[Journal | None] = relationship()

    def __str__(self) -> str:
        return f"{told(self, 'component')} {told(self, 'amount')}"
