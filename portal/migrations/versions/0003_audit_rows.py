"""From a record to its history: which rows each audit entry is about; imports found by the row they touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CHUNK = 500


def upgrade() -> None:
    made = op.create_table(
        "audit_row",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("resource", sa.String(length=60), nullable=False),
        sa.Column("row_id", BIG, nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entry.id"], name=op.f("fk_audit_row_entry_id_audit_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_row")),
    )
    op.create_index("ix_audit_row_resource_row", "audit_row", ["resource", "row_id", "entry_id"])
    op.create_index("ix_imported_change_resource_row", "imported_change", ["resource", "row_id"])
    op.create_index("ix_imported_range_resource_ids", "imported_range", ["resource", "first_id", "last_id"])
    for rows in _rows_of_entries(op.get_bind()):
        op.bulk_insert(made, rows)


def downgrade() -> None:
    op.drop_index("ix_imported_range_resource_ids", table_name="imported_range")
    op.drop_index("ix_imported_change_resource_row", table_name="imported_change")
    op.drop_index("ix_audit_row_resource_row", table_name="audit_row")
    op.drop_table("audit_row")


def _rows_of_entries(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """The links of the entries that are there, as `portal.core.audit.write` makes them for new ones."""
    entries = sa.table(
        "audit_entry",
        sa.column("id", BIG),
        sa.column("resource", sa.String),
        sa.column("subject_id", sa.Integer),
        sa.column("changes", sa.JSON),
    )
    last = 0
    while True:
        found = connection.execute(
            sa.select(entries).where(entries.c.id > last).order_by(entries.c.id).limit(CHUNK)
        ).all()
        if not found:
            return
        last = found[-1].id
        rows = [row for entry in found for row in _links(entry)]
        if rows:
            yield rows


def _links(entry: Any) -> list[dict[str, Any]]:
    about = {(entry.resource, entry.subject_id): "subject"} if entry.subject_id is not None else {}
    for row in (entry.changes or {}).get("rows", ()):
        about[row["resource"], row["id"]] = row["what"]
    return [
        {"entry_id": entry.id, "resource": resource, "row_id": key, "what": what}
        for (resource, key), what in about.items()
        if isinstance(key, int)
    ]
