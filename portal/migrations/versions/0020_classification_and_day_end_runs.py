"""Minima of categories and the floor apart from them, reviews; runs of day-end; proposals to write off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_end_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("started_by", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("journals", sa.Integer(), nullable=False),
        sa.Column("computed_again", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("message", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_end_run")),
    )
    with op.batch_alter_table("day_end_run", schema=None) as batch_op:
        batch_op.create_index("ix_day_end_run_first_day", ["first_day"], unique=False)
        batch_op.create_index("ix_day_end_run_last_day", ["last_day"], unique=False)

    op.create_table(
        "category_minimum",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("day_after", sa.Date(), nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "day_after IS NULL OR day_after >= first_day", name=op.f("ck_category_minimum_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_category_minimum_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_minimum")),
    )
    with op.batch_alter_table("category_minimum", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_category_minimum_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index("ix_category_minimum_open", ["ground", "day_after"], unique=False)

    op.create_table(
        "write_off_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("evidence", sa.String(length=400), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposer", sa.String(length=80), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decision_note", sa.String(length=400), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_write_off_proposal_decided_by_id_staff")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_write_off_proposal_loan_id_loan")),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["staff.id"], name=op.f("fk_write_off_proposal_proposed_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_off_proposal")),
    )
    with op.batch_alter_table("write_off_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_write_off_proposal_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index("ix_write_off_proposal_state", ["state"], unique=False)
        batch_op.create_index(
            "uq_write_off_proposal_waiting",
            ["loan_id"],
            unique=True,
            postgresql_where=sa.text("state = 'proposed'"),
            sqlite_where=sa.text("state = 'proposed'"),
        )

    op.create_table(
        "category_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("evidence", sa.String(length=400), nullable=False),
        sa.Column("floor", sa.String(length=32), nullable=False),
        sa.Column("before", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("next_review_on", sa.Date(), nullable=True),
        sa.Column("minimum_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposer", sa.String(length=80), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decision_note", sa.String(length=400), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_category_review_decided_by_id_staff")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_category_review_loan_id_loan")),
        sa.ForeignKeyConstraint(
            ["minimum_id"], ["category_minimum.id"], name=op.f("fk_category_review_minimum_id_category_minimum")
        ),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"], name=op.f("fk_category_review_proposed_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_review")),
    )
    with op.batch_alter_table("category_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_category_review_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index("ix_category_review_next", ["next_review_on"], unique=False)
        batch_op.create_index("ix_category_review_state", ["state"], unique=False)
        batch_op.create_index(
            "uq_category_review_waiting",
            ["loan_id"],
            unique=True,
            postgresql_where=sa.text("state = 'proposed'"),
            sqlite_where=sa.text("state = 'proposed'"),
        )

    for table in ("loan_state", "loan_snapshot"):  # until now the category was the floor
        op.add_column(table, sa.Column("floor", sa.String(32), nullable=False, server_default="normal"))
        op.execute(f"UPDATE {table} SET floor = category WHERE category <> 'normal'")  # noqa: S608


def downgrade() -> None:
    for table in ("loan_state", "loan_snapshot"):
        op.drop_column(table, "floor")
    for table in ("category_review", "write_off_proposal", "category_minimum", "day_end_run"):
        op.drop_table(table)
