"""Migrations: whether the database is at the newest one, and bringing it there."""

from __future__ import annotations

import warnings

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import revision, upgrade

from portal.core.db import db
from portal.core.scope import unscoped

EXPRESSION = ".*expression-based index"
"""The warning about an index over an expression."""


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(current_app.extensions["migrate"].directory)


def behind() -> bool:
    """True when a migration has not been applied (or the database is empty)."""
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) != set(_scripts().get_heads())


def bring_up() -> None:
    """Apply what is missing."""
    with unscoped("migrations"), warnings.catch_warnings():
        # A table that SQLite rebuilds is looked at with those it refers to, whose indexes it then leaves alone.
        warnings.filterwarnings("ignore", EXPRESSION)
        upgrade(directory=current_app.extensions["migrate"].directory)


def drift() -> list[str]:
    """Differences between models and the migrated database; empty when there are none."""
    with db.engine.connect() as connection, unscoped("compare the schema"), warnings.catch_warnings():
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        # SQLite does not tell what an index over an expression is made of; PostgreSQL does, and is compared as well.
        warnings.filterwarnings("ignore", EXPRESSION)
        return [str(difference) for difference in compare_metadata(context, db.metadata)]


def write_revision(message: str) -> None:
    """A new migration file, numbered after the newest one; Alembic says where it is."""
    number = f"{int(_scripts().get_current_head() or 0) + 1:04}"
    with unscoped("compare the schema"):
        directory = current_app.extensions["migrate"].directory
        revision(directory=directory, message=message, autogenerate=True, rev_id=number)
