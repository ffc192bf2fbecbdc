"""The figures of the portfolio dashboard, and what row scope adds to a list and to a figure."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from dashboards.asked import month_ends, read
from dashboards.callbacks import COURSE
from dashboards.pages.portfolio import PORTFOLIO
from portal.core.db import db
from portal.core.scope import acting, actor, doing, unscoped
from portal.core.security import actor_for_username
from portal.customers.models import Customer
from portal.loans.state import LoanState
from tests.bench.measuring import Figure, median_ms

ROUNDS = 60
"""Pairs of a scoped and an unscoped run: their difference is small."""


def measure(app: Flask) -> list[Figure]:
    found = []
    for login, place, target in (("committee", "head office", 400), ("branch_head", "a branch", 50)):
        took = median_ms(partial(asking, app, f"bench_{login}", _portfolio))
        found.append(Figure(f"Data of the portfolio dashboard, {place}", took, "ms", target))
    with app.test_request_context("/"), acting(actor_for_username("bench_branch_head")), doing("", "list"):
        found += [_overhead("a list of customers", _customers), _overhead("a sum of loans", _balance)]
    return found


def asking(app: Flask, login: str, act: Callable[[], None]) -> None:
    """As one request of this login."""
    with app.test_request_context("/"), acting(actor_for_username(login)), doing("", "list"):
        act()


def _portfolio() -> None:
    """All that the page asks: sentence, tiles with their course, charts."""
    asked = read("", PORTFOLIO.filters)
    keys = tuple(tile.metric for tile in PORTFOLIO.tiles)
    course = asked.series(keys, month_ends(asked.as_of, COURSE))
    PORTFOLIO.answer(asked, course[asked.as_of], course[asked.month_end_before])
    for chart in PORTFOLIO.charts:
        chart.data(asked)
    db.session.rollback()


def _customers(narrowed: bool) -> Any:
    statement = select(Customer.id, Customer.code, Customer.name).order_by(Customer.id.desc()).limit(25)
    return statement.where(Customer.branch_id.in_(sorted(actor().branches))) if narrowed else statement


def _balance(narrowed: bool) -> Any:
    statement = select(func.sum(LoanState.balance), func.count())
    return statement.where(LoanState.branch_id.in_(sorted(actor().branches))) if narrowed else statement


def _overhead(name: str, statement: Callable[[bool], Any]) -> Figure:
    """The same rows asked with the scope and, outside it, by a condition written by hand, in turns."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * ROUNDS):
        by_hand = bool(turn % 2)
        started = time.perf_counter()
        if by_hand:
            with unscoped("a benchmark"):
                db.session.execute(statement(True)).all()
        else:
            db.session.execute(statement(False)).all()
        taken[by_hand].append(time.perf_counter() - started)
    scoped, plain = (1000 * statistics.median(taken[by_hand]) for by_hand in (False, True))
    return Figure(f"Scope: what it adds to {name}", 100 * (scoped / plain - 1), "%", 10, f"{plain:.2f} ms by hand")
