"""What makes filling an empty database fast, on each engine. All of it is undone at the end, or when the load fails.

SQLite: nobody else is in the database, so the pages that are added need no write-ahead log: they are written once,
where they belong, and a load that is killed leaves the file as it was. Foreign keys are not looked up row by row.

PostgreSQL: indexes, unique constraints and foreign keys of the big tables are set aside and built again at the end of
the same transaction, which checks every row at once. The schema a load leaves is the one it found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

from portal.core.db import db

SQLITE_PRAGMAS = ("journal_mode=delete", "foreign_keys=off", "cache_size=-262144")
"""256 MiB of cache: the ends of all indexes, where rows are added, stay in memory."""

CONSTRAINTS = text(
    "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),"
    " format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))"
    " FROM pg_constraint WHERE contype IN ('f', 'u') AND conrelid = ANY(CAST(:tables AS regclass[]))"
    " ORDER BY contype, conname"  # foreign keys go first, and come back last
)
INDEXES = text(
    "SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)"
    " FROM pg_index WHERE NOT indisunique AND indrelid = ANY(CAST(:tables AS regclass[])) ORDER BY 1"
)


@contextmanager
def sqlite_to_itself() -> Iterator[None]:
    """On SQLite: one connection, alone in the database, without a write-ahead log. Outside any unit of work.

    Raises OperationalError when somebody else has the database open.
    """
    if db.engine.dialect.name != "sqlite":
        yield
        return
    db.session.remove()
    db.engine.dispose()
    connection = db.engine.raw_connection()  # the pool's only one; what follows gets it, too
    try:
        for pragma in SQLITE_PRAGMAS:
            connection.cursor().execute(f"PRAGMA {pragma}")
    finally:
        connection.close()
    try:
        yield
    finally:
        db.session.remove()
        db.engine.dispose()  # a new connection has the usual settings


@contextmanager
def indexes_set_aside(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """On PostgreSQL: these tables without indexes, unique constraints and foreign keys, but for their primary keys."""
    if connection.dialect.name != "postgresql":
        yield
        return
    given = {"tables": list(tables)}
    found = [*connection.execute(CONSTRAINTS, given), *connection.execute(INDEXES, given)]
    for drop, _create in found:
        connection.exec_driver_sql(drop)
    yield
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
    for table in tables:
        connection.exec_driver_sql(f"ANALYZE {table}")  # the checks of foreign keys are planned by it
    for _drop, create in reversed(found):
        connection.exec_driver_sql(create)
