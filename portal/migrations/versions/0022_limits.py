"""Limits, company figures, insiders; the daily measure and the register of limits broken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "company_figure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(length=120), nullable=False),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_figure")),
        sa.UniqueConstraint("code", name=op.f("uq_company_figure_code")),
        sa.UniqueConstraint("kind", "on_day", name=op.f("uq_company_figure_kind_on_day")),
    )
    op.create_table(
        "lending_limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("industry", sa.String(length=32), nullable=True),
        sa.Column("of_branch_id", sa.Integer(), nullable=True),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("warning", sa.Integer(), nullable=False),
        sa.Column("enforced", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_lending_limit_period")),
        sa.ForeignKeyConstraint(["of_branch_id"], ["branch.id"], name=op.f("fk_lending_limit_of_branch_id_branch")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_lending_limit_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lending_limit")),
        sa.UniqueConstraint("code", name=op.f("uq_lending_limit_code")),
    )
    with op.batch_alter_table("lending_limit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lending_limit_of_branch_id"), ["of_branch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lending_limit_product_id"), ["product_id"], unique=False)

    op.create_table(
        "insider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_insider_period")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_insider_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insider")),
        sa.UniqueConstraint("code", name=op.f("uq_insider_code")),
    )
    with op.batch_alter_table("insider", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insider_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "limit_breach",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("limit_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("highest_share", sa.Integer(), nullable=True),
        sa.Column("highest_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("subject", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ended_on IS NULL OR ended_on >= first_day", name=op.f("ck_limit_breach_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_limit_breach_customer_id_customer")),
        sa.ForeignKeyConstraint(
            ["limit_id"], ["lending_limit.id"], name=op.f("fk_limit_breach_limit_id_lending_limit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_breach")),
    )
    with op.batch_alter_table("limit_breach", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_limit_breach_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_limit_breach_limit_subject", ["limit_id", "subject", "level"], unique=False)

    op.create_table(
        "limit_usage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("limit_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("insider", sa.Boolean(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=True),
        sa.Column("of_base", sa.Integer(), nullable=True),
        sa.Column("free", sa.BigInteger(), nullable=True),
        sa.Column("standing", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_limit_usage_customer_id_customer")),
        sa.ForeignKeyConstraint(["limit_id"], ["lending_limit.id"], name=op.f("fk_limit_usage_limit_id_lending_limit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_usage")),
        sa.UniqueConstraint("on_day", "limit_id", "subject", name=op.f("uq_limit_usage_on_day_limit_id_subject")),
    )
    with op.batch_alter_table("limit_usage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_limit_usage_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_limit_usage_limit_day", ["limit_id", "on_day"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("limit_usage", schema=None) as batch_op:
        batch_op.drop_index("ix_limit_usage_limit_day")
        batch_op.drop_index(batch_op.f("ix_limit_usage_customer_id"))

    op.drop_table("limit_usage")
    with op.batch_alter_table("limit_breach", schema=None) as batch_op:
        batch_op.drop_index("ix_limit_breach_limit_subject")
        batch_op.drop_index(batch_op.f("ix_limit_breach_customer_id"))

    op.drop_table("limit_breach")
    with op.batch_alter_table("insider", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insider_customer_id"))

    op.drop_table("insider")
    with op.batch_alter_table("lending_limit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lending_limit_product_id"))
        batch_op.drop_index(batch_op.f("ix_lending_limit_of_branch_id"))

    op.drop_table("lending_limit")
    op.drop_table("company_figure")
