"""Alembic's environment: FAB's own tables and ours, on the portal's engine."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from portal.core.db import Choice, Fen, Ppm, UtcDateTime, db
from portal.core.scope import unscoped

#: Our types are written as the plain types they are made of, so that old migrations do not depend on today's code.
PLAIN = (
    (Fen, "sa.BigInteger()"),
    (Ppm, "sa.Integer()"),
    (Choice, "sa.String(length=32)"),
    (UtcDateTime, "sa.DateTime(timezone=True)"),
)


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    if kind == "type":
        for ours, plain in PLAIN:
            if isinstance(item, ours):
                return plain
    return False


def run() -> None:
    with db.engine.connect().execution_options(write=True) as connection, unscoped("migrations"):
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=False,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
