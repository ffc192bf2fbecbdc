"""Indexes for the figures that loans are ordered by."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_loan_principal", "loan", ["principal"])
    op.create_index("ix_loan_state_balance", "loan_state", ["balance"])
    op.create_index("ix_loan_state_overdue_principal", "loan_state", ["overdue_principal"])


def downgrade() -> None:
    op.drop_index("ix_loan_state_overdue_principal", "loan_state")
    op.drop_index("ix_loan_state_balance", "loan_state")
    op.drop_index("ix_loan_principal", "loan")
