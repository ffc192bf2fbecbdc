"""Groups of loans tell industries apart, and borrowers who owe much stand apart in those of borrowers."""

# ruff: noqa: S608 - the statements are made of words that stand in this file
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OWNERS = "branch_id, team_id, manager_id, held_branch_id, held_team_id, held_manager_id"
LIKENESS = "product_id, category, days_past_due"
SUMS = "balance, accrued_interest, overdue_principal, overdue_interest"
LARGE = 30_000_000
INDEX = "ix_borrower_group_as_of"
INDEXED = ["as_of", "by_owner", "branch_id", "customer_id", "borrowers"]


def upgrade() -> None:
    _empty()
    op.drop_index(INDEX, "borrower_group")
    for table in ("loan_group", "borrower_group"):
        op.add_column(table, sa.Column("industry", sa.String(length=32), nullable=True))
    with op.batch_alter_table("borrower_group") as batch:
        batch.add_column(sa.Column("balance", sa.BigInteger(), nullable=False))
    op.create_index(INDEX, "borrower_group", [*INDEXED, "balance"])
    fill(op.get_bind())


def downgrade() -> None:
    _empty()
    op.drop_index(INDEX, "borrower_group")
    op.drop_column("borrower_group", "balance")
    for table in ("borrower_group", "loan_group"):
        op.drop_column(table, "industry")
    op.create_index(INDEX, "borrower_group", INDEXED)
    _fill(op.get_bind(), LIKENESS, with_balance=False)


def fill(connection: sa.Connection) -> None:
    """What loans add up to, as the portal keeps it from now on (portal/loans/groups.py)."""
    _fill(connection, f"{LIKENESS}, industry", with_balance=True)


def _empty() -> None:
    for table in ("loan_group", "borrower_group"):
        op.execute(f"DELETE FROM {table}")


def _fill(connection: sa.Connection, likeness: str, *, with_balance: bool) -> None:
    for owned in (
        _owned("loan_state", "CAST(NULL AS DATE)" if connection.dialect.name == "postgresql" else "NULL", "s", ""),
        _owned("loan_snapshot", "s.as_of", "l", "JOIN loan l ON l.id = s.loan_id"),
    ):
        added = ", ".join(f"sum({name})" for name in SUMS.split(", "))
        connection.execute(
            sa.text(
                f"INSERT INTO loan_group (as_of, {OWNERS}, {likeness}, loans, {SUMS}, balance_times_rate) "
                f"SELECT as_of, {OWNERS}, {likeness}, count(*), {added}, sum(balance * rate) "
                f"FROM ({owned}) owned GROUP BY as_of, {OWNERS}, {likeness}"
            )
        )
        for by_owner in (True, False):
            connection.execute(sa.text(_borrowers(owned, likeness, by_owner, with_balance)))


def _owned(table: str, at: str, owner: str, join: str) -> str:
    return (
        f"SELECT {at} AS as_of, {owner}.branch_id, {owner}.team_id, {owner}.manager_id, "
        "s.branch_id AS held_branch_id, s.team_id AS held_team_id, s.manager_id AS held_manager_id, s.product_id, "
        f"s.category, s.days_past_due, c.industry, s.customer_id, s.rate, {', '.join(f's.{n}' for n in SUMS.split(', '))} "
        f"FROM {table} s JOIN customer c ON c.id = s.customer_id {join}"
    )


def _borrowers(owned: str, likeness: str, by_owner: bool, with_balance: bool) -> str:
    """Who has all loans in one group counts there; who has not, or owes much, stands in each of them."""
    keys = f"as_of, {OWNERS}" if by_owner else f"as_of, {OWNERS}, {likeness}"
    told = ", ".join("NULL" for _name in likeness.split(", ")) if by_owner else likeness
    large = f" OR owed >= {LARGE}" if by_owner and with_balance else ""
    apart = f"CASE WHEN groups > 1{large} THEN customer_id END"
    return (
        f"INSERT INTO borrower_group (as_of, {OWNERS}, by_owner, {likeness}, customer_id, borrowers"
        f"{', balance' if with_balance else ''}) "
        f"SELECT as_of, {OWNERS}, {str(by_owner).lower()}, {told}, {apart}, count(*)"
        f"{', sum(balance)' if with_balance else ''} FROM ("
        f"SELECT {keys}, customer_id, sum(balance) AS balance, "
        "count(*) OVER (PARTITION BY customer_id, as_of) AS groups, "
        "sum(sum(balance)) OVER (PARTITION BY customer_id, as_of) AS owed "
        f"FROM ({owned}) owned GROUP BY {keys}, customer_id) borrower GROUP BY {keys}, {apart}"
    )
