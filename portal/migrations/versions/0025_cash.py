"""Cash: what falls due and what was collected of it by month, the company's borrowings; the business calendar."""

# ruff: noqa: S608 - every statement is made of words that stand in this file
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AMOUNTS = ("due_principal", "due_interest", "paid_principal", "paid_interest")
ADDED = sa.text("added")


def upgrade() -> None:
    op.create_table(
        "due_group",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("due_month", sa.Integer(), nullable=False),
        sa.Column("months_after", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_group")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_due_group_{column}_{table}"))
            for column, table in (
                ("branch_id", "branch"),
                ("team_id", "team"),
                ("manager_id", "staff"),
                ("product_id", "product"),
            )
        ),
    )
    op.create_index(
        "ix_due_group_month", "due_group", ["due_month", "branch_id", "months_after", "lost", "product_id", *AMOUNTS]
    )
    op.create_index("ix_due_group_branch", "due_group", ["branch_id", "due_month"])
    op.create_index("ix_due_group_added", "due_group", ["id"], postgresql_where=ADDED, sqlite_where=ADDED)
    fill()
    op.create_table(
        "borrowing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lender", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("outstanding", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("drawn_on", sa.Date(), nullable=False),
        sa.Column("matures_on", sa.Date(), nullable=False),
        sa.Column("account", sa.String(length=120), nullable=False),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_borrowing_amount_positive")),
        sa.CheckConstraint("outstanding BETWEEN 0 AND amount", name=op.f("ck_borrowing_outstanding_within_amount")),
        sa.CheckConstraint("drawn_on < matures_on", name=op.f("ck_borrowing_matures_after_it_is_drawn")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_borrowing")),
        sa.UniqueConstraint("code", name=op.f("uq_borrowing_code")),
    )
    op.create_index(op.f("ix_borrowing_matures_on"), "borrowing", ["matures_on"])
    op.create_table(
        "calendar_day",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("code", name=op.f("uq_calendar_day_code")),
        sa.UniqueConstraint("on_day", "valid_from", name=op.f("uq_calendar_day_on_day_valid_from")),
    )


def fill() -> None:
    """What the instalments and allocations there are add up to, as the portal keeps it from now on
    (portal/loans/dues.py)."""
    lost = "CASE WHEN l.status = 'written_off' THEN 1 ELSE 0 END"
    counts = (
        "JOIN loan l ON l.id = i.loan_id WHERE l.status <> 'cancelled' AND (l.status <> 'written_off'"
        " OR l.closed_on IS NULL OR i.due_date <= l.closed_on)"
    )
    after = f"{_index('a.value_date')} - {_index('i.due_date')}"
    month = f"{_part('year', 'i.due_date')} * 100 + {_part('month', 'i.due_date')}"
    owner = "l.branch_id, l.team_id, l.manager_id, l.product_id"
    rows = (
        f"SELECT {owner}, {month} AS due_month, 0 AS months_after, {lost} AS lost, i.principal AS due_principal,"
        f" i.interest AS due_interest, 0 AS paid_principal, 0 AS paid_interest FROM instalment i {counts}"
        f" UNION ALL SELECT {owner}, {month}, CASE WHEN {after} > 0 THEN {after} ELSE 0 END, {lost}, 0, 0,"
        " CASE WHEN a.component = 'principal' THEN a.amount ELSE 0 END,"
        " CASE WHEN a.component = 'interest' THEN a.amount ELSE 0 END"
        f" FROM allocation a JOIN instalment i ON i.id = a.instalment_id {counts}"
        " AND a.component IN ('principal', 'interest')"
    )
    keys = "branch_id, team_id, manager_id, product_id, due_month, months_after, lost"
    sums = ", ".join(f"sum({name})" for name in AMOUNTS)
    op.execute(
        f"INSERT INTO due_group ({keys}, {', '.join(AMOUNTS)}, added) SELECT {keys}, {sums}, false"
        f" FROM ({rows}) AS due GROUP BY {keys} HAVING {' OR '.join(f'sum({name}) <> 0' for name in AMOUNTS)}"
    )


def _part(name: str, day: str) -> str:
    """Year or month of a date, as a whole number on both engines."""
    if op.get_bind().dialect.name == "postgresql":
        return f"CAST(EXTRACT({name} FROM {day}) AS INTEGER)"
    return f"CAST(STRFTIME('{'%Y' if name == 'year' else '%m'}', {day}) AS INTEGER)"


def _index(day: str) -> str:
    return f"({_part('year', day)} * 12 + {_part('month', day)})"


def downgrade() -> None:
    for table in ("calendar_day", "borrowing", "due_group"):
        op.drop_table(table)
