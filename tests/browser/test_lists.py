"""Lists in a real browser: keys, counts on demand, columns, small windows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browsers import DESKTOP

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]


def focused_row(page: Page) -> int:
    return page.evaluate(
        "Array.from(document.querySelectorAll('tbody tr')).findIndex((r) => r.contains(document.activeElement))"
    )


def test_keys_move_through_the_rows_and_open_one(open_at: Callable[..., Page]):
    page = open_at(DESKTOP, "/loanview/list/")
    for key, row in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        assert focused_row(page) == row
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert focused_row(page) == 0
    page.keyboard.press("Enter")
    page.wait_for_url("**/loanview/show/*")


def test_keys_do_nothing_while_one_types(open_at: Callable[..., Page]):
    page = open_at(DESKTOP, "/loanview/list/")
    page.keyboard.press("/")
    page.keyboard.type("jkx?/")
    assert page.input_value("[data-quick-search]") == "jkx?/"
    expect(page.locator("#keys")).to_be_hidden()


def test_counts_are_asked_for_when_a_section_is_opened_and_not_before(open_at: Callable[..., Page]):
    page = open_at(DESKTOP, "/loanview/list/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/counts/" in request.url else None)
    page.click("[data-dialog=filters]")
    expect(page.locator("#filters")).to_be_visible()
    assert asked == []
    section = page.locator(".filter-section").first
    section.locator("summary").click()
    expect(section.locator("[data-count=active]")).to_have_text("8")
    section.locator("[value=active]").check()
    page.click(".drawer-foot [type=submit]")
    page.wait_for_url("**/loanview/list/?f.status.in=active")
    assert len(asked) == 1


def test_an_arrow_moves_a_column_and_saving_keeps_it(open_at: Callable[..., Page]):
    page = open_at(DESKTOP, "/loanview/list/")
    page.click(".columns-menu summary")
    page.click("[name=move][value='up:customer']")
    page.click(".columns-foot .btn-primary")
    page.wait_for_load_state()
    assert page.get_attribute("thead th >> nth=0", "data-column") == "customer"
    page.click(".columns-menu summary")
    page.click("[name=reset]")
    page.wait_for_load_state()
    assert page.get_attribute("thead th >> nth=0", "data-column") == "code"


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_chooses_what_its_cards_show(open_at: Callable[..., Page], width: int):
    page = open_at({"width": width, "height": 844}, "/loanview/list/")
    page.click(".columns-menu summary")
    panel = page.locator(".columns-menu .menu-panel").bounding_box()
    assert panel
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= width
    expect(page.locator(".columns-menu .density")).to_be_hidden()
    page.uncheck(".column-list [type=checkbox][value=product]")
    page.check(".column-list [type=checkbox][value=purpose]")
    page.click(".columns-foot .btn-primary")
    page.wait_for_load_state()
    card = page.locator("tbody tr").first
    expect(card.locator("[data-column=purpose]")).to_be_visible()
    expect(card.locator("[data-column=product]")).to_have_count(0)
    page.click(".columns-menu summary")
    page.click("[name=reset]")
    page.wait_for_load_state()
    expect(card.locator("[data-column=product]")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1366])
def test_no_list_scrolls_sideways(open_at: Callable[..., Page], width: int):
    size: ViewportSize = {"width": width, "height": 768}
    for path in ("/loanview/list/?f.status.in=active&f.principal.ge=5", "/customerview/list/", "/loanstateview/list/"):
        page = open_at(size, path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if width == 1366:
            foot = page.locator(".listing-foot").bounding_box()
            assert foot
            assert foot["y"] + foot["height"] <= 768


def test_without_javascript_the_drawer_filters(open_at: Callable[..., Page]):
    page = open_at(DESKTOP, "/loanview/list/?q=LOAN", java_script_enabled=False)
    page.click("[data-dialog=filters]")
    page.click(".filter-section summary")
    page.check(".filter-section [value=active]")
    page.check(".filter-section [value=settled]")
    page.click(".drawer-foot [type=submit]")
    assert page.locator("tbody tr").count() == 8
    assert page.locator(".quick-chip[aria-current]").count() == 2
