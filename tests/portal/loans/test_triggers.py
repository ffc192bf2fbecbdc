"""The database itself refuses to change what was booked."""

from __future__ import annotations

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.core.db import db
from portal.loans import triggers
from portal.loans.repayments import repay
from tests.databases import Engine
from tests.portal.loans.conftest import START, Company

CHANGES = (
    "UPDATE journal SET value_date = '2020-01-01'",
    "UPDATE posting SET amount = amount + 1",
    "UPDATE audit_entry SET actor = 'nobody'",
    "DELETE FROM journal",
    "DELETE FROM posting",
    "DELETE FROM audit_entry",
)
PARTICULAR = {
    "postgresql": ("TRUNCATE posting", "TRUNCATE journal CASCADE", "TRUNCATE audit_entry CASCADE"),
    "sqlite": (
        "INSERT OR REPLACE INTO posting SELECT * FROM posting",
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
        "REPLACE INTO journal (key, kind, opening, value_date, booking_date, period, rule_version, posted_at, loan_id,"
        " branch_id) SELECT key, kind, opening, value_date, booking_date, period, rule_version, posted_at, loan_id,"
        " branch_id FROM journal",
    ),
}


def changes() -> list[str]:
    return [*CHANGES, *PARTICULAR[db.engine.dialect.name]]


def test_journals_postings_and_audit_entries_cannot_be_changed(company: Company, engine: Engine):
    loan = company.lend()
    repay(loan, 500, START, "R1")
    db.session.remove()
    for change in changes():
        with pytest.raises(DBAPIError, match="is immutable"), db.engine.begin() as connection:
            connection.execute(text(change))


def test_the_triggers_can_be_dropped_and_made_again_by_migrations(company: Company, engine: Engine):
    company.lend()
    db.session.remove()
    with db.engine.begin() as connection:
        triggers.drop(Operations(MigrationContext.configure(connection)))
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE posting SET amount = amount"))
        triggers.create(Operations(MigrationContext.configure(connection)))
    with pytest.raises(DBAPIError, match="is immutable"), db.engine.begin() as connection:
        connection.execute(text("DELETE FROM posting"))
