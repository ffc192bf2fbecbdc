"""Copies loans with everything that hangs on them, set-based: the same rows with other keys, as often as asked.

What is copied are the rows of a first turn, kept in temporary tables. A key that points to a copied row moves on: by as
many numbers a turn as the first turn takes up. Figures, dates and owners stay, so a copy is as right as its original.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    cast,
    func,
    insert,
    inspect,
    literal,
    select,
)

from portal.core.bulk import chunks
from portal.customers.models import Customer
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner, Repayment
from portal.loans.state import LoanSnapshot, LoanState

COPIED: Sequence[Any] = (
    Loan,
    PastOwner,
    Instalment,
    Repayment,
    Allocation,
    Charge,
    Journal,
    Posting,
    LoanState,
    LoanSnapshot,
)
"""Parents before children."""

UNDECLARED = {"customer_id": Customer.__tablename__}
"""References to copied rows that month-ends hold without declaring them (`LoanSnapshot`)."""

NAME_A_REPAYMENT = ("repayment", "recovery")
"""What keys of journals begin with that name a repayment; all others name a loan."""

DIGITS = 8
TURN, LAST_LOAN = bindparam("turn", type_=Integer), bindparam("last_loan", type_=Integer)


def numbered(letter: str, number: int) -> str:
    """A code: L00000012."""
    return f"{letter}{number:0{DIGITS}d}"


class Copies:
    """The first turn: all there is when this is made. Loans have codes by `numbered`, repayments begin with these."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        keys = {model: inspect(model).primary_key[0] for model in (Customer, *COPIED)}
        spans = {model: connection.execute(select(func.min(key), func.max(key))).one() for model, key in keys.items()}
        self.first_loan = spans[Loan][0]
        self.steps = {model.__tablename__: 1 + (last or 0) - (first or 0) for model, (first, last) in spans.items()}
        metadata = MetaData()
        self.kept = {model: _kept(connection, model, metadata) for model in COPIED}
        self.keys = _key_parts(connection, self.kept[Journal], self.steps, metadata)
        self.statements = [self._statement(model) for model in COPIED]

    def make(self, turn: int, loans: int) -> None:
        """Copy the first so many loans; turns count from 1. The customers of the turn must be there already."""
        for statement in self.statements:
            self.connection.execute(statement, {"turn": turn, "last_loan": self.first_loan + loans - 1})

    def drop(self) -> None:
        """Drop the temporary tables."""
        for table in (self.keys, *self.kept.values()):
            table.drop(self.connection)

    def _statement(self, model: Any) -> Insert:
        kept = self.kept[model]
        values = {column.name: self._moved(column, kept) for column in inspect(model).columns}
        rows = select(*values.values()).where((kept.c.id if model is Loan else kept.c.loan_id) <= LAST_LOAN)
        if model is Loan:
            values["code"] = self._renumbered(kept.c.code)
        elif model is Repayment:
            values["code"] = self._renumbered(kept.c.code) + func.substr(kept.c.code, len(numbered("L", 0)) + 1)
        elif model is Journal:
            key = self.keys.c
            values["key"] = key.head + cast(key.number + TURN * key.step, String) + key.tail
            rows = rows.join_from(kept, self.keys, key.journal_id == kept.c.id)
        return insert(model).from_select(list(values), rows.with_only_columns(*values.values()))

    def _moved(self, column: Column[Any], kept: Table) -> ColumnElement[Any]:
        """The value of a copy: keys of copied rows move on, everything else stays."""
        value: ColumnElement[Any] = kept.c[column.name]
        table = UNDECLARED.get(column.name, column.table.name)
        owner = next((key.column.table.name for key in column.foreign_keys), table)
        is_key = column.primary_key or column.foreign_keys or column.name in UNDECLARED
        return value + TURN * self.steps[owner] if is_key and owner in self.steps else value

    def _renumbered(self, code: ColumnElement[str]) -> ColumnElement[str]:
        """The number of the loan a code begins with, moved on."""
        number = cast(func.substr(code, 2, DIGITS), Integer) + TURN * self.steps[Loan.__tablename__]
        return literal("L") + func.substr(cast(10**DIGITS + number, String), 2)


def _kept(connection: Connection, model: Any, metadata: MetaData) -> Table:
    """All rows of a table, in a temporary one."""
    columns = inspect(model).columns
    kept = Table(
        f"first_{model.__tablename__}",
        metadata,
        *(Column(column.name, column.type) for column in columns),
        prefixes=["TEMPORARY"],
    )
    kept.create(connection)
    connection.execute(insert(kept).from_select([column.name for column in columns], select(*columns)))
    return kept


def _key_parts(connection: Connection, journals: Table, steps: dict[str, int], metadata: MetaData) -> Table:
    """Of each journal's key, such as accrual/12/20260131: what stands before the number, the number, what after it."""
    parts = Table(
        "first_journal_key",
        metadata,
        Column("journal_id", Integer, primary_key=True, autoincrement=False),
        Column("head", String),
        Column("number", Integer),
        Column("step", Integer),
        Column("tail", String),
        prefixes=["TEMPORARY"],
    )
    parts.create(connection)
    for rows in chunks(connection.execute(select(journals.c.id, journals.c.key)).all()):
        connection.execute(insert(parts), [_parts(journal_id, key, steps) for journal_id, key in rows])
    return parts


def _parts(journal_id: int, key: str, steps: dict[str, int]) -> dict[str, Any]:
    event, number, *rest = key.split("/")
    step = steps[(Repayment if event in NAME_A_REPAYMENT else Loan).__tablename__]
    tail = "".join(f"/{part}" for part in rest)
    return {"journal_id": journal_id, "head": f"{event}/", "number": int(number), "step": step, "tail": tail}
