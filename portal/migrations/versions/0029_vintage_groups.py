"""Steps of vintages added up by owner and product."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "vintage_group",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("lent_in", sa.Integer(), nullable=False),
        sa.Column("on_book", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vintage_group")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_vintage_group_{column}_{table}"))
            for column, table in (
                ("branch_id", "branch"),
                ("team_id", "team"),
                ("manager_id", "staff"),
                ("product_id", "product"),
            )
        ),
    )
    op.create_index("ix_vintage_group_as_of", "vintage_group", ["as_of", "branch_id"])
    fill(op.get_bind())


def fill(connection: sa.Connection) -> None:
    """What the steps there are add up to, as the portal keeps it from now on (portal/loans/cohorts.py)."""
    keys = "l.branch_id, l.team_id, l.manager_id, v.as_of, v.lent_in, v.on_book, v.product_id, v.step"
    connection.execute(
        sa.text(
            "INSERT INTO vintage_group (branch_id, team_id, manager_id, as_of, lent_in, on_book, product_id, step, "  # noqa: S608 - its own words
            f"amount, steps) SELECT {keys}, sum(v.amount), count(*) FROM vintage_step v JOIN loan l ON l.id = v.loan_id "
            f"GROUP BY {keys}"
        )
    )


def downgrade() -> None:
    op.drop_table("vintage_group")
