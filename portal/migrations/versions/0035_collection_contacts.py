"""Contacts with debtors and promises to pay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("done_time", sa.String(length=5), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("whom", sa.String(length=32), nullable=False),
        sa.Column("guarantor_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("promised_amount", sa.BigInteger(), nullable=True),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("evidence", sa.String(length=400), nullable=True),
        sa.Column("is_demand", sa.Boolean(), nullable=False),
        sa.Column("legal_act_id", sa.Integer(), nullable=True),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'promises_to_pay' AND promised_amount IS NOT NULL AND promised_on IS NOT NULL"
            " AND promised_amount > 0 AND promised_on >= done_on) OR"
            " (outcome <> 'promises_to_pay' AND promised_amount IS NULL AND promised_on IS NULL)",
            name=op.f("ck_collection_contact_promise"),
        ),
        sa.CheckConstraint(
            "(whom = 'guarantor' AND guarantor_id IS NOT NULL) OR (whom = 'borrower' AND guarantor_id IS NULL)",
            name=op.f("ck_collection_contact_debtor"),
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_collection_contact_loan_id_loan")),
        sa.ForeignKeyConstraint(
            ["guarantor_id"], ["guarantor.id"], name=op.f("fk_collection_contact_guarantor_id_guarantor")
        ),
        sa.ForeignKeyConstraint(
            ["legal_act_id"], ["legal_act.id"], name=op.f("fk_collection_contact_legal_act_id_legal_act")
        ),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["staff.id"], name=op.f("fk_collection_contact_made_by_id_staff"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_contact")),
    )
    op.create_index("ix_collection_contact_done_on", "collection_contact", ["done_on"])
    op.create_index("ix_collection_contact_guarantor_id", "collection_contact", ["guarantor_id"])
    op.create_index("ix_collection_contact_legal_act_id", "collection_contact", ["legal_act_id"])
    op.create_index("ix_collection_contact_loan_id_done_on", "collection_contact", ["loan_id", "done_on"])
    op.create_index("ix_collection_contact_made_by_id", "collection_contact", ["made_by_id"])
    op.create_index(
        "ix_collection_contact_promised_on",
        "collection_contact",
        ["promised_on"],
        sqlite_where=sa.text("promised_on IS NOT NULL"),
        postgresql_where=sa.text("promised_on IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("collection_contact")
