"""Backdated repayments: money that was there before later bookings is booked as of its day, and those are booked anew.

The later bookings of the loan are reversed, last first, the payment is taken on its value date, and they are booked
again in their order on what it left: one unit of work, everything in the open month. What a later payment has become
too much is held for the customer. Worked out in memory first, so that before and after can be shown for confirmation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from flask_babel import gettext
from sqlalchemy import select, update

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount
from portal.loans.bank_lines import BankLine
from portal.loans.booking import account_of, books, not_yet
from portal.loans.books import Books, Entry, Receipt
from portal.loans.components import Component
from portal.loans.costs import oldest_unpaid
from portal.loans.ledger import TERMS, Account, Journal, JournalKind
from portal.loans.loading import DATED
from portal.loans.models import Loan, LoanStatus, Repayment, RepaymentKind
from portal.loans.prepayment import plan_prepayment, take_prepayment
from portal.loans.receipts import HeldReceipt
from portal.loans.repayments import (
    Payment,
    check_payable,
    held_receipt,
    plan_payment,
    take_payment,
    take_settlement,
)
from portal.loans.rescheduling import NewTerms, take_terms
from portal.loans.reversals import What, receipt_of, release, standing_journals, turn
from portal.loans.suspense import hold_new, take_from
from portal.loans.thresholds import allocation_order


@dataclass
class Replay:
    """What became of a payment that was booked anew."""

    row: Repayment
    receipt: Receipt | None
    """None: nothing was owed any more."""
    rest: int
    """What it has become too much, in fen."""


@dataclass
class Backdated:
    """A backdated payment and what followed from it."""

    payment: Receipt | None = None
    rest: int = 0
    """What of the payment itself is more than is owed."""
    replays: list[Replay] = field(default_factory=list)


@verb("loans.repay_backdated")
def repay_backdated(loan: Loan, payment: Payment, reason: str) -> Repayment | None:
    """Book a payment on its value date, before later bookings of the loan, and book these anew on what it leaves.

    Returns the repayment; None when nothing was owed on that day and all of it is held. The same receipt again changes
    nothing. Raises InvalidValues without a reason; Refused when something stands behind that day that is not booked
    anew by itself: a write-off, a recovery, a relief, an opening position, a booking by hand. Extensions,
    restructurings, rate resets and misuse are booked anew on their days.
    """
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why it is booked only now.")]})
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(payment.code, account, payment.amount, payment.value_date):
            return held
        if payment.value_date > opened.open_date:
            raise Refused(not_yet(payment.value_date, opened.open_date))
        opened.reason = reason.strip()
        stand = standing_journals([loan.id])[loan.id]
        later = resting_on(stand, payment.value_date)
        what = What.of(later)
        done = take_backdated(opened, account, payment, stand, later, what)
        for row in what.receipts.values():
            release(row)
        for replay in done.replays:
            _use_held(replay, loan, opened.open_date)
        if done.rest:
            hold_new(f"{payment.code[:34]}/rest", done.rest, payment.value_date, loan.customer_id, opened.open_date)
    for replay in done.replays:
        new = replay.receipt.id if replay.receipt else None
        with unscoped("bank lines follow a payment that was booked anew"):
            moved = update(BankLine).where(BankLine.repayment_id == replay.row.id)
            db.session.execute(moved.values(repayment_id=new), execution_options={"synchronize_session": False})
    current_unit().about(loan)
    current_unit().note(
        receipt=payment.code,
        amount=payment.amount,
        value_date=payment.value_date.isoformat(),
        booked_anew=len(done.replays),
        reason=reason.strip(),
    )
    number = done.payment.id if done.payment else None
    return db.session.scalar(select(Repayment).where(Repayment.id == number)) if number else None


def _use_held(replay: Replay, loan: Loan, today: date) -> None:
    """Money taken from a held receipt is taken from it again; what came from the bank and is too much is held."""
    row = replay.row
    if row.held_id is not None:
        if replay.receipt is not None:
            take_from(db.session.get_one(HeldReceipt, row.held_id), replay.receipt.amount)
    elif replay.rest:
        hold_new(f"{_code(row)[:34]}/rest", replay.rest, row.value_date, loan.customer_id, today)


def resting_on(stand: Sequence[Journal], on: date) -> list[Journal]:
    """The bookings of a loan that rest on what was booked by a day, in their order; accruals follow by themselves."""
    dated = [held.id for held in stand if held.kind in DATED and held.value_date > on]
    first = min(dated, default=None)
    if first is None:
        return []
    return [held for held in stand if held.id >= first and held.kind is not JournalKind.ACCRUAL]


def take_backdated(
    opened: Books,
    loan: LoanAccount,
    payment: Payment,
    stand: Sequence[Journal],
    later: Sequence[Journal],
    what: What,
) -> Backdated:
    """Work everything out on an open account. `later` are the bookings of `stand` that are booked anew."""
    for held in later:
        if held.kind is JournalKind.REPAYMENT and held.key.startswith("repayment/") and not held.opening:
            continue
        if held.kind is JournalKind.COST or held.kind in TERMS:
            continue
        sentence = gettext(
            "There is “%(event)s” of %(day)s on this loan; reverse that first.",
            event=str(held.kind.label),
            day=held.value_date,
        )
        raise Refused(sentence)
    accruals = {held.key: held for held in stand if held.kind is JournalKind.ACCRUAL}
    codes = {number: _code(row) for number, row in what.receipts.items()}
    undone = list(later)
    for held in reversed(undone):
        own = accruals.get(f"{held.key}/accrual")
        turn(opened, loan, [held, *([own] if own else [])], _with(what, own))
    gone = {held.id for held in undone}
    left = [held.value_date for held in stand if held.kind in DATED and held.id not in gone]
    loan.last_on = max(left, default=None)
    check_payable(opened, loan, payment.code, payment.amount, payment.value_date)
    done = Backdated()
    done.payment, done.rest = _ordinary(opened, loan, payment)
    for held in undone:
        if held.kind is JournalKind.COST:
            _cost_again(opened, loan, held, what)
        elif held.kind in TERMS:
            _terms_again(opened, loan, held, what)
        else:
            row = what.receipts[receipt_of(held)]
            receipt, rest = _again(opened, loan, row, codes[row.id], what)
            done.replays.append(Replay(row, receipt, rest))
    return done


def _with(what: What, own: Journal | None) -> What:
    """The same with the lines of an accrual that goes with a payment."""
    if own is None or own.id in what.entries:
        return what
    return replace(what, entries={**what.entries, **What.of([own]).entries})


def _code(row: Repayment) -> str:
    """The receipt number as it was before the reversal gave it away."""
    return row.code.rpartition("~")[0] if row.reversed_on is not None else row.code


def _ordinary(opened: Books, loan: LoanAccount, payment: Payment) -> tuple[Receipt | None, int]:
    """Book as much of a payment as is owed; the receipt and what is left."""
    if loan.status is not LoanStatus.ACTIVE:
        return None, payment.amount
    order = allocation_order(payment.value_date)
    owed = {line.number for line in loan.lines if line.owed}
    payment = replace(payment, instalments=[number for number in payment.instalments if number in owed])
    rest = plan_payment(loan, payment, order).rest
    if rest == payment.amount:
        return None, rest
    return take_payment(opened, loan, replace(payment, amount=payment.amount - rest), order), rest


def _again(opened: Books, loan: LoanAccount, row: Repayment, code: str, what: What) -> tuple[Receipt | None, int]:
    """Book a payment anew for what it was; what it has become too much is left over."""
    named = tuple(map(int, row.designated.split(","))) if row.designated else ()
    on, order = row.value_date, allocation_order(row.value_date)
    due = {line.id for line in loan.lines if line.due_date <= on or line.number in named}
    ahead = any(instalment not in due for instalment, _component, _amount in what.parts[row.id])
    payment = Payment(
        row.loan_id, code, row.amount, on, named, None, row.note, row.held_id, designation=row.designation, ahead=ahead
    )
    if loan.status is not LoanStatus.ACTIVE:
        return None, row.amount
    if row.kind is RepaymentKind.SETTLEMENT and 0 < loan.payoff(on) <= row.amount:
        due_then = loan.payoff(on)
        receipt = take_settlement(opened, loan, code, on, due_then, order, row.note, row.held_id)
        return receipt, row.amount - due_then
    if row.kind in (RepaymentKind.SHORTEN, RepaymentKind.LOWER):
        principal = max(amount for _i, component, amount in what.charges[row.id] if component is Component.PRINCIPAL)
        left = sum(line.unpaid(Component.PRINCIPAL) for line in loan.coming(on))
        if left > principal:
            short = plan_prepayment(loan, principal, on, row.kind).total - row.amount
            principal -= max(short, 0)
            if principal > 0:
                total = plan_prepayment(loan, principal, on, row.kind).total
                receipt = take_prepayment(opened, loan, principal, on, code, row.kind, total, row.note, row.held_id)
                return receipt, row.amount - total
    return _ordinary(opened, loan, payment)


def _cost_again(opened: Books, loan: LoanAccount, held: Journal, what: What) -> None:
    """Costs stay owed whatever was paid before them; a loan that is settled by now owes them again."""
    amount = sum(amount for _instalment, _component, amount in what.changes[held.id])
    line = oldest_unpaid(loan) if loan.owed else max(loan.lines, key=lambda one: one.number)
    if loan.status is LoanStatus.SETTLED:
        loan.reopen()
    line.charge(Component.COST, amount)
    entries = [Entry(Account.COSTS, Component.COST, amount, line), Entry(Account.CASH, Component.COST, -amount)]
    key, charges = f"again/{held.id}", [(line, Component.COST, amount)]
    opened.post(loan, JournalKind.COST, key, entries, held.value_date, charges=charges)


def _terms_again(opened: Books, loan: LoanAccount, held: Journal, what: What) -> None:
    """The terms change on their day as they did, worked out anew on what is left; not of a loan that is paid by now."""
    if loan.status is LoanStatus.ACTIVE and loan.balance:
        take_terms(opened, loan, NewTerms.of(held.kind, held.value_date, what.terms[held.id]), f"again/{held.id}")
