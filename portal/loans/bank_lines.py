"""Bank statement lines (银行流水): what the bank says came in and went out, until somebody has told what each was."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Code, Labelled, Model, Money, Name, Text
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.models import Repayment
from portal.loans.receipts import HeldReceipt


class LineState(Labelled):
    """What has become of a line."""

    OPEN = "open", _("To decide")
    MATCHED = "matched", _("Matched")
    IGNORED = "ignored", _("Ignored")


class BankLine(Model):
    """One line of a bank statement. The bank's reference makes bringing in the same line twice impossible.

    It books nothing by itself: it is matched with a booking that is there, booked as a repayment or held receipt, or
    left alone for a reason. Payers and remarks are personal data and never enter audit entries.
    """

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_bank_line_state_value_date", "state", "value_date"),
    )

    id: Mapped[BigId]
    code: Mapped[str] = field(
        _("Bank reference"), String(80), unique=True, search=True, help=_("The bank's own number of the movement.")
    )
    account: Mapped[Code | None] = field(_("Own account"), help=_("The account of the company, as the file names it."))
    value_date: Mapped[BusinessDate] = field(_("Value date"))
    amount: Mapped[Money] = field(_("Amount"), help=_("Above 0: came in; below 0: went out."))
    payer: Mapped[Name | None] = field(_("Payer"), search=True, personal=True, help=_("As the bank names him."))
    payer_account: Mapped[str | None] = field(
        _("Payer's account"), String(8), help=_("Its last four characters; the whole number is not kept.")
    )
    remark: Mapped[Text | None] = field(_("Remark"), search=True, personal=True)
    state: Mapped[LineState] = field(_("State"), Choice(LineState), default=LineState.OPEN)
    reason: Mapped[Text | None] = field(_("Reason"), help=_("Why it is left alone."))
    decided_on: Mapped[BusinessDate | None] = field(_("Decided on"), readonly=True)
    decided_by: Mapped[str | None] = field(_("Decided by"), String(80), readonly=True)
    repayment_id: Mapped[int | None] = field(_("Repayment"), BigKey, ForeignKey("repayment.id"), index=True)
    held_id: Mapped[int | None] = field(_("Held receipt"), BigKey, ForeignKey("held_receipt.id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(index=True)

    repayment: Mapped[Repayment | None] = relationship()
    held: Mapped[HeldReceipt | None] = relationship()

    def __str__(self) -> str:
        return told(self, "code")
