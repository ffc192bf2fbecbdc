"""Migrations: up, down, up; no drift between models and tables; what is booked cannot be changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.migrating import behind, drift
from portal.core.scope import unscoped
from tests.world import World


def test_migrations_go_up_down_and_up_without_drift(engine_url: str, settings: Callable[[str], Settings]):
    app = create_app(settings(engine_url))
    directory = app.extensions["migrate"].directory
    with app.app_context(), unscoped("a test"):
        assert behind()
        upgrade(directory=directory)
        assert not behind()
        assert drift() == []
        downgrade(directory=directory, revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade(directory=directory)
        assert drift() == []
        db.engine.dispose()


@pytest.mark.parametrize("table", ["journal", "posting", "audit_entry"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_is_booked_and_audited_cannot_be_changed(world: World, table: str, change: str):
    with world.app.app_context(), unscoped("a test"):
        assert db.session.scalar(text(f"SELECT count(*) FROM {table}"))
        with pytest.raises(DatabaseError):
            db.session.execute(text(change.format(table)))
        db.session.rollback()


def test_a_record_list_takes_the_same_number_of_statements_however_many_rows(world: World):
    from sqlalchemy import event

    counts: list[int] = []
    client = world.login("committee")
    with world.app.app_context():
        engine = db.engine
    for size in (1, 12):
        statements: list[str] = []

        def note(_c, _cur, statement, *_rest, kept=statements):
            kept.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        for name in ("customerview", "loanview", "loanstateview", "instalmentview", "repaymentview", "journalview"):
            assert client.get(f"/{name}/list/?size={size}").status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] <= 6 * 12
