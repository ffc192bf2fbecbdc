"""Versions of roles and the counter that every process watches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.access import triggers
from portal.core.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    counter = op.create_table(
        "role_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_counter")),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])
    op.create_table(
        "role_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("proposed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["ab_user.id"], name=op.f("fk_role_version_proposed_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["ab_user.id"], name=op.f("fk_role_version_decided_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_version")),
        sa.UniqueConstraint("role", "number", name=op.f("uq_role_version_role_number")),
    )
    op.create_index("ix_role_version_role", "role_version", ["role"])
    op.create_index("ix_role_version_state", "role_version", ["state"])
    triggers.create(op)


def downgrade() -> None:
    triggers.drop(op)
    op.drop_index("ix_role_version_state", "role_version")
    op.drop_index("ix_role_version_role", "role_version")
    op.drop_table("role_version")
    op.drop_table("role_counter")
