"""Agreed fees: which item of the fee catalogue each fee of a loan is charged under (费用约定)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, delete
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.bulk import insert_rows
from portal.core.db import BigId, BusinessDate, Choice, Model, Money, db
from portal.core.fields import field
from portal.core.scope import unscoped
from portal.loans.accounts import LoanAccount
from portal.loans.models import Loan, LoanChild
from portal.pricing.models import FeeItem
from portal.pricing.offers import Basis, Charged, Fee, Payee


class AgreedFee(LoanChild, Model):
    """What an item of the fee catalogue comes to for a loan, as agreed: later changes of the item leave it alone."""

    scope_resource = "Loan"

    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[BigId]
    item_id: Mapped[int] = field(_("Item"), ForeignKey("fee_item.id"), index=True)
    payee: Mapped[Payee] = field(_("Goes to"), Choice(Payee))
    charged: Mapped[Charged] = field(_("Charged"), Choice(Charged))
    basis: Mapped[Basis] = mapped_column(Choice(Basis))
    standard: Mapped[int] = mapped_column(BigInteger)
    """Of the item when it was agreed: fen, or parts per million."""
    counted: Mapped[bool] = field(_("Part of the all-in cost"))
    amount: Mapped[Money] = field(_("Amount"), help=_("All times together, over the whole term."))
    agreed_on: Mapped[BusinessDate] = field(_("Agreed on"))

    loan: Mapped[Loan] = relationship()
    item: Mapped[FeeItem] = relationship()

    def as_fee(self) -> Fee:
        """The item as it was agreed."""
        name, payee_name = self.item.name, self.item.payee_name or ""
        code = self.item.code
        return Fee(code, name, self.payee, self.basis, self.standard, self.charged, self.counted, payee_name)

    def __str__(self) -> str:
        return str(self.item)


Agreed = tuple[LoanAccount, FeeItem, int, date]
"""A loan, an item, all of its amount in fen, the day of the contract."""


def write_agreed(agreed: Iterable[Agreed], replaced: Collection[int] = ()) -> None:
    """Write down what was agreed, once the loans have numbers; in place of what loans of `replaced` had."""
    rows = [
        {
            "loan_id": loan.id,
            "item_id": item.id,
            "payee": item.payee,
            "charged": item.charged,
            "basis": item.basis,
            "standard": item.standard,
            "counted": item.counted,
            "amount": amount,
            "agreed_on": on,
        }
        for loan, item, amount, on in agreed
        if amount
    ]
    with unscoped("agreed fees are written with the loans they belong to"):
        if replaced:
            db.session.connection().execute(delete(AgreedFee).where(AgreedFee.loan_id.in_(replaced)))
        insert_rows(db.session(), AgreedFee, rows)
