"""Write-offs and recoveries: a claim leaves the balance sheet and is pursued off it (账销案存).

A write-off takes the whole principal balance and the interest that was accrued and not paid; the allowance bears both,
and they stand off balance from then on. The customer goes on owing what the contract says, penalty interest included,
which runs on. A recovery is allocated by contract like any payment; in the books it gives back written-off principal
first, then interest, and what comes in beyond that is income.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
from portal.loans.repayments import INCOME, Payment, Plan, apply, charge, check_receipt, held_receipt
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
    """Book money that came in for a loan that was written off, at most what is owed by contract on that day.

    The same receipt again changes nothing. Raises Refused for a loan that is not written off, for too much, a receipt
    number of another payment, a date to come or before a later booking.
    """
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(code, account, amount, value_date):
            return held
        payment = Payment(loan.id, code, amount, value_date, note=note)
        receipt = take_recovery(opened, account, payment, allocation_order(value_date))
    current_unit().about(loan)
    current_unit().note(receipt=code, amount=amount, value_date=value_date.isoformat())
    return db.session.scalars(select(Repayment).where(Repayment.id == receipt.id)).one()


def take_write_off(opened: Books, loan: LoanAccount, on: date) -> None:
    """Book the write-off of an open account. Penalty interest up to then is charged, off the books."""
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
    charges = [(line, Component.PENALTY, amount) for line, amount in loan.penalties(on)]
    for line, component, amount in charges:
        line.charge(component, amount)
    loan.write_offs += 1
    key = f"write_off/{{loan}}/{loan.write_offs}"
    opened.post(loan, JournalKind.WRITE_OFF, key, entries, on, charges=charges)
    loan.last_on = on
    loan.close(LoanStatus.WRITTEN_OFF, on)


def plan_recovery(loan: LoanAccount, payment: Payment, order: Sequence[Component]) -> Plan:
    """How a recovery would be allocated by contract, and what of it is more than is owed; changes nothing.

    Owed is everything due, principal that was not due yet, interest up to the day, and penalty interest up to it. What
    the debtor names comes first. Raises Refused when he names what is not owed.
    """
    on, named = payment.value_date, frozenset(payment.instalments)
    charges = loan.penalties(on)
    penalty = {line.number: charged for line, charged in charges}
    unearned = {line.number: falls_away for line, falls_away in loan.unearned(on)}
    items = [line.as_owed(penalty.get(line.number, 0)) for line in loan.lines]
    items = [replace(item, interest=item.interest - unearned.get(item.instalment, 0)) for item in items]
    owed = [item for item in items if item.total]
    if not named <= {item.instalment for item in owed}:
        raise Refused(gettext("The payment names an instalment of which nothing is owed."))
    parts, rest = [], payment.amount
    for some in ([item for item in owed if item.instalment in named], [i for i in owed if i.instalment not in named]):
        settled, rest = allocate(rest, some, loan.order(order), on, [item.instalment for item in some])
        parts += settled
    return Plan(charges, parts, rest)


def check_recoverable(opened: Books, loan: LoanAccount, payment: Payment) -> None:
    """Raise Refused unless a recovery of this amount may be booked."""
    if loan.status is not LoanStatus.WRITTEN_OFF:
        raise Refused(gettext("The loan %(code)s is not written off.", code=loan.code))
    check_receipt(opened, loan, payment.code, payment.amount, payment.value_date)


def take_recovery(opened: Books, loan: LoanAccount, payment: Payment, order: Sequence[Component]) -> Receipt:
    """Book a recovery on a written-off account."""
    check_recoverable(opened, loan, payment)
    plan, on = plan_recovery(loan, payment, order), payment.value_date
    if plan.rest:
        raise Refused(gettext("This is %(rest)s yuan more than is owed.", rest=money_text(plan.rest, thousands=True)))
    receipt = opened.receive(
        loan,
        payment.code,
        payment.amount,
        on,
        payment.note,
        kind=RepaymentKind.RECOVERY,
        designated=tuple(sorted(payment.instalments)),
        designation=payment.designation,
        held_id=payment.held_id,
    )
    for line, charged in plan.charges:
        charge(receipt, line, Component.PENALTY, charged)
    apply(receipt, plan.parts)
    loan.mark_settled(on, [line for line, _component, _amount in receipt.parts])
    entries = _in_the_books(loan, receipt)
    opened.post(loan, JournalKind.RECOVERY, "recovery/{repayment}", entries, on, receipt=receipt)
    loan.last_on = on
    return receipt


def _in_the_books(loan: LoanAccount, receipt: Receipt) -> list[Entry]:
    """Costs that were paid for the debtor come first: they were not written off. Then the allowance gets back what was,
    principal before interest; what goes beyond is income."""
    by_contract = Counter[Component]()
    for _line, component, amount in receipt.parts:
        by_contract[component] += amount
    entries: list[Entry] = []
    rest = receipt.amount

    def book(account: Account, component: Component, most: int) -> None:
        nonlocal rest
        if part := min(rest, most):
            entries.extend((Entry(receipt.source, component, part), Entry(account, component, -part)))
            if account is Account.ALLOWANCE:
                off_balance = Entry(Account.WRITTEN_OFF_CONTRA, component, part)
                entries.extend((off_balance, Entry(Account.WRITTEN_OFF, component, -part)))
            rest -= part

    book(Account.COSTS, Component.COST, by_contract[Component.COST])
    for component in (Component.PRINCIPAL, Component.INTEREST):
        book(Account.ALLOWANCE, component, loan.off_balance.get(component, 0))
    for component in (Component.FEE, Component.PENALTY):
        book(INCOME[component], component, by_contract[component])
    book(Account.INTEREST_INCOME, Component.INTEREST, rest)
    return entries
