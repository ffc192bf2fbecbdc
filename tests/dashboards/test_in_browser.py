"""The portfolio dashboard in a real browser: drawn from this server alone, narrowed by its address, in both themes."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

from tests.browsers import DESKTOP, PHONE, session_of
from tests.dashboards.visitor import PAGE
from tests.world import World

#: Looks do not depend on the database engine.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

FIRST_BAR = ".chart-card[data-name=portfolio-by_branch] .bars .point path"
DRAWN = ".chart-card[data-name={}] .main-svg"
CHARTS = ("portfolio-categories", "portfolio-trend", "portfolio-by_branch", "portfolio-by_product")


class Window:
    """A page, what it asked for and what it complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def open(self, search: str = "") -> Page:
        self.page.goto(PAGE + search)
        for chart in CHARTS:
            self.page.wait_for_selector(DRAWN.format(chart))
        self.page.wait_for_selector(".tile-figure")
        return self.page


@pytest.fixture(scope="module")
def window(browser: Browser, address: str, world: World) -> Iterator[Callable[..., Window]]:
    """Opens a window of the committee; windows of the same kind share what the browser keeps."""
    contexts: dict[str, BrowserContext] = {}

    def open_window(size: ViewportSize = DESKTOP, locale: str = "en-GB", kind: str = "") -> Window:
        name = f"{size} {locale} {kind}"
        if name not in contexts:
            session = session_of(world, "committee", address)
            contexts[name] = browser.new_context(base_url=address, viewport=size, locale=locale, storage_state=session)
        return Window(contexts[name])

    yield open_window
    for context in contexts.values():
        context.close()


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def colour(page: Page) -> str:
    return str(page.eval_on_selector(FIRST_BAR, "bar => getComputedStyle(bar).fill"))


@pytest.mark.parametrize(("size", "locale"), [(DESKTOP, "en-GB"), (PHONE, "zh-CN")], ids=["desktop", "phone"])
def test_all_is_drawn_without_complaint_from_this_server_alone(
    window: Callable[..., Window], address: str, size: ViewportSize, locale: str
):
    opened = window(size, locale=locale)
    page = opened.open()
    assert opened.complaints == []
    assert {host for host in opened.hosts if host} == {address.removeprefix("http://")}
    assert overflow(page) <= 0
    assert page.locator(".sidebar").count() == 1
    assert page.locator("iframe").count() == 0
    axis = page.locator(".chart-card[data-name=portfolio-trend] .xtick").first.text_content() or ""
    assert ("月" in axis) == (locale == "zh-CN")


def test_a_change_of_theme_recolours_the_charts_at_once(window: Callable[..., Window]):
    page = window().open()
    page.evaluate("document.querySelector('[data-theme-choice=light]').click()")
    light = colour(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("document.querySelector('[data-theme-choice=dark]').click()")
    page.wait_for_selector("html[data-mantine-color-scheme=dark]")
    assert colour(page) != light
    assert asked == []


def test_a_filter_goes_into_the_address_and_back_takes_it_out(window: Callable[..., Window]):
    opened = window()
    page = opened.open()
    assert page.locator(".tile-digits").nth(1).inner_text() == "12"
    page.click("#portfolio-branch")
    page.get_by_role("option", name="branch-B").click()
    page.wait_for_url("**/?branch=B")
    page.locator(".tile-digits", has_text="4").first.wait_for()
    page.reload()
    page.locator(".mantine-Pill-label", has_text="branch-B").wait_for()
    assert page.locator(".tile-digits").nth(1).inner_text() == "4"
    page.go_back()
    page.wait_for_url(f"**{PAGE}")
    page.locator(".tile-digits", has_text="12").first.wait_for()
    assert opened.complaints == []


def test_a_card_shows_its_rows_and_gives_them_away_as_they_are_filtered(window: Callable[..., Window]):
    page = window().open("?branch=A")
    card = page.locator(".chart-card[data-name=portfolio-by_branch]")
    assert not card.locator("table").is_visible()
    card.locator("[data-view=table]").click()
    assert card.locator("table").is_visible()
    assert not card.locator(".main-svg").first.is_visible()
    with page.expect_download() as download:
        card.locator("[data-csv]").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert "branch-A" in text
    assert "branch-B" not in text
    card.locator("[data-view=chart]").click()
    with page.expect_download() as download:
        card.locator("[data-png]").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_figure_leads_to_its_rows(window: Callable[..., Window]):
    page = window().open("?branch=B")
    page.locator(".tile", has_text="PAR 30").locator(".tile-figure").click()
    page.wait_for_load_state()
    assert "b1" in page.inner_text("main")
    assert "a1" not in page.inner_text("main")


def test_an_ended_session_is_told_on_the_page(window: Callable[..., Window]):
    page = window(kind="ends").open()
    page.context.clear_cookies(name="session")
    page.click("#portfolio-branch")
    page.get_by_role("option", name="branch-B").click()
    page.locator("#dashboard-alert", has_text="Your session has ended").wait_for()


def test_paper_is_light_and_the_screen_is_as_before_afterwards(window: Callable[..., Window]):
    page = window().open()
    page.evaluate("document.querySelector('[data-theme-choice=dark]').click()")
    dark = colour(page)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert colour(page) != dark
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert colour(page) == dark


CALLBACKS = re.compile("_dash-update-component")
#: Where the parts of a page begin and how high they are, from the top of the page.
PLACES = """() => [".filter-bar", ".answer", ".tiles", ".tile:last-child", ".chart-card", ".chart-card:last-child"]
    .map((selector) => document.querySelector(selector).getBoundingClientRect())
    .map((box) => [box.x, box.y + scrollY, box.width, box.height].map(Math.round))"""


def places(page: Page) -> Any:
    """Where they are once nothing has moved for a second and a half."""
    seen = [page.evaluate(PLACES)]
    while len(seen) < 6 or any(other != seen[-1] for other in seen[-6:]):
        page.wait_for_timeout(300)
        seen.append(page.evaluate(PLACES))
        assert len(seen) < 100, "the page never comes to rest"
    return seen[-1]


class Held:
    """Keeps figures and charts back until they are let go. The page and its filters come at once."""

    def __init__(self, page: Page) -> None:
        self.routes: list[Route] = []
        self.on = True
        page.route(CALLBACKS, self._came)

    def _came(self, route: Route) -> None:
        asked = str(route.request.post_data)
        if self.on and ("-tiles.children" in asked or "-rows.children" in asked):
            self.routes.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self.on = False
        for route in self.routes:
            route.continue_()
        self.routes.clear()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_figures_come_to_where_their_places_were_kept(
    window: Callable[..., Window], size: ViewportSize, locale: str
) -> None:
    page = window(size, locale, kind="held").page
    held = Held(page)
    page.goto(PAGE)
    expect(page.locator("#portfolio-tiles .skeleton-figure")).to_have_count(10)
    expect(page.locator(".chart-rows .skeleton-chart")).to_have_count(4)
    page.wait_for_selector("#portfolio-branch")
    kept = places(page)
    held.let_go()
    for chart in CHARTS:
        page.wait_for_selector(DRAWN.format(chart))
    expect(page.locator(".dashboard .skeleton")).to_have_count(0)
    assert places(page) == kept


def test_while_a_filter_is_at_work_the_old_figures_are_covered(window: Callable[..., Window]) -> None:
    page = window(kind="covered").open()
    before = page.evaluate(PLACES)
    held = Held(page)
    page.click("#portfolio-branch")
    page.get_by_role("option", name="branch-B").click()
    page.wait_for_url("**/?branch=B")
    page.wait_for_selector(".tiles[data-dash-is-loading=true]")
    picture = page.locator(".chart-card[data-name=portfolio-by_branch] .chart-picture")
    expect(picture).to_have_css("opacity", "0")
    expect(page.locator(".tile-digits").first).to_have_css("-webkit-text-fill-color", "rgba(0, 0, 0, 0)")
    assert page.evaluate(PLACES) == before
    held.let_go()
    expect(picture).to_have_css("opacity", "1")
    expect(page.locator(".tile-digits").nth(1)).to_have_text("4")


def test_who_wants_no_motion_gets_still_skeletons(window: Callable[..., Window]) -> None:
    page = window(kind="still").page
    page.emulate_media(reduced_motion="reduce")
    held = Held(page)
    page.goto(PAGE)
    skeleton = page.locator("#portfolio-tiles .skeleton-figure").first
    expect(skeleton).to_have_css("animation-name", "none")
    page.emulate_media(reduced_motion="no-preference")
    expect(skeleton).to_have_css("animation-name", "waiting")
    held.let_go()


def test_a_callback_that_is_refused_on_its_way_is_said_where_its_figures_were(window: Callable[..., Window]) -> None:
    page = window(kind="refused").open()
    refusal = '{"message": "You do not have permission for this", "reference": "ABCD1234"}'
    page.route(CALLBACKS, lambda route: route.fulfill(status=403, content_type="application/json", body=refusal))
    page.evaluate("history.pushState({}, '', '?branch=B'); dispatchEvent(new CustomEvent('_dashprivate_pushstate'))")
    for place in ("#portfolio-answer", "#portfolio-by_branch-rows", "#portfolio-trend-rows", "#dashboard-alert"):
        expect(page.locator(place)).to_contain_text("ABCD1234")
    expect(page.locator(".tile")).to_have_count(0)
    expect(page.locator(".chart-picture").first).to_be_hidden()
    expect(page.locator("[data-dash-is-loading=true]")).to_have_count(0)
