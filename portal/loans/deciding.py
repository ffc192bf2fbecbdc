"""The pages on which a line of the bank statement is decided: booked, held, left alone."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import db
from portal.core.fields import Field
from portal.core.values import UNITS, is_whole, money_text
from portal.customers.models import Customer
from portal.loans.bank_lines import BankLine, LineState
from portal.loans.deeds import REASON, Deed, Preview
from portal.loans.holding import LOAN, loan_named
from portal.loans.paying import PAY, Surplus, named_instalments
from portal.loans.statement import book, hold, ignore, receipt_number


def above(row: BankLine) -> list[tuple[Any, str]]:
    """What the bank says."""
    amount = f"{money_text(row.amount, thousands=True)} {UNITS['money']}"
    return [
        (_("Amount"), amount),
        (_("Value date"), row.value_date.isoformat()),
        (_("Payer"), row.payer or "—"),
        (_("Remark"), row.remark or "—"),
    ]


def _is_open(row: BankLine) -> bool:
    return row.state is LineState.OPEN


def _came_in(row: BankLine) -> bool:
    return _is_open(row) and row.amount > 0


def _back() -> str:
    return url_for("ReconciliationView.index")


def _as_payment(row: BankLine, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": receipt_number(row.code),
        "amount": row.amount,
        "value_date": row.value_date,
        "note": None,
        **values,
    }


def _preview_booking(row: BankLine, values: dict[str, Any]) -> Preview:
    return PAY.preview(loan_named(values), _as_payment(row, values))


def _book(row: BankLine, values: dict[str, Any]) -> tuple[str, str]:
    loan, named = loan_named(values), named_instalments(values["designated"])
    book(row, loan, named, ahead=values["surplus"] is Surplus.AHEAD)
    return gettext("The payment %(code)s is booked.", code=receipt_number(row.code)), _back()


def _proposed(_row: BankLine) -> dict[str, Any]:
    asked = request.args.get("loan", "")
    return {"surplus": Surplus.HOLD} | ({"loan": int(asked)} if is_whole(asked) else {})


BOOK = Deed(
    key="book",
    title=_("Book as a payment"),
    icon="fa-sign-in",
    note=_("The line becomes a payment of the loan under the bank's reference, from the bank's value date."),
    resource="BankLine",
    action="run",
    fields=(LOAN, *(f for f in PAY.fields if f.name in ("surplus", "designated"))),
    preview=_preview_booking,
    book=_book,
    start=_proposed,
    model=BankLine,
    above=above,
    fits=_came_in,
)


def _preview_holding(row: BankLine, _values: dict[str, Any]) -> Preview:
    preview = Preview()
    preview.figure(_("Held for the customer"), row.amount)
    return preview


def _hold(row: BankLine, values: dict[str, Any]) -> tuple[str, str]:
    customer = db.session.get(Customer, values["customer"]) if values["customer"] else None
    hold(row, customer, values["note"] or "")
    return gettext("The payment %(code)s is held for the customer.", code=receipt_number(row.code)), _back()


HOLD = Deed(
    key="hold",
    title=_("Hold the money"),
    icon="fa-inbox",
    note=_("The line becomes a held receipt, to be cleared when it is known what it pays."),
    resource="BankLine",
    action="run",
    fields=(
        Field(_("Customer"), name="customer", type="ref", target=Customer, help=_("If it is known whose money it is.")),
        Field(_("Note"), name="note", type="text", max_length=400),
    ),
    preview=_preview_holding,
    book=_hold,
    model=BankLine,
    above=above,
    fits=_came_in,
)


def _preview_ignoring(_row: BankLine, _values: dict[str, Any]) -> Preview:
    return Preview(notices=[gettext("Nothing is booked; the line stays in the list with its reason.")])


def _ignore(row: BankLine, values: dict[str, Any]) -> tuple[str, str]:
    ignore(row, values["reason"])
    return gettext("The line is left alone."), _back()


IGNORE = Deed(
    key="ignore",
    title=_("Leave alone"),
    icon="fa-ban",
    note=_("For what is no matter of loans: bank charges, own transfers, payouts that are booked already."),
    resource="BankLine",
    action="run",
    fields=(REASON,),
    preview=_preview_ignoring,
    book=_ignore,
    model=BankLine,
    above=above,
    fits=_is_open,
)
