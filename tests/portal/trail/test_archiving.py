"""Entries leave the database only through an archive, and the chain goes on from it."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from portal.core import audit, files
from portal.core.audit import AuditEntry, AuditRow
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.parameters.services import set_parameter
from portal.trail import archiving, sealing
from portal.trail.chain import GENESIS
from portal.trail.models import AuditArchive, AuditSeal
from portal.trail.services import verify_and_archive
from portal.trail.verdict import Fault
from portal.trail.verifying import verify
from tests.portal.trail.conftest import tampering, write


@pytest.fixture
def grown_old(trail: None, monkeypatch: pytest.MonkeyPatch) -> int:
    """Eleven years pass; returns how many entries were there before."""
    before = sealing.head().position
    db.session.rollback()
    later = audit.now() + dt.timedelta(days=366 * 11)
    for module in ("portal.core.audit", "portal.trail.archiving", "portal.trail.sealing", "portal.trail.verifying"):
        monkeypatch.setattr(f"{module}.now", lambda: later)
    write(2, "late")
    sealing.seal()
    return before


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_what_is_old_goes_into_a_file_and_the_rest_still_verifies(grown_old: int):
    assert verify_and_archive() == grown_old
    made = db.session.scalars(select(AuditArchive)).one()
    assert (made.from_position, made.upto_position) == (1, grown_old)
    with files.open_file(made.file) as file, gzip.GzipFile(fileobj=file) as packed:
        lines = [json.loads(line) for line in packed]
    assert [line["position"] for line in lines] == list(range(1, grown_old + 1))
    assert db.session.scalar(select(func.min(AuditSeal.position))) == grown_old + 1
    assert count(AuditRow) < grown_old
    sealing.seal()
    verdict = verify()
    assert verdict.sound
    assert verdict.start.position == grown_old
    assert verify_and_archive() == 0


def test_several_archives_follow_from_each_other(grown_old: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archiving, "MOST", 7)
    assert verify_and_archive() == grown_old
    assert count(AuditArchive) == -(-grown_old // 7)
    assert verify().sound


def test_an_archive_that_was_changed_or_lost_is_told(grown_old: int):
    verify_and_archive()
    made = db.session.scalars(select(AuditArchive)).one()
    path = files.local_path(made.file)
    content = gzip.decompress(path.read_bytes())
    for spoiled in (content.replace(b"records.add", b"records.xxx", 1), b"not an archive"):
        path.write_bytes(gzip.compress(spoiled))
        assert [problem.fault for problem in verify().problems] == [Fault.ARCHIVE]
    path.unlink()
    assert [problem.fault for problem in verify().problems] == [Fault.ARCHIVE]


def test_a_killed_archiving_leaves_everything(grown_old: int, monkeypatch: pytest.MonkeyPatch):
    entries = count(AuditEntry)

    def killed(*_args: object, **_kw: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archiving, "AuditArchive", killed)
    with pytest.raises(KeyboardInterrupt):
        archiving.archive()
    assert count(AuditEntry) == entries
    monkeypatch.undo()
    assert count(AuditArchive) == 0
    assert verify().start.hash == GENESIS


def test_the_database_lets_go_of_archived_entries_only(grown_old: int):
    verify_and_archive()
    young = db.session.scalar(select(AuditSeal.entry_id).order_by(AuditSeal.position).limit(1))
    db.session.remove()
    tries = (
        f"DELETE FROM audit_row WHERE entry_id = {young}",
        f"DELETE FROM audit_entry WHERE id = {young}",
        "DELETE FROM audit_seal",
        "DELETE FROM audit_archive",
        "UPDATE audit_archive SET upto_position = 1000000",
    )
    for statement in tries:
        with pytest.raises(DBAPIError, match=r"is immutable|FOREIGN KEY|foreign key"), db.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_trail_that_is_not_intact_is_not_archived(grown_old: int):
    with tampering() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'x' WHERE id = (SELECT min(id) FROM audit_entry)"))
    with pytest.raises(Refused, match="not intact"):
        verify_and_archive()
    assert count(AuditArchive) == 0


def test_nobody_is_fooled_by_an_archive_that_was_only_claimed(trail: None):
    last = sealing.head()
    db.session.rollback()
    with tampering() as connection:
        connection.execute(
            text(
                "INSERT INTO stored_file (id, name, sha256, size, mime, created_at, created_by)"
                " VALUES (99, 'x', 'x', 0, '', '2026-01-01 00:00:00.000000', 'x')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO audit_archive (id, from_position, upto_position, hash, sha256, made_at, file_id)"
                " VALUES (1, 1, :upto, :hash, 'x', '2026-01-01 00:00:00.000000', 99)"
            ),
            {"upto": last.position, "hash": last.hash},
        )
        for table in ("audit_row", "audit_entry", "audit_seal"):
            connection.execute(text(f"DELETE FROM {table}"))
    assert [problem.fault for problem in verify().problems] == [Fault.ARCHIVE]


def test_years_that_make_no_sense_are_refused(trail: None):
    for value in ("0", "101", "-1", "ten", "1.5", ""):
        with pytest.raises(InvalidValues):
            set_parameter("audit.retention_years", value, dt.date(2026, 1, 1), "test")
