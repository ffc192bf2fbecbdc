from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from config import Settings
from portal import create_app
from portal.core import records
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.setup import prepare
from portal.organization.models import Branch
from portal.trail import sealing


@pytest.fixture
def trail(migrated_url: str, settings: Callable[[str], Settings]) -> Iterator[None]:
    """A portal of the test's own with some sealed entries."""
    app = create_app(settings(migrated_url))
    with app.app_context(), acting(SYSTEM):
        prepare()
        write(8)
        sealing.seal()
        yield
        db.session.remove()
        db.engine.dispose()


def write(count: int, tag: str = "w") -> None:
    """So many audited changes."""
    for number in range(count):
        row = records.add(Branch, {"code": f"{tag}{number}", "name": f"{tag} {number}", "kind": "outlet"})
        records.change(Branch, row.id, {"name": f"{tag} {number} again"})


@contextmanager
def tampering() -> Iterator[Connection]:
    """What somebody can do who owns the tables: without triggers."""
    db.session.remove()
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
        else:
            names = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = origin"))
