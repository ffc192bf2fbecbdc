"""What the company itself has borrowed: from whom, how much is outstanding, and when it must be paid back."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Money, Name, Rate, Text, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.limits.models import FigureKind


class FundingKind(Labelled):
    """What kind of funds it is; the values are those of the company's figures that limits are measured by."""

    BANK_BORROWING = FigureKind.BANK_BORROWING.value, _("Loan from a bank")
    SHAREHOLDER_BORROWING = FigureKind.SHAREHOLDER_BORROWING.value, _("Loan from a shareholder")
    BONDS = FigureKind.BONDS.value, _("Bond")
    SECURITIES = FigureKind.SECURITIES.value, _("Asset-backed securities")


class Borrowing(Versioned, Model):
    """A borrowing of the company with its maturity (融资台账); one with several maturities has a row for each."""

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("outstanding BETWEEN 0 AND amount", name="outstanding_within_amount"),
        CheckConstraint("drawn_on < matures_on", name="matures_after_it_is_drawn"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Borrowing number"), unique=True, search=True, section=_("Borrowing"))
    kind: Mapped[FundingKind] = field(_("Kind of funds"), Choice(FundingKind), section=_("Borrowing"))
    lender: Mapped[Name] = field(_("Lender"), search=True, section=_("Borrowing"), help=_("As in the contract."))
    amount: Mapped[Money] = field(_("Amount drawn"), section=_("Borrowing"), minimum=1)
    outstanding: Mapped[Money] = field(
        _("Outstanding"),
        section=_("Borrowing"),
        help=_("What must still be paid back of it, without interest; 0 once it is repaid."),
    )
    rate: Mapped[Rate] = field(_("Rate a year"), section=_("Borrowing"))
    drawn_on: Mapped[BusinessDate] = field(_("Drawn on"), section=_("Dates"))
    matures_on: Mapped[BusinessDate] = field(
        _("To be repaid on"),
        index=True,
        section=_("Dates"),
        help=_("When the outstanding amount is due. Enter one row for each date of a borrowing repaid in parts."),
    )
    account: Mapped[Name] = field(
        _("General ledger account"), section=_("Origin"), help=_("Number and name of the account it stands on.")
    )
    source: Mapped[Text] = field(
        _("Source"), section=_("Origin"), help=_("The contract or statement it was taken from.")
    )

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        amount, left = values.get("amount"), values.get("outstanding")
        if amount is not None and left is not None and left > amount:
            return {"outstanding": [gettext("More cannot be outstanding than was drawn.")]}
        drawn, due = values.get("drawn_on"), values.get("matures_on")
        if drawn and due and due <= drawn:
            return {"matures_on": [gettext("It must be repaid after the day it was drawn.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "code")
