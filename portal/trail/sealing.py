"""The sequencer: chains every committed entry that has no seal yet.

Never by `id > last`: a lower id may commit later. Running it twice, or killing it, changes nothing: each batch is one
transaction, which only one runner holds at a time.
"""

from __future__ import annotations

import structlog
from sqlalchemy import exists, func, select

from portal.core.audit import AuditEntry
from portal.core.bulk import insert_rows
from portal.core.clock import now
from portal.core.db import db
from portal.core.locks import alone
from portal.core.work import unit_of_work
from portal.trail.chain import GENESIS, Head, link
from portal.trail.models import AuditArchive, AuditSeal

log = structlog.get_logger("portal.trail")

LOCK = "audit chain"
BATCH = 5_000
REACH = 20_000
"""How far below the highest sealed id a quick run looks: an entry gets its id in the last moment before its commit."""


def seal(all_ids: bool = True) -> int:
    """Chain what waits and publish the head to the log; returns how many entries were sealed.

    `all_ids=False` looks only at the latest ids: cheap enough for every minute.
    """
    sealed = 0
    while count := _seal_batch(all_ids):
        sealed += count
    if sealed:
        last = head()
        log.info("audit trail sealed", entries=sealed, position=last.position, hash=last.hash)
    return sealed


def head() -> Head:
    """Where the chain ends now."""
    found = db.session.execute(
        select(AuditSeal.position, AuditSeal.hash).order_by(AuditSeal.position.desc()).limit(1)
    ).first()
    return Head(*found) if found is not None else base()


def base() -> Head:
    """Where the chain in the database begins: after the last archive."""
    newest = select(AuditArchive.upto_position, AuditArchive.hash).order_by(AuditArchive.upto_position.desc()).limit(1)
    found = db.session.execute(newest).first()
    return Head(*found) if found is not None else Head(0, GENESIS)


def _seal_batch(all_ids: bool) -> int:
    with unit_of_work("audit.seal"):
        session = db.session()
        alone(session, LOCK)
        waiting = select(AuditEntry.id, AuditEntry.digest).where(~exists().where(AuditSeal.entry_id == AuditEntry.id))
        if not all_ids:
            highest = session.scalar(select(func.max(AuditSeal.entry_id))) or 0
            waiting = waiting.where(AuditEntry.id > highest - REACH)
        found = session.execute(waiting.order_by(AuditEntry.id).limit(BATCH)).all()
        (position, before), moment = head(), now()
        rows = []
        for entry_id, digest in found:
            position += 1
            before = link(before, position, entry_id, digest, moment.isoformat())
            rows.append(
                {
                    "position": position,
                    "entry_id": entry_id,
                    "digest": digest,
                    "hash": before,
                    "sealed_at": moment,
                }
            )
        insert_rows(session, AuditSeal, rows)
    return len(rows)
