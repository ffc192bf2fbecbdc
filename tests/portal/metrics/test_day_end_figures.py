"""The figures after real day-ends: what they keep is what the postings say, on every day they went through."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, acting
from portal.loans.day_end import run_day_end
from portal.loans.state import LoanSnapshot, LoanState
from portal.metrics import frames
from tests.databases import Engine
from tests.portal.metrics.brute_force import STOCKS, Asked, Books, answer
from tests.portal.metrics.company import build


@pytest.fixture
def closed_company(engine: Engine, settings: Callable[[str], Settings], migrated_template: str) -> Iterator[Flask]:
    """The invented lender after its days up to 1 July were closed one after the other."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    with app.app_context(), acting(SYSTEM):
        build()
        run_day_end(dt.date(2026, 6, 25))
        run_day_end(dt.date(2026, 7, 1))
        yield app
        db.session.remove()
        db.engine.dispose()
    engine.drop(url)


def test_every_stock_equals_its_twin_on_the_days_that_day_end_went_through(closed_company):
    books = Books.read()
    keys = [key for key in STOCKS if key != "balance_times_rate"]
    sources = []
    for day in (dt.date(2026, 7, 2), dt.date(2026, 6, 30), dt.date(2026, 6, 25)):
        for by in (("branch",), ("category",), ("days_past_due",)):
            groups, total = answer(books, keys, Asked(day, by=by), SYSTEM)
            found = evaluate(keys, by, as_of=day)
            assert found.total == total
            assert {tuple(row.by.values()): dict(row.values) for row in found.rows} == groups
        sources.append(frames.kept_in(found.question))
    assert sources == [LoanState, LoanSnapshot, None], "each day is answered from another source"
