"""The portal seen as somebody else, in a real browser: begun on his page, under a banner, refused, stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_roles import sign_in
from tests.browsers import PHONE
from tests.contracts.test_no_leak import seen
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

BANNER = "[data-viewing]"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """An administrator, signed in."""
    context = browser.new_context(base_url=address, locale="zh-CN")
    opened = context.new_page()
    sign_in(opened, "administrator")
    yield opened
    context.close()


def test_an_administrator_sees_what_a_customer_manager_sees_and_can_do_nothing(world: World, page: Page) -> None:
    page.goto("/userview/list/")
    page.locator("tbody tr", has_text="a1").locator(".row-link").first.click()
    page.get_by_role("link", name="以此身份查看").click()
    expect(page.locator("main")).to_contain_text("30 分钟后自动结束")
    page.fill("#reason", "客户经理看不到自己的客户")
    page.get_by_role("button", name="开始查看").click()
    expect(page.locator(BANNER)).to_contain_text("您正在以 a1 (a1) 的身份查看系统")

    page.goto("/customerview/list/")
    assert seen(page.content()) == {"a1"}
    expect(page.locator(BANNER)).to_be_visible()
    page.goto("/dashboards/portfolio/")
    expect(page.locator(BANNER)).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".tile-value, .tile").first).to_be_visible()
    expect(page.locator("#dashboard-alert")).to_be_hidden()

    page.goto(f"/customerview/show/{world.customers['C-A-a1-0']}")
    page.locator(".page-head").get_by_role("link", name="编辑").click()
    expect(page.locator("main")).to_contain_text("只能浏览")
    expect(page.locator(BANNER)).to_be_visible()

    page.get_by_role("button", name="停止查看").click()
    expect(page.locator(BANNER)).to_have_count(0)
    expect(page.locator("main")).to_contain_text("您已恢复本人身份")
    assert page.request.get("/customerview/list/").status == 403


def test_the_banner_fits_a_phone_and_stays_while_scrolling(world: World, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/roles/role/branch_head")
    page.get_by_role("link", name="以此身份查看").click()
    page.select_option("#place", f"b{world.branches['A']}")
    page.fill("#reason", "支行长能看到什么")
    page.get_by_role("button", name="开始查看").click()
    page.goto("/customerview/list/")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.mouse.wheel(0, 900)
    box = page.locator(BANNER).bounding_box()
    assert box is not None
    assert box["y"] == 0
    stop = page.get_by_role("button", name="停止查看").bounding_box()
    assert stop is not None
    assert stop["x"] + stop["width"] <= PHONE["width"]
    page.get_by_role("button", name="停止查看").click()
    expect(page.locator(BANNER)).to_have_count(0)
