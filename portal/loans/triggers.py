"""Immutability in the database itself: journals, postings and audit entries can be added, never changed or removed.

Triggers refuse UPDATE and DELETE; on PostgreSQL TRUNCATE as well, on SQLite also REPLACE, which would otherwise delete
the old row without firing a DELETE trigger. On PostgreSQL the application's role should not own the tables: an owner
could still drop the triggers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Tables = Mapping[str, tuple[str, ...]]

IMMUTABLE: Tables = {
    "journal": ("id", "key", "reverses_id"),
    "posting": ("id",),
    "held_posting": ("id",),
    "terms_change": ("id", "journal_id"),
    "month_end_entry": ("id", "key", "reverses_id"),
    "month_end_posting": ("id",),
    "vat_line": ("id",),
    "audit_entry": ("id",),
}
"""Each table with its unique columns, by which REPLACE would find a row to delete."""


def create(op: Any, tables: Tables = IMMUTABLE) -> None:
    """Create the triggers; `op` is what a migration gets. A migration names its tables: this list may grow."""
    for statement in _creations(op.get_bind().dialect.name, tables):
        op.execute(statement)


def extend(op: Any, tables: Tables) -> None:
    """Create the triggers of tables that came later than the first ones."""
    for statement in _creations(op.get_bind().dialect.name, tables, first=False):
        op.execute(statement)


def drop(op: Any, tables: Tables = IMMUTABLE, last: bool = True) -> None:
    """Drop the triggers; with the last ones goes what they call."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in tables:
        for event in ("change", "truncate") if postgresql else ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER {table}_no_{event}" + (f" ON {table}" if postgresql else ""))
    if postgresql and last:
        op.execute("DROP FUNCTION refuse_change()")


def _creations(dialect: str, tables: Tables, first: bool = True) -> Iterator[str]:
    if dialect == "postgresql":
        if first:
            yield (
                "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION '% is immutable', TG_TABLE_NAME; END $$"
            )
        for table in tables:
            yield (
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            yield (
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        return
    for table, columns in tables.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is immutable'); END"
        yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}"
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}"
        taken = " OR ".join(f"NEW.{column} IN (SELECT {column} FROM {table})" for column in columns)  # noqa: S608
        yield f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} {refuse}"
