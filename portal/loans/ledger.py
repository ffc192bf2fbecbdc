"""The ledger: double-entry journals, immutable from the first migration (triggers refuse UPDATE and DELETE).

Every journal balances on the balance sheet and, apart from it, off it. Debits are positive. A mistake is corrected by a
reversal, which is a new journal. Balances are sums of postings.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Labelled, Model, Moment, Money, Text
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.components import Component
from portal.loans.models import Loan, LoanChild


class Account(Labelled):
    """The accounts a lender's loan book needs; codes follow the standard chart (企业会计准则 — 应用指南)."""

    CASH = "1002", _("Bank deposits")
    LOANS = "1303", _("Loans")
    INTEREST_RECEIVABLE = "1132", _("Interest receivable")
    ALLOWANCE = "1304", _("Loan loss allowance")
    CLEARING = "1901", _("Opening positions (clearing)")
    PRIOR_INCOME = "3103", _("Income before the cut-over")
    INTEREST_INCOME = "6011", _("Interest income")
    COSTS = "1221", _("Costs of enforcement to be recovered")
    SUSPENSE = "2241", _("Suspense receipts")
    FEE_INCOME = "6021", _("Fee income")
    PENALTY_INCOME = "6051", _("Penalty interest income")
    WRITTEN_OFF = "9101", _("Written-off claims (off balance)")
    WRITTEN_OFF_CONTRA = "9901", _("Contra of written-off claims (off balance)")
    COSTS_BORNE = "6602", _("Costs of enforcement borne")
    WAIVED = "9102", _("Claims waived (off balance)")
    WAIVED_CONTRA = "9902", _("Contra of claims waived (off balance)")
    TAX_PAYABLE = "2221", _("Taxes payable")
    IMPAIRMENT = "6702", _("Credit impairment loss")
    MEMO_INTEREST = "9103", _("Interest earned and not recognised (off balance)")
    MEMO_INTEREST_CONTRA = "9903", _("Contra of interest not recognised (off balance)")

    @property
    def on_balance(self) -> bool:
        return not self.value.startswith("9")


class JournalKind(Labelled):
    """What happened to the loan."""

    DISBURSEMENT = "disbursement", _("Disbursement")
    ACCRUAL = "accrual", _("Interest accrual")
    REPAYMENT = "repayment", _("Repayment")
    WRITE_OFF = "write_off", _("Write-off")
    RECOVERY = "recovery", _("Recovery after write-off")
    COST = "cost", _("Costs of enforcement")
    RELIEF = "relief", _("Relief")
    EXTENSION = "extension", _("Extension")
    RESTRUCTURING = "restructuring", _("Restructuring")
    RATE_RESET = "rate_reset", _("Rate reset")
    MISUSE = "misuse", _("Misuse of funds")


TERMS = (JournalKind.EXTENSION, JournalKind.RESTRUCTURING, JournalKind.RATE_RESET, JournalKind.MISUSE)
"""What changes the terms of a loan: no money moves, the principal is booked out and in again."""


class Journal(LoanChild, Model):
    """One booked event of one loan (分录). `key` makes booking the same event twice impossible."""

    scope_resource = "Journal"

    __table_args__ = (Index("ix_journal_kind_value_date", "kind", "value_date"),)

    id: Mapped[BigId]
    key: Mapped[str] = field(_("Event key"), String(80), unique=True, search=True)
    kind: Mapped[JournalKind] = field(_("Event"), Choice(JournalKind))
    opening: Mapped[bool] = field(
        _("Opening position"),
        default=False,
        help=_("Sums up history from before the cut-over; the other side is the clearing account."),
    )
    value_date: Mapped[BusinessDate] = field(
        _("Value date"), help=_("The day from which the event counts for interest and lateness.")
    )
    booking_date: Mapped[BusinessDate] = field(
        _("Booking date"),
        index=True,
        help=_("The business date on which the event was booked; it decides the accounting period."),
    )
    period: Mapped[int] = field(_("Period"), help=_("Year and month of the booking, as in 202606."))
    reverses_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("journal.id"), unique=True)
    rule_version: Mapped[str] = field(_("Rule version"), String(20))
    reason: Mapped[Text | None] = field(
        _("Reason"), help=_("Why a person decided to book this: a correction, a reversal, a relief.")
    )
    posted_at: Mapped[Moment] = field(_("Posted at"))
    batch_id: Mapped[int | None] = mapped_column(index=True)
    # Who owned the loan when it was booked: figures are attributed by these; rows are seen by the loan's owner now.
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    loan: Mapped[Loan] = relationship()
    postings: Mapped[list[Posting]] = relationship(back_populates="journal", order_by="Posting.id")

    def __str__(self) -> str:
        return told(self, "key")


NO_REVERSAL = func.coalesce(Journal.reverses_id, 0) == 0
"""Of journals: an event itself and no reversal. Nearly all are; asked for what is NULL, SQLite would go through all of
them by the index of `reverses_id` to find those of one loan. There is no index of what this asks."""


class Posting(LoanChild, Model):
    """One line of a journal: an account, a component, an amount in fen (debit positive)."""

    scope_resource = "Loan"

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_posting_account_value_date", "account", "value_date"),
        # Holds all that positions sum up, loan by loan: read alone, five times faster than the table.
        Index("ix_posting_position", "loan_id", "account", "value_date", "booking_date", "amount"),
    )

    id: Mapped[BigId]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"))
    journal_id: Mapped[int] = mapped_column(BigKey, ForeignKey("journal.id"), index=True)
    kind: Mapped[JournalKind] = mapped_column(Choice(JournalKind))
    account: Mapped[Account] = field(_("Account"), Choice(Account))
    component: Mapped[Component] = field(_("Component"), Choice(Component))
    amount: Mapped[Money] = field(_("Amount"), help=_("Debit positive, credit negative."))
    value_date: Mapped[BusinessDate] = field(_("Value date"))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"))
    instalment_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("instalment.id"))

    journal: Mapped[Journal] = relationship(back_populates="postings")

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
