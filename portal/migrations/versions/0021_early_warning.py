"""Early warning: rules with their conditions, limits and back-tests; warnings and their steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warning_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("joined", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("acknowledge_days", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("override", sa.String(length=400), nullable=True),
        sa.Column("evaluated_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("acknowledge_days >= 0", name=op.f("ck_warning_rule_days_not_negative")),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_warning_rule_period")),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["ab_user.id"], name=op.f("fk_warning_rule_proposed_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_rule")),
        sa.UniqueConstraint("code", name=op.f("uq_warning_rule_code")),
    )
    op.create_table(
        "back_test",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("run_on", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("leads", sa.JSON(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("unknown", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["warning_rule.id"], name=op.f("fk_back_test_rule_id_warning_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_back_test")),
    )
    with op.batch_alter_table("back_test", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_back_test_rule_id"), ["rule_id"], unique=False)

    op.create_table(
        "warning_condition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("indicator", sa.String(length=32), nullable=False),
        sa.Column("window", sa.Integer(), nullable=True),
        sa.Column("comparison", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("threshold", sa.String(length=30), nullable=True),
        sa.Column("category", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "threshold IS NOT NULL OR category IS NOT NULL", name=op.f("ck_warning_condition_against_something")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["warning_rule.id"], name=op.f("fk_warning_condition_rule_id_warning_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_condition")),
    )
    with op.batch_alter_table("warning_condition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_warning_condition_rule_id"), ["rule_id"], unique=False)

    op.create_table(
        "warning_limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(product_id IS NULL) <> (branch_id IS NULL)", name=op.f("ck_warning_limit_one_of_the_two")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_warning_limit_branch_id_branch")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_warning_limit_product_id_product")),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["warning_rule.id"], name=op.f("fk_warning_limit_rule_id_warning_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_limit")),
        sa.UniqueConstraint("rule_id", "branch_id", name=op.f("uq_warning_limit_rule_id_branch_id")),
        sa.UniqueConstraint("rule_id", "product_id", name=op.f("uq_warning_limit_rule_id_product_id")),
    )
    with op.batch_alter_table("warning_limit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_warning_limit_branch_id"), ["branch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_limit_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_limit_rule_id"), ["rule_id"], unique=False)

    op.create_table(
        "warning_case",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("cleared_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("acknowledge_by", sa.Date(), nullable=False),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=True),
        sa.Column("result", sa.String(length=400), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_warning_case_customer_id_customer")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_warning_case_loan_id_loan")),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["ab_user.id"], name=op.f("fk_warning_case_proposed_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["warning_rule.id"], name=op.f("fk_warning_case_rule_id_warning_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_case")),
        sa.UniqueConstraint("code", name=op.f("uq_warning_case_code")),
    )
    with op.batch_alter_table("warning_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_warning_case_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_case_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_case_opened_on"), ["opened_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_case_rule_id"), ["rule_id"], unique=False)
        batch_op.create_index("ix_warning_case_state_owner", ["state", "owner"], unique=False)
        batch_op.create_index(
            "uq_warning_case_open",
            ["rule_id", "loan_id"],
            unique=True,
            postgresql_where=sa.text("state <> 'warning_closed'"),
            sqlite_where=sa.text("state <> 'warning_closed'"),
        )

    op.create_table(
        "warning_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("measure", sa.String(length=32), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["warning_case.id"], name=op.f("fk_warning_step_case_id_warning_case")),
        sa.ForeignKeyConstraint(
            ["done_by_id"], ["staff.id"], name=op.f("fk_warning_step_done_by_id_staff"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_warning_step_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_step")),
    )
    with op.batch_alter_table("warning_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_warning_step_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_warning_step_loan_id"), ["loan_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("warning_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_warning_step_loan_id"))
        batch_op.drop_index(batch_op.f("ix_warning_step_case_id"))

    op.drop_table("warning_step")
    with op.batch_alter_table("warning_case", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_warning_case_open",
            postgresql_where=sa.text("state <> 'warning_closed'"),
            sqlite_where=sa.text("state <> 'warning_closed'"),
        )
        batch_op.drop_index("ix_warning_case_state_owner")
        batch_op.drop_index(batch_op.f("ix_warning_case_rule_id"))
        batch_op.drop_index(batch_op.f("ix_warning_case_opened_on"))
        batch_op.drop_index(batch_op.f("ix_warning_case_loan_id"))
        batch_op.drop_index(batch_op.f("ix_warning_case_customer_id"))

    op.drop_table("warning_case")
    with op.batch_alter_table("warning_limit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_warning_limit_rule_id"))
        batch_op.drop_index(batch_op.f("ix_warning_limit_product_id"))
        batch_op.drop_index(batch_op.f("ix_warning_limit_branch_id"))

    op.drop_table("warning_limit")
    with op.batch_alter_table("warning_condition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_warning_condition_rule_id"))

    op.drop_table("warning_condition")
    with op.batch_alter_table("back_test", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_back_test_rule_id"))

    op.drop_table("back_test")
    op.drop_table("warning_rule")
