"""Verification: every digest computed again from what is stored, every link of the chain from the one before.

Reads the chain in chunks, beside whatever else happens; what is written meanwhile is left for the next time.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, exists, func, select

from portal.core.audit import AuditEntry, digest_of, follows
from portal.core.clock import now
from portal.core.db import db
from portal.trail import stored
from portal.trail.archiving import broken_archives
from portal.trail.chain import Head, link
from portal.trail.models import AuditSeal
from portal.trail.sealing import base, head
from portal.trail.verdict import Fault, Verdict

PATIENCE = dt.timedelta(minutes=15)
"""How long an entry may wait for its seal: the worker seals every minute."""

_sealed_at = lru_cache(64)(stored.iso)


def verify(kept: Head | None = None) -> Verdict:
    """Check everything from the last archive on; `kept` is a position and hash that somebody kept outside."""
    verdict = Verdict(base(), head())
    last, upto = verdict.start, verdict.end.position
    for low in range(last.position + 1, upto + 1, stored.CHUNK):
        with db.engine.connect() as connection:
            last = _check(connection, verdict, last, min(low + stored.CHUNK - 1, upto))
    _check_kept(verdict, kept, last)
    for made in broken_archives():
        verdict.found(Fault.ARCHIVE, made.upto_position)
    _check_waiting(verdict)
    return verdict


def _check(connection: Connection, verdict: Verdict, before: Head, upto: int) -> Head:
    """Check the seals up to a position and the entries they seal; returns the last of them."""
    seals = stored.seals(connection, before.position + 1, upto)
    entries = stored.entries(connection, [entry_id for _position, entry_id, *_rest in seals])
    place, last = before
    for position, entry_id, digest, found, sealed_at in seals:
        place += 1
        if position != place:
            verdict.found(Fault.SEAL_REMOVED, position)
            place = position
        elif not _links(last, position, entry_id, digest, sealed_at, found):
            verdict.found(Fault.SEAL_CHANGED, position, entry_id)
        entry = entries.get(entry_id)
        if entry is None:
            verdict.found(Fault.REMOVED, position, entry_id)
        elif not (entry[1] == digest and _holds(entry)):
            verdict.found(_what_happened(connection, entry, position), position, entry_id)
        last = found
    verdict.checked += len(seals)
    return Head(place, last)


def _links(before: str, position: int, entry_id: int, digest: str, sealed_at: str, found: str) -> bool:
    try:
        return link(before, position, entry_id, digest, _sealed_at(sealed_at)) == found
    except (TypeError, ValueError):  # what the column holds now is no time
        return False


def _holds(entry: Any) -> bool:
    """Whether the entry's digest follows from its content."""
    _id, digest, changes, at, *values = entry
    try:
        content = (stored.iso(at), *values)
        return digest_of(content, changes) == digest or follows(digest, content, changes)
    except (TypeError, ValueError):  # SQLite keeps whatever is put into a column
        return False


def _what_happened(connection: Connection, entry: Any, position: int) -> Fault:
    """An entry that is whole but was sealed elsewhere has changed places."""
    sealed = select(AuditSeal.position).where(AuditSeal.digest == entry[1], AuditSeal.position != position)
    if _holds(entry) and connection.execute(sealed.limit(1)).first() is not None:
        return Fault.REORDERED
    return Fault.CHANGED


def _check_kept(verdict: Verdict, kept: Head | None, last: Head) -> None:
    if last.position < verdict.end.position:
        verdict.found(Fault.SEAL_REMOVED, verdict.end.position)
    if kept is None:
        return
    if kept.position > verdict.end.position:
        verdict.found(Fault.TAIL, kept.position)
    held = db.session.scalar(select(AuditSeal.hash).where(AuditSeal.position == kept.position))
    held = verdict.start.hash if kept.position == verdict.start.position else held
    if held is not None and held != kept.hash:
        verdict.found(Fault.HEAD, kept.position)


def _check_waiting(verdict: Verdict) -> None:
    """Entries without a seal: a few of the last minutes are in order."""
    unsealed = ~exists().where(AuditSeal.entry_id == AuditEntry.id)
    late = select(AuditEntry.id).where(unsealed, AuditEntry.at < now() - PATIENCE).order_by(AuditEntry.id)
    for entry_id in db.session.scalars(late):
        verdict.found(Fault.UNSEALED, None, entry_id)
    verdict.waiting = (
        db.session.scalar(
            select(func.count()).select_from(AuditEntry).where(unsealed, AuditEntry.at >= now() - PATIENCE)
        )
        or 0
    )
