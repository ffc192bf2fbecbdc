"""Every committed entry gets its place in the chain, once, in whatever order and however often the sequencer runs."""

from __future__ import annotations

import threading

import pytest
from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.trail import sealing
from portal.trail.chain import GENESIS, link
from portal.trail.models import AuditSeal
from tests.portal.trail.conftest import write


def counts() -> tuple[int, int]:
    db.session.rollback()
    return tuple(db.session.scalar(select(func.count()).select_from(m)) or 0 for m in (AuditEntry, AuditSeal))  # type: ignore[return-value]


def test_every_entry_has_its_place_and_each_hash_follows_from_the_one_before(trail: None):
    entries, seals = counts()
    assert entries == seals > 16
    before = GENESIS
    rows = db.session.scalars(select(AuditSeal).order_by(AuditSeal.position)).all()
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert row.hash == link(before, row.position, row.entry_id, row.digest, row.sealed_at.isoformat())
        before = row.hash


def test_sealing_again_changes_nothing(trail: None):
    last = sealing.head()
    assert sealing.seal() == 0
    assert sealing.head() == last


COPY = text(
    "INSERT INTO audit_entry (id, at, business_date, actor, verb, resource, request_id, changes, digest)"
    " SELECT :new, at, business_date, actor, verb, resource, request_id, changes, digest FROM audit_entry"
    " WHERE id = (SELECT min(id) FROM audit_entry)"
)


def test_an_entry_that_commits_after_a_higher_one_was_sealed_is_not_forgotten(trail: None):
    db.session.rollback()
    for new in (1000, 900):
        with db.engine.connect().execution_options(write=True) as connection, connection.begin():
            connection.execute(COPY, {"new": new})
        assert sealing.seal(all_ids=False) == 1
    assert counts()[0] == counts()[1]


def test_a_sequencer_that_is_killed_leaves_whole_batches(trail: None, monkeypatch: pytest.MonkeyPatch):
    write(6, "k")
    monkeypatch.setattr(sealing, "BATCH", 5)
    real, calls = sealing.insert_rows, []

    def killed(session, model, rows):
        calls.append(1)
        real(session, model, rows)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(sealing, "insert_rows", killed)
    sealed = counts()[1]
    with pytest.raises(KeyboardInterrupt):
        sealing.seal()
    assert counts()[1] == sealed + 5
    monkeypatch.setattr(sealing, "insert_rows", real)
    assert sealing.seal() == 7
    assert counts()[0] == counts()[1]


def test_sequencers_beside_each_other_and_beside_writers_make_one_chain(trail: None):
    app, wrong = current_app._get_current_object(), []  # type: ignore[attr-defined]

    def run(act) -> None:
        with app.app_context(), acting(SYSTEM):
            try:
                act()
            except Exception as error:  # noqa: BLE001 - told below
                wrong.append(error)
            finally:
                db.session.remove()

    def sequence() -> None:
        for _turn in range(10):
            sealing.seal()

    acts = [lambda n=n: write(5, f"t{n}-") for n in range(3)] + [sequence, sequence]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    sealing.seal()
    entries, seals = counts()
    assert entries == seals
    assert sealing.head().position == seals


@pytest.mark.parametrize("table", ["audit_entry", "audit_row", "audit_seal"])
def test_the_database_refuses_to_change_or_remove_the_trail(trail: None, table: str):
    db.session.remove()
    key = "position" if table == "audit_seal" else "id"
    tries = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table} WHERE {key} = 1"]
    dialect = db.engine.dialect.name
    tries.append(
        f"TRUNCATE {table} CASCADE" if dialect == "postgresql" else f"REPLACE INTO {table} SELECT * FROM {table}"
    )
    for statement in tries:
        with pytest.raises(DBAPIError, match="is immutable"), db.engine.begin() as connection:
            connection.execute(text(statement))
