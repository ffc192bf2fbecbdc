"""Open loans added up, now and at each month-end: what dashboards sum."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OWNERS = "{0}.branch_id, {0}.team_id, {0}.manager_id"
FIGURES = (
    "count(*), sum(s.balance), sum(s.accrued_interest), sum(s.overdue_principal), sum(s.overdue_interest), "
    "sum(s.balance * s.rate)"
)
COLUMNS = (
    "as_of, branch_id, team_id, manager_id, held_branch_id, held_team_id, held_manager_id, product_id, category, "
    "days_past_due, customer_id, loans, balance, accrued_interest, overdue_principal, overdue_interest, "
    "balance_times_rate"
)


def upgrade() -> None:
    op.create_table(
        "loan_group",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("held_branch_id", sa.Integer(), nullable=False),
        sa.Column("held_team_id", sa.Integer(), nullable=True),
        sa.Column("held_manager_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("accrued_interest", sa.BigInteger(), nullable=False),
        sa.Column("overdue_principal", sa.BigInteger(), nullable=False),
        sa.Column("overdue_interest", sa.BigInteger(), nullable=False),
        sa.Column("balance_times_rate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_group")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_loan_group_{column}_{table}"))
            for column, table in (
                ("branch_id", "branch"),
                ("team_id", "team"),
                ("manager_id", "staff"),
                ("held_branch_id", "branch"),
                ("held_team_id", "team"),
                ("held_manager_id", "staff"),
                ("product_id", "product"),
                ("customer_id", "customer"),
            )
        ),
    )
    op.create_index("ix_loan_group_as_of_branch", "loan_group", ["as_of", "branch_id"])
    op.create_index("ix_loan_group_customer_id", "loan_group", ["customer_id"])
    _fill("loan_state", "", "s", "")
    _fill("loan_snapshot", "s.as_of, ", "l", "JOIN loan l ON l.id = s.loan_id")


def _fill(table: str, at: str, owner: str, join: str) -> None:
    """Add up what there is. Of customers with several open loans on a date, the groups are their own."""
    same_day = "AND several.as_of = s.as_of" if at else ""
    keys = (
        f"{at}{OWNERS.format(owner)}, {OWNERS.format('s')}, s.product_id, s.category, s.days_past_due, "
        "CASE WHEN several.loans > 1 THEN s.customer_id END"
    )
    op.execute(
        f"INSERT INTO loan_group ({COLUMNS if at else COLUMNS.removeprefix('as_of, ')}) SELECT {keys}, {FIGURES} "  # noqa: S608
        f"FROM {table} s {join} JOIN (SELECT s.customer_id, {at}count(*) AS loans FROM {table} s "
        f"GROUP BY {at}s.customer_id) several ON several.customer_id = s.customer_id {same_day} GROUP BY {keys}"
    )


def downgrade() -> None:
    op.drop_table("loan_group")
