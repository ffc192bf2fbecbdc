"""Figures of concentration against plain loops over all rows, for everybody, from every source."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.metric import MetricError, evaluate
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import RelatedParty, Tie
from portal.limits.models import CompanyFigure, FigureKind
from portal.metrics.concentration import groups_on
from tests.portal.metrics.brute_force import CONCENTRATIONS, CUTS, Books, sees
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import ACTORS, books, company

__all__ = ["books", "company"]

DAYS = [OPEN, SNAPSHOTS[0], dt.date(2026, 5, 15), dt.date(2025, 6, 30)]
NET = 123_456_789


@pytest.fixture(scope="module")
def tied(company: Flask, books: Books) -> Iterator[list[tuple[int, ...]]]:
    """Three groups among the borrowers, and net assets; taken away again."""
    owing = sorted({row.loan.customer_id for row in books.positions(OPEN, OPEN)})
    found = [tuple(owing[:3]), tuple(owing[5:7]), tuple(owing[-2:])]
    with acting(SYSTEM):
        with unit_of_work("tests.ties"):
            for group in found:
                for one, other in pairwise(group):
                    row = RelatedParty(code=f"T{one}-{other}", customer_id=one, related_id=other, tie=Tie.KIN)
                    db.session.add(row)
            for year in (2024, 2025):
                given: dict[str, Any] = {"account": "4", "source": "audited", "amount": NET + year}
                day = dt.date(year, 12, 31)
                db.session.add(CompanyFigure(code=f"N{year}", kind=FigureKind.NET_ASSETS, on_day=day, **given))
        yield found
        with unit_of_work("tests.ties"):
            db.session.execute(delete(RelatedParty).where(RelatedParty.code.like("T%")))
            db.session.execute(delete(CompanyFigure))


def owed_by(books: Books, day: dt.date, who: Any, cut: str) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for row in books.positions(day, day):
        if sees(who, row):
            found[CUTS[cut](row)] += row.balance
    return found


def points(parts: dict[Any, int]) -> int | None:
    whole = sum(parts.values())
    return round(Fraction(10_000 * sum(part * part for part in parts.values()), whole * whole)) if whole else None


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("day", DAYS)
def test_the_largest_borrowers_and_the_index_equal_plain_loops(books: Books, tied: Any, day: dt.date, who: Any):
    owed = owed_by(books, day, who, "customer")
    largest = sorted(owed.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    whole = sum(owed.values())
    indices = [f"herfindahl_{cut}" for cut in ("customer", "industry", "product", "branch")]
    with acting(who):
        found = evaluate(["top_10_balance"], by=("customer",), as_of=day)
        total = evaluate(["top_1_balance", "top_10_balance", "top_1_share", "top_10_share", *indices], as_of=day).total
    assert {row.by["customer"]: row.values["top_10_balance"] for row in found.rows} == dict(largest)
    first, ten = (largest[0][1] if largest else 0), sum(balance for _one, balance in largest)
    assert (total["top_1_balance"], total["top_10_balance"]) == (first, ten)
    assert total["top_1_share"] == (Fraction(first, whole) if whole else None)
    assert total["top_10_share"] == (Fraction(ten, whole) if whole else None)
    for cut in ("customer", "industry", "product", "branch"):
        assert total[f"herfindahl_{cut}"] == points(owed_by(books, day, who, cut)), cut


@pytest.mark.parametrize("day", DAYS)
def test_groups_equal_plain_loops(books: Books, tied: list[tuple[int, ...]], day: dt.date):
    owed = owed_by(books, day, SYSTEM, "customer")
    expected = {}
    for group in tied:
        called = max(group, key=lambda one: (owed.get(one, 0), -one))
        if together := sum(owed.get(one, 0) for one in group):
            expected[called] = together
    with acting(SYSTEM):
        found = evaluate(["group_balance"], by=("customer",), as_of=day)
        total = evaluate(["top_group_balance", "group_balance", "top_group_ratio"], as_of=day).total
        assert {called: set(group) for called, group in groups_on(day).items() if called in expected} == {
            called: set(group) for group in tied for called in group if called in expected
        }
    assert {row.by["customer"]: row.values["group_balance"] for row in found.rows} == expected
    most = max(expected.values(), default=0)
    assert total == {
        "top_group_balance": most,
        "group_balance": sum(expected.values()),
        "top_group_ratio": Fraction(most, NET + day.year - 1),
    }


@pytest.mark.parametrize("day", DAYS)
def test_what_is_measured_against_net_assets_is_so_against_those_of_the_year_before(
    books: Books, tied: Any, day: dt.date
):
    owed = sorted(owed_by(books, day, SYSTEM, "customer").values(), reverse=True)
    with acting(SYSTEM):
        total = evaluate(["net_assets", "top_1_ratio", "top_10_ratio"], as_of=day).total
    net = NET + day.year - 1
    assert total == {
        "net_assets": net,
        "top_1_ratio": Fraction(owed[0], net),
        "top_10_ratio": Fraction(sum(owed[:10]), net),
    }


def test_without_net_assets_what_is_measured_against_them_is_unavailable(company: Flask):
    with acting(SYSTEM):
        total = evaluate(["net_assets", "top_1_ratio"], as_of=dt.date(2024, 6, 30)).total
    assert total == {"net_assets": None, "top_1_ratio": None}


def test_whoever_may_not_read_limits_is_told_nothing_against_net_assets(company: Flask):
    for key in ("net_assets", "top_1_ratio", "top_10_ratio", "group_balance", "top_group_balance", "top_group_ratio"):
        with acting(ACTORS["one branch"]), pytest.raises(Forbidden):
            evaluate([key])


def test_a_figure_of_the_whole_cannot_be_cut(company: Flask):
    with acting(SYSTEM), pytest.raises(MetricError, match="cannot be cut by branch"):
        evaluate(["top_10_balance"], by=("branch",))


def test_every_figure_of_concentration_is_compared_here():
    assert len(CONCENTRATIONS) == 14
