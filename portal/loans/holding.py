"""The pages of held receipts: entered, cleared to a loan, given back, reversed."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.fields import Field
from portal.core.values import UNITS, money_text
from portal.loans.booking import account_of
from portal.loans.deeds import AMOUNT, REASON, VALUE_DATE, Deed, Preview, shares_of
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan, LoanStatus
from portal.loans.paying import named_instalments, preview_recovery
from portal.loans.receipts import HeldReceipt
from portal.loans.repayments import Payment, plan_payment
from portal.loans.reversals import check_reversible, reverse, standing_journals
from portal.loans.suspense import Portion, clear, give_back, reverse_receipt
from portal.loans.thresholds import allocation_order


def above(row: HeldReceipt) -> list[tuple[Any, str]]:
    """Whose money it is, and how much of it is left."""
    rest = f"{money_text(row.rest, thousands=True)} {UNITS['money']}"
    whose = str(row.customer or row.payer or "—")
    return [(_("Customer"), whose), (_("Still held"), rest), (_("Value date"), row.value_date.isoformat())]


def _has_rest(row: HeldReceipt) -> bool:
    return row.rest > 0


LOAN = Field(_("Loan"), name="loan", type="ref", target=Loan, required=True)


def loan_named(values: dict[str, Any]) -> Loan:
    """The loan that was chosen; InvalidValues at the field when there is none within the scope."""
    loan: Loan | None = db.session.get(Loan, values["loan"])
    if loan is None:
        raise InvalidValues({"loan": [gettext("There is no such loan.")]})
    return loan


def _preview_clearing(row: HeldReceipt, values: dict[str, Any]) -> Preview:
    loan, on = loan_named(values), values["value_date"]
    account, named = account_of(loan, lock=False), named_instalments(values["designated"])
    preview, payment = Preview(), Payment(loan.id, row.code, values["amount"], on, named)
    if account.status is LoanStatus.WRITTEN_OFF:
        preview = preview_recovery(account, payment)
    else:
        plan = plan_payment(account, payment, allocation_order(on))
        parts = [(part.instalment, part.component, part.amount) for part in plan.parts]
        preview.shares = shares_of(account.lines, parts)
        preview.figure(_("Due on that day"), account.due_by(on))
        if plan.rest:
            text = money_text(plan.rest, thousands=True)
            raise InvalidValues({"amount": [gettext("This is %(rest)s yuan more than is owed.", rest=text)]})
    if values["amount"] > row.rest:
        left = money_text(row.rest, thousands=True)
        raise InvalidValues({"amount": [gettext("Only %(left)s yuan of this receipt are still held.", left=left)]})
    preview.figure(_("Held afterwards"), row.rest - values["amount"])
    if loan.customer_id != row.customer_id and row.customer_id is not None:
        preview.notices.append(gettext("This loan belongs to another customer than the money."))
    return preview


def _book_clearing(row: HeldReceipt, values: dict[str, Any]) -> tuple[str, str]:
    loan, named = loan_named(values), named_instalments(values["designated"])
    clear(row, [Portion(loan.id, values["amount"], named)], values["value_date"])
    return gettext("The money is cleared to loan %(code)s.", code=loan.code), _record(row)


def _record(row: HeldReceipt) -> str:
    return url_for("HeldReceiptView.show", pk=row.id)


CLEAR = Deed(
    key="clear",
    title=_("Clear to a loan"),
    icon="fa-share",
    note=_("The money becomes a repayment of the loan and counts from the value date; do it again for other loans."),
    resource="HeldReceipt",
    action="run",
    fields=(
        LOAN,
        AMOUNT,
        VALUE_DATE,
        Field(
            _("Named by the debtor"),
            name="designated",
            type="text",
            max_length=100,
            help=_("Only if the debtor said which instalments he pays: their numbers, such as 3, 4."),
        ),
    ),
    preview=_preview_clearing,
    book=_book_clearing,
    start=lambda row: {"amount": row.rest, "value_date": row.value_date},
    model=HeldReceipt,
    above=above,
    fits=_has_rest,
)


def _preview_return(row: HeldReceipt, values: dict[str, Any]) -> Preview:
    preview = Preview()
    if values["amount"] <= 0:
        raise InvalidValues({"amount": [gettext("A payment must be more than zero.")]})
    if values["amount"] > row.rest:
        left = money_text(row.rest, thousands=True)
        raise InvalidValues({"amount": [gettext("Only %(left)s yuan of this receipt are still held.", left=left)]})
    preview.figure(_("Held afterwards"), row.rest - values["amount"])
    return preview


def _book_return(row: HeldReceipt, values: dict[str, Any]) -> tuple[str, str]:
    give_back(row, values["amount"], values["value_date"], values["reason"])
    return gettext("The return is booked."), _record(row)


RETURN = Deed(
    key="give_back",
    title=_("Give back"),
    icon="fa-reply",
    note=_("Money that is not needed goes back to whom it belongs; the payment itself is made in the bank."),
    resource="HeldReceipt",
    action="run",
    fields=(AMOUNT, VALUE_DATE, REASON),
    preview=_preview_return,
    book=_book_return,
    start=lambda row: {"amount": row.rest},
    model=HeldReceipt,
    above=above,
    fits=_has_rest,
)


def _preview_reversal(row: HeldReceipt, _values: dict[str, Any]) -> Preview:
    preview = Preview()
    preview.figure(_("Taken off the suspense account"), row.amount)
    return preview


def _book_reversal(row: HeldReceipt, values: dict[str, Any]) -> tuple[str, str]:
    reverse_receipt(row, values["reason"])
    return gettext("The receipt is reversed."), _record(row)


CANCEL = Deed(
    key="cancel",
    title=_("Reverse the receipt"),
    icon="fa-undo",
    note=_("For a receipt that was entered by mistake: it is undone by a posting of its own and its number is free."),
    resource="HeldReceipt",
    action="undo",
    fields=(REASON,),
    preview=_preview_reversal,
    book=_book_reversal,
    model=HeldReceipt,
    above=above,
    fits=lambda row: row.rest == row.amount and row.reversed_on is None,
)


def of_journal(row: Journal) -> list[tuple[Any, str]]:
    """What is about to be reversed."""
    return [
        (_("Loan"), row.loan.code),
        (_("Event"), str(row.kind.label)),
        (_("Value date"), row.value_date.isoformat()),
        (_("Booking date"), row.booking_date.isoformat()),
    ]


def _preview_undoing(row: Journal, values: dict[str, Any]) -> Preview:
    check_reversible(row, standing_journals([row.loan_id])[row.loan_id], values["reason"])
    preview = Preview()
    for posting in row.postings:
        text = money_text(-posting.amount, thousands=True)
        preview.figures.append((f"{posting.account.value} {posting.account.label}", text))
    return preview


def _book_undoing(row: Journal, values: dict[str, Any]) -> tuple[str, str]:
    done = reverse(row, values["reason"])
    return gettext("The booking is reversed."), url_for("JournalView.show", pk=done.id)


REVERSE = Deed(
    key="reverse",
    title=_("Reverse the booking"),
    icon="fa-undo",
    note=_(
        "The booking is undone by a journal with the signs turned; both stay. It is booked in the open month with the "
        "value date of what it undoes."
    ),
    resource="Journal",
    action="undo",
    fields=(REASON,),
    preview=_preview_undoing,
    book=_book_undoing,
    model=Journal,
    above=of_journal,
    fits=lambda row: row.reverses_id is None and row.kind is not JournalKind.ACCRUAL and not row.opening,
)
