"""Loading loan accounts from the database, locked until the transaction ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, aliased

from portal.core.bulk import chunks
from portal.core.scope import unscoped
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.components import Component
from portal.loans.ledger import NO_REVERSAL, TERMS, Account, Journal, JournalKind, Posting
from portal.loans.models import Instalment, Loan, PastOwner
from portal.loans.thresholds import charge_limits
from portal.loans.writing import LINE_COLUMNS
from portal.products.models import Product

BALANCES = (Account.LOANS, Account.INTEREST_RECEIVABLE, Account.INTEREST_INCOME, Account.WRITTEN_OFF)
DATED = (JournalKind.REPAYMENT, JournalKind.WRITE_OFF, JournalKind.RECOVERY, JournalKind.RELIEF, *TERMS)


def load_accounts(session: Session, loan_ids: Collection[int], lock: bool = True) -> dict[int, LoanAccount]:
    """The accounts of these loans as they stand, locked against every other writer unless they are only looked at."""
    found: dict[int, LoanAccount] = {}
    with unscoped("the ledger loads the loans it is about to change"):
        for part in chunks(sorted(set(loan_ids))):
            found |= _load(session, part, lock)
    return found


def _load(session: Session, ids: Sequence[int], lock: bool) -> dict[int, LoanAccount]:
    accounts = _contracts(session, ids, lock)
    for loan_id, *values in session.execute(
        select(Instalment.loan_id, *(getattr(Instalment, name) for name in LINE_COLUMNS))
        .where(Instalment.loan_id.in_(ids))
        .order_by(Instalment.loan_id, Instalment.number)
    ):
        accounts[loan_id].lines.append(Line(**dict(zip(LINE_COLUMNS, values, strict=True))))
    sums = (
        select(Posting.loan_id, Posting.account, Posting.component, func.sum(Posting.amount))
        .where(Posting.loan_id.in_(ids), Posting.account.in_(BALANCES))
        .group_by(Posting.loan_id, Posting.account, Posting.component)
    )
    for loan_id, account, component, amount in session.execute(sums):
        _carry(accounts[loan_id], account, component, int(amount))
    for loan_id, last_on, write_offs, terms in session.execute(_history(ids)):
        loan = accounts[loan_id]
        loan.last_on, loan.write_offs, loan.changes_of_terms = last_on, write_offs, terms
    return accounts


def _contracts(session: Session, ids: Sequence[int], lock: bool) -> dict[int, LoanAccount]:
    since = (
        select(PastOwner.loan_id, func.max(PastOwner.day_after).label("since"))
        .where(PastOwner.loan_id.in_(ids))
        .group_by(PastOwner.loan_id)
    )
    owned_since: dict[int, date] = dict(session.execute(since).all())
    contracts = (
        select(
            Loan.id,
            Loan.code,
            Loan.rate,
            Loan.day_count,
            Product.penalty_markup,
            Product.holiday_rule,
            Loan.claims_order,
            Loan.reset_rule,
            Loan.spread,
            Loan.next_reset_on,
            Loan.misuse_markup,
            Loan.status,
            Loan.disbursed_on,
            Loan.closed_on,
            Loan.method,
            Loan.rounding,
            Loan.grace,
            Loan.prepayment_fee,
            Loan.matures_on,
            Loan.branch_id,
            Loan.team_id,
            Loan.manager_id,
        )
        .join(Product, Product.id == Loan.product_id)
        .where(Loan.id.in_(ids))
        .order_by(Loan.id)  # everybody locks in this order, so nobody waits in a circle
    )
    if lock:
        contracts = contracts.with_for_update(of=Loan)
    limit_on = charge_limits()
    return {
        row.id: LoanAccount(
            id=row.id,
            code=row.code,
            rate=row.rate,
            day_count=row.day_count,
            markup=row.penalty_markup,
            status=row.status,
            disbursed_on=row.disbursed_on,
            closed_on=row.closed_on,
            method=row.method,
            rounding=row.rounding,
            grace=row.grace or 0,
            prepayment_fee=row.prepayment_fee or 0,
            matures_on=row.matures_on,
            holiday_rule=row.holiday_rule,
            claims_order=row.claims_order,
            reset_rule=row.reset_rule,
            spread=row.spread or 0,
            next_reset_on=row.next_reset_on,
            misuse_markup=row.misuse_markup,
            limit_on=limit_on,
            owner=Owner(row.branch_id, row.team_id, row.manager_id),
            owner_since=owned_since.get(row.id, row.disbursed_on),
            lines=[],
        )
        for row in session.execute(contracts)
    }


def _carry(loan: LoanAccount, account: Account, component: Component, amount: int) -> None:
    match account:
        case Account.LOANS:
            loan.balance += amount
        case Account.INTEREST_RECEIVABLE:
            loan.receivable += amount
        case Account.INTEREST_INCOME:
            loan.accrued -= amount
        case Account.WRITTEN_OFF:
            loan.off_balance[component] = loan.off_balance.get(component, 0) + amount


def _history(ids: Sequence[int]) -> Any:
    """Per loan: value date of the last dated event that was not reversed, how often written off, how often its terms
    changed."""
    reversal = aliased(Journal)
    stands = ~select(reversal.id).where(reversal.reverses_id == Journal.id).exists()
    write_offs = case((Journal.kind == JournalKind.WRITE_OFF, 1))
    terms = case((Journal.kind.in_(TERMS), 1))
    return (
        select(Journal.loan_id, func.max(case((stands, Journal.value_date))), func.count(write_offs), func.count(terms))
        .where(and_(Journal.loan_id.in_(ids), Journal.kind.in_(DATED), NO_REVERSAL))
        .group_by(Journal.loan_id)
    )
