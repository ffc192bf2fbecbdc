"""Repayments: money comes in, settles what is due by contract, and is booked.

Legal allocation (`allocation.py`, in the dated order) says what the customer still owes; the journal says the same by
component. Interest is received against the receivable: where less was accrued than is paid, the rest is accrued first,
so the receivable never falls below zero; when the loan is closed, what was accrued beyond what was paid is taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.scope import unscoped
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount
from portal.loans.allocation import Allocated, allocate
from portal.loans.booking import RowsRefused, account_of, accounts_of, books, check_value_date
from portal.loans.books import Books, Entry, Receipt
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import Loan, LoanStatus, Repayment, RepaymentKind
from portal.loans.thresholds import allocation_order

INCOME = {
    Component.PRINCIPAL: Account.LOANS,
    Component.INTEREST: Account.INTEREST_RECEIVABLE,
    Component.FEE: Account.FEE_INCOME,
    Component.PENALTY: Account.PENALTY_INCOME,
    Component.COST: Account.COSTS,
}
"""What a payment of each component is credited to."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received for a loan."""

    loan_id: int
    code: str
    amount: int
    value_date: date
    instalments: Collection[int] = ()
    """Numbers of the instalments that the debtor pays for (民法典 560); empty: what is due, oldest first."""
    penalties: Mapping[int, int] | None = None
    """Penalty interest per instalment that another system assessed; None: it is worked out here."""
    note: str | None = None
    held_id: int | None = None
    """The held receipt that the money is taken from."""
    designation: str | None = None
    """In the debtor's words, which debt it is for."""
    ahead: bool = True
    """Whether what goes beyond the due pays the coming instalments; if not, it is more than may be paid."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a payment would charge and settle, and what would be left of it."""

    charges: Sequence[tuple[Line, int]]
    """Penalty interest that it brings."""
    parts: Sequence[Allocated]
    rest: int


@verb("loans.repay")
def repay(
    loan: Loan,
    amount: int,
    value_date: date,
    code: str,
    instalments: Collection[int] = (),
    note: str | None = None,
    designation: str | None = None,
) -> Repayment:
    """Book a payment of `amount` fen and return it; the loan is settled when nothing is left.

    Penalty interest up to the value date is added to what is late first. The money settles the instalments the debtor
    names, then what is due, oldest first, in the dated order; what goes beyond pays the coming instalments in full, one
    after the other (for paying everything back with interest for the actual days only, see `settle_early`). What the
    contract says of the order goes before the dated one; `designation` keeps the debtor's words of which debt he pays.

    The same receipt again changes nothing. Raises Refused for a receipt number taken by another payment, a loan that is
    closed, more than is owed, a value date to come or before a later booking.
    """
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(code, account, amount, value_date):
            return held
        payment = Payment(account.id or 0, code, amount, value_date, instalments, None, note, designation=designation)
        receipt = take_payment(opened, account, payment, allocation_order(value_date))
    return noted(loan, receipt)


@verb("loans.settle_early")
def settle_early(
    loan: Loan, value_date: date, code: str, amount: int | None = None, note: str | None = None
) -> Repayment:
    """Pay everything back before its time: interest for the actual days only (民法典 677). The loan is settled.

    What the coming instalments would have borne beyond that is taken off them; a fee only as agreed. `amount` is what
    was received, if it is known; Refused when that is not what settles the loan on that day (see `payoff`), and as in
    `repay`.
    """
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(code, account, amount, value_date):
            return held
        receipt = take_settlement(opened, account, code, value_date, amount, allocation_order(value_date), note)
    return noted(loan, receipt)


def payoff(loan: Loan, on: date) -> int:
    """What settles the loan on a date, in fen: the question before `settle_early`. Locks nothing."""
    return account_of(loan, lock=False).payoff(on)


@verb("loans.bulk_repay")
def bulk_repay(rows: Sequence[Payment], batch_id: int | None = None) -> int:
    """Book many payments, all or none, as `repay` would, those of a loan by value date; for imports, which check the
    rights.

    Returns how many were new: receipts that are booked already change nothing. Raises RowsRefused with what `repay`
    would say of each row that fails; later payments of such a loan are not looked at.
    """
    by_loan: dict[int, list[tuple[int, Payment]]] = {}
    for place, row in sorted(enumerate(rows), key=lambda numbered: numbered[1].value_date):
        by_loan.setdefault(row.loan_id, []).append((place, row))
    orders = {day: allocation_order(day) for day in {row.value_date for row in rows}}
    twice = {code for code, times in Counter(row.code for row in rows).items() if times > 1}
    booked, problems = 0, []
    for part in chunks(sorted(by_loan)):
        with books(batch_id) as opened:
            accounts = accounts_of(part)
            held = held_receipts([row.code for loan_id in part for _place, row in by_loan[loan_id]])
            for loan_id in part:
                for place, row in by_loan[loan_id]:
                    try:
                        booked += _take_row(opened, accounts[loan_id], row, orders[row.value_date], held, twice)
                    except Refused as problem:
                        problems.append((place, problem))
                        break
            if problems:
                opened.clear()
    if problems:
        raise RowsRefused(sorted(problems, key=lambda problem: problem[0]))
    current_unit().note(repayments=booked, batch=batch_id)
    return booked


def _take_row(
    opened: Books,
    loan: LoanAccount,
    row: Payment,
    order: Sequence[Component],
    held: Mapping[str, Repayment],
    twice: Collection[str],
) -> bool:
    """Whether the payment was new."""
    if row.code in twice:
        raise Refused(gettext("The receipt number %(code)s is given twice.", code=row.code))
    if row.code in held:
        same_receipt(held[row.code], loan.id, row.amount, row.value_date)
        return False
    take_payment(opened, loan, row, order)
    return True


def noted(loan: Loan, receipt: Receipt) -> Repayment:
    """Write the receipt into the audit entry and give the repayment back."""
    unit = current_unit()
    unit.about(loan)
    unit.note(receipt=receipt.code, amount=receipt.amount, value_date=receipt.value_date.isoformat())
    return db.session.scalars(select(Repayment).where(Repayment.id == receipt.id)).one()


def held_receipts(codes: Sequence[str]) -> dict[str, Repayment]:
    """The receipts of these numbers that are booked already."""
    found: dict[str, Repayment] = {}
    with unscoped("receipt numbers are unique over the whole company"):
        for part in chunks(codes):
            found |= {row.code: row for row in db.session.scalars(select(Repayment).where(Repayment.code.in_(part)))}
    return found


def held_receipt(code: str, loan: LoanAccount, amount: int | None, value_date: date) -> Repayment | None:
    """The receipt of this number, if it is booked already and says the same; Refused if it says something else."""
    row = held_receipts([code]).get(code)
    if row is not None:
        same_receipt(row, loan.id, amount, value_date)
    return row


def same_receipt(row: Repayment, loan_id: int | None, amount: int | None, value_date: date) -> None:
    if (row.loan_id, row.amount, row.value_date) != (loan_id, amount or row.amount, value_date):
        raise Refused(gettext("The receipt number %(code)s belongs to another payment.", code=row.code))


def plan_payment(loan: LoanAccount, payment: Payment, order: Sequence[Component]) -> Plan:
    """How a payment would be allocated; changes nothing. Raises Refused when it names what is not owed."""
    on = payment.value_date
    if payment.penalties is None:
        charges = loan.penalties(on)
    else:
        charges = [(line_of(loan, number), amount) for number, amount in payment.penalties.items() if amount]
    penalty = {line.number: amount for line, amount in charges}
    named = frozenset(payment.instalments)
    owed = [item for item in (line.as_owed(penalty.get(line.number, 0)) for line in loan.lines) if item.total]
    if not named <= {item.instalment for item in owed}:
        raise Refused(gettext("The payment names an instalment of which nothing is owed."))
    due = [item for item in owed if item.due_date <= on or item.instalment in named]
    order = loan.order(order)
    parts, rest = allocate(payment.amount, due, order, on, named)
    if rest and payment.ahead:
        coming = [item for item in owed if item.due_date > on and item.instalment not in named]
        ahead, rest = allocate(rest, coming, order, on, [item.instalment for item in coming])
        parts += ahead
    return Plan(charges, parts, rest)


def take_payment(opened: Books, loan: LoanAccount, payment: Payment, order: Sequence[Component]) -> Receipt:
    """Allocate and book one payment on an open account."""
    on = payment.value_date
    check_payable(opened, loan, payment.code, payment.amount, on)
    plan = plan_payment(loan, payment, order)
    if plan.rest:
        raise Refused(gettext("This is %(rest)s yuan more than is owed.", rest=money_text(plan.rest, thousands=True)))
    receipt = opened.receive(
        loan,
        payment.code,
        payment.amount,
        on,
        payment.note,
        designated=tuple(sorted(payment.instalments)),
        designation=payment.designation,
        held_id=payment.held_id,
    )
    for line, amount in plan.charges:
        charge(receipt, line, Component.PENALTY, amount)
    settle(opened, receipt, plan.parts)
    return receipt


def take_settlement(
    opened: Books,
    loan: LoanAccount,
    code: str,
    on: date,
    amount: int | None,
    order: Sequence[Component],
    note: str | None = None,
    held_id: int | None = None,
) -> Receipt:
    """Book the payment that closes the loan before its time."""
    due = loan.payoff(on)
    if amount is not None and amount != due:
        wanted = money_text(due, thousands=True)
        raise Refused(gettext("To settle the loan on %(day)s takes %(amount)s yuan.", day=on, amount=wanted))
    check_payable(opened, loan, code, due, on)
    receipt = opened.receive(loan, code, due, on, note, kind=RepaymentKind.SETTLEMENT, held_id=held_id)
    fee, coming = loan.settlement_fee(on), loan.coming(on)
    for line, penalty in loan.penalties(on):
        charge(receipt, line, Component.PENALTY, penalty)
    for line, unearned in loan.unearned(on):
        charge(receipt, line, Component.INTEREST, -unearned)
    if fee:
        charge(receipt, coming[0], Component.FEE, fee)
    owed = [line.as_owed() for line in loan.lines if line.owed]
    parts, _rest = allocate(due, owed, loan.order(order), on, [item.instalment for item in owed])
    settle(opened, receipt, parts)
    return receipt


def check_payable(opened: Books, loan: LoanAccount, code: str, amount: int, on: date) -> None:
    """Raise Refused unless a payment of this amount may be booked."""
    if loan.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
    check_receipt(opened, loan, code, amount, on)


def check_receipt(opened: Books, loan: LoanAccount, code: str, amount: int, on: date) -> None:
    """Raise Refused unless number, amount and value date of money that came in are possible."""
    if not code.strip():
        raise Refused(gettext("A payment needs a receipt number."))
    if amount <= 0:
        raise Refused(gettext("A payment must be more than zero."))
    check_value_date(loan, on, opened.open_date)


def line_of(loan: LoanAccount, number: int) -> Line:
    for line in loan.lines:
        if line.number == number:
            return line
    raise Refused(gettext("The loan %(code)s has no instalment %(number)s.", code=loan.code, number=str(number)))


def charge(receipt: Receipt, line: Line, component: Component, amount: int) -> None:
    line.charge(component, amount)
    receipt.charges.append((line, component, amount))


def apply(receipt: Receipt, parts: Sequence[Allocated]) -> None:
    """Note on the instalments what the payment settled."""
    lines = {line.number: line for line in receipt.loan.lines}
    for part in parts:
        line = lines[part.instalment]
        line.pay(part.component, part.amount)
        receipt.parts.append((line, part.component, part.amount))


def settle(opened: Books, receipt: Receipt, parts: Sequence[Allocated]) -> None:
    """Carry the allocation into the schedule and the journal, and close the loan if nothing is left."""
    loan, on = receipt.loan, receipt.value_date
    apply(receipt, parts)
    entries = []
    for component in Component:
        paid = [(line, amount) for line, part, amount in receipt.parts if part is component]
        if paid:
            entries.append(Entry(receipt.source, component, sum(amount for _line, amount in paid)))
            entries += [Entry(INCOME[component], component, -amount, line) for line, amount in paid]
    closes = not any(line.owed for line in loan.lines)
    interest = sum(amount for _line, part, amount in receipt.parts if part is Component.INTEREST)
    to_accrue = interest - loan.receivable
    if to_accrue > 0 or (closes and to_accrue):
        accrue(opened, loan, to_accrue, on, "repayment/{repayment}/accrual", receipt)
    opened.post(loan, JournalKind.REPAYMENT, "repayment/{repayment}", entries, on, receipt=receipt)
    loan.last_on = on
    loan.mark_settled(on, loan.lines if closes else [line for line, _component, _amount in receipt.parts])
    if closes:
        loan.close(LoanStatus.SETTLED, on)


def accrue(opened: Books, loan: LoanAccount, amount: int, on: date, key: str, receipt: Receipt | None = None) -> None:
    """Interest becomes income; below 0 it is taken back."""
    entries = [
        Entry(Account.INTEREST_RECEIVABLE, Component.INTEREST, amount),
        Entry(Account.INTEREST_INCOME, Component.INTEREST, -amount),
    ]
    opened.post(loan, JournalKind.ACCRUAL, key, entries, on, receipt=receipt)
