"""Held receipts, bank statement lines, reliefs; costs of enforcement; why something was booked and what a payment was
for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.loans import triggers

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

IMMUTABLE = {"held_posting": ("id",)}
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _held()
    _bank_lines()
    _reliefs()
    _changed()
    triggers.extend(op, IMMUTABLE)


def _key() -> sa.Column[Any]:
    return sa.Column("id", BIG, autoincrement=True, nullable=False)


def _held() -> None:
    op.create_table(
        "held_receipt",
        _key(),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("rest", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("payer", sa.String(length=120), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("reversed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_held_receipt_amount_positive")),
        sa.CheckConstraint("rest BETWEEN 0 AND amount", name=op.f("ck_held_receipt_rest_within_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_held_receipt_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_receipt")),
        sa.UniqueConstraint("code", name=op.f("uq_held_receipt_code")),
    )
    op.create_index(op.f("ix_held_receipt_customer_id"), "held_receipt", ["customer_id"])
    op.create_index("ix_held_receipt_open", "held_receipt", ["rest", "value_date"])
    op.create_table(
        "held_posting",
        _key(),
        sa.Column("receipt_id", BIG, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_held_posting_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["held_receipt.id"], name=op.f("fk_held_posting_receipt_id_held_receipt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_posting")),
    )
    op.create_index("ix_held_posting_account", "held_posting", ["account", "value_date"])
    op.create_index(op.f("ix_held_posting_key"), "held_posting", ["key"])
    op.create_index(op.f("ix_held_posting_receipt_id"), "held_posting", ["receipt_id"])


def _bank_lines() -> None:
    op.create_table(
        "bank_line",
        _key(),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.String(length=120), nullable=True),
        sa.Column("payer_account", sa.String(length=8), nullable=True),
        sa.Column("remark", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("repayment_id", BIG, nullable=True),
        sa.Column("held_id", BIG, nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_bank_line_amount_not_zero")),
        sa.ForeignKeyConstraint(["held_id"], ["held_receipt.id"], name=op.f("fk_bank_line_held_id_held_receipt")),
        sa.ForeignKeyConstraint(["repayment_id"], ["repayment.id"], name=op.f("fk_bank_line_repayment_id_repayment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_line")),
        sa.UniqueConstraint("code", name=op.f("uq_bank_line_code")),
    )
    for column in ("batch_id", "held_id", "repayment_id"):
        op.create_index(op.f(f"ix_bank_line_{column}"), "bank_line", [column])
    op.create_index("ix_bank_line_state_value_date", "bank_line", ["state", "value_date"])


def _reliefs() -> None:
    op.create_table(
        "relief",
        _key(),
        sa.Column("component", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("journal_id", BIG, nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_relief_amount_positive")),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_relief_journal_id_journal")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_relief_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relief")),
    )
    op.create_index(op.f("ix_relief_loan_id"), "relief", ["loan_id"])
    op.create_index("ix_relief_state", "relief", ["state", "proposed_on"])


def _changed() -> None:
    """Columns of tables that hold many rows are added in place: rebuilding them would take minutes on SQLite."""
    op.add_column("instalment", sa.Column("cost", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "ALTER TABLE instalment ADD COLUMN paid_cost BIGINT DEFAULT '0' NOT NULL "
        "CONSTRAINT ck_instalment_paid_cost_within_due CHECK (paid_cost BETWEEN 0 AND cost)"
    )
    op.add_column("journal", sa.Column("reason", sa.String(length=400), nullable=True))
    op.add_column("loan", sa.Column("prepayment_fee", sa.Integer(), nullable=True))
    op.add_column("product", sa.Column("prepayment_fee", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("repayment", sa.Column("kind", sa.String(length=32), nullable=False, server_default="ordinary"))
    op.add_column("repayment", sa.Column("designated", sa.String(length=200), nullable=True))
    op.add_column("repayment", sa.Column("held_id", BIG, nullable=True))
    op.create_index(op.f("ix_repayment_held_id"), "repayment", ["held_id"])
    # Recoveries that were booked before are told by their journals.
    op.execute(
        "UPDATE repayment SET kind = 'recovery' WHERE EXISTS (SELECT 1 FROM journal WHERE journal.kind = 'recovery' "
        "AND journal.key = 'recovery/' || repayment.id)"
    )
    checks = (sa.CheckConstraint("amount <> 0", name=op.f("ck_charge_amount_not_zero")),)
    with op.batch_alter_table("charge", table_args=checks) as batch:
        batch.add_column(sa.Column("journal_id", BIG, nullable=True))
        batch.alter_column("repayment_id", existing_type=BIG, nullable=True)
        batch.create_foreign_key(op.f("fk_charge_journal_id_journal"), "journal", ["journal_id"], ["id"])
    op.create_index(op.f("ix_charge_journal_id"), "charge", ["journal_id"])


def downgrade() -> None:
    triggers.drop(op, IMMUTABLE, last=False)
    op.drop_index(op.f("ix_charge_journal_id"), "charge")
    op.execute("DELETE FROM charge WHERE repayment_id IS NULL")
    checks = (sa.CheckConstraint("amount <> 0", name=op.f("ck_charge_amount_not_zero")),)
    with op.batch_alter_table("charge", table_args=checks) as batch:
        batch.drop_constraint(op.f("fk_charge_journal_id_journal"), type_="foreignkey")
        batch.alter_column("repayment_id", existing_type=BIG, nullable=False)
        batch.drop_column("journal_id")
    op.drop_index(op.f("ix_repayment_held_id"), "repayment")
    for table, columns in (
        ("repayment", ("held_id", "designated", "kind")),
        ("product", ("prepayment_fee",)),
        ("loan", ("prepayment_fee",)),
        ("journal", ("reason",)),
        ("instalment", ("paid_cost", "cost")),
    ):
        for column in columns:
            op.drop_column(table, column)
    for table in ("relief", "bank_line", "held_posting", "held_receipt"):
        op.drop_table(table)
