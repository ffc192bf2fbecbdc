"""Risk and servicing: data of all dashboards, a booking, a quote, reconciliation; day-end beside other ways."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from functools import partial

from flask import Flask
from sqlalchemy import select

from dashboards.asked import course_of, read
from dashboards.callbacks import COURSE
from dashboards.dashboard import Dashboard, dashboards
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.scope import SYSTEM, acting, unscoped
from portal.core.work import unit_of_work
from portal.loans.classification import days_past_due
from portal.loans.models import Loan, LoanStatus
from portal.loans.move_groups import kept_days
from portal.loans.positions import positions
from portal.loans.proofs import reconcile_now
from portal.loans.quotes import quote
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.state import LoanState
from portal.loans.thresholds import lateness_rules
from tests.bench.dashboard import asking
from tests.bench.measuring import Figure, median_ms, seconds, statements
from tests.bench.rivals import (
    TENTH,
    moves_by_polars,
    positions_by_polars,
    reconciled_by_polars,
    sums_by_polars,
)

LOOPED = 1_000
"""Loans that the loop over objects goes through; the rest is reckoned from them."""
BRANCH_HEAD = "bench_branch_head"


def measure(app: Flask) -> list[Figure]:
    return [*_dashboards(app), *_servicing(app), *_rivals(app)]


def _dashboards(app: Flask) -> list[Figure]:
    """What each page asks: tiles with their course, the sentence, all charts."""
    found = []
    for key, page in sorted(dashboards.items()):
        for login, place, target in (("bench_committee", "head office", 500), (BRANCH_HEAD, "a branch", 80)):
            ask = partial(asking, app, login, partial(_data, page))
            took = median_ms(ask, times=3)
            with app.app_context(), statements(db.engine) as sent:
                ask()
            found.append(
                Figure(f"Data of the dashboard “{key}”, {place}", took, "ms", target, f"{len(sent)} statements")
            )
    return found


def _data(page: Dashboard) -> None:
    asked = read("", page.filters, page.options)
    course = course_of(page.tiles, asked, COURSE)
    page.answer(asked, course[asked.as_of], course[asked.month_end_before])
    for chart in page.charts:
        chart.data(asked)
    db.session.rollback()


def _servicing(app: Flask) -> list[Figure]:
    with app.app_context(), acting(SYSTEM):
        today = business_date()
        wanted = select(LoanState.loan_id).where(LoanState.balance > 100_00).order_by(LoanState.loan_id).limit(20)
        loans = iter(db.session.scalars(wanted).all())
        numbers = itertools.count(1)
        stamp = dt.datetime.now(dt.UTC).timestamp()

        def book() -> None:
            with unit_of_work("bench.repay"):
                repay(db.session.get_one(Loan, next(loans)), 1, today, f"BENCH-{stamp}-{next(numbers)}")

        def ask() -> None:
            quote(db.session.get_one(Loan, next(loans)), today)
            db.session.rollback()

        found = [
            Figure("Booking a repayment, with all that is kept", median_ms(book), "ms", 30),
            Figure("Quote of a settlement", median_ms(ask), "ms", 20),
            Figure("Reconciliation of all that is kept", seconds(lambda: reconcile(added_up=[])), "s", 60),
            Figure("… as each night, with two month-ends", seconds(reconcile_now), "s"),
        ]
        db.session.rollback()
    return found


def _rivals(app: Flask) -> list[Figure]:
    """The positions of all loans: set-based, by a loop over objects, and by Polars over the same rows in memory."""
    with app.app_context(), acting(SYSTEM), unscoped("a benchmark"):
        day = business_date()
        statement = positions(day, standing=True)
        ours = seconds(lambda: db.session.execute(select(*statement.subquery().c)).fetchall())
        loans = db.session.scalars(select(LoanState.loan_id).order_by(LoanState.loan_id)).all()
        step = max(len(loans) // LOOPED, 1)
        sample = loans[::step][:LOOPED]
        looped = seconds(lambda: _loop(sample, day)) * len(loans) / max(len(sample), 1)
        db.session.rollback()
        table, loading, reckoning = positions_by_polars(db.engine, day)
        comparing, differing = reconciled_by_polars(db.engine, table)
        ends = kept_days(db.session())[-2:]
        moving, cells = moves_by_polars(db.engine, *ends)
        summing, sums = sums_by_polars(db.engine)
        db.session.rollback()
    return [
        Figure("Positions of all loans, read by the statement of day-end", ours, "s"),
        Figure("… by a loop over objects", looped, "s", note=f"reckoned from {len(sample):,}: {looped / ours:.0f} ×"),
        Figure(
            "… by Polars, rows in memory",
            reckoning * TENTH,
            "s",
            note=f"reckoned from {len(table):,}; loading these took {loading:.0f} s",
        ),
        Figure(
            "… and compared with what is kept, by Polars",
            comparing * TENTH,
            "s",
            note=f"reckoned from a tenth, of which {differing} differ",
        ),
        Figure(
            "Migration of days past due over a month, by Polars", 1000 * moving, "ms", note=f"{cells} cells, in memory"
        ),
        Figure("Balance and PAR by branch, by Polars", 1000 * summing, "ms", note=f"{len(sums)} branches, in memory"),
    ]


def _loop(loans: Sequence[int], day: dt.date) -> None:
    """Each loan with its instalments as objects, its state written as an object: what day-end would be with an ORM."""
    tolerance = lateness_rules(day).tolerance
    with db.session.no_autoflush:
        for number in loans:
            loan = db.session.get_one(Loan, number)
            unsettled = [(i.due_date, i.principal - i.paid_principal) for i in loan.instalments if i.settled_on is None]
            state = db.session.get_one(LoanState, number)
            if loan.status is LoanStatus.ACTIVE:
                state.days_past_due = days_past_due(unsettled, day, tolerance)
                state.as_of = day
            db.session.flush()
