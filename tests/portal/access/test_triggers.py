"""The database itself keeps roles' versions: decided on once, superseded once, else never changed nor removed."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.access import tables, triggers
from portal.access.rules import Table
from portal.core.db import db
from tests.databases import Engine
from tests.portal.access.test_services import decided, proposed
from tests.world import World

CHANGES = (
    "UPDATE role_version SET document = '{}'",
    "UPDATE role_version SET reason = 'another'",
    "UPDATE role_version SET number = number + 10",
    "UPDATE role_version SET proposed_at = '2020-01-01 00:00:00'",
    "UPDATE role_version SET proposed_by_id = decided_by_id",
    "UPDATE role_version SET state = 'proposed'",
    "UPDATE role_version SET state = 'rejected' WHERE state = 'in_force'",
    "UPDATE role_version SET state = 'in_force' WHERE state = 'superseded'",
    "UPDATE role_version SET decision_note = 'it was not me'",
    "UPDATE role_version SET decided_at = NULL",
    "DELETE FROM role_version",
)
PARTICULAR = {
    "postgresql": ("TRUNCATE role_version",),
    "sqlite": ("INSERT OR REPLACE INTO role_version SELECT * FROM role_version",),
}


def test_versions_are_decided_on_once_and_stay(company: World, engine: Engine):
    decided(company, proposed(company))
    with company.app.app_context():
        delivered = Table(grants=tables.base_of("customer_manager", ""))
    decided(company, proposed(company, table=delivered))
    with company.app.app_context():
        for change in (*CHANGES, *PARTICULAR[db.engine.dialect.name]):
            with pytest.raises(DBAPIError, match=triggers.REFUSAL), db.engine.begin() as connection:
                connection.execute(text(change))
        with db.engine.begin() as connection:
            states = connection.execute(text("SELECT state FROM role_version ORDER BY number")).scalars().all()
        assert states == ["superseded", "in_force"]


def test_a_decision_that_names_no_time_is_refused(company: World, engine: Engine):
    proposed(company)
    with company.app.app_context():
        for change in ("state = 'in_force'", "state = 'superseded', decided_at = proposed_at"):
            with pytest.raises(DBAPIError, match=triggers.REFUSAL), db.engine.begin() as connection:
                connection.execute(text(f"UPDATE role_version SET {change}"))
