"""Months without principal at the beginning of a loan: of the product, and as agreed with each loan."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("grace", sa.Integer(), nullable=True))
    op.add_column("loan", sa.Column("grace", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("loan", "grace")
    op.drop_column("product", "grace")
