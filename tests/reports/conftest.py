"""A report's context over an invented portfolio, in an application without translations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_babel import Babel

from reports.catalogue import loan_classification
from reports.report import Report, ReportContext
from tests.reports.portfolio import AS_OF, Portfolio, definition, sample_loans


@pytest.fixture(autouse=True, scope="module")
def app() -> Iterator[Flask]:
    """Babel without a catalogue: texts come out as written in the code."""
    app = Flask("reports-under-test")
    Babel(app, default_locale="en")
    with app.app_context():
        yield app


@pytest.fixture(scope="module")
def over() -> Callable[[Portfolio], ReportContext]:
    """The context of a report over a portfolio."""

    def context(portfolio: Portfolio) -> ReportContext:
        return ReportContext(
            as_of=AS_OF,
            locale="en",
            company="Sample Microloan Company 㛃䶮𬭎",
            evaluate=portfolio.evaluate,
            parameters=portfolio.parameter,
            definition=definition,
        )

    return context


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return Portfolio(sample_loans())


@pytest.fixture(scope="module")
def context(portfolio: Portfolio, over: Callable[[Portfolio], ReportContext]) -> ReportContext:
    return over(portfolio)


@pytest.fixture(scope="module")
def report() -> Report:
    return loan_classification.REPORT
