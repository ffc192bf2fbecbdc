"""Terms that change over a loan's life: extended, restructured, a rate set anew, misuse; proposals of the first two.

What changes is booked by a journal of its kind that moves no money; one row for each such journal says what it was
before and what it is from then on. A reversal adds the same row the other way round. So the terms of any past date can
be told, as they were known then.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Labelled, Model, Rate, Text
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan, LoanChild


class LoanTerms(NamedTuple):
    """What of a loan's terms may change."""

    rate: int
    """Parts per million a year."""
    matures_on: date | None
    misuse_markup: int | None
    """Parts per million of the contract rate; None: no misuse."""
    next_reset_on: date | None
    """None: the rate is fixed."""


class TermsStep(NamedTuple):
    """One change of terms."""

    before: LoanTerms
    after: LoanTerms
    months: int = 0
    """By which the maturity is put off; below 0 in a reversal."""
    lpr: int | None = None
    """The loan prime rate that a reset went by, in parts per million."""

    def turned(self) -> TermsStep:
        """What undoes it."""
        return TermsStep(self.after, self.before, -self.months, self.lpr)


class TermsChange(LoanChild, Model):
    """What a journal changed of a loan's terms (条款变更). Immutable."""

    scope_resource = "Rescheduling"

    __table_args__ = (Index("ix_terms_change_kind", "kind", "value_date"),)

    id: Mapped[BigId]
    journal_id: Mapped[int] = mapped_column(BigKey, ForeignKey("journal.id"), unique=True)
    kind: Mapped[JournalKind] = field(_("Event"), Choice(JournalKind))
    reversal: Mapped[bool] = field(_("Reversal"), default=False, help=_("Undoes an earlier change of the same kind."))
    value_date: Mapped[BusinessDate] = field(_("In force from"))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"), help=_("When it entered the books."))
    months: Mapped[int] = field(_("Put off by (months)"), help=_("Below 0: an extension that was reversed."))
    rate_before: Mapped[Rate] = field(_("Rate before"))
    rate: Mapped[Rate] = field(_("Rate from then on"))
    lpr: Mapped[Rate | None] = field(_("One-year LPR"))
    matured_on: Mapped[BusinessDate | None] = field(_("Maturity before"))
    matures_on: Mapped[BusinessDate | None] = field(_("Maturity from then on"))
    misuse_before: Mapped[Rate | None] = field(_("Mark-up for misuse before"))
    misuse_markup: Mapped[Rate | None] = field(_("Penalty mark-up for misuse"))
    reset_before: Mapped[BusinessDate | None] = mapped_column()
    next_reset_on: Mapped[BusinessDate | None] = field(_("Next rate reset"))

    loan: Mapped[Loan] = relationship()
    journal: Mapped[Journal] = relationship()

    def step(self) -> TermsStep:
        """As the ledger works with it."""
        before = LoanTerms(self.rate_before, self.matured_on, self.misuse_before, self.reset_before)
        after = LoanTerms(self.rate, self.matures_on, self.misuse_markup, self.next_reset_on)
        return TermsStep(before, after, self.months, self.lpr)

    def __str__(self) -> str:
        return f"{told(self, 'kind')} {told(self, 'value_date')}"


class ReschedulingKind(Labelled):
    """What is asked for."""

    EXTENSION = "extension", _("Extension")
    RESTRUCTURING = "restructuring", _("Restructuring")


class ReschedulingState(Labelled):
    """How far a proposal has come."""

    PROPOSED = "proposed", _("Awaits approval")
    BOOKED = "booked", _("Booked")
    REFUSED = "refused", _("Refused")


class Rescheduling(LoanChild, Model):
    """A proposal to extend (展期) or restructure (重组) a loan: who asked, who decided and why."""

    __table_args__ = (
        CheckConstraint("months >= 0", name="months_not_negative"),
        CheckConstraint("rate >= 0", name="rate_not_negative"),
        Index("ix_rescheduling_state", "state", "proposed_on"),
    )

    id: Mapped[BigId]
    kind: Mapped[ReschedulingKind] = field(_("Kind"), Choice(ReschedulingKind))
    months: Mapped[int] = field(_("Put off by (months)"))
    rate: Mapped[Rate] = field(_("Rate from then on"))
    value_date: Mapped[BusinessDate] = field(_("In force from"))
    reason: Mapped[Text] = field(_("Reason"))
    state: Mapped[ReschedulingState] = field(_("State"), Choice(ReschedulingState), default=ReschedulingState.PROPOSED)
    proposed_by: Mapped[str] = field(_("Proposed by"), String(80), readonly=True)
    proposed_on: Mapped[BusinessDate] = field(_("Proposed on"), readonly=True)
    decided_by: Mapped[str | None] = field(_("Decided by"), String(80), readonly=True)
    decided_on: Mapped[BusinessDate | None] = field(_("Decided on"), readonly=True)
    journal_id: Mapped[int | None] = field(_("Journal"), BigKey, ForeignKey("journal.id"), readonly=True)

    loan: Mapped[Loan] = relationship()
    journal: Mapped[Journal | None] = relationship()

    def __str__(self) -> str:
        return f"{told(self, 'kind')} {told(self, 'value_date')}"
