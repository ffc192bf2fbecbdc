"""Reconciliation: what is kept for speed says the same as the ledger, and the ledger balances."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Index,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTableAs

from portal.core.bulk import take_room
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.scope import unscoped
from portal.loans.allowance_groups import allowance_groups
from portal.loans.cohorts import vintage_groups
from portal.loans.components import Component
from portal.loans.due_groups import due_groups
from portal.loans.groups import groups_of
from portal.loans.ledger import Account, Posting
from portal.loans.models import Allocation, Instalment, Loan, LoanStatus, Repayment
from portal.loans.move_groups import Pair, kept_days, kept_pairs, moves_of
from portal.loans.positions import COLUMNS, positions
from portal.loans.receipts import HeldPosting, HeldReceipt
from portal.loans.state import LoanSnapshot, LoanState
from portal.loans.terms import TermsChange

BOOKS: list[Any] = [Posting, HeldPosting]
"""Postings that together are the trial balance; an area above adds its own."""

FIGURES = tuple(name for name in COLUMNS if name != "as_of")
BOOKED = {"balance": Account.LOANS, "accrued_interest": Account.INTEREST_RECEIVABLE}


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be."""

    check: str
    """trial_balance, paid, held, balance, status, terms, state or snapshot; of what is added up: groups, moves, dues,
    vintages or allowance."""
    loan_id: int | None
    detail: str


def reconcile(month_ends: Collection[date] = (), *, added_up: Collection[date] | None = None) -> list[Difference]:
    """Every difference found; an empty list when all is well. `month_ends`: those whose snapshots are replayed;
    `added_up`: those whose groups, and moves to them, are added up anew besides, all that are kept if None.

    - the trial balance is zero, on the balance sheet and off it;
    - what each instalment says was paid is the sum of its allocations;
    - what each held receipt says is still held is what came in less what was cleared and given back, and all of them
      together are the suspense account;
    - the balance of an active loan is what its instalments still ask for in principal, and every other loan has none;
    - rate and mark-up for misuse of a loan are those of its last change of terms;
    - `loan_state` is what postings and instalments give, the snapshots of the month-ends asked for what replaying the
      ledger gives;
    - groups of loans, and groups of moves between dates, are what adding up their loans gives;
    - what is kept of expected and collected cash by month is what adding up instalments and allocations gives;
    - the groups of vintage steps, and those of the allowance, are what adding up steps and postings gives.
    """
    _at_one_moment(db.session())
    with unscoped("reconciliation looks at all loans"), _booked() as booked:
        there = kept_days(db.session()) if added_up is None else added_up
        kept = sorted({*month_ends, *there})
        pairs = [pair for pair in kept_pairs(db.session()) if pair[1] is None or pair[1] in kept]
        return [
            *_trial_balance(),
            *_paid(),
            *_held(),
            *_balances(booked),
            *_terms(),
            *_states(booked),
            *_grouped(None),
            *(difference for day in kept for difference in _grouped(day)),
            *(difference for pair in pairs for difference in _moved(pair)),
            *_added_up("dues", *due_groups()),
            *_added_up("vintages", *vintage_groups()),
            *_added_up("allowance", *allowance_groups()),
            *(difference for day in month_ends for difference in snapshot_differences(day)),
        ]


def _at_one_moment(session: Session) -> None:
    """Begin to read afresh, and let all that follows be as of this moment, whatever is booked meanwhile: PostgreSQL has
    to be asked for what SQLite does anyway. Within a unit of work it looks at what that has written so far."""
    if session.info.get("unit_of_work"):
        return
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def snapshot_differences(day: date) -> Iterator[Difference]:
    """Loans whose snapshot of a month-end is not what replaying the ledger gives. Inside `unscoped`."""
    kept = select(*_of(LoanSnapshot)).where(LoanSnapshot.as_of == day)
    return _stored("snapshot", kept, select(*_of(positions(day).subquery("replayed").c)))


def _of(source: Any) -> list[Any]:
    return [getattr(source, name) for name in FIGURES]


def _trial_balance() -> Iterator[Difference]:
    sums = {True: 0, False: 0}
    on_balance_sheet = [account for account in Account if account.on_balance]
    for model in BOOKS:
        # Not grouped by account: by an index of accounts, SQLite would fetch each amount from a page of its own.
        on = case((model.account.in_(on_balance_sheet), model.amount), else_=0)
        both = select(*(func.coalesce(cast(func.sum(part), BigInteger), 0) for part in (on, model.amount - on)))
        for known, amount in zip(sums, db.session.execute(both).one(), strict=True):
            sums[known] += amount
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


def _held() -> Iterator[Difference]:
    """Held receipts whose rest is not what was received less what was used, and the suspense account as a whole."""
    suspense = case((HeldPosting.account == Account.SUSPENSE, -HeldPosting.amount), else_=0)
    booked = (
        select(HeldPosting.receipt_id, cast(func.sum(suspense), BigInteger).label("left"))
        .group_by(HeldPosting.receipt_id)
        .subquery("booked")
    )
    used = (
        select(Repayment.held_id, cast(func.sum(Repayment.amount), BigInteger).label("used"))
        .where(Repayment.held_id.is_not(None), Repayment.reversed_on.is_(None))
        .group_by(Repayment.held_id)
        .subquery("used")
    )
    left = func.coalesce(booked.c.left, 0) - func.coalesce(used.c.used, 0)
    statement = (
        select(HeldReceipt.code, HeldReceipt.rest, left)
        .outerjoin(booked, booked.c.receipt_id == HeldReceipt.id)
        .outerjoin(used, used.c.held_id == HeldReceipt.id)
        .where(HeldReceipt.rest != left)
    )
    for code, rest, found in db.session.execute(statement):
        yield Difference("held", None, f"receipt {code}: {rest} held, {found} by its postings")
    owed = db.session.scalar(select(func.coalesce(func.sum(HeldReceipt.rest), 0)))
    account = 0
    for model in (Posting, HeldPosting):
        total = func.coalesce(func.sum(model.amount), 0)
        account += int(db.session.scalar(select(total).where(model.account == Account.SUSPENSE)) or 0)
    if int(owed or 0) != -account:
        yield Difference("held", None, f"receipts hold {owed}, the suspense account {-account}")


@contextmanager
def _booked() -> Iterator[Table]:
    """Balance and accrued interest of each loan by its postings: the ledger is gone through once for all who ask."""
    connection = db.session.connection()
    take_room(db.session())
    sums = [
        cast(func.sum(case((Posting.account == account, Posting.amount), else_=0)), BigInteger).label(name)
        for name, account in BOOKED.items()
    ]
    by_loan = select(Posting.loan_id, *sums).group_by(Posting.loan_id)
    # A table made of what is selected: PostgreSQL adds up with all its processes, which an INSERT forbids.
    made = CreateTableAs(by_loan.having(or_(*(total != 0 for total in sums))), "reconciled_loan", temporary=True)
    db.session.execute(made)
    table = made.table
    Index("ix_reconciled_loan", table.c.loan_id).create(connection)
    if connection.dialect.name == "postgresql":  # nobody else tells it how much a temporary table holds
        db.session.execute(text(f"ANALYZE {table.name}"))
    yield table
    table.drop(connection)


def _states(booked: Table) -> Iterator[Difference]:
    """`loan_state` against the ledger. What instalments say was paid and what the terms are is proved beside it, so
    both are taken as they stand."""
    found: Any = select(booked.c.loan_id, booked.c.balance, booked.c.accrued_interest).where(booked.c.balance > 0)
    now = positions(business_date(), standing=True, booked=found).subquery("now")
    return _stored("state", select(*_of(LoanState)), select(*_of(now.c)))


def _balances(booked: Table) -> Iterator[Difference]:
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


def _terms() -> Iterator[Difference]:
    last = select(func.max(TermsChange.id).label("id")).group_by(TermsChange.loan_id).subquery("last")
    differs = or_(Loan.rate != TermsChange.rate, Loan.misuse_markup.is_distinct_from(TermsChange.misuse_markup))
    statement = (
        select(Loan.id, Loan.rate, TermsChange.rate)
        .join(TermsChange, TermsChange.loan_id == Loan.id)
        .join(last, last.c.id == TermsChange.id)
        .where(differs)
    )
    for loan_id, kept, booked in db.session.execute(statement):
        yield Difference(
            "terms", loan_id, f"rate {kept}, {booked} by its last change of terms; or the mark-up for misuse"
        )


def _grouped(day: date | None) -> Iterator[Difference]:
    """Groups of a month-end, or of `loan_state`, that differ from their loans; told by what these have in common."""
    return _added_up("groups", *groups_of(day), about=f"{day or 'now'}, ")


def _moved(pair: Pair) -> Iterator[Difference]:
    """Groups of moves between two dates that differ from their loans."""
    return _added_up("moves", *moves_of(pair), about=f"{pair[0]} to {pair[1] or 'now'}, ")


def _added_up(check: str, kept: Mapping[Any, Any], anew: Mapping[Any, Any], about: str = "") -> Iterator[Difference]:
    """Groups that are not what they are made of adds up to."""
    for key in sorted(kept.keys() | anew.keys(), key=str):
        if kept.get(key) != anew.get(key):
            yield Difference(check, None, f"{about}{key}: kept {kept.get(key)}, added up {anew.get(key)}")


def _stored(check: str, stored: Select[Any], replayed: Select[Any]) -> Iterator[Difference]:
    """Rows that are on one side only. Each side is read once: replaying the ledger is what takes the time."""
    sides = union_all(stored.add_columns(literal(1).label("side")), replayed.add_columns(literal(-1).label("side")))
    both = sides.subquery("both").c
    columns = [both[name] for name in FIGURES]
    alone = func.sum(both.side)
    statement = select(*columns, alone).group_by(*columns).having(alone != 0).order_by(alone.desc(), both.loan_id)
    for *row, side in db.session.execute(statement):
        words = "stored, but not so in the ledger" if side > 0 else "in the ledger, but not stored so"
        yield Difference(check, row[0], f"{words}: {dict(zip(FIGURES, row, strict=True))}")
