"""Write-offs and recoveries: a claim leaves the balance sheet and is pursued off it (账销案存).

A write-off takes the whole principal balance and the interest that was accrued and not paid; the allowance bears both,
and they stand off balance from then on. The customer goes on owing what the contract says. A recovery is allocated by
contract like any payment, with everything due; in the books it gives back written-off principal first, then interest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount
from portal.loans.allocation import allocate
from portal.loans.booking import account_of, books, check_value_date
from portal.loans.books import Books, Entry, Receipt
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import Loan, LoanStatus, Repayment, RepaymentKind
from portal.loans.repayments import apply, held_receipt
from portal.loans.thresholds import allocation_order


@verb("loans.write_off")
def write_off(loan: Loan, on: date, reason: str) -> Loan:
    """Write off the whole claim as at a date; the reason goes into the audit entry.

    Raises Refused for a loan that is closed, a date to come or before a later booking; InvalidValues without a reason.
    """
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("A write-off needs a reason.")]})
    with books() as opened:
        account = account_of(loan)
        check_value_date(account, on, opened.open_date)
        principal, interest = account.balance, account.receivable
        take_write_off(opened, account, on)
    current_unit().about(loan)
    current_unit().note(reason=reason.strip(), principal=principal, interest=interest, value_date=on.isoformat())
    return loan


@verb("loans.recover")
def recover(loan: Loan, amount: int, value_date: date, code: str, note: str | None = None) -> Repayment:
    """Book money that came in for a loan that was written off, at most what still stands off balance.

    The same receipt again changes nothing. Raises Refused for a loan that is not written off, for too much, a receipt
    number of another payment, a date to come or before a later booking.
    """
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(code, account, amount, value_date):
            return held
        check_value_date(account, value_date, opened.open_date)
        receipt = take_recovery(opened, account, code, amount, value_date, allocation_order(value_date), note)
    current_unit().about(loan)
    current_unit().note(receipt=code, amount=amount, value_date=value_date.isoformat())
    return db.session.scalars(select(Repayment).where(Repayment.id == receipt.id)).one()


def take_write_off(opened: Books, loan: LoanAccount, on: date) -> None:
    """Book the write-off of an open account."""
    if loan.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
    if not loan.balance:
        raise Refused(gettext("The loan %(code)s has no balance to write off.", code=loan.code))
    entries = []
    for component, account, amount in (
        (Component.PRINCIPAL, Account.LOANS, loan.balance),
        (Component.INTEREST, Account.INTEREST_RECEIVABLE, loan.receivable),
    ):
        if amount:
            entries += [
                Entry(Account.ALLOWANCE, component, amount),
                Entry(account, component, -amount),
                Entry(Account.WRITTEN_OFF, component, amount),
                Entry(Account.WRITTEN_OFF_CONTRA, component, -amount),
            ]
    loan.write_offs += 1
    opened.post(loan, JournalKind.WRITE_OFF, f"write_off/{{loan}}/{loan.write_offs}", entries, on)
    loan.last_on = on
    loan.close(LoanStatus.WRITTEN_OFF, on)


def take_recovery(
    opened: Books,
    loan: LoanAccount,
    code: str,
    amount: int,
    on: date,
    order: Sequence[Component],
    note: str | None = None,
    held_id: int | None = None,
) -> Receipt:
    """Book a recovery on a written-off account."""
    if loan.status is not LoanStatus.WRITTEN_OFF:
        raise Refused(gettext("The loan %(code)s is not written off.", code=loan.code))
    if not code.strip():
        raise Refused(gettext("A payment needs a receipt number."))
    if amount <= 0:
        raise Refused(gettext("A payment must be more than zero."))
    if amount > loan.written_off:
        left = money_text(loan.written_off, thousands=True)
        raise Refused(gettext("Only %(left)s yuan of this loan are still written off.", left=left))
    receipt = opened.receive(loan, code, amount, on, note, kind=RepaymentKind.RECOVERY, held_id=held_id)
    owed = [line.as_owed() for line in loan.lines if line.owed]
    parts, _rest = allocate(amount, owed, loan.order(order), on, [item.instalment for item in owed])
    apply(receipt, parts)
    loan.mark_settled(on, [line for line, _component, _amount in receipt.parts])
    entries, rest = [], amount
    for component in (Component.PRINCIPAL, Component.INTEREST):
        part = min(rest, loan.off_balance.get(component, 0))
        if part:
            entries += [
                Entry(receipt.source, component, part),
                Entry(Account.ALLOWANCE, component, -part),
                Entry(Account.WRITTEN_OFF_CONTRA, component, part),
                Entry(Account.WRITTEN_OFF, component, -part),
            ]
            rest -= part
    opened.post(loan, JournalKind.RECOVERY, "recovery/{repayment}", entries, on, receipt=receipt)
    loan.last_on = on
    return receipt
