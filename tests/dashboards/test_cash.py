"""The cash page: what it adds up to, who is told of the funding, where its figures lead."""

import datetime as dt

import pytest

from dashboards.asked import read
from dashboards.cash_charts import LATER, CashByMonth, CollectionCurves, cash
from dashboards.charts import ChartData
from dashboards.pages.cash import CASH as PAGE
from portal.core.metric import evaluate
from portal.metrics.collection import last_ended, month_number
from tests.dashboards.test_risk_pages import seen_by
from tests.dashboards.visitor import Visitor, text_of
from tests.world import TODAY, World


def data_of(world: World, kind: type, login: str = "committee", search: str = "") -> ChartData:
    with seen_by(world, login):
        chart = next(chart for chart in PAGE.charts if isinstance(chart, kind))
        return chart.data(read(search, PAGE.filters))


def test_months_add_up_to_the_figures_and_the_line_is_their_running_sum(world: World) -> None:
    data = data_of(world, CashByMonth)
    with seen_by(world, "committee"):
        keys = ["expected_principal", "expected_interest", "expected_amount", "funding_due", "cash_gap"]
        total = evaluate(keys).total
    for n, key in enumerate(keys):
        assert sum(line.values[n] for line in data.lines) == data.total[n] == total[key]
    running = 0
    for line in data.lines:
        assert line.values[2] == line.values[0] + line.values[1]
        assert line.values[4] == line.values[2] - line.values[3]  # all of it is assumed to come in
        running += line.values[4]
        assert line.values[5] == running
    assert data.total[3] == 400_000_000
    months = [line.key for line in data.lines if line.key != LATER]
    assert months == [month_number(TODAY, n) for n in range(12)]


def test_every_month_leads_to_its_loans_and_to_the_borrowings(world: World) -> None:
    client, data = world.login("committee"), data_of(world, CashByMonth)
    followed = 0
    for line in data.lines:
        for value, url in zip(line.values, line.urls, strict=False):
            assert bool(value) == bool(url)
            if url:
                followed += 1
                assert client.get(url).status_code == 200, url
    assert followed > 1
    assert "BOR-1" in client.get(next(line.urls[3] for line in data.lines if line.urls and line.urls[3])).text


@pytest.mark.parametrize(("login", "search"), [("branch_head", ""), ("a1", ""), ("committee", "?branch=A")])
def test_funding_is_unavailable_not_nothing_in_a_part_of_the_company(world: World, login: str, search: str) -> None:
    data = data_of(world, CashByMonth, login, search)
    assert data.lines
    assert all(line.values[3:] == (None, None, None) for line in data.lines)
    assert [trace["type"] for trace in cash(PAGE.charts[0], data)["data"]] == ["bar", "bar"]
    tiles = Visitor(world.login(login), search, key="cash").ask("cash-answer.children")["cash-tiles"]["children"]
    assert "not available" in text_of(tiles[1])
    assert "not available" in text_of(tiles[2])


def test_a_curve_is_the_running_share_of_what_fell_due_and_ends_with_the_last_month(world: World) -> None:
    data = data_of(world, CollectionCurves, search="?as_of=2026-06-17")
    assert data.lines
    assert data.lines[0].key <= last_ended(dt.date(2026, 6, 17)) == 202605
    client = world.login("committee")
    for line in data.lines:
        shares = [value for value in line.values[1:] if value is not None]
        assert all(0 <= share <= 1 for share in shares)
        assert len(shares) == 202605 - line.key + 1 if line.key > 202600 else len(shares) > 5
        assert client.get(line.url).status_code == 200
