"""The portfolio dashboard in a real browser: drawn from this server alone, narrowed by its address, in both themes."""

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from tests.dashboards.visitor import PAGE
from tests.needs import chromium_path
from tests.world import World

#: Looks do not depend on the database engine.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

DESKTOP: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

FIRST_BAR = ".chart-card[data-name=portfolio-by_branch] .bars .point path"
DRAWN = ".chart-card[data-name={}] .main-svg"
CHARTS = ("portfolio-categories", "portfolio-trend", "portfolio-by_branch", "portfolio-by_product")


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """The portal, served in a thread."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=QUIET)
        yield browser
        browser.close()


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
            session = world.login("committee").get_cookie("session")
            assert session is not None
            contexts[name] = browser.new_context(base_url=address, viewport=size, locale=locale)
            contexts[name].add_cookies([{"name": "session", "value": session.value, "url": address}])
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
