"""Held receipts: money that came in and belongs to no loan yet, or no longer (暂收款), with journals of its own.

A journal of the ledger is an event of a loan. Money of which nobody has said what it pays stands here until it is
cleared to loans or given back; both books together are the trial balance. Immutable; a mistake is reversed.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Code, Labelled, Model, Moment, Money, Name, Text
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.customers.models import Customer
from portal.loans.ledger import Account


class HeldReceipt(ScopedThrough, Model):
    """Money received and not yet allotted to a loan, or paid beyond what was owed.

    `rest` is kept by the verbs that take from it; the nightly reconciliation proves it equal to the postings. Without a
    customer only those see it who see the whole company.
    """

    scope_parent, scope_key = Customer, "customer_id"

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("rest BETWEEN 0 AND amount", name="rest_within_amount"),
        Index("ix_held_receipt_open", "rest", "value_date"),
    )

    id: Mapped[BigId]
    code: Mapped[Code] = field(_("Receipt number"), unique=True, search=True)
    amount: Mapped[Money] = field(_("Amount"))
    rest: Mapped[Money] = field(
        _("Still held"), readonly=True, help=_("What has neither been cleared to a loan nor given back.")
    )
    value_date: Mapped[BusinessDate] = field(_("Value date"), help=_("The day on which the money reached the bank."))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"), readonly=True, help=_("When it entered the books."))
    customer_id: Mapped[int | None] = field(
        _("Customer"),
        ForeignKey("customer.id"),
        index=True,
        search=True,
        help=_("Whose money it is; empty as long as nobody knows."),
    )
    payer: Mapped[Name | None] = field(_("Payer"), personal=True, help=_("As the bank names him."))
    note: Mapped[Text | None] = field(_("Note"))
    reversed_on: Mapped[BusinessDate | None] = field(_("Reversed on"), readonly=True)

    customer: Mapped[Any] = relationship("Customer")
    postings: Mapped[list[HeldPosting]] = relationship(order_by="HeldPosting.id")

    def __str__(self) -> str:
        return told(self, "code")


class HeldEvent(Labelled):
    """What happened to held money; what was cleared to a loan stands in the loan's journal."""

    RECEIVED = "received", _("Received")
    RETURNED = "returned", _("Given back")
    REVERSED = "reversed", _("Reversed")


class HeldPosting(Model):
    """One line of a journal of held money: two lines with the same `key` make it (debit positive)."""

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_held_posting_account", "account", "value_date"),
    )

    id: Mapped[BigId]
    receipt_id: Mapped[int] = mapped_column(BigKey, ForeignKey("held_receipt.id"), index=True)
    key: Mapped[str] = mapped_column(String(80), index=True)
    event: Mapped[HeldEvent] = mapped_column(Choice(HeldEvent))
    account: Mapped[Account] = mapped_column(Choice(Account))
    amount: Mapped[Money]
    value_date: Mapped[BusinessDate]
    booking_date: Mapped[BusinessDate]
    period: Mapped[int]
    reason: Mapped[Text | None]
    posted_at: Mapped[Moment]
