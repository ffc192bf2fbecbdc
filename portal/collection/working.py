"""The work list of collection: late and written-off loans with their last contact and newest promise, set-based.

Who owes is found from the open loans (`loan_state`) and the postings of written-off loans; chips narrow by contacts
and promises, which an index of the loan answers. Whatever a page shows besides is read for its loans only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Date, Integer, Select, func, literal, select, union_all
from sqlalchemy.orm import aliased, joinedload

from portal.collection.models import CollectionContact, newer_than, received_in_sql
from portal.collection.parameters import CONTACT_DAYS
from portal.collection.rules import NextStep, PromiseState, next_step
from portal.core.db import days_between, db, describe
from portal.core.paging import COUNT_CAP
from portal.loans.ledger import Account, Posting
from portal.loans.models import Allocation, Loan, LoanStatus
from portal.loans.state import LoanState
from portal.parameters.services import parameter

PAGE = 25
DESCRIBED: dict[str, Any] = {"described_by": frozenset({Allocation, Posting})}
"""Payments and bookings only describe loans that the reader sees anyway."""


class Chip(StrEnum):
    """What the work list can be narrowed to."""

    DUE_TODAY = "promise_today"
    BROKEN = "broken_promise"
    NEVER = "never_contacted"
    STALE = "not_contacted"
    WRITTEN_OFF = "lost"


describe(
    Chip,
    {
        Chip.DUE_TODAY: _("Promised for today"),
        Chip.BROKEN: _("Broken promise"),
        Chip.NEVER: _("Never contacted"),
        Chip.STALE: _("Not contacted lately"),
        Chip.WRITTEN_OFF: _("Written off"),
    },
)


@dataclass(frozen=True)
class Case:
    """A loan of the list, as a page or card shows it. Amounts in fen."""

    loan: Loan
    days: int
    """Past due; of a written-off loan, since it was written off."""
    owed: int
    """Overdue principal and interest; of a written-off loan what is still claimed."""
    last: CollectionContact | None
    promised: CollectionContact | None
    """Its newest promise."""
    step: NextStep

    @property
    def lost(self) -> bool:
        return self.loan.status is LoanStatus.WRITTEN_OFF


def cases(today: date) -> Any:
    """Every loan to be collected: `loan_id`, `days`, `owed`, `lost` (0 or 1)."""
    owed = LoanState.overdue_principal + LoanState.overdue_interest
    late = select(
        LoanState.loan_id.label("loan_id"),
        LoanState.days_past_due.label("days"),
        owed.label("owed"),
        literal(0, Integer).label("lost"),
    ).where(LoanState.days_past_due > 0)
    left = func.sum(Posting.amount)
    gone = (
        select(
            Loan.id.label("loan_id"),
            days_between(Loan.closed_on, literal(today, Date)).label("days"),
            left.label("owed"),
            literal(1, Integer).label("lost"),
        )
        .join(Posting, Posting.loan_id == Loan.id)
        .where(Loan.status == LoanStatus.WRITTEN_OFF, Posting.account == Account.WRITTEN_OFF)
        .group_by(Loan.id, Loan.closed_on)
        .having(left > 0)
    )
    return union_all(late, gone).subquery("cases")


def narrowed(chip: Chip | None, today: date) -> Select[Any]:
    """(loan_id, days, owed, lost) of the list, the promises that are due first, then the latest loans first."""
    found = cases(today)
    statement = select(found.c.loan_id, found.c.days, found.c.owed, found.c.lost)
    match chip:
        case Chip.WRITTEN_OFF:
            statement = statement.where(found.c.lost == 1)
        case Chip.NEVER:
            statement = statement.where(~_contacted(found.c.loan_id))
        case Chip.STALE:
            since = today - timedelta(days=contact_days(today))
            statement = statement.where(~_contacted(found.c.loan_id, CollectionContact.done_on > since))
        case Chip.DUE_TODAY:
            statement = statement.where(found.c.loan_id.in_(loans_promising(today, today)))
        case Chip.BROKEN:
            statement = statement.where(found.c.loan_id.in_(loans_promising(None, today)))
    order = (found.c.lost, found.c.days.desc(), found.c.loan_id)
    return statement.order_by(*order).execution_options(**DESCRIBED)


def contact_days(day: date) -> int:
    return int(parameter(CONTACT_DAYS, day).value)


def _contacted(loan_id: Any, *when: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(CollectionContact.id).where(CollectionContact.loan_id == loan_id, *when).exists()


def loans_promising(on: date | None, today: date) -> Select[Any]:
    """Loans whose newest promise is for a day and not met yet; without a day, those whose newest promise was broken."""
    promise, newer = CollectionContact, aliased(CollectionContact)
    later = select(newer.id).where(newer.promised_on.is_not(None), newer_than(newer, promise)).exists()
    day = promise.promised_on < today if on is None else promise.promised_on == on
    return select(promise.loan_id).where(day, ~later, received_in_sql(promise) < promise.promised_amount)


def counted(chip: Chip | None, today: date) -> tuple[int, bool]:
    """How many loans there are, up to a cap; whether there are more."""
    ids = narrowed(chip, today).order_by(None).with_only_columns(literal(1, Integer), maintain_column_froms=True)
    rows = ids.limit(COUNT_CAP + 1).subquery()
    count = db.session.scalar(select(func.count()).select_from(rows).execution_options(**DESCRIBED)) or 0
    return min(count, COUNT_CAP), count > COUNT_CAP


def page_of(chip: Chip | None, today: date, number: int = 1, size: int = PAGE) -> list[Case]:
    """The loans of a page, numbered from 1."""
    rows = db.session.execute(narrowed(chip, today).limit(size).offset((number - 1) * size)).all()
    ids = [row.loan_id for row in rows]
    loans = _loans(ids)
    last, promised, every = latest(ids), latest(ids, CollectionContact.promised_on.is_not(None)), contact_days(today)
    found = []
    for row in rows:
        contact, promise = last.get(row.loan_id), promised.get(row.loan_id)
        step = next_step(
            promise and promise.promise,
            promise and promise.promised_on,
            contact and contact.done_on,
            contact and contact.outcome,
            today,
            every,
        )
        found.append(Case(loans[row.loan_id], row.days, int(row.owed), contact, promise, step))
    return found


def _loans(ids: Sequence[int]) -> Mapping[int, Loan]:
    statement = select(Loan).where(Loan.id.in_(ids)).options(joinedload(Loan.customer), joinedload(Loan.manager))
    return {loan.id: loan for loan in db.session.scalars(statement)} if ids else {}


def latest(ids: Collection[int], *which: ColumnElement[bool]) -> Mapping[int, CollectionContact]:
    """The last contact of each of these loans, among those that are asked for."""
    if not ids:
        return {}
    order = (CollectionContact.done_on.desc(), CollectionContact.done_time.desc(), CollectionContact.id.desc())
    place = func.row_number().over(partition_by=CollectionContact.loan_id, order_by=order).label("place")
    ranked = select(CollectionContact.id, place).where(CollectionContact.loan_id.in_(ids), *which).subquery("ranked")
    statement = select(CollectionContact).join(ranked, ranked.c.id == CollectionContact.id).where(ranked.c.place == 1)
    found = db.session.scalars(statement.options(joinedload(CollectionContact.guarantor)))
    return {row.loan_id: row for row in found}


def is_broken(case: Case) -> bool:
    """Whether the newest promise of a loan was broken."""
    return case.promised is not None and case.promised.promise is PromiseState.BROKEN
