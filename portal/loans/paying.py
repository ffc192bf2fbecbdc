"""The pages of money that comes in for one loan, and of costs that are paid for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.db import Labelled
from portal.core.errors import InvalidValues
from portal.core.fields import Field
from portal.core.values import UNITS, money_text
from portal.loans.accounts import LoanAccount
from portal.loans.backdating import repay_backdated
from portal.loans.booking import account_of, check_value_date
from portal.loans.books import Books
from portal.loans.comparing import preview_backdated
from portal.loans.components import Component
from portal.loans.costs import charge_cost, oldest_unpaid
from portal.loans.deeds import AMOUNT, RECEIPT, VALUE_DATE, Deed, Preview, shares_of
from portal.loans.models import Loan, LoanStatus
from portal.loans.repayments import Payment, check_payable, plan_payment
from portal.loans.suspense import in_closed_month, take
from portal.loans.thresholds import allocation_order
from portal.loans.write_offs import check_recoverable, plan_recovery


class Surplus(Labelled):
    """What becomes of money beyond what is due."""

    HOLD = "hold", _("Held for the customer")
    AHEAD = "ahead", _("Pays the coming instalments in full")


def named_instalments(text: str | None) -> tuple[int, ...]:
    """The numbers that were typed; InvalidValues at the field when they are none."""
    parts = (text or "").replace("，", ",").replace("、", ",").replace(" ", ",").split(",")
    try:
        return tuple(sorted({int(part) for part in parts if part}))
    except ValueError:
        raise InvalidValues({"designated": [gettext("Please name instalments by number, such as 3, 4.")]}) from None


def _payment(loan: Loan, values: dict[str, Any]) -> Payment:
    ahead = values["surplus"] is Surplus.AHEAD
    named = named_instalments(values["designated"])
    return Payment(
        loan.id,
        values["code"].strip(),
        values["amount"],
        values["value_date"],
        named,
        None,
        values["note"],
        designation=(values.get("designation") or "").strip() or None,
        ahead=ahead,
    )


def _preview(loan: Loan, values: dict[str, Any]) -> Preview:
    payment, account = _payment(loan, values), account_of(loan, lock=False)
    on = payment.value_date
    _check_reason(account, on, values)
    if account.status is LoanStatus.WRITTEN_OFF:
        check_recoverable(Books(business_date()), account, payment)
        return preview_recovery(account, payment)
    if _is_backdated(account, on):
        return preview_backdated(loan, account, payment)
    check_payable(Books(business_date()), account, payment.code, payment.amount, on)
    plan = plan_payment(account, payment, allocation_order(on))
    parts = [(part.instalment, part.component, part.amount) for part in plan.parts]
    preview = Preview(shares=shares_of(account.lines, parts))
    preview.figure(_("Due on that day"), account.due_by(on))
    preview.figure(_("Settled by this payment"), payment.amount - plan.rest)
    if plan.charges:
        preview.figure(_("Penalty interest that is charged with it"), sum(amount for _line, amount in plan.charges))
    if cut := account.cut_by_cap(on):
        preview.figure(_("Beyond the limit on all charges, not charged"), cut)
    if plan.rest:
        preview.figure(_("Held for the customer"), plan.rest)
    left = account.due_by(on) - sum(p.amount for p in plan.parts if _is_due(account, p.instalment, on))
    if left > 0:
        preview.notices.append(
            gettext("%(amount)s %(unit)s stay overdue.", amount=money_text(left, thousands=True), unit=UNITS["money"])
        )
    return preview


def preview_recovery(account: LoanAccount, payment: Payment) -> Preview:
    """What money on a written-off loan would settle by contract, and what it would be in the books."""
    amount, on = payment.amount, payment.value_date
    plan = plan_recovery(account, payment, allocation_order(on))
    preview = Preview(shares=shares_of(account.lines, [(p.instalment, p.component, p.amount) for p in plan.parts]))
    back = min(amount - plan.rest, account.written_off)
    preview.figure(_("Owed by contract on that day"), account.payoff(on))
    preview.figure(_("Given back to the allowance"), back)
    if beyond := amount - plan.rest - back:
        preview.figure(_("Income, and costs that come back"), beyond)
    if plan.rest:
        preview.figure(_("Held for the customer"), plan.rest)
    preview.notices.append(gettext("This loan is written off: the money is booked as a recovery."))
    return preview


def _is_backdated(account: LoanAccount, on: date) -> bool:
    """Whether the value date lies before a later booking of the loan."""
    return account.last_on is not None and on < account.last_on


def _check_reason(account: LoanAccount, on: date, values: dict[str, Any]) -> None:
    """Raise unless the day is possible, and explained where it lies behind what is booked."""
    check_value_date(replace(account, last_on=None), on, business_date())
    late = _is_backdated(account, on) or in_closed_month(on, business_date())
    if late and not (values["reason"] or "").strip():
        sentence = gettext("This day lies before a later booking or in a closed month: please say why.")
        raise InvalidValues({"reason": [sentence]})


def _is_due(loan: LoanAccount, number: int, on: date) -> bool:
    return any(line.number == number and line.due_date <= on for line in loan.lines)


def _book(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    payment, account = _payment(loan, values), account_of(loan, lock=False)
    _check_reason(account, payment.value_date, values)
    if _is_backdated(account, payment.value_date) and account.status is LoanStatus.ACTIVE:
        made = repay_backdated(loan, payment, values["reason"] or "")
        sentence = gettext("The payment %(code)s is booked, and what came after it booked anew.", code=payment.code)
        return sentence, _address("RepaymentView", made) if made else url_for("LoanView.show", pk=loan.id)
    repayment, held = take(
        loan,
        payment.amount,
        payment.value_date,
        payment.code,
        payment.instalments,
        payment.note,
        ahead=payment.ahead,
        designation=payment.designation,
        reason=values["reason"] or "",
    )
    if repayment is not None:
        return gettext("The payment %(code)s is booked.", code=payment.code), _address("RepaymentView", repayment)
    return gettext("The payment %(code)s is held for the customer.", code=payment.code), _address(
        "HeldReceiptView", held
    )


def _address(view: str, row: Any) -> str:
    return url_for(f"{view}.show", pk=row.id)


def _due_now(loan: Loan) -> dict[str, Any]:
    """What is due today, if anything is: what most people pay."""
    account, today = account_of(loan, lock=False), business_date()
    due = account.payoff(today) if account.status is LoanStatus.WRITTEN_OFF else account.due_by(today)
    return {"surplus": Surplus.HOLD} | ({"amount": due} if due else {})


def _still_owes(loan: Loan) -> bool:
    """By contract; written-off loans are pursued on."""
    return loan.status is not LoanStatus.SETTLED


PAY = Deed(
    key="pay",
    title=_("Take a payment"),
    icon="fa-sign-in",
    note=_(
        "The money settles what is due, the oldest instalment first, in the order of the contract. What goes beyond is "
        "held for the customer unless he wants to pay ahead."
    ),
    resource="Repayment",
    action="add",
    fields=(
        RECEIPT,
        AMOUNT,
        VALUE_DATE,
        Field(
            _("Beyond the due"),
            name="surplus",
            type="choice",
            choices=Surplus,
            required=True,
            help=_("Coming instalments paid ahead bear their whole interest; an early repayment does not."),
        ),
        Field(
            _("Named by the debtor"),
            name="designated",
            type="text",
            max_length=100,
            help=_("Only if the debtor said which instalments he pays: their numbers, such as 3, 4."),
        ),
        Field(
            _("Said by the debtor"),
            name="designation",
            type="text",
            max_length=200,
            help=_("Which debt he said he pays, where he owes several (民法典 560); it stands with the repayment."),
        ),
        Field(
            _("Why only now"),
            name="reason",
            type="text",
            max_length=200,
            help=_("Only for a value date before a later booking or in a closed month; it stands in the register."),
        ),
        Field(_("Note"), name="note", type="text", max_length=400),
    ),
    preview=_preview,
    book=_book,
    start=_due_now,
    fits=_still_owes,
)


def _preview_cost(loan: Loan, values: dict[str, Any]) -> Preview:
    account = account_of(loan, lock=False)
    _check_cost(account, values)
    line, preview = oldest_unpaid(account), Preview()
    preview.shares = shares_of(account.lines, [(line.number, Component.COST, values["amount"])])
    preview.notices.append(gettext("The next payment settles these costs before interest and principal."))
    return preview


def _check_cost(account: LoanAccount, values: dict[str, Any]) -> None:
    if values["amount"] <= 0:
        raise InvalidValues({"amount": [gettext("The amount must be more than zero.")]})
    check_value_date(replace(account, last_on=None), values["value_date"], business_date())


def _book_cost(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    journal = charge_cost(loan, values["amount"], values["value_date"], values["reason"])
    return gettext("The costs are booked."), _address("JournalView", journal)


COST = Deed(
    key="cost",
    title=_("Costs of enforcement"),
    icon="fa-gavel",
    note=_("Costs that were paid to enforce the claim: court, lawyer, delivery. The borrower owes them first of all."),
    resource="Repayment",
    action="add",
    fields=(
        AMOUNT,
        VALUE_DATE,
        Field(
            _("Which costs"),
            name="reason",
            type="text",
            required=True,
            max_length=400,
            help=_("What was paid to whom, and the number of the voucher. No personal data."),
        ),
    ),
    preview=_preview_cost,
    book=_book_cost,
    fits=_still_owes,
)
