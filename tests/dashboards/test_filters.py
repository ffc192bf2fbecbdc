"""What a dashboard is asked stands in its address: read, written, shared, refused."""

import datetime as dt
from typing import Any

import pytest

from dashboards.asked import Asked, asked_by, month_ends, read
from dashboards.dashboard import dashboards
from portal.core.metric import MetricError
from portal.core.scope import SYSTEM, acting
from tests.dashboards.visitor import FILTERS, PAGE, Visitor, text_of
from tests.world import TODAY, World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

DIMENSIONS = ("branch", "manager", "product", "customer_group")


@pytest.fixture
def asking(world: World):
    with world.app.test_request_context("/", headers={"Accept-Language": "en"}), acting(SYSTEM):
        yield world


@pytest.mark.parametrize(
    "search",
    [
        "",
        "?as_of=2026-05-31",
        "?branch=A",
        "?as_of=2026-02-28&branch=A&branch=B&manager=S-a1&product=P1&customer_group=farmer",
        "?manager=none",
    ],
)
def test_an_address_survives_reading_and_writing(asking: World, search: str):
    assert read(search, DIMENSIONS).search() == search


def test_an_address_names_a_day_and_values(asking: World):
    asked = read("?as_of=2026-05-31&branch=A&branch=B", DIMENSIONS)
    assert asked == Asked(dt.date(2026, 5, 31), {"branch": [asking.branches["A"], asking.branches["B"]]})


def test_the_open_business_date_is_not_written_so_that_a_shared_link_stays_current(asking: World):
    assert read(f"?as_of={TODAY}", DIMENSIONS).search() == ""
    assert read("", DIMENSIONS).as_of == TODAY


def test_what_is_no_filter_of_the_page_is_ignored(asking: World):
    assert read("?grid=G1&utm=x&branch=A", ("branch",)).search() == "?branch=A"


@pytest.mark.parametrize("search", ["?branch=nowhere", "?as_of=yesterday", "?as_of=2026-02-31", "?customer_group=bees"])
def test_an_address_that_means_nothing_is_refused_with_a_sentence(asking: World, search: str):
    with pytest.raises(MetricError) as refused:
        read(search, DIMENSIONS)
    assert len(str(refused.value)) > 15


def test_no_choice_means_all(asking: World):
    assert asked_by("", {"branch": [], "product": []}) == Asked(TODAY, {})


def test_figures_are_compared_with_the_month_end_before(world: World):
    assert Asked(dt.date(2026, 6, 30)).month_end_before == dt.date(2026, 5, 31)
    assert Asked(dt.date(2026, 3, 1)).month_end_before == dt.date(2026, 2, 28)
    assert Asked(dt.date(2026, 1, 15)).month_end_before == dt.date(2025, 12, 31)


def test_month_ends_go_back_from_the_date(world: World):
    assert month_ends(dt.date(2026, 3, 15), 3) == [dt.date(2026, 3, 15), dt.date(2026, 2, 28), dt.date(2026, 1, 31)]


def values(as_of: str, **chosen: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {f"portfolio-{key}.value": chosen.get(key, []) for key in DIMENSIONS}
    return {**found, "portfolio-as_of.value": as_of}


def test_the_page_comes_with_the_filters_of_its_address(world: World):
    visitor = Visitor(world.login("committee"), "?as_of=2026-05-31&branch=B")
    page = str(visitor.ask("page.children"))
    assert "'value': '2026-05-31'" in page
    assert "'value': ['B']" in page
    assert "{'value': 'A', 'label': 'branch-A'}" in page


def test_a_choice_is_written_to_the_address(world: World):
    visitor = Visitor(world.login("committee"))
    answer = visitor.ask(FILTERS, values("2026-06-30", branch=["B"]), "portfolio-branch.value")
    assert answer["portfolio-search"] == {"search": "?branch=B"}
    answer = visitor.ask(FILTERS, values("2026-05-31", branch=["B"]), "portfolio-as_of.value")
    assert answer["portfolio-search"] == {"search": "?as_of=2026-05-31&branch=B"}


def test_an_address_is_written_to_the_controls_and_left_alone(world: World):
    """Writing it back would add a step to the browser's history, and Back would never get past it."""
    visitor = Visitor(world.login("committee"), "?branch=B&junk=1")
    answer = visitor.ask(FILTERS, values("2026-05-31", product=["P1"]), "portfolio-search.search")
    assert "portfolio-search" not in answer
    assert answer["portfolio-as_of"] == {"value": "2026-06-30"}
    assert answer["portfolio-branch"]["value"] == ["B"]
    assert answer["portfolio-product"]["value"] == []


def test_choices_are_what_has_loans_at_the_date_and_what_is_chosen(world: World):
    visitor = Visitor(world.login("committee"), "?branch=HO")
    answer = visitor.ask(FILTERS, values("2026-06-30"), "portfolio-search.search")
    assert [one["value"] for one in answer["portfolio-branch"]["data"]] == ["A", "B", "HO"]
    assert [one["value"] for one in answer["portfolio-manager"]["data"]] == ["S-a1", "S-a2", "S-b1"]


def test_a_filter_without_a_choice_is_hidden(world: World):
    answer = Visitor(world.login("a1")).ask(FILTERS, values("2026-06-30"), "portfolio-search.search")
    assert answer["portfolio-branch-control"] == {"hidden": True}
    answer = Visitor(world.login("committee")).ask(FILTERS, values("2026-06-30"), "portfolio-search.search")
    assert answer["portfolio-branch-control"] == {"hidden": False}
    assert answer["portfolio-product-control"] == {"hidden": True}


@pytest.mark.parametrize(
    ("search", "words"), [("?branch=nowhere", "there is no “nowhere”"), ("?as_of=2026-12-31", "has not happened yet")]
)
def test_an_address_that_means_nothing_is_explained_with_a_way_out(world: World, search: str, words: str):
    visitor = Visitor(world.login("committee"), search)
    page = visitor.ask("page.children")["page"]["children"]
    [notice] = [part for part in page if part["props"].get("id") == "portfolio-notice"]
    assert words in text_of(notice)
    assert f"'href': '{PAGE}'" in str(notice)
    answer = visitor.ask(FILTERS, values("2026-06-30"), "portfolio-search.search")
    assert words in text_of(answer["portfolio-notice"]["children"])
    assert "portfolio-branch" not in answer


def test_every_filter_is_a_dimension_of_every_figure(asking: World):
    for dashboard in dashboards.values():
        asked = Asked(TODAY)
        for key in dashboard.filters:
            asked.evaluate([tile.metric for tile in dashboard.tiles], by=(key,))
