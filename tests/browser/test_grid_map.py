"""The map of grids in a real browser: drawn without WebGL under the policy, chosen by keyboard, in both themes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browsers import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

READY = ".map-canvas:not([aria-busy]) canvas"
#: How many different colours are painted.
COLOURS = """() => {
    const seen = new Set();
    document.querySelectorAll(".map-canvas canvas").forEach((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let n = 0; n < data.length; n += 4) if (data[n + 3] === 255) seen.add(data.slice(n, n + 3).join());
    });
    return [...seen];
}"""


@pytest.fixture
def drawn(open_at: Callable[..., Page]) -> Iterator[Callable[..., Page]]:
    """Opens the map and waits for it; nothing may have gone wrong in the page."""
    wrong: list[str] = []

    def open_map(size: Any, search: str = "", **options: Any) -> Page:
        page = open_at(size, "/", **options)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto("/grids/map/" + search)
        page.wait_for_selector(READY)
        return page

    yield open_map
    assert wrong == []


def painted(page: Page) -> set[str]:
    return set(page.evaluate(COLOURS))


def soon(page: Page, done: Callable[[], bool]) -> None:
    """Lets the browser paint until it is so; the policy forbids what Playwright's own waiting needs."""
    for _frame in range(120):
        if done():
            return
        page.evaluate("new Promise(requestAnimationFrame)")
    pytest.fail("it never came")


def rgb(page: Page, token: str) -> str:
    text = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{token}').trim()")
    return ",".join(str(int(text[n : n + 2], 16)) for n in (1, 3, 5))


def test_cells_are_painted_in_the_colours_of_the_theme_and_of_the_measure(drawn: Callable[..., Page]) -> None:
    page = drawn(DESKTOP, "?by=potential", color_scheme="light")
    light = rgb(page, "sequence-6")
    assert light in painted(page)
    page.click("[data-measure=manager]")
    assert page.locator(".map-legend h2").inner_text() == "客户经理"
    soon(page, lambda: light not in painted(page))
    assert page.url.endswith("by=manager")
    page.click("[data-measure=potential]")
    page.click(".theme-menu summary")
    page.click("[data-theme-choice=dark]")
    dark = rgb(page, "sequence-6")
    assert dark != light
    soon(page, lambda: dark in painted(page))


def test_keys_go_from_grid_to_grid_and_enter_opens_the_record(drawn: Callable[..., Page]) -> None:
    page = drawn(DESKTOP)
    page.focus(".map-canvas")
    page.keyboard.press("ArrowRight")
    first = page.locator(".map-facts h2").inner_text()
    page.keyboard.press("ArrowRight")
    second = page.locator(".map-facts h2").inner_text()
    assert first != second
    assert second.startswith("grid-A-")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".map-facts h2").inner_text() == first
    chosen = page.evaluate("new URL(location).searchParams.get('grid')")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/gridview/show/{chosen}")


def test_a_grid_chosen_in_the_address_is_told_of_at_once_and_escape_lets_go(drawn: Callable[..., Page]) -> None:
    page = drawn(PHONE, "?grid=2")
    assert page.locator(".map-facts h2").inner_text() == "grid-A-a1-1"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.focus(".map-canvas")
    page.keyboard.press("Escape")
    assert "grid=" not in page.url
    assert page.locator(".map-facts h2").count() == 0
