"""Post-loan checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_loan_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("manner", sa.String(length=32), nullable=False),
        sa.Column("use", sa.String(length=32), nullable=False),
        sa.Column("flow", sa.String(length=400), nullable=True),
        sa.Column("business", sa.String(length=32), nullable=False),
        sa.Column("breach", sa.String(length=32), nullable=False),
        sa.Column("breach_note", sa.String(length=400), nullable=True),
        sa.Column("conclusion", sa.String(length=32), nullable=False),
        sa.Column("next_check_on", sa.Date(), nullable=True),
        sa.Column("evidence", sa.String(length=400), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "next_check_on IS NULL OR next_check_on > checked_on", name=op.f("ck_post_loan_check_next_afterwards")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_post_loan_check_loan_id_loan")),
        sa.ForeignKeyConstraint(["checked_by_id"], ["staff.id"], name=op.f("fk_post_loan_check_checked_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_loan_check")),
        sa.UniqueConstraint("loan_id", "checked_on", "kind", name=op.f("uq_post_loan_check_loan_id_checked_on_kind")),
    )
    op.create_index("ix_post_loan_check_checked_on", "post_loan_check", ["checked_on"])
    op.create_index("ix_post_loan_check_checked_by_id", "post_loan_check", ["checked_by_id"])


def downgrade() -> None:
    op.drop_table("post_loan_check")
