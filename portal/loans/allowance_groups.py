"""Allowance groups: what loans did to the loan loss allowance (account 1304), added up by owner, product and month.

What dashboards tell of the allowance as things stand, or at the end of a month, is read from here, not from every
write-off there ever was. Rows are added together, as those of loan groups: what a loan adds is taken out before a
posting on the account or a change of its owner and put in again after it. A reconciliation proves them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Index, Select, bindparam, case, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core.bulk import chunks, table_of
from portal.core.db import Choice, Model, Money, db
from portal.core.scope import unscoped
from portal.loans.dues import month_of
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import Loan
from portal.loans.owned import HELD, OWNERS, OwnedAndHeld

LIKENESS = ("product_id", "kind", "counts_from")


class AllowanceGroup(OwnedAndHeld, Model):
    """Lines on the allowance that are alike (损失准备发生汇总).

    Branch, team and manager are the loans' of today, what begins with `held` of the day it was booked.
    """

    __table_args__ = (Index("ix_allowance_group_branch", "branch_id"),)

    product_id: Mapped[int]
    kind: Mapped[JournalKind] = mapped_column(Choice(JournalKind))
    counts_from: Mapped[int]
    """Year and month, as in 202606, from the end of which the lines count: of the later of value and booking date."""
    amount: Mapped[Money]
    """Debit positive."""
    lines: Mapped[int]


def regroup_allowance(session: Session) -> None:
    """All groups, anew."""
    _run(session, delete(AllowanceGroup))
    _run(session, _addition(narrowed=False))


@contextmanager
def allowance_regrouped(session: Session, loans: Collection[int]) -> Iterator[None]:
    """Around postings on the allowance of these loans, or a change of their owners."""
    for part in chunks(sorted(loans)):
        _run(session, _addition(narrowed=True, sign=-1), {"loans": part})
    yield
    for part in chunks(sorted(loans)):
        _run(session, _addition(narrowed=True), {"loans": part})


Totals = dict[tuple[Any, ...], tuple[int, int]]
"""By owners and likeness: amount and lines. What adds up to nothing is left out."""


def allowance_groups() -> tuple[Totals, Totals]:
    """(as kept, as the postings add up now). For batches: unscoped."""
    keys = [getattr(AllowanceGroup, name) for name in (*OWNERS, *HELD, *LIKENESS)]
    kept = select(*keys, func.sum(AllowanceGroup.amount), func.sum(AllowanceGroup.lines)).group_by(*keys)
    found: list[Totals] = []
    for statement in (kept, _groups(narrowed=False)):
        rows = db.session.execute(statement)
        totals = {tuple(key): (int(amount), int(lines)) for *key, amount, lines in rows}
        found.append({key: values for key, values in totals.items() if any(values)})
    return found[0], found[1]


@cache
def _groups(narrowed: bool, sign: int = 1) -> Select[Any]:
    """What postings add to the groups, those of `loans` when narrowed; with sign -1, what they take out."""
    later = case((Posting.booking_date > Posting.value_date, Posting.booking_date), else_=Posting.value_date)
    keys = [
        *(getattr(Loan, name).label(name) for name in OWNERS),
        *(getattr(Journal, name).label(f"held_{name}") for name in OWNERS),
        Loan.product_id.label("product_id"),
        Posting.kind.label("kind"),
        month_of(later).label("counts_from"),
    ]
    statement = (
        select(*keys, (func.sum(Posting.amount) * sign).label("amount"), (func.count() * sign).label("lines"))
        .select_from(Posting)
        .join(Journal, Journal.id == Posting.journal_id)
        .join(Loan, Loan.id == Posting.loan_id)
        .where(Posting.account == Account.ALLOWANCE)
        .group_by(*keys)
    )
    return statement.where(Posting.loan_id.in_(bindparam("loans", expanding=True))) if narrowed else statement


@cache
def _addition(narrowed: bool, sign: int = 1) -> Any:
    names = [*OWNERS, *HELD, *LIKENESS, "amount", "lines"]
    return insert(table_of(AllowanceGroup)).from_select(names, _groups(narrowed, sign))


def _run(session: Session, statement: Any, values: Mapping[str, Any] | None = None) -> None:
    with unscoped("groups of the allowance follow its postings"):
        session.execute(statement, values, execution_options={"synchronize_session": False})
