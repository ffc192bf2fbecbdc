"""Names are found by their spelling; the records a person opened last; notifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.core.pinyin import PERSON, TEXT, spelled

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Tables with a name that is spelled, and what kind of text it is.
SPELLED = {"customer": PERSON, "staff": PERSON, "grid": TEXT}

#: Columns whose beginning is looked for: compared by code point on PostgreSQL, as SQLite does anyway.
BY_BEGINNING = (("customer", "code", 40), ("customer", "name", 120), ("loan", "code", 40))

CHUNK = 5_000

INITIALS, SPELLING = 40, 120


def upgrade() -> None:
    connection = op.get_bind()
    for table, kind in SPELLED.items():
        for column, length in (("name_initials", INITIALS), ("name_pinyin", SPELLING)):
            op.add_column(table, sa.Column(column, _by_code_point(length), nullable=True))
        _fill(connection, table, kind)
        for column in ("name_initials", "name_pinyin"):
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index("ix_customer_branch_initials", "customer", ["branch_id", "name_initials"])
    op.drop_index("ix_loan_state_branch_id", "loan_state")  # three others begin with the branch
    op.create_index("ix_loan_state_branch_days_past_due", "loan_state", ["branch_id", "days_past_due"])
    if connection.dialect.name == "postgresql":
        for table, column, length in BY_BEGINNING:
            op.alter_column(table, column, type_=sa.String(length, collation="C"))
    op.create_table(
        "recent_record",
        sa.Column("id", _big_key(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("screen", sa.String(length=60), nullable=False),
        sa.Column("row_id", _big_key(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_recent_record_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recent_record")),
        sa.UniqueConstraint("user_id", "screen", "row_id", name=op.f("uq_recent_record_user_id_screen_row_id")),
    )
    op.create_index("ix_recent_record_user_opened", "recent_record", ["user_id", "opened_at"])
    op.create_table(
        "notification",
        sa.Column("id", _big_key(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("link", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_notification_user_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
    )
    op.create_index("ix_notification_user_read", "notification", ["user_id", "read_at"])


def downgrade() -> None:
    op.drop_table("notification")
    op.drop_table("recent_record")
    if op.get_bind().dialect.name == "postgresql":
        for table, column, length in BY_BEGINNING:
            op.alter_column(table, column, type_=sa.String(length, collation="default"))
    op.drop_index("ix_loan_state_branch_days_past_due", "loan_state")
    op.create_index("ix_loan_state_branch_id", "loan_state", ["branch_id"])
    op.drop_index("ix_customer_branch_initials", "customer")
    for table in SPELLED:
        for column in ("name_initials", "name_pinyin"):
            op.drop_index(op.f(f"ix_{table}_{column}"), table)
            op.drop_column(table, column)


def _by_code_point(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _big_key() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _fill(connection: sa.Connection, table: str, kind: str) -> None:
    """Spell the names that are there."""
    rows = sa.table(table, *map(sa.column, ("id", "name", "name_initials", "name_pinyin")))
    update = (
        sa.update(rows)
        .where(rows.c.id == sa.bindparam("row"))
        .values(name_initials=sa.bindparam("initials"), name_pinyin=sa.bindparam("pinyin"))
    )
    last = 0
    while part := connection.execute(
        sa.select(rows.c.id, rows.c.name).where(rows.c.id > last).order_by(rows.c.id).limit(CHUNK)
    ).all():
        keys = [(row_id, *spelled(name, kind)) for row_id, name in part]
        connection.execute(update, [{"row": i, "initials": a, "pinyin": b} for i, a, b in keys])
        last = part[-1][0]
