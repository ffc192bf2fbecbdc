"""Reconciliation: what is kept for speed says the same as the ledger, and the ledger balances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, except_, func, or_, select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.scope import unscoped
from portal.loans.components import Component
from portal.loans.ledger import Account, Posting
from portal.loans.models import Allocation, Instalment, Loan, LoanStatus
from portal.loans.positions import COLUMNS, positions
from portal.loans.state import LoanSnapshot, LoanState

FIGURES = tuple(name for name in COLUMNS if name != "as_of")


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be."""

    check: str
    """trial_balance, paid, balance, status, state or snapshot."""
    loan_id: int | None
    detail: str


def reconcile(month_ends: Iterable[date] = ()) -> list[Difference]:
    """Every difference found; an empty list when all is well.

    - the trial balance is zero, on the balance sheet and off it;
    - what each instalment says was paid is the sum of its allocations;
    - the balance of an active loan is what its instalments still ask for in principal, and every other loan has none;
    - `loan_state`, and the snapshots of the month-ends asked for, are what replaying the ledger gives.
    """
    with unscoped("reconciliation looks at all loans"):
        return [
            *_trial_balance(),
            *_paid(),
            *_balances(),
            *_stored("state", select(*_of(LoanState)), select(*_of(positions(business_date()).subquery("replayed").c))),
            *(
                difference
                for day in month_ends
                for difference in _stored(
                    "snapshot",
                    select(*_of(LoanSnapshot)).where(LoanSnapshot.as_of == day),
                    select(*_of(positions(day).subquery("replayed").c)),
                )
            ),
        ]


def _of(source: Any) -> list[Any]:
    return [getattr(source, name) for name in FIGURES]


def _trial_balance() -> Iterator[Difference]:
    sums = {True: 0, False: 0}
    statement = select(Posting.account, cast(func.sum(Posting.amount), BigInteger)).group_by(Posting.account)
    for account, amount in db.session.execute(statement):
        sums[account.on_balance] += amount
    for on_balance, amount in sums.items():
        if amount:
            yield Difference("trial_balance", None, f"{'on' if on_balance else 'off'} balance: {amount}")


def _paid() -> Iterator[Difference]:
    allocated = [
        cast(func.sum(case((Allocation.component == component, Allocation.amount), else_=0)), BigInteger).label(
            component.value
        )
        for component in Component
    ]
    sums = select(Allocation.instalment_id, *allocated).group_by(Allocation.instalment_id).subquery("allocated")
    pairs = [(getattr(Instalment, f"paid_{c.value}"), func.coalesce(sums.c[c.value], 0)) for c in Component]
    statement = (
        select(Instalment.loan_id, Instalment.number)
        .outerjoin(sums, sums.c.instalment_id == Instalment.id)
        .where(or_(*(kept != sum_of for kept, sum_of in pairs)))
    )
    for loan_id, number in db.session.execute(statement):
        yield Difference("paid", loan_id, f"instalment {number} is not the sum of its allocations")


def _balances() -> Iterator[Difference]:
    booked = (
        select(Posting.loan_id, cast(func.sum(Posting.amount), BigInteger).label("balance"))
        .where(Posting.account == Account.LOANS)
        .group_by(Posting.loan_id)
        .subquery("booked")
    )
    unpaid = (
        select(
            Instalment.loan_id,
            cast(func.sum(Instalment.principal - Instalment.paid_principal), BigInteger).label("principal"),
        )
        .group_by(Instalment.loan_id)
        .subquery("unpaid")
    )
    balance, principal = func.coalesce(booked.c.balance, 0), func.coalesce(unpaid.c.principal, 0)
    active = Loan.status == LoanStatus.ACTIVE
    statement = (
        select(Loan.id, balance, principal, Loan.status)
        .outerjoin(booked, booked.c.loan_id == Loan.id)
        .outerjoin(unpaid, unpaid.c.loan_id == Loan.id)
        .where(or_(and_(active, balance != principal), and_(~active, balance != 0)))
    )
    for loan_id, found, asked, status in db.session.execute(statement):
        check = "balance" if status is LoanStatus.ACTIVE else "status"
        yield Difference(check, loan_id, f"{status.value}: balance {found}, instalments ask for {asked}")


def _stored(check: str, stored: Select[Any], replayed: Select[Any]) -> Iterator[Difference]:
    for words, statement in (
        ("stored, but not so in the ledger", except_(stored, replayed)),
        ("in the ledger, but not stored so", except_(replayed, stored)),
    ):
        for row in db.session.execute(statement):
            yield Difference(check, row[0], f"{words}: {dict(zip(FIGURES, row, strict=True))}")
