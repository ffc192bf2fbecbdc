"""Vintage steps: what a loan adds to the curve of its cohort, and from which month-end on.

A loan that stays as it is adds nothing, so a million loans leave a few steps each, not one for every month. Steps are
read off the snapshots of month-ends, in their order: a loan that was late and paid within a month was not.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session

from portal.core.db import Choice
from portal.core.scope import unscoped
from portal.loans.cohorts import EVER, Step, VintageStep, regroup_steps
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind, Posting
from portal.loans.models import Loan
from portal.loans.move_groups import kept_days
from portal.loans.state import LoanSnapshot
from portal.parameters.known import Operator
from portal.parameters.services import parameter

LATE_BOOKINGS = timedelta(days=62)
"""How long before a month-end a disbursement may lie that was booked too late for the month-end before."""


def follow_vintages(session: Session, day: date) -> None:
    """The steps of a month-end whose snapshot was written, anew. Those of earlier month-ends stand already."""
    _run(session, delete(VintageStep).where(VintageStep.as_of == day))
    with unscoped("since when month-ends are kept"):
        first = session.scalar(select(func.min(LoanSnapshot.as_of))) or day
    _insert(session, day, Step.LENT, _lent(max(first.replace(day=1), day - LATE_BOOKINGS), day))
    for step, days in EVER.items():
        _insert(session, day, step, _first_beyond(day, step, days))
    for rows in _overdue(day):
        _insert(session, day, Step.OVERDUE, rows)
    _insert(session, day, Step.WRITTEN_OFF, _written_off(day))
    regroup_steps(session, day)


def follow_later_vintages(session: Session, day: date) -> None:
    """The steps of a month-end that was rebuilt and of all after it, in their order."""
    for end in kept_days(session):
        if end >= day:
            follow_vintages(session, end)


def _lent(since: date, day: date) -> Select[int, int]:
    """Principal of loans paid out since a day, as booked by the month-end, that are in no earlier one.

    Found by way of the loans: of all lines on their account in these months, few are of a disbursement.
    """
    amount = cast(func.sum(Posting.amount), BigInteger)
    return (
        select(Posting.loan_id, amount.label("amount"))
        .join(Loan, Loan.id == Posting.loan_id)
        .where(
            Loan.disbursed_on.between(since, day),
            Posting.kind == JournalKind.DISBURSEMENT,
            Posting.account == Account.LOANS,
            Posting.value_date.between(since, day),
            Posting.booking_date <= day,
            ~_earlier(Posting.loan_id, Step.LENT, day),
        )
        .group_by(Posting.loan_id)
        .having(amount > 0)
    )


def _first_beyond(day: date, step: Step, days: int) -> Select[int, int]:
    """Balance of loans that are so late at this month-end and were at none before."""
    beyond = select(LoanSnapshot.loan_id, LoanSnapshot.balance.label("amount"))
    return beyond.where(LoanSnapshot.as_of == day, _late(days, day), ~_earlier(LoanSnapshot.loan_id, step, day))


def _overdue(day: date) -> tuple[Select[int, int], Select[int, int]]:
    """What overdue balances differ by from what their steps say: of overdue loans, and of those that are so no more."""
    before = _so_far(Step.OVERDUE, day)
    amount = LoanSnapshot.balance - func.coalesce(before.c.amount, 0)
    late = (
        select(LoanSnapshot.loan_id, amount.label("amount"))
        .outerjoin(before, before.c.loan_id == LoanSnapshot.loan_id)
        .where(LoanSnapshot.as_of == day, _late(1, day), amount != 0)
    )
    still = exists().where(LoanSnapshot.as_of == day, LoanSnapshot.loan_id == before.c.loan_id, _late(1, day))
    return late, select(before.c.loan_id, (-before.c.amount).label("amount")).where(before.c.amount != 0, ~still)


def _written_off(day: date) -> Select[int, int]:
    """What the principal written off differs by from what its steps say."""
    before = _so_far(Step.WRITTEN_OFF, day)
    booked = (
        select(Posting.loan_id, cast(func.sum(Posting.amount), BigInteger).label("amount"))
        .where(
            Posting.account == Account.ALLOWANCE,
            Posting.kind == JournalKind.WRITE_OFF,
            Posting.component == Component.PRINCIPAL,
            Posting.value_date <= day,
            Posting.booking_date <= day,
        )
        .group_by(Posting.loan_id)
        .subquery("booked")
    )
    amount = booked.c.amount - func.coalesce(before.c.amount, 0)
    joined = select(booked.c.loan_id, amount.label("amount")).outerjoin(before, before.c.loan_id == booked.c.loan_id)
    return joined.where(amount != 0)


def _late(days: int, day: date) -> ColumnElement[bool]:
    """Whether a loan of a snapshot counts in PAR of so many days, under the threshold in force then."""
    found = parameter(f"par.{days}", day)
    number = int(found.value)
    late = LoanSnapshot.days_past_due
    return late > number if found.operator is Operator.GREATER else late >= number


def _so_far(step: Step, day: date) -> Any:
    """Per loan, what the steps of earlier month-ends add up to."""
    return (
        select(VintageStep.loan_id, cast(func.sum(VintageStep.amount), BigInteger).label("amount"))
        .where(VintageStep.step == step, VintageStep.as_of < day)
        .group_by(VintageStep.loan_id)
        .subquery("so_far")
    )


def _earlier(loan_id: Any, step: Step, day: date) -> ColumnElement[bool]:
    return exists().where(VintageStep.loan_id == loan_id, VintageStep.step == step, VintageStep.as_of < day)


def _insert(session: Session, day: date, step: Step, amounts: Select[int, int]) -> None:
    """Steps of these (loan_id, amount)."""
    rows = amounts.subquery("amounts")
    year, month = (cast(extract(part, Loan.disbursed_on), Integer) for part in ("year", "month"))
    values: dict[str, Any] = {
        "as_of": literal(day, Date),
        "lent_in": year * 100 + month,
        "on_book": literal(day.year * 12 + day.month) - (year * 12 + month),
        "product_id": Loan.product_id,
        "step": literal(step, Choice(Step)),
        "amount": rows.c.amount,
        "loan_id": rows.c.loan_id,
    }
    chosen: Any = select(*(value.label(name) for name, value in values.items()))
    chosen = chosen.select_from(rows).join(Loan, Loan.id == rows.c.loan_id)
    if step is not Step.LENT:  # only what is followed from its first month-end has a curve
        followed = exists().where(VintageStep.loan_id == rows.c.loan_id, VintageStep.step == Step.LENT)
        chosen = chosen.where(followed)
    _run(session, insert(VintageStep).from_select(list(values), chosen))


def _run(session: Session, statement: Any) -> None:
    with unscoped("steps follow the snapshots"):
        session.execute(statement, execution_options={"synchronize_session": False})
