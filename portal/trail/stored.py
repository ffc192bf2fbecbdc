"""Seals and entries as the tables hold them: texts and whole numbers, which verification hashes as they are.

Times come as text, so that no value is turned into Python's and back: of a million entries that is most of the work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, select, type_coerce

from portal.core.audit import CONTENT, AuditEntry
from portal.trail.models import AuditSeal

CHUNK = 10_000
PART = 2_000
"""Ids in one statement, where they lie far apart."""
WHOLE_MOMENT = len("2026-01-31 12:00:00.123456")


def seals(connection: Connection, low: int, high: int) -> Sequence[Any]:
    """(position, entry id, digest, hash, sealed at) of the seals from one position to another, in order."""
    sealed_at = _text(connection, AuditSeal.sealed_at)
    columns: tuple[Any, ...] = (AuditSeal.position, AuditSeal.entry_id, AuditSeal.digest, AuditSeal.hash, sealed_at)
    within = AuditSeal.position.between(low, high)
    return _tuples(connection, select(*columns).where(within).order_by(AuditSeal.position))


def entries(connection: Connection, ids: Sequence[int]) -> Mapping[int, Any]:
    """(id, digest, text of the changes, values of CONTENT …) by id: those of neighbouring seals lie close together."""
    if not ids:
        return {}
    content = [getattr(AuditEntry, name) for name in CONTENT]
    texts = [_text(connection, c) if c.key in ("at", "business_date") else c for c in content]
    wanted = select(AuditEntry.id, AuditEntry.digest, cast(AuditEntry.changes, Text), *texts)
    low, high = min(ids), max(ids)
    if high - low < 4 * CHUNK:
        return {row[0]: row for row in _tuples(connection, wanted.where(AuditEntry.id.between(low, high)))}
    parts = (wanted.where(AuditEntry.id.in_(ids[start : start + PART])) for start in range(0, len(ids), PART))
    return {row[0]: row for part in parts for row in _tuples(connection, part)}


def _tuples(connection: Connection, statement: Select[Any]) -> Sequence[Any]:
    """The rows as the driver gives them: none of these columns needs more."""
    return connection.execute(statement).cursor.fetchall()


def _text(connection: Connection, column: Any) -> ColumnElement[str]:
    """A date, or a time in UTC, as text; SQLite has it so."""
    if connection.dialect.name == "sqlite":
        return type_coerce(column, Text)
    return cast(column if column.key == "business_date" else func.timezone("UTC", column), Text)


def iso(moment: str) -> str:
    """A stored time as `datetime.isoformat` writes it; ValueError when it is none."""
    if len(moment) == WHOLE_MOMENT and not moment.endswith("000000"):
        return f"{moment[:10]}T{moment[11:]}+00:00"
    return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).isoformat()
