"""Industry notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "industry_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("industry", sa.String(length=32), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("summary", sa.String(length=400), nullable=False),
        sa.Column("outlook", sa.String(length=32), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("link", sa.String(length=400), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "valid_until IS NULL OR published_on <= valid_until", name=op.f("ck_industry_notice_period")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_industry_notice")),
        sa.UniqueConstraint("code", name=op.f("uq_industry_notice_code")),
    )
    op.create_index("ix_industry_notice_industry_published_on", "industry_notice", ["industry", "published_on"])


def downgrade() -> None:
    op.drop_table("industry_notice")
