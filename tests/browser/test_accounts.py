"""Accounts in a real browser: locked out in words, a second factor set up and used, a session ended from elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from portal.core.accounts.second_factor import now
from tests.needs import chromium_path
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


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
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=QUIET)
        yield browser
        browser.close()


def visitor(chromium: Browser, address: str, **kw: object) -> tuple[Page, list[str]]:
    """A page of a fresh browser, and what its console complains about; refusals are named there too."""
    page = chromium.new_context(base_url=address, locale="en-US", **kw).new_page()  # type: ignore[arg-type]
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.goto("/login/")
    return page, said


def sign_in(page: Page, user: str, password: str = PASSWORD) -> None:
    page.fill("#username", user)
    page.fill("#password", password)
    page.click("form[name=login] [type=submit]")


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(int(now().timestamp()) // 30 + steps)


def test_locked_out_in_words_and_unlocked_by_the_administrator(chromium: Browser, address: str, world: World) -> None:
    page, _said = visitor(chromium, address)
    for _attempt in range(5):
        sign_in(page, "collections", "wrong")
    expect(page.locator(".notice")).to_contain_text("Try again in 1 minute.")
    sign_in(page, "collections")
    expect(page.locator(".notice")).to_contain_text("Too many attempts. Try again in")
    office, said = visitor(chromium, address)
    sign_in(office, "administrator")
    office.goto("/userview/list/?q=collections")
    office.click("tbody .row-link")
    office.get_by_role("link", name="Sign-in and security").click()
    office.get_by_role("button", name="Unlock").click()
    expect(office.locator(".notice-ok")).to_contain_text("can try again")
    sign_in(page, "collections")
    expect(page.locator(".app")).to_be_visible()
    assert said == []
    page.context.close()
    office.context.close()


def test_a_second_factor_set_up_and_asked_for(chromium: Browser, address: str) -> None:
    page, said = visitor(chromium, address)
    sign_in(page, "compliance")
    page.click(".user-menu summary")
    page.get_by_role("link", name="Sign-in and security").click()
    page.get_by_role("link", name="Set up").click()
    expect(page.locator(".qr svg")).to_be_visible()
    assert page.locator(".qr svg").bounding_box()["width"] > 150  # type: ignore[index]
    secret = page.locator(".secret").inner_text()
    page.fill("#code", "000000")
    page.get_by_role("button", name="Take into use").click()
    expect(page.locator(".field-errors")).to_contain_text("does not fit")
    assert page.locator(".secret").inner_text() == secret, "the phone that scanned it need not scan again"
    page.fill("#code", code_of(secret, -1))
    page.get_by_role("button", name="Take into use").click()
    expect(page.locator("[data-recovery-codes] li")).to_have_count(10)
    recovery = page.locator("[data-recovery-codes] li").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("#head-factor")).to_contain_text("On")

    phone, phone_said = visitor(chromium, address, viewport={"width": 390, "height": 844})
    phone.goto("/login/?next=/loanview/list/")
    sign_in(phone, "compliance")
    expect(phone.locator("h1")).to_have_text("Second factor")
    expect(phone.locator("#code")).to_be_focused()
    code = code_of(secret)
    phone.fill("#code", code)
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/loanview/list/")

    again, _ = visitor(chromium, address)
    sign_in(again, "compliance")
    again.fill("#code", code)
    again.keyboard.press("Enter")
    expect(again.locator(".field-errors")).to_contain_text("used already")
    again.fill("#code", recovery)
    again.keyboard.press("Enter")
    expect(again.locator(".app")).to_be_visible()
    assert [line for line in said if "422" not in line] == []
    assert phone_said == []
    for one in (page, phone, again):
        one.context.close()


def test_a_session_is_ended_from_another_device(chromium: Browser, address: str) -> None:
    desk, said = visitor(chromium, address)
    lost, _ = visitor(chromium, address, viewport={"width": 390, "height": 844})
    for page in (desk, lost):
        sign_in(page, "team_lead")
        page.wait_for_selector(".app")
    desk.goto("/account/")
    sessions = desk.locator("section", has=desk.locator("#head-sessions")).locator("li")
    expect(sessions).to_have_count(2)
    expect(sessions.filter(has_text="This session")).to_have_count(1)
    sessions.filter(has_not_text="This session").get_by_role("button", name="End").click()
    expect(desk.locator(".notice-ok")).to_contain_text("Sessions ended: 1.")
    expect(sessions).to_have_count(1)
    lost.goto("/customerview/list/")
    lost.wait_for_url("**/login/**")
    expect(lost.locator(".notice")).to_contain_text("ended from another device")
    sign_in(lost, "team_lead")
    lost.wait_for_url("**/customerview/list/")
    assert said == []
    desk.context.close()
    lost.context.close()
