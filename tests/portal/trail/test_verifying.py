"""Whatever somebody changes behind the portal's back, verification finds and names."""

from __future__ import annotations

import datetime as dt

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.work import record
from portal.trail import sealing
from portal.trail.chain import Head
from portal.trail.command import audit
from portal.trail.models import AuditSeal
from portal.trail.verdict import Fault
from portal.trail.verifying import verify
from tests.portal.trail.conftest import tampering


def change(*statements: str) -> None:
    with tampering() as connection:
        for statement in statements:
            connection.execute(text(statement))


def faults(kept: Head | None = None) -> list[tuple[Fault, int | None, int | None]]:
    db.session.rollback()
    return [(p.fault, p.position, p.entry_id) for p in verify(kept).problems]


def entry_at(position: int) -> int:
    found = db.session.scalar(select(AuditSeal.entry_id).where(AuditSeal.position == position))
    db.session.rollback()
    return int(found or 0)


def test_an_untouched_trail_is_intact(trail: None):
    verdict = verify()
    assert verdict.sound
    assert verdict.checked == sealing.head().position > 16
    assert verdict.end == sealing.head()


def test_times_and_unusual_texts_are_read_back_as_they_were_digested(trail: None):
    facts = {"text": '"引号"\\ \u2028 é 🙂 \x01', "numbers": {2: 0.1, 10: -3, "x": 1e-9}, "list": (True, None)}
    facts["numbers"] = {str(k): v for k, v in facts["numbers"].items()}  # type: ignore[attr-defined]
    record("tests.odd", "Branch", facts)
    sealing.seal()
    assert faults() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET changes = '{}' WHERE id = :id",
        "UPDATE audit_entry SET actor = 'somebody else' WHERE id = :id",
        "UPDATE audit_entry SET subject_id = 4711 WHERE id = :id",
        "UPDATE audit_entry SET digest = 'x' WHERE id = :id",
    ],
)
def test_a_changed_entry_is_named(trail: None, statement: str):
    entry_id = entry_at(7)
    change(statement.replace(":id", str(entry_id)))
    assert faults() == [(Fault.CHANGED, 7, entry_id)]


def test_an_entry_changed_with_a_new_digest_is_still_found(trail: None):
    entry_id = entry_at(7)
    whole = db.session.get(AuditEntry, entry_at(9))
    copied = {"changes": f"(SELECT changes FROM audit_entry WHERE id = {whole.id})", "digest": f"'{whole.digest}'"}
    db.session.rollback()
    change(f"UPDATE audit_entry SET changes = {copied['changes']}, digest = {copied['digest']} WHERE id = {entry_id}")
    assert faults() == [(Fault.CHANGED, 7, entry_id)]


def test_a_removed_entry_is_named(trail: None):
    entry_id = entry_at(5)
    change(f"DELETE FROM audit_row WHERE entry_id = {entry_id}", f"DELETE FROM audit_entry WHERE id = {entry_id}")
    assert faults() == [(Fault.REMOVED, 5, entry_id)]


def test_an_entry_removed_with_its_seal_breaks_the_chain(trail: None):
    entry_id = entry_at(5)
    change(
        f"DELETE FROM audit_row WHERE entry_id = {entry_id}",
        f"DELETE FROM audit_entry WHERE id = {entry_id}",
        "DELETE FROM audit_seal WHERE position = 5",
    )
    assert faults() == [(Fault.SEAL_REMOVED, 6, None)]


def test_a_removed_tail_shows_beside_the_head_that_was_kept_outside(trail: None):
    kept = sealing.head()
    entry_id = entry_at(kept.position)
    change(
        f"DELETE FROM audit_row WHERE entry_id = {entry_id}",
        f"DELETE FROM audit_entry WHERE id = {entry_id}",
        f"DELETE FROM audit_seal WHERE position = {kept.position}",
    )
    assert faults() == []
    assert faults(kept) == [(Fault.TAIL, kept.position, None)]


def test_two_entries_that_changed_places_are_named(trail: None):
    one, other = entry_at(4), entry_at(8)
    spare = 10_000_000
    change(
        "DELETE FROM audit_row",
        f"UPDATE audit_entry SET id = {spare} WHERE id = {one}",
        f"UPDATE audit_entry SET id = {one} WHERE id = {other}",
        f"UPDATE audit_entry SET id = {other} WHERE id = {spare}",
    )
    assert faults() == [(Fault.REORDERED, 4, one), (Fault.REORDERED, 8, other)]


@pytest.mark.parametrize("column", ["hash", "digest", "entry_id", "sealed_at"])
def test_a_changed_seal_is_named(trail: None, column: str):
    value = {"hash": "'x'", "digest": "'x'", "entry_id": "999999", "sealed_at": "'2020-01-01 00:00:00.000000+00:00'"}
    change(f"UPDATE audit_seal SET {column} = {value[column]} WHERE position = 6")
    assert Fault.SEAL_CHANGED in {fault for fault, position, _id in faults() if position in (6, 7)}


def test_a_trail_that_was_made_anew_does_not_hold_the_hash_kept_outside(trail: None):
    kept = sealing.head()
    change(
        "UPDATE audit_entry SET actor = 'nobody' WHERE id = (SELECT min(id) FROM audit_entry)", "DELETE FROM audit_seal"
    )
    sealing.seal()
    assert Fault.HEAD in {fault for fault, _position, _id in faults(kept)}


def test_an_entry_slipped_in_waits_for_its_seal_too_long(trail: None):
    record("tests.waiting", "Branch", {"n": 1})
    assert verify().waiting == 1
    assert faults() == []
    newest = db.session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1))
    old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    change(f"UPDATE audit_entry SET at = '{old:%Y-%m-%d %H:%M:%S.%f}' WHERE id = {newest}")
    assert faults() == [(Fault.UNSEALED, None, newest)]


COLUMNS = {
    "audit_entry": {
        "at": "'2026-01-01 00:00:00.000000+00:00'",
        "business_date": "'2020-01-01'",
        "actor": "'x'",
        "user_id": "4711",
        "verb": "'x'",
        "resource": "'x'",
        "subject_id": "4711",
        "request_id": "'x'",
        "changes": "'[]'",
        "digest": "'x'",
    },
    "audit_seal": {"entry_id": "4711", "digest": "'x'", "hash": "'x'", "sealed_at": "'2026-01-01 00:00:00+00:00'"},
}
SQLITE_TIME = "'2026-01-01 00:00:00.000000'"


def test_every_single_change_of_any_column_is_found(trail: None):
    """Column by column, at the first, a middle and the last place; each change is taken back again."""
    last = sealing.head()
    for table, columns in COLUMNS.items():
        for position in (1, last.position // 2, last.position):
            key, at = ("id", entry_at(position)) if table == "audit_entry" else ("position", position)
            for column, value in columns.items():
                where = f"WHERE {key} = {at}"
                with tampering() as connection:
                    lite = connection.dialect.name == "sqlite"
                    held = connection.scalar(text(f"SELECT CAST({column} AS TEXT) FROM {table} {where}"))
                    new = SQLITE_TIME if lite and column.endswith("at") else value
                    connection.execute(text(f"UPDATE {table} SET {column} = {new} {where}"))
                assert not verify(last).sound, (table, position, column)
                db.session.rollback()
                with tampering() as connection:
                    kind = {
                        "at": "timestamptz",
                        "sealed_at": "timestamptz",
                        "business_date": "date",
                        "changes": "json",
                        "user_id": "integer",
                        "subject_id": "integer",
                        "entry_id": "bigint",
                    }.get(column, "text")
                    back = ":held" if lite else f"CAST(:held AS {kind})"
                    connection.execute(text(f"UPDATE {table} SET {column} = {back} {where}"), {"held": held})
    assert verify(last).sound


def test_the_command_tells_and_answers_with_its_exit_code(trail: None):
    run = CliRunner().invoke
    done = run(audit, ["verify"], standalone_mode=False)
    assert done.return_value == 0
    assert "The audit trail is intact" in done.output
    kept = sealing.head()
    assert kept.hash in done.output
    entry_id = entry_at(3)
    change(f"UPDATE audit_entry SET actor = 'x' WHERE id = {entry_id}")
    done = run(audit, ["verify", "--head", kept.hash, "--position", str(kept.position)], standalone_mode=False)
    assert done.return_value == 1
    assert f"position 3, entry {entry_id}: The entry was changed" in done.output


def test_a_head_that_makes_no_sense_is_told(trail: None):
    for given in (["--head", "a" * 64], ["--position", "3"], ["--head", "zz", "--position", "1"]):
        done = CliRunner().invoke(audit, ["verify", *given], standalone_mode=False)
        assert isinstance(done.exception, PortalError)
        assert "--head" in str(done.exception)
