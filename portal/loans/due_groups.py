"""Due groups: what falls due and what was paid of it, added up by month, owner and product.

What dashboards tell of expected cash and of collection is read from here, not from twelve million instalments. Rows are
added together, as those of loan groups: whoever changes loans adds what they differ by, within the transaction that
changes them (`portal.loans.booking`). So nobody waits for anybody, and the table says at any moment what the
instalments say; a reconciliation proves it. Once a day what was added is drawn together again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Index, Select, bindparam, delete, func, insert, literal, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core.bulk import chunks, insert_rows, reserve_ids
from portal.core.db import Model, Money, db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans import following
from portal.loans.dues import AMOUNTS, OF_LOAN, dues
from portal.loans.owned import Owned

KEYS = (*OF_LOAN, "due_month", "months_after", "lost")
WORTHWHILE = 20_000
"""Rows added since, from which on drawing them together pays."""


class DueGroup(Owned, Model):
    """What falls due in a month and what was paid of it (到期回收汇总). Branch, team and manager are today's."""

    __table_args__ = (
        # Holds all that is summed up: the rows themselves are not read. From the whole company down to one manager.
        Index("ix_due_group_month", "due_month", "branch_id", "months_after", "lost", "product_id", *AMOUNTS),
        Index("ix_due_group_branch", "branch_id", "due_month"),
        Index("ix_due_group_added", "id", postgresql_where=text("added"), sqlite_where=text("added")),
    )

    product_id: Mapped[int]
    due_month: Mapped[int]
    """Year and month of the due date, as in 202606."""
    months_after: Mapped[int]
    """Months from then to the payment; 0: in that month or before, and of what is due."""
    lost: Mapped[int]
    """1: of loans that are written off."""
    due_principal: Mapped[Money]
    due_interest: Mapped[Money]
    paid_principal: Mapped[Money]
    paid_interest: Mapped[Money]
    added: Mapped[bool] = mapped_column(default=True)
    """Not drawn together with the others yet."""


Totals = dict[tuple[Any, ...], tuple[int, ...]]
"""By `KEYS`: `AMOUNTS`. What adds up to nothing is left out."""


def dues_of(session: Session, loans: Iterable[int]) -> Totals:
    """What these loans add to the groups, as they stand."""
    totals: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(AMOUNTS))
    with unscoped("groups of dues follow the loans"):
        for part in chunks(sorted(loans)):
            for row in session.execute(_groups(narrowed=True), {"loans": part}):
                key = tuple(row[: len(KEYS)])
                totals[key] = [a + int(b) for a, b in zip(totals[key], row[len(KEYS) :], strict=True)]
    return _something(totals)


def follow_dues(session: Session, before: Totals, after: Totals) -> None:
    """What loans changed from and to; the difference is added."""
    nothing = (0,) * len(AMOUNTS)
    differences = _something(
        {
            key: [now - was for was, now in zip(before.get(key, nothing), after.get(key, nothing), strict=True)]
            for key in before.keys() | after.keys()
        }
    )
    _add(session, differences, added=True)
    if len(differences) >= WORTHWHILE // 20:  # a bulk writer would leave millions of rows
        draw_together(session)


def regroup_dues(session: Session) -> None:
    """All groups, anew."""
    with unscoped("groups of dues are made anew"):
        _run(session, delete(DueGroup))
        names = [*KEYS, *AMOUNTS, "added"]
        _run(session, insert(DueGroup).from_select(names, _groups().add_columns(literal(False))))


def draw_together(session: Session) -> None:
    """Make one row of those that are alike, when enough were added since. What others add meanwhile stays apart.

    The rows are taken out and told by the same statement: two who do this at once never count a row twice.
    """
    with unscoped("groups of dues are drawn together"):
        counted = select(func.count()).select_from(DueGroup)
        added = session.scalar(counted.where(DueGroup.added)) or 0
        if added < WORTHWHILE or added < (session.scalar(counted.where(~DueGroup.added)) or 0):
            return
        columns = [getattr(DueGroup, name) for name in (*KEYS, *AMOUNTS)]
        taken = session.execute(delete(DueGroup).returning(*columns), execution_options={"synchronize_session": False})
        totals: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(AMOUNTS))
        for row in taken:
            sums = totals[tuple(row[: len(KEYS)])]
            for n, amount in enumerate(row[len(KEYS) :]):
                sums[n] += amount
    _add(session, _something(totals), added=False)


def due_groups() -> tuple[Totals, Totals]:
    """(as kept, as the instalments add up now). For batches: unscoped."""
    keys = [getattr(DueGroup, name) for name in KEYS]
    kept = select(*keys, *(func.sum(getattr(DueGroup, name)) for name in AMOUNTS)).group_by(*keys)
    found = []
    for statement in (kept, _groups()):
        rows = db.session.execute(statement)
        found.append(_something({tuple(row[: len(KEYS)]): tuple(map(int, row[len(KEYS) :])) for row in rows}))
    return found[0], found[1]


def _something(totals: Mapping[tuple[Any, ...], Iterable[int]]) -> Totals:
    found = {key: tuple(amounts) for key, amounts in totals.items()}
    return {key: amounts for key, amounts in found.items() if any(amounts)}


@cache
def _groups(narrowed: bool = False) -> Select[Any]:
    """What loans add (`loans`, when narrowed): `KEYS`, `AMOUNTS`. Made once: that takes longer than to run it."""
    loans: Any = bindparam("loans", expanding=True) if narrowed else None
    due = dues(loans=loans).subquery("due").c
    keys, sums = [due[name] for name in KEYS], [func.sum(due[name]) for name in AMOUNTS]
    return select(*keys, *sums).group_by(*keys).having(or_(*(total != 0 for total in sums)))


def _add(session: Session, totals: Totals, added: bool) -> None:
    if not totals:
        return
    ids = reserve_ids(session, DueGroup, len(totals))
    rows = [
        {"id": next(ids), **dict(zip((*KEYS, *AMOUNTS), (*key, *amounts), strict=True)), "added": added}
        for key, amounts in totals.items()
    ]
    with unscoped("groups of dues follow the loans"):
        insert_rows(session, DueGroup, rows)


def _run(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})


def _after_day_end(_day: date) -> None:
    with unit_of_work("ledger.draw_dues_together"):
        draw_together(db.session())


following.opened.register("dues", _after_day_end)
