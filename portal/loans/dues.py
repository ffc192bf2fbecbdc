"""Dues: what instalments ask for and what was paid of it, by the month they fall due and by the month of the payment.

The one place that says what cash is expected and what was collected of what fell due; the kept groups, the rows behind
a figure and any past date are this one statement. Its rows, of each instalment:

- what it asks for in principal and contractual interest, in the month of its due date (as moved by the holiday rule);
- what was paid of either, by value date: `months_after` counts from the month it fell due, 0 for that month or before.

An early repayment asks for itself: its instalment is due on the day it was paid. A loan whose disbursement was taken
back asks for nothing; one written off asks for nothing that falls due later, and nothing of it is expected (`lost`).
Fees, penalty interest and costs are no part of it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, LoanStatus
from portal.loans.owned import OWNERS

AMOUNTS = ("due_principal", "due_interest", "paid_principal", "paid_interest")
"""In fen; a row is either of what is due or of what was paid."""
COUNTED = (Component.PRINCIPAL, Component.INTEREST)
OF_LOAN = (*OWNERS, "product_id")


def dues(
    as_of: date | None = None, known_at: date | None = None, *, loans: Collection[int] | None = None
) -> CompoundSelect[Any]:
    """What is due and what was paid of it: `loan_id`, `OF_LOAN` as they are today, `due_month` (as in 202606),
    `months_after`, `lost`, `AMOUNTS`.

    As things stand; with `as_of`, as at the end of that date and as known at `known_at` (`as_of` if None). `loans`
    narrows it to these. Made of ORM entities, hence scoped by the loan.
    """
    known = None if as_of is None else (as_of, known_at or as_of)
    fell = month_of(Instalment.due_date)
    asked = _select(fell, literal(0, Integer), _asked(known), known, loans)
    later = _index(Allocation.value_date) - _index(Instalment.due_date)
    after = case((later > 0, later), else_=0)
    paid = _select(fell, after, _paid(), known, loans).join(Allocation, Allocation.instalment_id == Instalment.id)
    paid = paid.where(Allocation.component.in_(COUNTED))
    if known is not None:
        changed = _changed_since(known, loans).subquery("changed")
        asked = _select(fell, literal(0, Integer), _asked(known, changed.c), known, loans)
        asked = asked.outerjoin(changed, changed.c.instalment_id == Instalment.id)
        paid = paid.where(_known(Allocation, known))
    if loans is not None:
        paid = paid.where(Allocation.loan_id.in_(loans))
    return union_all(asked, paid)


def month_of(day: Any) -> ColumnElement[int]:
    """Year and month of a date, as in 202606."""
    year, month = (cast(extract(part, day), Integer) for part in ("year", "month"))
    return year * 100 + month


def _index(day: Any) -> ColumnElement[int]:
    """The month of a date as a number of months."""
    year, month = (cast(extract(part, day), Integer) for part in ("year", "month"))
    return year * 12 + month


Known = tuple[date, date]
"""(value dates up to, booking dates up to)."""


def _known(entity: Any, known: Known) -> ColumnElement[bool]:
    return and_(entity.value_date <= known[0], entity.booking_date <= known[1])


def _asked(known: Known | None, changed: Any = None) -> dict[str, Any]:
    principal: Any = Instalment.principal
    interest: Any = Instalment.interest
    if changed is not None:
        principal = principal - func.coalesce(changed.principal, 0)
        interest = interest - func.coalesce(changed.interest, 0)
    nothing = literal(0, BigInteger)
    return dict(zip(AMOUNTS, (principal, interest, nothing, nothing), strict=True))


def _paid() -> dict[str, Any]:
    nothing = literal(0, BigInteger)
    of = {part: case((Allocation.component == part, Allocation.amount), else_=0) for part in COUNTED}
    return dict(zip(AMOUNTS, (nothing, nothing, *of.values()), strict=True))


def _select(fell: Any, after: Any, amounts: dict[str, Any], known: Known | None, loans: Collection[int] | None) -> Any:
    """Rows of the instalments that count."""
    whose = {name: getattr(Loan, name) for name in OF_LOAN}
    columns = {"loan_id": Instalment.loan_id, **whose, "due_month": fell, "months_after": after}
    if known is None:
        lost = Loan.status == LoanStatus.WRITTEN_OFF
        counts = and_(
            Loan.status != LoanStatus.CANCELLED, or_(Loan.closed_on.is_(None), not_(lost), _by(Loan.closed_on))
        )
        statement = select(*_named({**columns, "lost": _flag(lost), **amounts}))
        statement = statement.select_from(Instalment).join(Loan, Loan.id == Instalment.loan_id).where(counts)
    else:
        lent = _lent(known, loans).subquery("lent")
        lost = lent.c.lost_on.is_not(None)
        statement = select(*_named({**columns, "lost": _flag(lost), **amounts})).select_from(Instalment)
        statement = statement.join(Loan, Loan.id == Instalment.loan_id).join(lent, lent.c.loan_id == Instalment.loan_id)
        statement = statement.where(or_(not_(lost), _by(lent.c.lost_on)))
    return statement if loans is None else statement.where(Instalment.loan_id.in_(loans))


def _by(day: Any) -> ColumnElement[bool]:
    return Instalment.due_date <= day  # type: ignore[no-any-return]


def _flag(condition: Any) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _named(columns: dict[str, Any]) -> list[Any]:
    return [value.label(name) for name, value in columns.items()]


def _lent(known: Known, loans: Collection[int] | None) -> Any:
    """Loans whose disbursement stands, and the day on which what was left of them was written off, if it was."""
    paid_out = func.sum(case((Posting.kind == JournalKind.DISBURSEMENT, Posting.amount), else_=0))
    wrote_off = Posting.kind == JournalKind.WRITE_OFF
    gone = and_(func.sum(case((wrote_off, Posting.amount), else_=0)) < 0, func.sum(Posting.amount) == 0)
    lost_on = case((gone, func.max(case((wrote_off, Posting.value_date)))))
    statement = (
        select(Posting.loan_id, lost_on.label("lost_on"))
        .where(Posting.account == Account.LOANS, _known(Posting, known))
        .group_by(Posting.loan_id)
        .having(paid_out > 0)
    )
    return statement if loans is None else statement.where(Posting.loan_id.in_(loans))


def _changed_since(known: Known, loans: Collection[int] | None) -> Any:
    """Per instalment: what was added to it later than is known, or taken off."""
    sums = [
        cast(func.sum(case((Charge.component == part, Charge.amount), else_=0)), BigInteger).label(part.value)
        for part in COUNTED
    ]
    statement = (
        select(Charge.instalment_id, *sums)
        .where(Charge.component.in_(COUNTED), not_(_known(Charge, known)))
        .group_by(Charge.instalment_id)
    )
    return statement if loans is None else statement.where(Charge.loan_id.in_(loans))
