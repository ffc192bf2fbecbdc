"""Retention: entries whose years are over go into a file, and the database lets go of exactly those.

The archive is a row that the triggers ask: they refuse to delete what stands after it. Writing the file comes first, so
that a killed run leaves a file that nobody names, and the next one writes the same again.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import tempfile
from typing import Any, BinaryIO

from sqlalchemy import delete, func, select

from portal.core import files
from portal.core.audit import CONTENT, AuditEntry, AuditRow, canonical, follows, plain
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.locks import alone
from portal.core.work import unit_of_work
from portal.parameters.services import parameter
from portal.trail.chain import GENESIS, Head, link
from portal.trail.models import AuditArchive, AuditSeal
from portal.trail.sealing import LOCK, base

RETENTION = "audit.retention_years"
MOST = 20_000
"""Entries of one archive: SQLite keeps every other writer waiting meanwhile."""
MIME = "application/gzip"


def archive() -> int:
    """Archive what is older than the parameter says, in order of the chain; returns how many entries left.

    Only a trail that was verified just before may be archived: what leaves is no longer there to be looked at.
    """
    years = int(parameter(RETENTION, business_date()).value)
    moment = now()
    oldest = moment.replace(year=moment.year - years, day=min(moment.day, 28))
    archived = 0
    while count := _archive_part(oldest):
        archived += count
    return archived


def _archive_part(oldest: dt.datetime) -> int:
    with unit_of_work("audit.archive") as unit:
        session = db.session()
        alone(session, LOCK)
        start = base()
        young = select(func.min(AuditSeal.position)).join(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        ends = session.scalar(young.where(AuditEntry.at >= oldest))
        last = session.scalar(select(func.max(AuditSeal.position))) or 0
        upto = min(last if ends is None else ends - 1, start.position + MOST)
        if upto <= start.position:
            return 0
        part = AuditSeal.position.between(start.position + 1, upto)
        found = session.execute(
            select(AuditSeal, AuditEntry)
            .join(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
            .where(part)
            .order_by(AuditSeal.position)
        )
        with tempfile.TemporaryFile() as file:
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
                for seal, entry in found.yield_per(1_000):
                    packed.write((json.dumps(_line(seal, entry), sort_keys=True) + "\n").encode())
                    ended, taken = seal.hash, seal.position - start.position
            stored = files.store(f"audit-{start.position + 1}-{upto}.jsonl.gz", file, MIME)
        session.add(
            AuditArchive(
                from_position=start.position + 1,
                upto_position=upto,
                hash=ended,
                sha256=stored.sha256,
                made_at=now(),
                file_id=stored.id,
            )
        )
        session.flush()
        ids = select(AuditSeal.entry_id).where(part)
        for model, key in ((AuditRow, AuditRow.entry_id), (AuditEntry, AuditEntry.id)):
            session.execute(delete(model).where(key.in_(ids)), execution_options={"synchronize_session": False})
        session.execute(delete(AuditSeal).where(part), execution_options={"synchronize_session": False})
        session.expunge_all()
        unit.note(positions=[start.position + 1, upto], hash=ended, sha256=stored.sha256)
    return taken


def _line(seal: AuditSeal, entry: AuditEntry) -> dict[str, Any]:
    """A line of an archive: the seal and the entry that it seals."""
    held = {"position": seal.position, "entry_id": seal.entry_id, "sealed_digest": seal.digest, "hash": seal.hash}
    held |= {"sealed_at": seal.sealed_at.isoformat(), "changes": entry.changes}
    return held | {name: plain(getattr(entry, name)) for name in CONTENT}


def broken_archives() -> list[AuditArchive]:
    """Archives whose file is missing, was changed, or does not hold the chain from the archive before."""
    before, broken = Head(0, GENESIS), []
    for made in db.session.scalars(select(AuditArchive).order_by(AuditArchive.upto_position)):
        try:
            with files.open_file(made.file) as file:
                ended = _walked(file, before)
        except (NotFound, OSError, TypeError, ValueError, KeyError, EOFError):
            ended = None
        if ended != Head(made.upto_position, made.hash):
            broken.append(made)
        before = Head(made.upto_position, made.hash)
    return broken


def _walked(file: BinaryIO, before: Head) -> Head:
    """Where the chain in an archive ends; ValueError where a link is broken."""
    with gzip.GzipFile(fileobj=file) as packed:
        for text in packed:
            line = json.loads(text)
            found = link(before.hash, *(line[n] for n in ("position", "entry_id", "sealed_digest", "sealed_at")))
            if found != line["hash"] or line["position"] != before.position + 1:
                raise ValueError("a link of the archived chain is broken")
            if not _whole(line):
                raise ValueError("an archived entry is not the one that was sealed")
            before = Head(line["position"], found)
    return before


def _whole(line: dict[str, Any]) -> bool:
    return follows(line["sealed_digest"], [line[name] for name in CONTENT], canonical(line["changes"]))
