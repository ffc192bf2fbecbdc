"""The most overdue loans of a branch are found by an index."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_loan_state_branch_overdue_principal", "loan_state", ["branch_id", "overdue_principal"])


def downgrade() -> None:
    op.drop_index("ix_loan_state_branch_overdue_principal", "loan_state")
