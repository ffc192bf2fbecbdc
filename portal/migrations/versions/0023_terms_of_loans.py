"""Terms that change over a loan's life: extended, restructured, rates that follow the LPR, misuse; orders by contract."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.loans import triggers

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

IMMUTABLE = {"terms_change": ("id", "journal_id")}
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TERMS_ONLY = sa.text("next_reset_on IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "terms_change",
        _key(),
        sa.Column("journal_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("rate_before", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("lpr", sa.Integer(), nullable=True),
        sa.Column("matured_on", sa.Date(), nullable=True),
        sa.Column("matures_on", sa.Date(), nullable=True),
        sa.Column("misuse_before", sa.Integer(), nullable=True),
        sa.Column("misuse_markup", sa.Integer(), nullable=True),
        sa.Column("reset_before", sa.Date(), nullable=True),
        sa.Column("next_reset_on", sa.Date(), nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_terms_change_journal_id_journal")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_terms_change_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_change")),
        sa.UniqueConstraint("journal_id", name=op.f("uq_terms_change_journal_id")),
    )
    op.create_index("ix_terms_change_kind", "terms_change", ["kind", "value_date"])
    op.create_index(op.f("ix_terms_change_loan_id"), "terms_change", ["loan_id"])
    op.create_table(
        "rescheduling",
        _key(),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("journal_id", BIG, nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("months >= 0", name=op.f("ck_rescheduling_months_not_negative")),
        sa.CheckConstraint("rate >= 0", name=op.f("ck_rescheduling_rate_not_negative")),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_rescheduling_journal_id_journal")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_rescheduling_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rescheduling")),
    )
    op.create_index(op.f("ix_rescheduling_loan_id"), "rescheduling", ["loan_id"])
    op.create_index("ix_rescheduling_state", "rescheduling", ["state", "proposed_on"])
    # Columns of tables that hold many rows are added in place.
    op.add_column("product", sa.Column("claims_order", sa.String(length=32), nullable=True))
    op.add_column("product", sa.Column("reset_rule", sa.String(length=32), nullable=True))
    op.add_column("loan", sa.Column("claims_order", sa.String(length=32), nullable=True))
    op.add_column("loan", sa.Column("reset_rule", sa.String(length=32), nullable=True))
    op.add_column("loan", sa.Column("spread", sa.Integer(), nullable=True))
    op.add_column("loan", sa.Column("next_reset_on", sa.Date(), nullable=True))
    op.add_column("loan", sa.Column("misuse_markup", sa.Integer(), nullable=True))
    op.add_column("repayment", sa.Column("designation", sa.String(length=200), nullable=True))
    op.create_index("ix_loan_reset", "loan", ["next_reset_on"], postgresql_where=TERMS_ONLY, sqlite_where=TERMS_ONLY)
    triggers.extend(op, IMMUTABLE)


def _key() -> sa.Column[Any]:
    return sa.Column("id", BIG, autoincrement=True, nullable=False)


def downgrade() -> None:
    triggers.drop(op, IMMUTABLE, last=False)
    op.drop_index("ix_loan_reset", "loan")
    for table, columns in (
        ("repayment", ("designation",)),
        ("loan", ("misuse_markup", "next_reset_on", "spread", "reset_rule", "claims_order")),
        ("product", ("reset_rule", "claims_order")),
    ):
        for column in columns:
            op.drop_column(table, column)
    for table in ("rescheduling", "terms_change"):
        op.drop_table(table)
