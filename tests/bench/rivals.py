"""The same answers by Polars over the same rows in memory: how far the database is from what the machine can do."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import polars as pl
from sqlalchemy import Engine, Select, select

from portal.loans.ledger import Account, Posting
from portal.loans.models import Instalment
from portal.loans.state import LoanState

BATCH = 500_000


def positions_by_polars(engine: Engine, day: dt.date) -> tuple[pl.DataFrame, float, float]:
    """Balance, accrued interest and days past due of every loan; seconds for loading the rows and for reckoning."""
    started = time.perf_counter()
    postings = _frame(engine, select(Posting.loan_id, Posting.account, Posting.amount))
    due = select(
        Instalment.loan_id,
        Instalment.due_date,
        (Instalment.principal + Instalment.interest - Instalment.paid_principal - Instalment.paid_interest).label(
            "owed"
        ),
    ).where(Instalment.settled_on.is_(None))
    instalments = _frame(engine, due)
    loaded = time.perf_counter()
    sums = [
        pl.col("amount").filter(pl.col("account") == account.value).sum().alias(name)
        for account, name in ((Account.LOANS, "balance"), (Account.INTEREST_RECEIVABLE, "accrued_interest"))
    ]
    arrears = instalments.filter((pl.col("due_date") < day) & (pl.col("owed") > 0)).group_by("loan_id")
    found = (
        postings.group_by("loan_id")
        .agg(sums)
        .filter(pl.col("balance") > 0)
        .join(arrears.agg(pl.col("due_date").min()), on="loan_id", how="left")
        .with_columns((pl.lit(day) - pl.col("due_date")).dt.total_days().fill_null(0).alias("days_past_due"))
    )
    return found, loaded - started, time.perf_counter() - loaded


def sums_by_polars(engine: Engine) -> tuple[float, pl.DataFrame]:
    """Balance and what is more than 30 days late by branch; seconds, loading left out."""
    rows = _frame(engine, select(LoanState.branch_id, LoanState.balance, LoanState.days_past_due))
    started = time.perf_counter()
    late = pl.col("balance").filter(pl.col("days_past_due") > 30).sum().alias("late")
    found = rows.group_by("branch_id").agg(pl.col("balance").sum(), late, pl.len())
    return time.perf_counter() - started, found


def _frame(engine: Engine, statement: Select[Any]) -> pl.DataFrame:
    with engine.connect().execution_options(stream_results=True) as connection:
        result = connection.execute(select(*statement.subquery().c))
        names = list(result.keys())
        parts = [
            pl.DataFrame([[_plain(value) for value in row] for row in part], schema=names, orient="row")
            for part in result.partitions(BATCH)
        ]
    return pl.concat(parts, how="vertical_relaxed")


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Account) else value
