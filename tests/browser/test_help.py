"""The help panel and the tour in a real browser: by keyboard, once, and gone with Escape."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.tour import TourSeen
from tests.browser.walk import Stop, Variant, Walker
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]


@pytest.fixture
def walker(world: World, browser: Browser, address: str) -> Iterator[Walker]:
    walker = Walker(browser, world.app, address, Variant("en", "light"))
    yield walker
    walker.close()


def visit(walker: Walker, path: str) -> Page:
    return walker.visit(Stop("any", path, "risk"))


def test_the_panel_opens_by_keyboard_and_gives_the_focus_back(walker: Walker) -> None:
    page = visit(walker, "/loanstateview/list/")
    page.focus("[data-help]")
    page.keyboard.press("Enter")
    expect(page.locator("#help")).to_contain_text("Days since the oldest instalment")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('[data-help]')")
    assert page.url.endswith("/loanstateview/list/")


def test_the_tour_is_walked_to_its_end_and_does_not_come_back(world: World, walker: Walker) -> None:
    visit(walker, "/")  # who walks the screens has seen it
    with world.app.app_context(), acting(SYSTEM):
        db.session.query(TourSeen).delete()
        db.session.commit()
    page = visit(walker, "/")
    tour = page.locator("#tour")
    for number in range(1, 5):
        expect(tour).to_contain_text(f"{number} / 5")
        assert page.locator(".tour-target").count() == 1
        page.get_by_role("button", name="Next").click()
    with page.expect_response("**/help/tour/seen") as answer:
        page.get_by_role("button", name="Done").click()
    assert answer.value.status == 204
    expect(tour).to_be_hidden()
    assert visit(walker, "/").locator("#tour").count() == 0


def test_escape_skips_the_tour_that_was_asked_for_again(walker: Walker) -> None:
    page = visit(walker, "/?tour=1")
    expect(page.locator("#tour")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    assert walker.complaints() == []
