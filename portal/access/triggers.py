"""What the database itself keeps of roles' versions: each is added once, decided on once, and never removed.

A version changes only from proposed to decided, and from in force to superseded; what it says, who wanted it and who
decided stay. A login that is deleted leaves its place empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TABLE = "role_version"
REFUSAL = "role_version is append-only"
SAID = ("id", "role", "number", "base_number", "document", "reason", "proposed_at")
DECISION = ("decided_at", "decision_note")
PEOPLE = ("proposed_by_id", "decided_by_id")


def _same(column: str) -> str:
    # JSON has no equality on PostgreSQL; its text has
    return f"CAST(NEW.{column} AS text) IS NOT DISTINCT FROM CAST(OLD.{column} AS text)"


def _same_or_gone(column: str) -> str:
    return f"(NEW.{column} IS NULL OR {_same(column)})"


_DECIDED = (
    "OLD.state = 'proposed' AND OLD.decided_at IS NULL AND NEW.decided_at IS NOT NULL"
    " AND NEW.state IN ('in_force', 'rejected', 'withdrawn')"
    f" AND {_same('proposed_by_id')}"
)
_AFTERWARDS = " AND ".join(
    (
        "(NEW.state = OLD.state OR (OLD.state = 'in_force' AND NEW.state = 'superseded'))",
        *map(_same, DECISION),
        *map(_same_or_gone, PEOPLE),
    )
)
ALLOWED = f"{' AND '.join(map(_same, SAID))} AND (({_DECIDED}) OR ({_AFTERWARDS}))"


def create(op: Any) -> None:
    """Create the triggers; `op` is what a migration gets."""
    for statement in _creations(op.get_bind().dialect.name):
        op.execute(statement)


def drop(op: Any) -> None:
    """Drop the triggers."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for event in ("change", "truncate") if postgresql else ("update", "delete", "replace"):
        op.execute(f"DROP TRIGGER {TABLE}_no_{event}" + (f" ON {TABLE}" if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION keep_role_version()")


def _creations(dialect: str) -> Iterator[str]:
    if dialect == "postgresql":
        yield (
            "CREATE FUNCTION keep_role_version() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'UPDATE' THEN IF {ALLOWED} THEN RETURN NEW; END IF; END IF; "
            f"RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        yield (
            f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
            "FOR EACH ROW EXECUTE FUNCTION keep_role_version()"
        )
        yield (
            f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION keep_role_version()"
        )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    taken = f"EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id OR (role = NEW.role AND number = NEW.number))"  # noqa: S608
    yield f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} WHEN NOT ({ALLOWED}) {refuse}"
    yield f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} {refuse}"
    yield f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} WHEN {taken} {refuse}"
