"""Entries of month-ends for groups of loans, the proposals to book them, and the VAT register."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.loans import triggers

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

IMMUTABLE = {
    "month_end_entry": ("id", "key", "reverses_id"),
    "month_end_posting": ("id",),
    "vat_line": ("id",),
}
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'proposed'")
OWNERS = (("branch", "branch_id", False), ("team", "team_id", True), ("staff", "manager_id", True))


def upgrade() -> None:
    op.create_table(
        "month_end_entry",
        _key(),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("month_end", sa.Date(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reverses_id", BIG, nullable=True),
        sa.Column("rule_version", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("posted_by", sa.String(length=80), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["month_end_entry.id"], name=op.f("fk_month_end_entry_reverses_id_month_end_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_end_entry")),
        sa.UniqueConstraint("key", name=op.f("uq_month_end_entry_key")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_month_end_entry_reverses_id")),
    )
    op.create_index("ix_month_end_entry_kind", "month_end_entry", ["kind", "month_end"])
    op.create_table(
        "month_end_posting",
        _key(),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("component", sa.String(length=32), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=False),
        *_group("month_end_posting"),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_month_end_posting_amount_not_zero")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_end_posting")),
    )
    op.create_index("ix_month_end_posting_account", "month_end_posting", ["account", "value_date"])
    op.create_table(
        "vat_line",
        _key(),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("month_end", sa.Date(), nullable=False),
        sa.Column("component", sa.String(length=32), nullable=False),
        sa.Column("taxed", sa.BigInteger(), nullable=False),
        sa.Column("exempt", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        *_group("vat_line"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vat_line")),
    )
    op.create_index("ix_vat_line_month_end", "vat_line", ["month_end"])
    for table in ("month_end_posting", "vat_line"):
        for column in ("entry_id", *(column for _table, column, _null in OWNERS)):
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_table(
        "month_end_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("month_end", sa.Date(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("difference", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("entry_id", BIG, nullable=True),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposer", sa.String(length=80), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decision_note", sa.String(length=400), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["month_end_entry.id"], name=op.f("fk_month_end_proposal_entry_id_month_end_entry")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["staff.id"], name=op.f("fk_month_end_proposal_proposed_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_month_end_proposal_decided_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_end_proposal")),
    )
    op.create_index("ix_month_end_proposal_state", "month_end_proposal", ["state"])
    op.create_index(
        "uq_month_end_proposal_waiting",
        "month_end_proposal",
        ["kind", "month_end"],
        unique=True,
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )
    triggers.extend(op, IMMUTABLE)


def _key() -> sa.Column[Any]:
    return sa.Column("id", BIG, autoincrement=True, nullable=False)


def _group(table: str) -> list[Any]:
    """Whose the loans are and of which product, with the entry that the row belongs to."""
    product = sa.Column("product_id", sa.Integer(), nullable=False)
    columns: list[Any] = [*(sa.Column(name, sa.Integer(), nullable=null) for _of, name, null in OWNERS), product]
    for of, name in (
        ("month_end_entry", "entry_id"),
        *((of, name) for of, name, _n in OWNERS),
        ("product", "product_id"),
    ):
        columns.append(sa.ForeignKeyConstraint([name], [f"{of}.id"], name=op.f(f"fk_{table}_{name}_{of}")))
    return columns


def downgrade() -> None:
    triggers.drop(op, IMMUTABLE, last=False)
    for table in ("month_end_proposal", "vat_line", "month_end_posting", "month_end_entry"):
        op.drop_table(table)
