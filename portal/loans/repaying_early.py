"""The pages of early repayment: part of the principal, or everything."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.db import Labelled
from portal.core.errors import InvalidValues
from portal.core.fields import Field
from portal.core.values import money_text
from portal.loans.booking import account_of
from portal.loans.books import Books
from portal.loans.deeds import AMOUNT, RECEIPT, VALUE_DATE, Deed, Preview, shares_of
from portal.loans.models import Loan, RepaymentKind
from portal.loans.prepayment import plan_prepayment, prepay, take_prepayment
from portal.loans.quotes import quote_of
from portal.loans.repayments import check_payable, settle_early, take_settlement
from portal.loans.thresholds import allocation_order


class Way(Labelled):
    """What an early repayment of part of the principal changes."""

    SHORTEN = "shorten", _("The term gets shorter, the instalment stays")
    LOWER = "lower", _("The instalments get lower, the term stays")


KINDS = {Way.SHORTEN: RepaymentKind.SHORTEN, Way.LOWER: RepaymentKind.LOWER}

NOTE = Field(_("Note"), name="note", type="text", max_length=400)


def _preview_part(loan: Loan, values: dict[str, Any]) -> Preview:
    account, on, how = account_of(loan, lock=False), values["value_date"], KINDS[values["how"]]
    check_payable(Books(business_date()), account, values["code"], 1, on)
    plan = plan_prepayment(account, values["principal"], on, how)
    before, old_maturity = deepcopy(account.lines), account.matures_on
    receipt = take_prepayment(Books(business_date()), account, values["principal"], on, values["code"], how)
    parts = [(line.number, component, amount) for line, component, amount in receipt.parts]
    preview = Preview(shares=shares_of(account.lines, parts))
    preview.figure(_("To be received"), plan.total)
    preview.figure(_("Due on that day"), plan.due)
    preview.figure(_("Interest up to that day"), plan.interest)
    preview.figure(_("Fee for repaying early"), plan.fee)
    by_number = {line.number: line for line in before}
    coming = [line for line in account.lines if line.due_date > on or line.number not in by_number]
    preview.schedule = [
        (line, by_number.get(line.number)) for line in sorted(coming, key=lambda line: (line.due_date, line.number))
    ]
    saved = sum(line.interest for line in before) - sum(line.interest for line in account.lines)
    preview.before_after = [
        (_("Principal not due yet"), _sum(before, on), _sum(account.lines, on)),
        (_("Matures on"), str(old_maturity or ""), str(account.matures_on or "")),
        (_("Interest over the whole term"), _interest(before), _interest(account.lines)),
    ]
    if saved > 0:
        preview.figure(_("Interest saved"), saved)
    return preview


def _sum(lines: Any, on: Any) -> str:
    return money_text(sum(line.principal for line in lines if line.due_date > on), thousands=True)


def _interest(lines: Any) -> str:
    return money_text(sum(line.interest for line in lines), thousands=True)


def _book_part(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    code, how = values["code"].strip(), KINDS[values["how"]]
    repayment = prepay(loan, values["principal"], values["value_date"], code, how, None, values["note"])
    return gettext("The early repayment is booked; the schedule is changed."), _address(repayment)


def _address(repayment: Any) -> str:
    return url_for("RepaymentView.show", pk=repayment.id)


PREPAY = Deed(
    key="prepay",
    title=_("Early repayment"),
    icon="fa-scissors",
    note=_(
        "Part of the principal is repaid before its time. What is owed by that day and the interest for the actual days"
        " are paid with it; a fee only as the contract says."
    ),
    resource="Repayment",
    action="add",
    fields=(
        RECEIPT,
        Field(
            _("Principal repaid early"),
            name="principal",
            type="money",
            required=True,
            help=_("Only what is not due yet; the preview says how much has to be received in all."),
        ),
        Field(_("Afterwards"), name="how", type="choice", choices=Way, required=True),
        VALUE_DATE,
        NOTE,
    ),
    preview=_preview_part,
    book=_book_part,
    start=lambda _loan: {"how": Way.SHORTEN},
)


def _preview_all(loan: Loan, values: dict[str, Any]) -> Preview:
    account, on = account_of(loan, lock=False), values["value_date"]
    check_payable(Books(business_date()), account, values["code"], values["amount"], on)
    quote = quote_of(account, on)
    if values["amount"] != quote.total:
        wanted = money_text(quote.total, thousands=True)
        sentence = gettext("To settle the loan on %(day)s takes %(amount)s yuan.", day=on, amount=wanted)
        raise InvalidValues({"amount": [sentence]})
    receipt = take_settlement(
        Books(business_date()), account, values["code"], on, values["amount"], allocation_order(on)
    )
    parts = [(line.number, component, amount) for line, component, amount in receipt.parts]
    preview = Preview(shares=shares_of(account.lines, parts))
    for _key, words, amount in quote.parts:
        if amount:
            preview.figure(words, amount)
    preview.figure(_("Interest saved"), quote.saved)
    if quote.cut:
        preview.figure(_("Beyond the limit on all charges, not charged"), quote.cut)
    preview.notices.append(gettext("The loan is settled by this payment."))
    return preview


def _book_all(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    repayment = settle_early(loan, values["value_date"], values["code"].strip(), values["amount"], values["note"])
    return gettext("The loan is settled."), _address(repayment)


SETTLE = Deed(
    key="settle",
    title=_("Settle the loan"),
    icon="fa-flag-checkered",
    note=_("Everything is repaid: what is due, the principal, interest for the actual days, and the agreed fee."),
    resource="Repayment",
    action="add",
    fields=(RECEIPT, AMOUNT, VALUE_DATE, NOTE),
    preview=_preview_all,
    book=_book_all,
    start=lambda loan: {"amount": quote_of(account_of(loan, lock=False), business_date()).total},
)
