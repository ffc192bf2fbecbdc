"""The same answers by Polars over the same rows in memory: how far the database is from what the machine can do."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import polars as pl
from sqlalchemy import Engine, Select, String, select, type_coerce

from portal.loans.ledger import Account, Posting
from portal.loans.models import Instalment
from portal.loans.state import LoanSnapshot, LoanState

BATCH = 500_000
TENTH = 10
"""One loan in so many is taken: rows come from the database slowly, one by one."""


def positions_by_polars(engine: Engine, day: dt.date) -> tuple[pl.DataFrame, float, float]:
    """Balance, accrued interest, days past due of a tenth of the loans; seconds for loading rows, and for reckoning."""
    started = time.perf_counter()
    postings = _frame(
        engine,
        select(Posting.loan_id, type_coerce(Posting.account, String).label("account"), Posting.amount).where(
            Posting.loan_id % TENTH == 0
        ),
    )
    owed = Instalment.principal - Instalment.paid_principal + Instalment.interest - Instalment.paid_interest
    due = select(Instalment.loan_id, Instalment.due_date, owed.label("owed")).where(
        Instalment.settled_on.is_(None), Instalment.loan_id % TENTH == 0
    )
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


def reconciled_by_polars(engine: Engine, anew: pl.DataFrame) -> tuple[float, int]:
    """Seconds for comparing a tenth of `loan_state` with positions that were reckoned, and how many loans differ."""
    columns = ("loan_id", "balance", "accrued_interest", "days_past_due")
    kept = _frame(engine, select(*(getattr(LoanState, name) for name in columns)).where(LoanState.loan_id % TENTH == 0))
    started = time.perf_counter()
    differing = anew.select(columns).join(kept, on=columns, how="anti")
    return time.perf_counter() - started, len(differing)


def moves_by_polars(engine: Engine, before: dt.date, after: dt.date) -> tuple[float, int]:
    """Loans by their days past due at two month-ends; seconds, loading left out, and how many cells."""
    both = [
        _frame(
            engine,
            select(LoanSnapshot.loan_id, LoanSnapshot.days_past_due, LoanSnapshot.balance).where(
                LoanSnapshot.as_of == day
            ),
        )
        for day in (before, after)
    ]
    started = time.perf_counter()
    bucket = pl.col("days_past_due").cut([0, 30, 60, 90, 180, 360])
    old, new = (rows.with_columns(bucket.alias("bucket")) for rows in both)
    cells = old.join(new, on="loan_id", how="full", suffix="_after").group_by("bucket", "bucket_after")
    found = cells.agg(pl.len(), pl.col("balance").sum(), pl.col("balance_after").sum())
    return time.perf_counter() - started, len(found)


def _frame(engine: Engine, statement: Select[Any]) -> pl.DataFrame:
    with engine.connect().execution_options(stream_results=True) as connection:
        result = connection.execute(select(*statement.subquery().c))
        names = list(result.keys())
        parts = [pl.DataFrame(list(map(tuple, part)), names, orient="row") for part in result.partitions(BATCH)]
    return pl.concat(parts, how="vertical_relaxed")
