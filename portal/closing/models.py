"""Month-end entries: double entries of groups of loans, immutable as the journals of loans are (月末计提)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Id, Labelled, Model, Moment, Money, Text, Versioned
from portal.core.db import label_of as words_of
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import BranchScoped
from portal.loans.components import Component
from portal.loans.ledger import Account
from portal.risk.models import Decided


class EntryKind(Labelled):
    """What is booked of a month-end."""

    PROVISION = "provision", _("Loan loss provision")
    VAT = "vat", _("VAT on income")
    MEMO_INTEREST = "memo_interest", _("Interest not recognised (off balance)")


class MonthEndEntry(Model):
    """What was booked of one kind for one month-end. `key` makes booking it twice impossible.

    A correction is a new entry in the open month that turns the lines of the old one round and refers to it.
    """

    __table_args__ = (Index("ix_month_end_entry_kind", "kind", "month_end"),)

    id: Mapped[BigId]
    key: Mapped[str] = field(_("Event key"), String(80), unique=True, search=True)
    kind: Mapped[EntryKind] = field(_("Entry"), Choice(EntryKind))
    month_end: Mapped[BusinessDate] = field(_("Month-end"), help=_("The month-end whose figures were booked."))
    booking_date: Mapped[BusinessDate] = field(
        _("Booking date"),
        help=_("The month-end itself while its month was the last one closed; else the day it was booked on."),
    )
    period: Mapped[int] = field(_("Period"), help=_("Year and month of the booking, as in 202606."))
    amount: Mapped[Money] = field(_("Amount"), help=_("What was booked on balance: added above 0, given back below 0."))
    reverses_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("month_end_entry.id"), unique=True)
    rule_version: Mapped[str] = field(_("Rule version"), String(20))
    reason: Mapped[Text | None] = field(_("Reason"), help=_("Why a person decided to book this: a reversal."))
    posted_by: Mapped[str] = field(_("Booked by"), String(80), help=_("The login; system: booked by day-end."))
    posted_at: Mapped[Moment] = field(_("Posted at"))

    reverses: Mapped[MonthEndEntry | None] = relationship(remote_side="MonthEndEntry.id")

    @property
    def reversal_of(self) -> str:
        """The key of the entry that this one takes back."""
        return self.reverses.key if self.reverses else ""

    def __str__(self) -> str:
        return f"{words_of(self.kind)} {told(self, 'month_end')}"


class MonthEndPosting(BranchScoped, Model):
    """One line of a month-end entry: an account and an amount in fen (debit positive) of one group of loans.

    Branch, team and manager are those of the month-end. Whoever sees loans of a group sees its lines.
    """

    scope_resource = "Loan"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_month_end_posting_account", "account", "value_date"),
    )

    id: Mapped[BigId]
    entry_id: Mapped[int] = field(_("Month-end entry"), BigKey, ForeignKey("month_end_entry.id"), index=True)
    kind: Mapped[EntryKind] = field(_("Entry"), Choice(EntryKind))
    account: Mapped[Account] = field(_("Ledger account"), Choice(Account))
    component: Mapped[Component | None] = field(
        _("Component"), Choice(Component), help=_("Which part of the income it is of; empty for provisions.")
    )
    amount: Mapped[Money] = field(_("Amount"), help=_("Debit positive, credit negative."))
    value_date: Mapped[BusinessDate] = field(_("Value date"))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"))
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True)
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True)
    manager_id: Mapped[int | None] = field(_("Customer manager"), ForeignKey("staff.id"), index=True)
    product_id: Mapped[int] = field(_("Product"), ForeignKey("product.id"))

    entry: Mapped[MonthEndEntry] = relationship()
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")
    product: Mapped[Any] = relationship("Product")

    def __str__(self) -> str:
        return f"{told(self, 'account')} {told(self, 'amount')}"


class ProposalState(Labelled):
    """How far a proposal is."""

    PROPOSED = "proposed", _("Waits for a second person")
    POSTED = "posted", _("Booked")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Taken back")


class MonthEndProposal(Decided, Model, Versioned):
    """A proposal to book an entry of a month-end (计提申请): one person works it out, a second one books it."""

    __table_args__ = (
        Index("ix_month_end_proposal_state", "state"),
        Index(
            "uq_month_end_proposal_waiting",
            "kind",
            "month_end",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
            sqlite_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[Id]
    kind: Mapped[EntryKind] = field(_("Entry"), Choice(EntryKind), section=_("Proposal"))
    month_end: Mapped[BusinessDate] = field(_("Month-end"), section=_("Proposal"))
    wanted: Mapped[Money] = field(
        _("Should be"), readonly=True, section=_("Proposal"), help=_("By the figures of the month-end.")
    )
    held: Mapped[Money] = field(_("Booked so far"), readonly=True, section=_("Proposal"))
    difference: Mapped[Money] = field(
        _("To book"), readonly=True, section=_("Proposal"), help=_("Above 0: to be added; below 0: to be given back.")
    )
    note: Mapped[Text | None] = field(_("Note"), section=_("Proposal"))
    state: Mapped[ProposalState] = field(_("State"), Choice(ProposalState), readonly=True, section=_("Decision"))
    entry_id: Mapped[int | None] = field(
        _("Month-end entry"), BigKey, ForeignKey("month_end_entry.id"), readonly=True, section=_("Decision")
    )

    entry: Mapped[MonthEndEntry | None] = relationship()
    proposed_by: Mapped[Any] = relationship("Staff", foreign_keys="MonthEndProposal.proposed_by_id")
    decided_by: Mapped[Any] = relationship("Staff", foreign_keys="MonthEndProposal.decided_by_id")

    def __str__(self) -> str:
        return f"{words_of(self.kind)} {told(self, 'month_end')}"


class VatLine(BranchScoped, Model):
    """The VAT register (增值税台账): income of a month by group and part, exempt or taxed, and the tax in it.

    Written with the entry that books the tax, and as immutable: what was declared stays.
    """

    __table_args__ = (Index("ix_vat_line_month_end", "month_end"),)

    id: Mapped[BigId]
    entry_id: Mapped[int] = field(_("Month-end entry"), BigKey, ForeignKey("month_end_entry.id"), index=True)
    month_end: Mapped[BusinessDate] = field(_("Month-end"))
    component: Mapped[Component] = field(_("Part of income"), Choice(Component))
    taxed: Mapped[Money] = field(_("Taxable income"), help=_("With the tax in it."))
    exempt: Mapped[Money] = field(_("Exempt income"))
    tax: Mapped[Money] = field(_("Output VAT"))
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True)
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True)
    manager_id: Mapped[int | None] = field(_("Customer manager"), ForeignKey("staff.id"), index=True)
    product_id: Mapped[int] = field(_("Product"), ForeignKey("product.id"))

    entry: Mapped[MonthEndEntry] = relationship()
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")
    product: Mapped[Any] = relationship("Product")

    def __str__(self) -> str:
        return f"{told(self, 'month_end')} · {told(self, 'component')}"
