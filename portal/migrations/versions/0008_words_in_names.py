"""Indexes that find two characters anywhere in a customer's name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    long = sa.text("length(name) > 4")
    for place in (2, 3):
        op.create_index(f"ix_customer_name_from_{place}", "customer", [sa.text(f"substr(name, {place})")])
    op.create_index("ix_customer_long_name", "customer", ["name", "id"], sqlite_where=long, postgresql_where=long)


def downgrade() -> None:
    op.drop_index("ix_customer_long_name", "customer")
    for place in (3, 2):
        op.drop_index(f"ix_customer_name_from_{place}", "customer")
