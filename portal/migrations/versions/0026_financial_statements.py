"""Financial statements of customers; warnings are found by rule and loan together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = "financial_statement"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("total_assets", sa.BigInteger(), nullable=False),
        sa.Column("total_liabilities", sa.BigInteger(), nullable=False),
        sa.Column("turnover", sa.BigInteger(), nullable=False),
        sa.Column("net_profit", sa.BigInteger(), nullable=False),
        sa.Column("repaid_elsewhere", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("collector_id", sa.Integer(), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("evidence", sa.String(length=400), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("collected_on >= period_end", name=op.f("ck_financial_statement_collected_afterwards")),
        sa.CheckConstraint("months > 0", name=op.f("ck_financial_statement_months_positive")),
        sa.CheckConstraint(
            "total_assets >= 0 AND total_liabilities >= 0 AND turnover >= 0",
            name=op.f("ck_financial_statement_not_negative"),
        ),
        sa.ForeignKeyConstraint(["collector_id"], ["staff.id"], name=op.f("fk_financial_statement_collector_id_staff")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_financial_statement_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financial_statement")),
        sa.UniqueConstraint("code", name=op.f("uq_financial_statement_code")),
        sa.UniqueConstraint("customer_id", "period_end", name=op.f("uq_financial_statement_customer_id_period_end")),
    )
    op.create_index(op.f("ix_financial_statement_collector_id"), TABLE, ["collector_id"])
    op.create_index("ix_warning_case_rule_loan", "warning_case", ["rule_id", "loan_id"])
    op.drop_index(op.f("ix_warning_case_rule_id"), "warning_case")


def downgrade() -> None:
    op.create_index(op.f("ix_warning_case_rule_id"), "warning_case", ["rule_id"])
    op.drop_index("ix_warning_case_rule_loan", "warning_case")
    op.drop_table(TABLE)
