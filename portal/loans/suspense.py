"""Suspense: money is received before anybody says what it pays, cleared to loans, held when it is too much, given back.

Bank deposits are debited when it comes in, the suspense account when it is used: nothing is netted from a payout, and
what a customer paid beyond what he owed stays his until it is cleared or returned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flask_babel import gettext
from sqlalchemy import func, select

from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, Refused
from portal.core.scope import unscoped
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.customers.models import Customer
from portal.loans.booking import account_of, books, not_yet, open_date
from portal.loans.ledger import Account
from portal.loans.models import Loan, LoanStatus, Repayment
from portal.loans.receipts import HeldEvent, HeldPosting, HeldReceipt
from portal.loans.repayments import (
    Payment,
    check_payable,
    held_receipts,
    plan_payment,
    same_receipt,
    take_payment,
)
from portal.loans.reversals import freed
from portal.loans.thresholds import allocation_order
from portal.loans.write_offs import check_recoverable, plan_recovery, take_recovery

CODE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Portion:
    """What of held money goes to one loan."""

    loan_id: int
    amount: int
    instalments: Collection[int] = ()
    """Numbers of the instalments that the debtor pays for."""


@verb("suspense.receive")
def receive(
    code: str,
    amount: int,
    value_date: date,
    customer: Customer | None = None,
    payer: str = "",
    note: str = "",
) -> HeldReceipt:
    """Book money that came in without a loan. The same receipt again changes nothing.

    Raises InvalidValues for a receipt number of another payment, an amount that is not above zero, a day to come.
    """
    today, code = open_date(), code.strip()
    if held := _held(code):
        customer_id = customer.id if customer else None
        if (held.amount, held.value_date, held.customer_id) == (amount, value_date, customer_id):
            return held
        raise _taken(code)
    _check_new(code, amount, value_date, today)
    return _received(code, amount, value_date, today, customer.id if customer else None, payer, note)


@verb("suspense.clear")
def clear(receipt: HeldReceipt, portions: Sequence[Portion], value_date: date | None = None) -> list[Repayment]:
    """Use held money for loans: each portion is a repayment, or the recovery of a loan that was written off.

    It counts from `value_date`, the day the money came in if None. Raises Refused for more than is held or owed, for a
    day before the money was there, and what a repayment would raise.
    """
    row = _locked(receipt.id)
    on = value_date or row.value_date
    total = sum(portion.amount for portion in portions)
    if not portions or min(portion.amount for portion in portions) <= 0:
        raise Refused(gettext("A payment must be more than zero."))
    if len({portion.loan_id for portion in portions}) < len(portions):
        raise Refused(gettext("Each loan takes part once."))
    if on < row.value_date:
        raise Refused(gettext("The money only came in on %(day)s.", day=row.value_date))
    take_from(row, total)
    codes = _codes(row, len(portions))
    with books() as opened:
        if in_closed_month(on, opened.open_date):
            opened.reason = gettext("Held receipt %(code)s", code=row.code)
        for code, portion in zip(codes, portions, strict=True):
            loan = db.session.get(Loan, portion.loan_id)
            if loan is None:
                raise OutOfScope("loan")
            account = account_of(loan)
            payment = Payment(loan.id, code, portion.amount, on, portion.instalments, None, row.note, held_id=row.id)
            book = take_recovery if account.status is LoanStatus.WRITTEN_OFF else take_payment
            book(opened, account, payment, allocation_order(on))
    current_unit().about(row)
    current_unit().note(receipt=row.code, amount=total, loans=len(portions), value_date=on.isoformat())
    return list(db.session.scalars(select(Repayment).where(Repayment.code.in_(codes)).order_by(Repayment.id)))


@verb("suspense.give_back")
def give_back(receipt: HeldReceipt, amount: int, on: date, reason: str) -> HeldReceipt:
    """Pay held money back to whom it belongs. Refused for more than is held or a day to come."""
    today, row = open_date(), _locked(receipt.id)
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why it is given back and to which account.")]})
    if amount <= 0:
        raise InvalidValues({"amount": [gettext("A payment must be more than zero.")]})
    if on > today:
        raise InvalidValues({"value_date": [not_yet(on, today)]})
    if on < row.value_date:
        raise InvalidValues({"value_date": [gettext("The money only came in on %(day)s.", day=row.value_date)]})
    take_from(row, amount)
    times = db.session.scalar(
        select(func.count()).where(HeldPosting.receipt_id == row.id, HeldPosting.event == HeldEvent.RETURNED)
    )
    key = f"held/{row.id}/returned/{(times or 0) // 2 + 1}"
    _book(row, HeldEvent.RETURNED, key, (Account.SUSPENSE, Account.CASH), amount, on, today, reason.strip())
    current_unit().about(row)
    current_unit().note(receipt=row.code, amount=amount, value_date=on.isoformat(), reason=reason.strip())
    return row


@verb("suspense.reverse")
def reverse_receipt(receipt: HeldReceipt, reason: str) -> HeldReceipt:
    """Undo a receipt that was entered by mistake; its number is free again. Refused once anything was taken from it."""
    today, row = open_date(), _locked(receipt.id)
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("A reversal needs a reason.")]})
    if row.reversed_on is not None:
        raise Refused(gettext("This receipt is reversed already."))
    if row.rest != row.amount:
        raise Refused(gettext("Some of this money was used; reverse that first."))
    key = f"held/{row.id}/reversed"
    sides = (Account.SUSPENSE, Account.CASH)
    _book(row, HeldEvent.REVERSED, key, sides, row.amount, row.value_date, today, reason.strip())
    current_unit().about(row)
    current_unit().note(receipt=row.code, amount=row.amount, reason=reason.strip())
    row.rest, row.reversed_on, row.code = 0, today, freed(row.code, row.id)
    return row


@verb("loans.take")
def take(
    loan: Loan,
    amount: int,
    value_date: date,
    code: str,
    instalments: Collection[int] = (),
    note: str | None = None,
    ahead: bool = False,
    payer: str = "",
    reason: str = "",
    designation: str | None = None,
) -> tuple[Repayment | None, HeldReceipt | None]:
    """Take money at the counter: it pays what is due, and what goes beyond is held for the customer.

    With `ahead` it pays the coming instalments as well, and only what is left after the last is held. Of a loan that
    was written off it is a recovery, and what is more than is owed by contract is held. Returns the
    repayment, if anything was due, and the held receipt, if anything was too much. The same receipt again changes
    nothing. `reason` is for a value date in a month that is closed, and InvalidValues without one. Raises as `repay`.
    """
    code = code.strip()
    with books() as opened:
        account = account_of(loan)
        if _held(code) or held_receipts([code]):
            return _taken_before(loan, code, amount, value_date)
        order = allocation_order(value_date)
        payment = Payment(
            loan.id, code, amount, value_date, instalments, None, note, designation=designation, ahead=ahead
        )
        lost = account.status is LoanStatus.WRITTEN_OFF
        if lost:
            check_recoverable(opened, account, payment)
        else:
            check_payable(opened, account, code, amount, value_date)
        if in_closed_month(value_date, opened.open_date) and not reason.strip():
            raise InvalidValues({"reason": [gettext("That month is closed: please say why it is booked only now.")]})
        opened.reason = reason.strip()
        plan = (plan_recovery if lost else plan_payment)(account, payment, order)
        rest = plan.rest
        held = None
        if rest:
            _check_new(code, amount, value_date, opened.open_date)
            held = _received(code, amount, value_date, opened.open_date, loan.customer_id, payer, note or "")
        if rest < amount:
            if held:
                take_from(held, amount - rest)
                db.session.flush()
            used = replace(payment, amount=amount - rest, held_id=held.id if held else None)
            (take_recovery if lost else take_payment)(opened, account, used, order)
    current_unit().about(loan)
    current_unit().note(receipt=code, amount=amount, held=rest, value_date=value_date.isoformat())
    repayment: Repayment | None = db.session.scalar(select(Repayment).where(Repayment.code == code))
    return repayment, held


def in_closed_month(on: date, today: date) -> bool:
    """Whether a day lies in a month whose books are closed: nothing is booked there any more, only as of it."""
    return (on.year, on.month) < (today.year, today.month)


def _taken_before(loan: Loan, code: str, amount: int, on: date) -> tuple[Repayment | None, HeldReceipt | None]:
    """What `take` did when it was given this receipt before; Refused when the number belongs to something else."""
    held, repayment = _held(code), held_receipts([code]).get(code)
    if held is None:
        assert repayment is not None  # one of the two was found
        same_receipt(repayment, loan.id, amount, on)
        return repayment, None
    same = (held.amount, held.value_date, held.customer_id) == (amount, on, loan.customer_id)
    if not same or (repayment is not None and repayment.loan_id != loan.id):
        raise _taken(code)
    return repayment, held


def _held(code: str) -> HeldReceipt | None:
    with unscoped("receipt numbers are unique over the whole company"):
        row: HeldReceipt | None = db.session.scalar(select(HeldReceipt).where(HeldReceipt.code == code))
        return row


def _locked(number: int) -> HeldReceipt:
    """The receipt, if the actor may see it, locked until the transaction ends."""
    row: HeldReceipt | None = db.session.scalar(
        select(HeldReceipt).where(HeldReceipt.id == number).with_for_update(of=HeldReceipt)
    )
    if row is None:
        raise OutOfScope("held receipt")
    return row


def _check_new(code: str, amount: int, on: date, today: date) -> None:
    """Raise InvalidValues unless money may be received like this."""
    found: dict[str, list[str]] = {}
    if not code:
        found["code"] = [gettext("A payment needs a receipt number.")]
    elif len(code) > CODE_LENGTH:
        found["code"] = [gettext("At most %(most)s characters; this has %(have)s.", most=CODE_LENGTH, have=len(code))]
    elif _held(code) or held_receipts([code]):
        found["code"] = [str(_taken(code))]
    if amount <= 0:
        found["amount"] = [gettext("A payment must be more than zero.")]
    if on > today:
        found["value_date"] = [not_yet(on, today)]
    if found:
        raise InvalidValues(found)


def _taken(code: str) -> Refused:
    return Refused(gettext("The receipt number %(code)s belongs to another payment.", code=code))


def _received(
    code: str, amount: int, on: date, today: date, customer_id: int | None, payer: str, note: str
) -> HeldReceipt:
    row = HeldReceipt(
        code=code,
        amount=amount,
        rest=amount,
        value_date=on,
        booking_date=today,
        customer_id=customer_id,
        payer=payer.strip()[:120] or None,
        note=note.strip()[:400] or None,
    )
    db.session.add(row)
    db.session.flush()
    sides = (Account.CASH, Account.SUSPENSE)
    _book(row, HeldEvent.RECEIVED, f"held/{row.id}/received", sides, amount, on, today, None)
    current_unit().about(row)
    current_unit().note(receipt=code, amount=amount, value_date=on.isoformat())
    return row


def hold_new(code: str, amount: int, on: date, customer_id: int, today: date) -> HeldReceipt:
    """Hold what is left of a payment that was booked; the whole of it is new money on the suspense account."""
    return _received(code, amount, on, today, customer_id, "", "")


def take_from(row: HeldReceipt, amount: int) -> None:
    """Use held money; Refused for more than is held."""
    if row.reversed_on is not None:
        raise Refused(gettext("This receipt is reversed already."))
    if amount > row.rest:
        left = money_text(row.rest, thousands=True)
        raise Refused(gettext("Only %(left)s yuan of this receipt are still held.", left=left))
    row.rest -= amount


def _codes(row: HeldReceipt, count: int) -> list[str]:
    """Receipt numbers of the repayments: the receipt's own, then with a number behind it."""
    used = db.session.scalar(select(func.count()).where(Repayment.held_id == row.id)) or 0
    if count == 1 and not held_receipts([row.code]):
        return [row.code]
    return [f"{row.code[: CODE_LENGTH - 5]}/{used + n}" for n in range(1, count + 1)]


def _book(
    row: HeldReceipt,
    event: HeldEvent,
    key: str,
    sides: tuple[Account, Account],
    amount: int,
    on: date,
    today: date,
    reason: str | None,
) -> None:
    """A journal of two lines: debit the first side, credit the second."""
    for account, signed in zip(sides, (amount, -amount), strict=True):
        posting = HeldPosting(
            receipt_id=row.id,
            key=key,
            event=event,
            account=account,
            amount=signed,
            value_date=on,
            booking_date=today,
            period=today.year * 100 + today.month,
            reason=reason,
            posted_at=now(),
        )
        db.session.add(posting)
    db.session.flush()
