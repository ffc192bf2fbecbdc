"""A masked value in a real browser: asked for with a reason, shown for a minute, masked again; and without script."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from tests.needs import chromium_path
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
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


def signed_in(browser: Browser, address: str, **kw: object) -> Page:
    page = browser.new_context(base_url=address, locale="en-US", **kw).new_page()  # type: ignore[arg-type]
    page.goto("/login/")
    page.fill("#username", "a1")
    page.fill("#password", PASSWORD)
    page.click("form[name=login] [type=submit]")
    return page


def test_a_value_is_shown_for_a_reason_and_masked_again_after_a_minute(world: World, browser: Browser, address: str):
    page = signed_in(browser, address)
    page.clock.install()
    page.goto(f"/customerview/show/{world.customers['C-A-a1-0']}")
    phone = page.locator("[data-masked]").first
    expect(phone).to_contain_text("139****0000")
    phone.get_by_role("link").click()
    dialog = page.locator("#reveal[open]")
    expect(dialog).to_contain_text("Phone")
    dialog.get_by_label("Reason").select_option("other")
    dialog.get_by_role("button", name="Show the value").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Say what it is needed for.")
    dialog.get_by_label("Explanation").fill("to call back")
    dialog.get_by_role("button", name="Show the value").click()
    expect(phone).to_contain_text("13900000000")
    page.clock.run_for(30_000)
    expect(phone).to_contain_text("13900000000")
    page.clock.run_for(31_000)
    expect(phone).to_contain_text("139****0000")
    assert "13900000000" not in page.content()


def test_without_script_it_is_a_page(world: World, browser: Browser, address: str):
    page = signed_in(browser, address, java_script_enabled=False)
    page.goto(f"/customerview/show/{world.customers['C-A-a1-0']}")
    page.locator("[data-masked] a").first.click()
    page.get_by_label("Reason").select_option("contact")
    page.get_by_role("button", name="Show the value").click()
    expect(page.locator(".reveal-value")).to_have_text("13900000000")
