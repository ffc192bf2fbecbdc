"""The risk pages say what `evaluate` says, add up, lead to their rows, and answer bad addresses in words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import pytest

from dashboards import PAGES
from dashboards.asked import read
from dashboards.charts_of_change import Curves, Matrix, Waterfall, month_index
from dashboards.dashboard import Dashboard, dashboards
from dashboards.figures import figure
from dashboards.heat import direction
from dashboards.printing import as_html
from portal.core.metric import evaluate, metric_of
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.tokens import stylesheet
from portal.metrics.formatting import shown
from tests.dashboards.test_figures import texts
from tests.dashboards.visitor import Visitor, named, text_of
from tests.world import World

RISK = [key for key in PAGES if key != "portfolio"]
SEARCHES = ["?as_of=2026-05-31&branch=A", "?since=2026-02-28"]


@contextmanager
def seen_by(world: World, login: str, language: str = "en") -> Iterator[None]:
    with world.app.test_request_context("/", headers={"Accept-Language": language}):
        with acting(SYSTEM):
            who = actor_for_username(login)
        with acting(who):
            yield


def expected(dashboard: Dashboard, search: str) -> list[str]:
    """What the tiles must show: stocks at the date, flows since the date compared with or the year's first day."""
    asked, found = read(search, dashboard.filters, dashboard.options), []
    for tile in dashboard.tiles:
        start = asked.as_of.replace(month=1, day=1) if tile.this_year else asked.start
        total = evaluate([tile.metric], where=asked.where, as_of=asked.as_of, start=start).total
        found.append(shown(metric_of(tile.metric), total[tile.metric]))
    return found


@pytest.mark.parametrize("login", ["committee", "branch_head", "a1"])
@pytest.mark.parametrize("key", RISK)
def test_tiles_of_every_risk_page_show_what_evaluate_says(world: World, key: str, login: str) -> None:
    for search in SEARCHES:
        visitor = Visitor(world.login(login), search, key=key)
        tiles = visitor.ask(f"{key}-answer.children")[f"{key}-tiles"]["children"]
        with seen_by(world, login):
            for tile, figure_shown in zip(tiles, expected(dashboards[key], search), strict=True):
                assert text_of(tile["props"]["children"][1]).startswith(figure_shown), (search, text_of(tile))


@pytest.mark.parametrize("key", RISK)
def test_every_risk_page_is_drawn_listed_and_printed_in_both_languages(world: World, key: str) -> None:
    tokens = set(re.findall(r"^\s*(--[\w-]+):", stylesheet(), re.MULTILINE))
    for language in ("en", "zh"):
        with seen_by(world, "committee", language):
            asked = read("", dashboards[key].filters, dashboards[key].options)
            html, title = as_html(dashboards[key], asked)
            assert title in html
            for chart in dashboards[key].charts:
                data = chart.data(asked)
                for line in data.lines:
                    assert line.label in html
                if chart.drawn and data.lines:
                    named_colours = {m[1] for t in texts(figure(chart, data)) if (m := re.fullmatch(r"var\((.+)\)", t))}
                    assert named_colours <= tokens, chart.key


@pytest.mark.parametrize("key", RISK)
def test_nothing_of_another_branch_is_on_a_risk_page(world: World, key: str) -> None:
    assert named(Visitor(world.login("b1"), key=key).everything()) <= {"b1", "b2", "branch-B", "branch-B1"}


@pytest.mark.parametrize("key", [key for key in RISK if dashboards and key in ("changed", "migration", "branches")])
def test_a_date_that_is_not_earlier_is_refused_in_words(world: World, key: str) -> None:
    visitor = Visitor(world.login("committee"), "?since=2026-06-30", key=key)
    answer = visitor.ask(f"{key}-answer.children")[f"{key}-answer"]["children"]
    assert "must lie before" in text_of(answer)
    assert visitor.client.get(f"{visitor.address}print.pdf?since=2026-06-30").status_code == 400


def test_the_parts_of_a_waterfall_add_up_and_lead_to_their_loans(world: World) -> None:
    """To the fen: from what was before to what is now."""
    with seen_by(world, "committee"):
        asked = read("?since=2026-01-31", ("branch",), dashboards["changed"].options)
        charts = [chart for chart in dashboards["changed"].charts if isinstance(chart, Waterfall)]
        found = [chart.data(asked) for chart in charts]
    assert any(data.lines for data in found)
    client = world.login("committee")
    for data in found:
        assert data.total is not None
        change, loans, before, after = data.total
        assert sum(line.values[0] for line in data.lines) == change == after - before
        assert sum(line.values[1] for line in data.lines) == loans
        for line in data.lines:
            for value, url in zip(line.values, line.urls, strict=True):
                assert bool(value) == bool(url)
                if url:
                    assert client.get(url).status_code == 200


def test_the_cells_of_a_matrix_are_those_of_evaluate_and_lead_to_their_loans(world: World) -> None:
    client = world.login("committee")
    with seen_by(world, "committee"):
        asked = read("", ("branch",), dashboards["migration"].options)
        for chart in dashboards["migration"].charts:
            assert isinstance(chart, Matrix)
            data = chart.data(asked)
            cells = evaluate([chart.measure], (chart.by, chart.across), as_of=asked.as_of, start=asked.start).rows
            told = {(r.by[chart.by], r.by[chart.across]): r.values[chart.measure] for r in cells}
            for line in data.lines:
                assert line.values[0] == sum(line.values[1:])
                for metric, value, url in zip(data.columns[1:], line.values[1:], line.urls[1:], strict=True):
                    assert value == told.get((line.key, metric.key), 0)
                    assert bool(url) == bool(value)
            assert data.total is not None
            assert data.total[0] == evaluate([chart.measure], as_of=asked.as_of, start=asked.start).total[chart.measure]
        url = next(url for line in data.lines for url in line.urls[1:] if url)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("0", "0", "same"),
        ("0", "1-30", "worse"),
        ("61-90", "31-60", "better"),
        ("over-360", "settled", "better"),
        ("0", "written-off", "worse"),
    ],
)
def test_a_cell_says_whether_loans_got_worse(world: World, was: str, now: str, kind: str) -> None:
    chart = dashboards["migration"].chart("days")
    assert isinstance(chart, Matrix)
    assert direction(chart, was, now) == kind


def test_a_curve_is_the_running_share_of_what_was_lent_and_stops_where_nothing_was_observed(world: World) -> None:
    """Loans of January; the only kept month-end is May's: nothing of their first months was observed."""
    chart = dashboards["vintages"].chart("ever_30")
    assert isinstance(chart, Curves)
    with seen_by(world, "committee"):
        data = chart.data(read("", ("branch",)))
    for line in data.lines:
        assert all(value is None or Fraction(value) >= 0 for value in line.values[1:])
    assert month_index(202601) - month_index(202512) == 1


def test_why_a_figure_changed_is_one_click_from_its_tile(world: World) -> None:
    tiles = Visitor(world.login("committee"), "?as_of=2026-05-31").ask("portfolio-answer.children")
    assert "/dashboards/changed/?as_of=2026-05-31" in str(tiles["portfolio-tiles"])


def test_an_allowance_that_is_not_posted_is_not_called_nothing(world: World) -> None:
    visitor = Visitor(world.login("committee"), key="provisions")
    told = visitor.ask("provisions-answer.children")
    assert "no allowance is posted in the ledger yet" in text_of(told["provisions-answer"]["children"])
    tiles = dict(
        zip((t.metric for t in dashboards["provisions"].tiles), told["provisions-tiles"]["children"], strict=True)
    )
    for key in ("allowance", "coverage_ratio", "provision_ratio", "adequacy"):
        assert text_of(tiles[key]["props"]["children"][1]) == "—"
    assert "target 150.0%" in text_of(tiles["coverage_ratio"])


def test_a_greater_shift_asks_for_more_provision(world: World) -> None:
    chart = dashboards["provisions"].chart("stress")
    assert chart is not None
    with seen_by(world, "committee"):
        totals = [
            chart.data(read(f"?shift={share}", (), dashboards["provisions"].options)).total for share in (0, 20, 50)
        ]
    assert [total[0] == total[1] for total in totals] == [True, True, True]
    assert totals[0][2] == totals[0][3]
    assert totals[0][3] < totals[1][3] < totals[2][3]


@pytest.mark.parametrize("key", RISK)
def test_every_risk_page_is_laid_out(world: World, key: str) -> None:
    """The page itself, before any of its figures come."""
    visitor = Visitor(world.login("committee"), key=key)
    page = str(visitor.ask("page.children", {"address.pathname": visitor.address}))
    assert "This cannot be shown" not in page
    for chart in dashboards[key].charts:
        assert dashboards[key].id_of(chart.key, "rows") in page
