"""The frame and the record screens in a real browser: sizes, themes, drawer, selection, unsaved work."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, ViewportSize

from tests.browsers import DESKTOP, PHONE

#: Looks do not depend on the database engine.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

SCREENS = ("/", "/customerview/list/", "/loanview/list/", "/loanview/show/1", "/customerview/add", "/nowhere")

#: Whatever is pressed and smaller than a finger, but checkboxes, whose label or cell is the target.
SMALL_TARGETS = """() => Array.from(document.querySelectorAll("button, summary, .btn, input, select"))
    .filter((element) => element.checkVisibility() && !["hidden", "checkbox"].includes(element.type))
    .map((element) => [element.className, element.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && (box.height < 43.5 || box.width < 43.5))
    .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1366", "390"])
def test_no_page_scrolls_sideways(open_at: Callable[..., Page], size: ViewportSize) -> None:
    page = open_at(size, "/")
    for path in SCREENS:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_on_a_phone_everything_to_press_is_large_enough(open_at: Callable[..., Page]) -> None:
    page = open_at(PHONE, "/")
    for path in SCREENS:
        page.goto(path)
        assert page.evaluate(SMALL_TARGETS) == [], path


def test_a_list_on_a_laptop_keeps_head_and_pages_in_sight(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/loanview/list/")
    foot = page.locator(".listing-foot").bounding_box()
    assert foot
    assert foot["y"] + foot["height"] <= DESKTOP["height"]
    page.locator(".table-scroll").evaluate("(region) => region.scrollTo(0, 400)")
    head = page.locator("thead th").first.bounding_box()
    region = page.locator(".table-scroll").bounding_box()
    assert head
    assert region
    assert abs(head["y"] - region["y"]) < 2


def test_the_theme_is_kept_and_the_system_is_followed_until_then(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click(".theme-menu summary")
    page.click("[data-theme-choice=light]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(ground) != dark


def test_switching_the_language_stays_on_the_page(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/loanview/list/?q=LOAN&order=code&direction=asc")
    with page.expect_navigation():
        page.click("[data-language=en]")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.url.endswith("/loanview/list/?q=LOAN&order=code&direction=asc")


def test_the_filter_drawer_writes_a_short_address(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/loanview/list/")
    page.click("[data-dialog=filters]")
    page.fill("[name='f.principal.ge']", "100")
    page.click(".filter-section:has([data-joined='f.status.in']) summary")
    page.check("[data-joined='f.status.in'] [value=active]")
    page.check("[data-joined='f.status.in'] [value=settled]")
    with page.expect_navigation():
        page.click(".drawer-foot [type=submit]")
    assert page.url.split("?")[1] == "f.principal.ge=100&f.status.in=active%2Csettled"
    assert page.locator(".filter-chip").count() == 1
    assert page.locator(".quick-chip[aria-current]").count() == 2


def test_a_tab_opens_by_keyboard_and_is_kept_in_the_address(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/loanview/show/1")
    page.focus("#tab-details")
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#tab-InstalmentView")
    page.reload()
    assert page.is_visible("#panel-InstalmentView")
    assert page.is_hidden("#panel-details")


def test_leaving_unsaved_work_is_asked_first(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/customerview/add")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.fill("#name", "typed")
    assert page.is_visible("[data-unsaved]")
    page.click(".brand")
    page.wait_for_selector(".home-cards")
    assert asked == ["beforeunload"]


def test_deleting_asks_and_no_means_no(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/loanview/show/1")
    page.evaluate("""() => {
        const form = document.createElement("form");
        form.innerHTML = '<button data-confirm="Really?" data-danger>Go</button>';
        form.addEventListener("submit", (event) => { event.preventDefault(); window.sent = (window.sent || 0) + 1; });
        document.querySelector("main").append(form);
    }""")
    page.click("[data-confirm]")
    page.keyboard.press("Escape")
    assert page.evaluate("window.sent || 0") == 0
    page.click("[data-confirm]")
    page.click("[data-confirm-ok]")
    page.wait_for_function("window.sent === 1")


def test_any_screen_of_the_menu_is_a_few_keys_away(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("repaymentview")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/repaymentview/list/" in page.url


def test_a_record_is_found_and_opened_without_the_mouse(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/")
    page.keyboard.press("Control+k")
    page.keyboard.type("cust-A-a2")
    page.wait_for_selector(".palette-option mark")
    chosen = page.locator("[role=option][aria-selected=true]")
    first = page.get_attribute("#palette-input", "aria-activedescendant")
    assert chosen.get_attribute("id") == first
    page.keyboard.press("ArrowDown")
    assert chosen.get_attribute("id") != first
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/customerview/show/" in page.url
    page.keyboard.press("Control+k")
    page.keyboard.type("cust")
    page.wait_for_selector(".palette-option mark")
    page.keyboard.press("Escape")
    assert page.is_hidden("#palette")


def test_on_a_phone_the_search_fills_the_screen(open_at: Callable[..., Page]) -> None:
    page = open_at(PHONE, "/")
    page.click("[data-palette-open]")
    page.fill("#palette-input", "cust")
    page.wait_for_selector(".palette-option mark")
    box = page.locator("#palette").bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"]) == (0, 0, PHONE["width"])
    assert box["height"] >= PHONE["height"] - 1
    assert page.evaluate(SMALL_TARGETS) == []


def test_cards_that_add_up_come_after_the_page(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/")
    page.wait_for_selector("[data-card] .home-figure-value")
    page.wait_for_selector("[aria-busy=true]", state="detached")


def test_the_bell_opens_and_says_that_nothing_was_reported(open_at: Callable[..., Page]) -> None:
    page = open_at(DESKTOP, "/")
    assert page.is_hidden(".bell-count")
    page.click(".bell summary")
    page.wait_for_selector(".bell-none")
