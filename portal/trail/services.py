"""What the worker does to the trail, each noted in the trail itself."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.work import record
from portal.trail.archiving import archive
from portal.trail.chain import Head
from portal.trail.verdict import Verdict
from portal.trail.verifying import verify

log = structlog.get_logger("portal.trail")

VERIFIED = "audit.verify"


def verify_and_note(kept: Head | None = None) -> Verdict:
    """Verify, write the verdict into the trail and the log."""
    verdict = verify(kept)
    first = verdict.problems[0] if verdict.problems else None
    facts = {
        "position": verdict.end.position,
        "hash": verdict.end.hash,
        "checked": verdict.checked,
        "wrong": verdict.wrong,
        "first": [first.fault.value, first.position, first.entry_id] if first else None,
    }
    (log.info if verdict.sound else log.error)("audit trail verified", **facts)
    record(VERIFIED, "AuditEntry", facts)
    return verdict


def verify_and_archive() -> int:
    """Verify, and archive what is old; Refused when the trail is not intact. Returns how many entries left."""
    if not verify_and_note().sound:
        raise Refused("The audit trail is not intact, so nothing was archived. See: portal audit verify")
    return archive()


def last_verification() -> AuditEntry | None:
    """The entry of the last verification."""
    newest = select(AuditEntry).where(AuditEntry.verb == VERIFIED).order_by(AuditEntry.at.desc()).limit(1)
    return db.session.scalar(newest)
