"""Viewings: which session sees the portal as somebody else or as a role, until when, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.core.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "viewing",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("viewed_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(length=250), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("began_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("end", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["branch_id"], ["branch.id"], name=op.f("fk_viewing_branch_id_branch"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["account_session.id"],
            name=op.f("fk_viewing_session_id_account_session"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_viewing_team_id_team"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["viewed_id"], ["ab_user.id"], name=op.f("fk_viewing_viewed_id_ab_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_viewing")),
    )
    op.create_index("ix_viewing_session_id", "viewing", ["session_id"])


def downgrade() -> None:
    op.drop_index("ix_viewing_session_id", "viewing")
    op.drop_table("viewing")
