"""Borrowers are counted in groups of their own; loans of all borrowers add up in those of loans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
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
)
OWNERS = ", ".join(column for column, _table, _nullable in OWNED)
LIKENESS = "product_id, category, days_past_due"
SUMS = "loans, balance, accrued_interest, overdue_principal, overdue_interest, balance_times_rate"
ADDED = ", ".join(f"sum({name})" for name in SUMS.split(", "))


def upgrade() -> None:
    """Sums are those of the groups there were; borrowers are counted anew."""
    op.rename_table("loan_group", "loan_group_before")
    for index in ("ix_loan_group_as_of_branch", "ix_loan_group_customer_id"):
        op.drop_index(index, "loan_group_before")
    _rename_key("loan_group", "loan_group_before")
    _loan_group(with_customers=False)
    op.execute(
        f"INSERT INTO loan_group (as_of, {OWNERS}, {LIKENESS}, {SUMS}) SELECT as_of, {OWNERS}, {LIKENESS}, {ADDED} "  # noqa: S608
        f"FROM loan_group_before GROUP BY as_of, {OWNERS}, {LIKENESS} HAVING sum(loans) <> 0"
    )
    op.drop_table("loan_group_before")
    op.create_table(
        "borrower_group",
        sa.Column("id", BIG, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        *(sa.Column(column, sa.Integer(), nullable=nullable) for column, _table, nullable in OWNED),
        sa.Column("by_owner", sa.Boolean(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(length=32), nullable=True),
        sa.Column("days_past_due", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("borrowers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_borrower_group")),
        *_references("borrower_group", [("product_id", "product"), ("customer_id", "customer")]),
    )
    _count_borrowers("loan_state", "NULL", "s", "")
    _count_borrowers("loan_snapshot", "s.as_of", "l", "JOIN loan l ON l.id = s.loan_id")
    op.create_index(
        "ix_borrower_group_as_of",
        "borrower_group",
        ["as_of", "by_owner", "branch_id", "customer_id", "borrowers"],
    )
    op.create_index("ix_borrower_group_customer_id", "borrower_group", ["customer_id"])


def downgrade() -> None:
    op.drop_table("borrower_group")
    op.drop_table("loan_group")
    _loan_group(with_customers=True)
    op.create_index("ix_loan_group_customer_id", "loan_group", ["customer_id"])
    _fill_as_before("loan_state", "", "s", "")
    _fill_as_before("loan_snapshot", "s.as_of, ", "l", "JOIN loan l ON l.id = s.loan_id")


def _references(table: str, further: list[tuple[str, str]]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
        for column, other in [*((column, other) for column, other, _nullable in OWNED), *further]
    ]


def _rename_key(name: str, table: str) -> None:
    """PostgreSQL keeps the names of keys when a table is renamed; they are wanted for the new one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    found = sa.inspect(op.get_bind())
    names = [found.get_pk_constraint(table)["name"], *(key["name"] for key in found.get_foreign_keys(table))]
    for constraint in names:
        op.execute(f'ALTER TABLE {table} RENAME CONSTRAINT "{constraint}" TO "before_{constraint}"')
    op.execute(f"ALTER SEQUENCE {name}_id_seq RENAME TO {table}_id_seq")


def _loan_group(*, with_customers: bool) -> None:
    customer = [sa.Column("customer_id", sa.Integer(), nullable=True)] if with_customers else []
    op.create_table(
        "loan_group",
        sa.Column("id", BIG, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        *(sa.Column(column, sa.Integer(), nullable=nullable) for column, _table, nullable in OWNED),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        *customer,
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("accrued_interest", sa.BigInteger(), nullable=False),
        sa.Column("overdue_principal", sa.BigInteger(), nullable=False),
        sa.Column("overdue_interest", sa.BigInteger(), nullable=False),
        sa.Column("balance_times_rate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_group")),
        *_references("loan_group", [("product_id", "product"), *([("customer_id", "customer")] if customer else [])]),
    )
    op.create_index("ix_loan_group_as_of_branch", "loan_group", ["as_of", "branch_id"])


def _count_borrowers(table: str, at: str, owner: str, join: str) -> None:
    """Who has all loans in one group counts there; who has not stands in each of them."""
    for by_owner in (True, False):
        likeness = "" if by_owner else f", {LIKENESS}"
        told = "NULL, NULL, NULL" if by_owner else LIKENESS
        op.execute(
            f"INSERT INTO borrower_group (as_of, {OWNERS}, by_owner, {LIKENESS}, customer_id, borrowers) "  # noqa: S608
            f"SELECT as_of, {OWNERS}, {str(by_owner).lower()}, {told}, "
            f"CASE WHEN groups > 1 THEN customer_id END, count(*) FROM ("
            f"SELECT as_of, {OWNERS}{likeness}, customer_id, "
            f"count(*) OVER (PARTITION BY customer_id, as_of) AS groups FROM ("
            f"SELECT {_at(at)} AS as_of, {owner}.branch_id, {owner}.team_id, {owner}.manager_id, "
            "s.branch_id AS held_branch_id, s.team_id AS held_team_id, s.manager_id AS held_manager_id, "
            f"s.product_id, s.category, s.days_past_due, s.customer_id FROM {table} s {join}) owned "
            f"GROUP BY as_of, {OWNERS}{likeness}, customer_id) borrower "
            f"GROUP BY as_of, {OWNERS}{likeness}, CASE WHEN groups > 1 THEN customer_id END"
        )


def _at(at: str) -> str:
    return "CAST(NULL AS DATE)" if at == "NULL" and op.get_bind().dialect.name == "postgresql" else at


def _fill_as_before(table: str, at: str, owner: str, join: str) -> None:
    same_day = "AND several.as_of = s.as_of" if at else ""
    keys = (
        f"{at}{owner}.branch_id, {owner}.team_id, {owner}.manager_id, s.branch_id, s.team_id, s.manager_id, "
        "s.product_id, s.category, s.days_past_due, CASE WHEN several.loans > 1 THEN s.customer_id END"
    )
    sums = ", ".join(f"sum(s.{name})" for name in SUMS.split(", ")[1:-1])
    op.execute(
        f"INSERT INTO loan_group ({'as_of, ' if at else ''}{OWNERS}, {LIKENESS}, customer_id, {SUMS}) "  # noqa: S608
        f"SELECT {keys}, count(*), {sums}, sum(s.balance * s.rate) "
        f"FROM {table} s {join} JOIN (SELECT s.customer_id, {at}count(*) AS loans FROM {table} s "
        f"GROUP BY {at}s.customer_id) several ON several.customer_id = s.customer_id {same_day} GROUP BY {keys}"
    )
