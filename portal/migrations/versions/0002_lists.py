"""What people keep of lists: saved filters and preferences; and the large exports they asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def owner() -> sa.Column[int]:
    return sa.Column("owner_id", sa.Integer(), sa.ForeignKey("ab_user.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("screen", sa.String(60), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        owner(),
        sa.Column("team_id", sa.Integer(), sa.ForeignKey("team.id", ondelete="SET NULL"), nullable=True),
        sa.Column("branch_id", sa.Integer(), sa.ForeignKey("branch.id", ondelete="SET NULL"), nullable=True),
        sa.UniqueConstraint("owner_id", "screen", "name"),
    )
    op.create_table(
        "list_preference",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("screen", sa.String(60), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("density", sa.String(32), nullable=True),
        owner(),
        sa.UniqueConstraint("owner_id", "screen"),
    )
    op.create_table(
        "export_job",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("screen", sa.String(60), nullable=False),
        sa.Column("resource", sa.String(60), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("format", sa.String(10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Integer(), sa.ForeignKey("job.id", ondelete="SET NULL"), nullable=True),
        sa.Column("file_id", sa.Integer(), sa.ForeignKey("stored_file.id", ondelete="SET NULL"), nullable=True),
        owner(),
    )
    op.create_index("ix_export_job_owner_id", "export_job", ["owner_id"])
    op.create_index("ix_saved_filter_screen", "saved_filter", ["screen"])
    op.create_index("ix_saved_filter_owner_id", "saved_filter", ["owner_id"])
    op.create_index("ix_saved_filter_team_id", "saved_filter", ["team_id"])
    op.create_index("ix_saved_filter_branch_id", "saved_filter", ["branch_id"])
    op.create_index("ix_list_preference_owner_id", "list_preference", ["owner_id"])


def downgrade() -> None:
    op.drop_table("export_job")
    op.drop_table("list_preference")
    op.drop_table("saved_filter")
