"""Who did what: one entry per unit of work, without personal data in plain.

An entry names the verb, the actor, the rows and, for rows that people edit, each changed field with its old and new
value; sensitive fields are only named. Entries cannot be changed or deleted (triggers in the first migration).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ForeignKey, Index, String, event, inspect
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from portal.core import scope
from portal.core.clock import now
from portal.core.db import BigId, BigKey, BusinessDate, Model, Moment
from portal.core.fields import field, fields_of

HIDDEN = "•••"
ADDED, CHANGED, DELETED, SUBJECT = "added", "changed", "deleted", "subject"
MOST_ROWS = 200
"""Rows listed one by one in an entry; a bulk verb states its count and the file's hash instead."""


class AuditEntry(Model):
    """One unit of work that changed something, or one export or reading of personal data (审计记录)."""

    __table_args__ = (Index("ix_audit_entry_resource_subject", "resource", "subject_id"),)

    id: Mapped[BigId]
    at: Mapped[Moment] = field(_("When"), index=True)
    business_date: Mapped[BusinessDate] = field(_("Business date"))
    actor: Mapped[str] = field(_("Who"), String(80), search=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    verb: Mapped[str] = field(_("What"), String(60), search=True)
    resource: Mapped[str] = field(_("Resource"), String(60), default="")
    subject_id: Mapped[int | None] = field(_("Record"))
    request_id: Mapped[str] = field(_("Request"), String(40), default="")
    changes: Mapped[Any] = mapped_column(JSON, default=dict)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 over the entry's content; a sequencer chains committed entries by it."""

    rows: Mapped[list[AuditRow]] = relationship()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.verb}"


class AuditRow(Model):
    """Which rows an entry is about: the way from a record to its history. Made from the entry, which is what counts."""

    __table_args__ = (Index("ix_audit_row_resource_row", "resource", "row_id", "entry_id"),)

    id: Mapped[BigId]
    entry_id: Mapped[int] = mapped_column(BigKey, ForeignKey("audit_entry.id"))
    resource: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(BigKey)
    what: Mapped[str] = mapped_column(String(10))
    """What happened to the row: added, changed, deleted; `subject` when the entry only names it."""


def entry(
    verb: str,
    business_date: dt.date,
    resource: str = "",
    subject_id: int | None = None,
    changes: dict[str, Any] | None = None,
    request_id: str = "",
) -> AuditEntry:
    """An entry by the present actor; `changes` must be JSON and hold no personal data."""
    who, at = scope.actor(), now()
    content = {
        "at": at.isoformat(),
        "business_date": business_date.isoformat(),
        "actor": who.name,
        "user_id": who.user_id,
        "verb": verb,
        "resource": resource,
        "subject_id": subject_id,
        "request_id": request_id,
        "changes": changes or {},
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    made = AuditEntry(**{**content, "at": at, "business_date": business_date, "digest": digest})
    about = {(resource, subject_id): SUBJECT} if subject_id is not None else {}
    about |= {(row["resource"], row["id"]): row["what"] for row in (changes or {}).get("rows", ())}
    made.rows = [
        AuditRow(resource=kind, row_id=key, what=what) for (kind, key), what in about.items() if isinstance(key, int)
    ]
    return made


def plain(value: Any) -> Any:
    """A column's value as JSON."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value)


def collect(session: Session) -> None:
    """Note what this flush is about to write (rows of described models only)."""
    noted: dict[int, dict[str, Any]] = session.info.setdefault("changes", {})
    groups = ((ADDED, session.new), (CHANGED, session.dirty), (DELETED, session.deleted))
    for what, rows in groups:
        for row in rows:
            if isinstance(row, AuditEntry | AuditRow) or not fields_of(type(row)) or len(noted) >= MOST_ROWS:
                continue
            fields = _changed_fields(row, what)
            if what == DELETED or fields:
                held = noted.setdefault(id(row), {"row": row, "what": what, "fields": {}})
                held["what"] = DELETED if what == DELETED else held["what"]
                for name, (old, new) in fields.items():
                    held["fields"][name] = [held["fields"].get(name, [old])[0], new]


def _changed_fields(row: Any, what: str) -> dict[str, list[Any]]:
    state, changed = inspect(row), {}
    described = {f.relation or name: f for name, f in fields_of(type(row)).items()}
    sealed = getattr(type(row), "__sealed__", {})
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if not history.has_changes():
            continue
        old = history.deleted[0] if history.deleted else None
        new = history.added[0] if history.added else None
        if attribute.key.endswith("_sealed") and attribute.key[:-7] in sealed:
            changed[attribute.key[:-7]] = [HIDDEN if old else None, HIDDEN if new else None]
            continue
        info = attribute.columns[0].info.get("field")
        if info is None or old == new or (what == ADDED and new is None):
            continue
        known = described.get(attribute.key, info)
        changed[attribute.key] = [HIDDEN, HIDDEN] if known.sensitive else [plain(old), plain(new)]
    return changed


def take_collected(session: Session) -> list[dict[str, Any]]:
    """The rows noted since the last call, with their keys (call after the last flush)."""
    noted = session.info.pop("changes", {})
    return [
        {
            "what": held["what"],
            "resource": type(held["row"]).__name__,
            "id": inspect(held["row"]).identity[0] if inspect(held["row"]).identity else None,
            "fields": held["fields"],
        }
        for held in noted.values()
    ]


@event.listens_for(Session, "before_flush")
def _collect(session: Session, _context: Any, _instances: Any) -> None:
    if session.info.get("unit_of_work"):
        collect(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: Any) -> None:
    session.info.pop("changes", None)
