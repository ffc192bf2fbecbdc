"""Bulk writing: many rows at a time, numbered beforehand. Use it inside `unscoped(reason)` for scoped tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy import (
    Column,
    Connection,
    Date,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core.db import Choice, UtcDateTime
from portal.core.pinyin import with_keys

CHUNK = 2_000
"""Keys in one statement: what a list of values can hold on both engines."""

FEW = 50
"""Rows for which an ordinary INSERT is as fast."""

REPEATING = (Date, Choice, UtcDateTime)
"""Types whose values come again and again."""


def chunks(items: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Lists of at most so many items."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def reserve_ids(session: Session, model: Any, count: int) -> Iterator[int]:
    """Numbers for so many new rows of a table, which nobody else gets. On SQLite the writer is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
        series = func.generate_series(1, literal(count)).table_valued("n")
        return iter(session.execute(select(func.nextval(sequence)).select_from(series)).scalars().all())
    highest = session.scalar(select(func.max(model.id))) or 0
    return iter(range(highest + 1, highest + 1 + count))


def insert_rows(session: Session, model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; column defaults are not applied, but names get their spelling.

    Goes past the statement machinery where that pays: COPY on PostgreSQL, the driver's executemany on SQLite, several
    times faster than an INSERT with its parameters prepared one by one.
    """
    rows = with_keys(model, rows)
    if len(rows) >= FEW:
        _pour(session.connection(), inspect(model).local_table, rows)
    elif rows:
        session.connection().execute(insert(model), rows)


def update_rows(session: Session, model: Any, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Set these columns by primary key; a row names its key `row_id` and its values `new_<column>`.

    Many rows go through a temporary table and one UPDATE.
    """
    if not rows:
        return
    connection, table = session.connection(), inspect(model).local_table
    values: dict[str, Any]
    if len(rows) < FEW:
        values = {name: bindparam(f"new_{name}") for name in columns}
        connection.execute(update(model).where(model.id == bindparam("row_id")).values(values), rows)
        return
    new = Table(
        f"new_{table.name}",
        MetaData(),
        Column("row_id", table.c.id.type, primary_key=True, autoincrement=False),
        *(Column(f"new_{name}", table.c[name].type) for name in columns),
        prefixes=["TEMPORARY"],
    )
    new.create(connection)
    _pour(connection, new, rows)
    values = {name: new.c[f"new_{name}"] for name in columns}
    connection.execute(update(model).where(model.id == new.c.row_id).values(values))
    new.drop(connection)


def _pour(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Many rows into a table by the fastest way the engine has."""
    names = list(rows[0])
    tuples = _as_stored(connection, table, names, rows)
    quote = connection.dialect.identifier_preparer.quote
    target = f"{quote(table.name)} ({', '.join(map(quote, names))})"
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {target} VALUES ({places})", list(tuples))  # noqa: S608
        return
    statement = f"COPY {target} FROM STDIN"
    try:
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for values in tuples:
                copy.write_row(values)
    except psycopg.IntegrityError as error:
        raise IntegrityError(statement, None, error) from error


def _as_stored(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Any, ...]]:
    """The rows as the driver wants them: each value as its column's type writes it."""

    def stored(name: str) -> Iterator[Any]:
        kind = table.c[name].type
        write = kind.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        values = map(itemgetter(name), rows)
        if write is None or isinstance(kind, LargeBinary):  # both drivers take bytes as they are
            return values
        return map(_Once(write).__getitem__ if isinstance(kind, REPEATING) else write, values)

    return zip(*map(stored, names), strict=True)


class _Once(dict[Any, Any]):
    """Works each value out once."""

    def __init__(self, write: Callable[[Any], Any]) -> None:
        super().__init__()
        self.write = write

    def __missing__(self, value: Any) -> Any:
        self[value] = self.write(value)
        return self[value]


def take_room(session: Session) -> None:
    """Until the transaction ends PostgreSQL joins and sorts whole tables in memory, where its usual 4 MB go through
    files; and it does not compile statements, which costs more than it saves for those that run once."""
    if session.get_bind().dialect.name == "postgresql":
        for setting in ("work_mem = '64MB'", "jit = off"):
            session.execute(text(f"SET LOCAL {setting}"))


def table_of(model: Any) -> Any:
    """Where INSERT … SELECT goes that is made once and given its values when it runs.

    An ORM insert with values is taken for a bulk insert of rows. What is selected keeps its row scope.
    """
    return model.__table__
