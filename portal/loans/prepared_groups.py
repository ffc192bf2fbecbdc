"""What an ordinary day changes in the groups, worked out while people go on working and put in place in a moment.

Day-end knows beforehand how loans will stand (`coming`). So what their customers add to the groups now, and will add
then, is worked out into temporary tables: told apart by customer (`each`), and added up (`whole`). In the transaction
that writes the loans only `whole` is put in. Customers of whom something was changed meanwhile are left out again by
what `each` holds of them, and are taken out and put in as a booking does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    union,
    union_all,
)
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, table_of, take_room
from portal.core.clock import BusinessDay
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans import groups, move_groups
from portal.loans.groups import BORROWER_SUMS, LOAN_SUMS, OF_CUSTOMER, BorrowerGroup, LoanGroup
from portal.loans.models import Loan
from portal.loans.move_groups import LoanMove, dates_of, moves_of_each, present_pairs
from portal.loans.positions import COLUMNS
from portal.loans.state import LoanState

KINDS: tuple[tuple[Any, Sequence[str]], ...] = (
    (LoanGroup, LOAN_SUMS),
    (BorrowerGroup, BORROWER_SUMS),
    (LoanMove, move_groups.SUMS),
)
"""Each kind of group with what is added up in it."""


@dataclass(frozen=True)
class _Tables:
    """Temporary tables of one connection."""

    comes: Table
    """All loans of customers of whom one will stand otherwise, as they will stand then, with the revision of the rows
    they are made of and the industry of the customer."""
    each: dict[Any, Table]
    whole: dict[Any, Table]


@cache
def _tables() -> _Tables:
    columns, metadata = inspect(LoanState).columns, MetaData()

    def temporary(name: str, *held: Column[Any]) -> Table:
        return Table(f"day_end_{name}", metadata, *held, prefixes=["TEMPORARY"])

    def like(group: Any, kind: str, *others: Column[Any]) -> Table:
        held = (Column(column.name, column.type) for column in table_of(group).c if column.name != "id")
        return temporary(f"{kind}_{group.__tablename__}", *others, *held)

    return _Tables(
        comes=temporary(
            "comes",
            Column("loan_id", Integer, primary_key=True, autoincrement=False),
            *(Column(name, columns[name].type) for name in (*COLUMNS[1:], "revision")),
            Column("industry", String),
        ),
        each={group: like(group, "each", Column(OF_CUSTOMER, Integer)) for group, _sums in KINDS},
        whole={group: like(group, "whole") for group, _sums in KINDS},
    )


def temporary_tables() -> tuple[Table, ...]:
    """What a connection needs for this."""
    tables = _tables()
    return tables.comes, *tables.each.values(), *tables.whole.values()


def prepare(session: Session, asked: Table, coming: Select[Any], day: date) -> None:
    """Work out what changes when the loans `asked` come to stand as `coming` says; `day` is the open business date.

    A read, as far as everybody else is concerned. What is booked while this runs is found by `in_place`.
    """
    tables = _tables()
    session.connection(execution_options={"write": False})
    take_room(session)
    for table in temporary_tables():
        session.execute(delete(table))
    _fill_comes(session, tables.comes, asked, coming)
    customers, loans = select(tables.comes.c.customer_id), select(tables.comes.c.loan_id)
    for source, sign in ((LoanState, -1), (tables.comes, 1)):
        for group, added in groups.additions_of_each(source, customers, sign):
            _insert(session, tables.each[group], added)
        for pair in present_pairs(session, day):
            _insert(session, tables.each[LoanMove], moves_of_each(source, loans, sign), dates_of(pair, day))
    for group, sums in KINDS:
        _insert(session, tables.whole[group], _added_up(tables.each[group], sums))
    session.commit()


def _fill_comes(session: Session, comes: Table, asked: Table, coming: Select[Any]) -> None:
    then, names = coming.subquery("then"), (*COLUMNS, "revision")
    told = [name for name in COLUMNS if name not in ("loan_id", "as_of")]
    changed = or_(*(getattr(LoanState, name).is_distinct_from(then.c[name]) for name in told))
    concerned = select(then.c.customer_id).join(LoanState, LoanState.loan_id == then.c.loan_id).where(changed)
    industry = select(Customer.industry).where(Customer.id == then.c.customer_id).scalar_subquery()
    changes = select(*(then.c[name] for name in names), industry.label("industry")).where(
        then.c.customer_id.in_(concerned)
    )
    stays = (
        select(*(getattr(LoanState, name) for name in names), Customer.industry)
        .join(Customer, Customer.id == LoanState.customer_id)
        .where(LoanState.customer_id.in_(concerned), ~exists().where(asked.c.loan_id == LoanState.loan_id))
    )
    session.execute(insert(comes).from_select([*names, "industry"], union_all(changes, stays)))
    if session.get_bind().dialect.name == "postgresql":  # nobody else tells it how much a temporary table holds
        session.execute(text(f"ANALYZE {comes.name}"))


@contextmanager
def in_place(session: Session, moved: Collection[int], day: date) -> Iterator[None]:
    """Around the writing of the loans: afterwards all groups are as these make them. `moved` are loans booked on since
    `coming` was worked out; by who has `loan_state` alone."""
    tables = _tables()
    changed = _changed_meanwhile(session, tables.comes, moved)
    for part in chunks(changed):
        for group, sums in KINDS:
            each = tables.each[group]
            kept = [column for column in each.c if column.name != OF_CUSTOMER]
            undone = [(column * -1).label(column.name) if column.name in sums else column for column in kept]
            _insert(session, tables.whole[group], select(*undone).where(each.c[OF_CUSTOMER].in_(part)))
    session.execute(groups.standing_apart(select(tables.comes.c.customer_id)))
    with ExitStack() as around:
        for part in chunks(changed):
            around.enter_context(groups.customers_regrouped(session, part))
            around.enter_context(move_groups.customers_moved(session, part, day))
        yield
    for group, sums in KINDS:
        _insert(session, table_of(group), _added_up(tables.whole[group], sums))


def draw_all_together(session: Session) -> None:
    """Make one row of groups that are alike, once a day's changes are safe beside them: bookings wait for it anew."""
    with unit_of_work("ledger.day_end", session), unscoped("groups that are alike are drawn together"):
        take_room(session)
        session.execute(select(BusinessDay).with_for_update()).all()
        groups.draw_groups_together(session)
        move_groups.draw_moves_together(session)


def _changed_meanwhile(session: Session, comes: Table, moved: Collection[int]) -> list[int]:
    """Customers of whom what was worked out no longer holds."""
    now = comes.outerjoin(LoanState, LoanState.loan_id == comes.c.loan_id)
    otherwise = or_(LoanState.loan_id.is_(None), LoanState.revision != comes.c.revision)
    found = set(
        session.scalars(
            union(
                select(comes.c.customer_id).select_from(now).where(otherwise),
                select(comes.c.customer_id)
                .join(Customer, Customer.id == comes.c.customer_id)
                .where(Customer.industry.is_distinct_from(comes.c.industry)),
            )
        )
    )
    for part in chunks(moved):
        found |= set(session.scalars(select(Loan.customer_id).where(Loan.id.in_(part))))
    return sorted(found)


def _added_up(table: Table, sums: Sequence[str]) -> Select[Any]:
    """Rows of a table that are alike, as one; what adds up to nothing is left out."""
    keys = [column for column in table.c if column.name not in (*sums, OF_CUSTOMER)]
    totals = {name: func.sum(table.c[name]) for name in sums}
    named = (total.label(name) for name, total in totals.items())
    return select(*keys, *named).group_by(*keys).having(or_(*(total != 0 for total in totals.values())))


def _insert(session: Session, table: Any, rows: Select[Any], values: dict[str, Any] | None = None) -> None:
    names = [str(column.key) for column in rows.selected_columns]
    session.execute(insert(table).from_select(names, rows), values, execution_options={"synchronize_session": False})
