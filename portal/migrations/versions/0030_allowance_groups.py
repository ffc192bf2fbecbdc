"""What loans did to the allowance added up by owner, product and month."""

# ruff: noqa: S608 - the statement is made of words that stand in this file
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWNED = (
    ("branch_id", "branch", False),
    ("team_id", "team", True),
    ("manager_id", "staff", True),
    ("held_branch_id", "branch", False),
    ("held_team_id", "team", True),
    ("held_manager_id", "staff", True),
    ("product_id", "product", False),
)


def upgrade() -> None:
    op.create_table(
        "allowance_group",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        *(sa.Column(column, sa.Integer(), nullable=nullable) for column, _table, nullable in OWNED),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("counts_from", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowance_group")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_allowance_group_{column}_{table}"))
            for column, table, _nullable in OWNED
        ),
    )
    op.create_index("ix_allowance_group_branch", "allowance_group", ["branch_id"])
    fill(op.get_bind())


def fill(connection: sa.Connection) -> None:
    """What the postings there are add up to, as the portal keeps it from now on (portal/loans/allowance_groups.py)."""
    later = "CASE WHEN p.booking_date > p.value_date THEN p.booking_date ELSE p.value_date END"
    if connection.dialect.name == "sqlite":
        month = f"CAST(strftime('%Y%m', {later}) AS INTEGER)"
    else:
        month = f"CAST(to_char({later}, 'YYYYMM') AS INTEGER)"
    keys = "l.branch_id, l.team_id, l.manager_id, j.branch_id, j.team_id, j.manager_id, l.product_id, p.kind, " + month
    connection.execute(
        sa.text(
            "INSERT INTO allowance_group (branch_id, team_id, manager_id, held_branch_id, held_team_id, "
            "held_manager_id, product_id, kind, counts_from, amount, lines) "
            f"SELECT {keys}, sum(p.amount), count(*) FROM posting p JOIN journal j ON j.id = p.journal_id "
            f"JOIN loan l ON l.id = p.loan_id WHERE p.account = '1304' GROUP BY {keys}"
        )
    )


def downgrade() -> None:
    op.drop_table("allowance_group")
