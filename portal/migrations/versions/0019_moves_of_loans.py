"""Where loans went from month-end to month-end, added up; and what each loan adds to the curves of its cohort."""

# ruff: noqa: S608 - every statement is made of dates and of words that stand in this file
from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loan_move",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("held_branch_id", sa.Integer(), nullable=False),
        sa.Column("held_team_id", sa.Integer(), nullable=True),
        sa.Column("held_manager_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=True),
        sa.Column("category_before", sa.String(length=32), nullable=True),
        sa.Column("days_after", sa.Integer(), nullable=True),
        sa.Column("category_after", sa.String(length=32), nullable=True),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("balance_before", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("balance_kept", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_move")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_loan_move_{column}_{table}"))
            for column, table in (
                ("branch_id", "branch"),
                ("team_id", "team"),
                ("manager_id", "staff"),
                ("held_branch_id", "branch"),
                ("held_team_id", "team"),
                ("held_manager_id", "staff"),
                ("product_id", "product"),
            )
        ),
    )
    op.create_index("ix_loan_move_dates_branch", "loan_move", ["opened_on", "closed_on", "branch_id"])
    op.create_table(
        "vintage_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("lent_in", sa.Integer(), nullable=False),
        sa.Column("on_book", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vintage_step")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_vintage_step_loan_id_loan")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_vintage_step_product_id_product")),
    )
    op.create_index(op.f("ix_vintage_step_loan_id"), "vintage_step", ["loan_id"])
    op.create_index("ix_vintage_step_loan", "vintage_step", ["loan_id", "step", "as_of"])
    op.create_index(
        "ix_vintage_step_curve", "vintage_step", ["step", "lent_in", "on_book", "as_of", "product_id", "amount"]
    )
    fill(op.get_bind())


def fill(bind: Any) -> None:
    """Both tables from the snapshots there are, as the portal keeps them from now on (portal/loans/move_groups.py,
    vintages.py)."""
    on = (lambda day: f"DATE '{day}'") if bind.dialect.name == "postgresql" else (lambda day: f"'{day}'")
    found = bind.execute(sa.text("SELECT DISTINCT as_of FROM loan_snapshot ORDER BY as_of")).scalars()
    days = [day if isinstance(day, date) else date.fromisoformat(day) for day in found]
    if not days:
        return
    opened = bind.execute(sa.text("SELECT open_date FROM business_day")).scalar()
    open_date = opened if isinstance(opened, date) else date.fromisoformat(opened)
    for day in days:
        for before in _ends_before(day, days):
            _fill_moves(bind, on, before, day, day)
    for before in _ends_before(open_date, days):
        _fill_moves(bind, on, before, None, open_date)
    for day in days:
        _fill_steps(bind, on, days[0], day)


def _ends_before(day: date, days: list[date]) -> list[date]:
    ends = dict.fromkeys((day.replace(day=1) - timedelta(days=1), date(day.year - 1, 12, 31)))
    return [end for end in ends if end in days]


def _fill_moves(bind: Any, on: Any, opened: date, closed: date | None, end: date) -> None:
    new = (
        "(SELECT * FROM loan_state)" if closed is None else f"(SELECT * FROM loan_snapshot WHERE as_of = {on(closed)})"
    )
    old = f"(SELECT * FROM loan_snapshot WHERE as_of = {on(opened)})"
    lost = (
        "(SELECT loan_id FROM posting WHERE account = '1304' AND kind = 'write_off' AND component = 'principal' "
        f"AND value_date <= {on(end)} AND booking_date <= {on(end)} GROUP BY loan_id HAVING sum(amount) > 0)"
    )
    held = ", ".join(f"CASE WHEN n.loan_id IS NULL THEN o.{c} ELSE n.{c} END AS {c}" for c in OWNER)
    moves = (
        f"SELECT o.loan_id, {held}, o.product_id, o.days_past_due AS days_before, o.category AS category_before, "
        "n.days_past_due AS days_after, n.category AS category_after, CASE WHEN n.loan_id IS NULL AND lost.loan_id "
        "IS NOT NULL THEN 'written_off' WHEN n.loan_id IS NULL THEN 'settled' WHEN n.balance < o.balance THEN 'fell' "
        "ELSE 'held' END AS way, o.balance AS before, coalesce(n.balance, 0) AS after "
        f"FROM {old} o LEFT JOIN {new} n ON n.loan_id = o.loan_id LEFT JOIN {lost} lost ON lost.loan_id = o.loan_id "
        f"UNION ALL SELECT n.loan_id, {', '.join(f'n.{c}' for c in OWNER)}, n.product_id, NULL, NULL, "
        f"n.days_past_due, n.category, 'lent', 0, n.balance FROM {new} n LEFT JOIN {old} o ON o.loan_id = n.loan_id "
        "WHERE o.loan_id IS NULL"
    )
    keys = ", ".join([*(f"l.{c}" for c in OWNER), *(f"m.{c}" for c in (*OWNER, *LIKENESS))])
    closing = on(closed) if closed else "CAST(NULL AS DATE)"
    bind.execute(
        sa.text(
            f"INSERT INTO loan_move (opened_on, closed_on, {', '.join(OWNER)}, "
            f"{', '.join(f'held_{c}' for c in OWNER)}, {', '.join(LIKENESS)}, loans, balance_before, balance_after, "
            f"balance_kept) SELECT {on(opened)}, {closing}, {keys}, count(*), sum(m.before), sum(m.after), "
            "sum(CASE WHEN m.after < m.before THEN m.after ELSE m.before END) "
            f"FROM ({moves}) m JOIN loan l ON l.id = m.loan_id GROUP BY {keys}"
        )
    )


OWNER = ("branch_id", "team_id", "manager_id")
LIKENESS = ("product_id", "days_before", "category_before", "days_after", "category_after", "way")


def _fill_steps(bind: Any, on: Any, first: date, day: date) -> None:
    end, since = on(day), on(max(first.replace(day=1), day - timedelta(days=62)))
    here = f"FROM loan_snapshot s WHERE s.as_of = {end} AND "
    amounts = {
        "lent": "SELECT p.loan_id, sum(p.amount) AS amount FROM posting p JOIN journal j ON j.id = p.journal_id WHERE "
        f"j.kind = 'disbursement' AND j.value_date BETWEEN {since} AND {end} AND j.booking_date <= {end} "
        f"AND p.account = '1303' AND {_first('p', 'lent')} GROUP BY p.loan_id HAVING sum(p.amount) > 0"
    }
    for days in (30, 60, 90):
        late = f"{_late(bind, on, days, day)} AND {_first('s', f'ever_{days}')}"
        amounts[f"ever_{days}"] = f"SELECT s.loan_id, s.balance AS amount {here}{late}"
    late, so_far = _late(bind, on, 1, day), "(SELECT loan_id, sum(amount) AS amount FROM vintage_step WHERE step = "
    known = f"{so_far}'overdue' GROUP BY loan_id)"
    amounts["overdue"] = (
        f"SELECT s.loan_id, s.balance - coalesce(b.amount, 0) AS amount FROM loan_snapshot s LEFT JOIN {known} b ON "
        f"b.loan_id = s.loan_id WHERE s.as_of = {end} AND {late} AND s.balance <> coalesce(b.amount, 0) "
        f"UNION ALL SELECT b.loan_id, -b.amount FROM {known} b WHERE b.amount <> 0 AND NOT EXISTS "
        f"(SELECT 1 {here}{late} AND s.loan_id = b.loan_id)"
    )
    amounts["written_off"] = (
        "SELECT w.loan_id, w.amount - coalesce(b.amount, 0) AS amount FROM (SELECT loan_id, sum(amount) AS amount FROM "
        "posting WHERE account = '1304' AND kind = 'write_off' AND component = 'principal' AND "
        f"value_date <= {end} AND booking_date <= {end} GROUP BY loan_id) w LEFT JOIN {so_far}'written_off' GROUP BY "
        "loan_id) b ON b.loan_id = w.loan_id WHERE w.amount <> coalesce(b.amount, 0)"
    )
    if bind.dialect.name == "postgresql":
        year, month = (f"CAST(EXTRACT({part} FROM l.disbursed_on) AS INTEGER)" for part in ("YEAR", "MONTH"))
    else:
        year, month = (f"CAST(strftime('{part}', l.disbursed_on) AS INTEGER)" for part in ("%Y", "%m"))
    for step, rows in amounts.items():
        followed = "" if step == "lent" else f"WHERE NOT {_first('a', 'lent')}"
        bind.execute(
            sa.text(
                "INSERT INTO vintage_step (loan_id, as_of, lent_in, on_book, product_id, step, amount) "
                f"SELECT a.loan_id, {end}, {year} * 100 + {month}, {day.year * 12 + day.month} - ({year} * 12 + {month}), "
                f"l.product_id, '{step}', a.amount FROM ({rows}) a JOIN loan l ON l.id = a.loan_id {followed}"
            )
        )


def _first(table: str, step: str) -> str:
    """Months are filled in their order, so whatever is there already is earlier."""
    return f"NOT EXISTS (SELECT 1 FROM vintage_step v WHERE v.loan_id = {table}.loan_id AND v.step = '{step}')"


def _late(bind: Any, on: Any, days: int, day: date) -> str:
    held = bind.execute(
        sa.text(
            f"SELECT operator, value FROM parameter WHERE key = 'par.{days}' AND valid_from <= {on(day)} "
            "ORDER BY valid_from DESC LIMIT 1"
        )
    ).first()
    operator, number = held or (">=" if days == 1 else ">", days)
    return f"s.days_past_due {operator} {int(number)}"


def downgrade() -> None:
    op.drop_table("vintage_step")
    op.drop_table("loan_move")
