"""A role made without code, in a real browser: made, approved, given to somebody, and what that person is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.core.scope import SYSTEM, acting
from portal.organization import users
from tests.browsers import PHONE
from tests.contracts.test_no_leak import seen
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

NUMBER = "139"
"""How every phone of the company begins."""


@pytest.fixture
def pages(world: World, browser: Browser, address: str) -> Iterator[dict[str, Page]]:
    """Signed in: who makes the role, who decides, and who is given it (anew for each login)."""
    opened = {}
    for login in ("administrator", "compliance", "a1"):
        context = browser.new_context(base_url=address, locale="zh-CN")
        page = opened[login] = context.new_page()
        sign_in(page, login)
    yield opened
    with world.app.app_context(), acting(SYSTEM):
        users.set_roles("a1", ["customer_manager"])


def sign_in(page: Page, login: str) -> None:
    page.goto("/login/")
    page.fill("#username", login)
    page.fill("#password", PASSWORD)
    page.click("form[name=login] [type=submit]")
    page.wait_for_selector(".app")


def make(page: Page) -> str:
    """From the list of roles to the proposal: nine actions, no page left in between. The proposal's address."""
    page.goto("/roles/")
    page.get_by_role("link", name="新建角色").click()
    page.fill("#label", "催收外包")
    page.select_option("#based_on", "collections")
    page.select_option("#most", "self")
    page.check("[name=hide][value='Customer.phone']")
    page.get_by_role("button", name="继续").click()
    expect(page.locator("[data-role-panel]")).to_contain_text("目前没有人持有该角色")
    expect(page.locator(".role-told")).to_contain_text("电话: 隐藏")
    page.fill("#reason", "外部催收公司协助催收")
    page.get_by_role("button", name="提交审批").click()
    page.wait_for_url("**/changes/*")
    return page.url


def test_a_role_is_made_approved_given_and_shows_only_what_it_should(
    world: World, address: str, pages: dict[str, Page]
) -> None:
    where = make(pages["administrator"])
    expect(pages["administrator"].get_by_role("button", name="批准")).to_have_count(0)

    deciding = pages["compliance"]
    deciding.goto("/?all=1")
    expect(deciding.locator("main")).to_contain_text("催收外包")
    deciding.goto(where)
    deciding.get_by_role("button", name="批准").click()
    expect(deciding.locator("main")).to_contain_text("生效")

    giving = pages["administrator"]
    giving.goto("/roles/role/cuishouwaibao")
    giving.get_by_role("link", name="分配给人员").click()
    giving.locator("tbody tr", has_text="a1").locator(".row-link").first.click()
    giving.locator(".page-head").get_by_role("link", name="角色").click()
    giving.uncheck("[name=role][value=customer_manager]")
    giving.check("[name=role][value=cuishouwaibao]")
    giving.get_by_role("button", name="保存").click()
    expect(giving.locator("main")).to_contain_text("催收外包")

    page = pages["a1"]
    own = world.customers["C-A-a1-0"]
    for path in (
        "/customerview/list/",
        f"/customerview/show/{own}",
        "/loanview/list/",
        "/instalmentview/list/",
    ):
        page.goto(path)
        text = page.content()
        assert seen(text) == {"a1"}, path
        assert NUMBER not in page.inner_text("main"), path
        assert "电话" not in page.inner_text("main"), path
    for path in ("/customerview/export/csv", "/api/v1/customer/", f"/api/v1/customer/{own}", "/api/v1/loan/"):
        answer = page.request.get(path)
        assert answer.ok, path
        assert seen(answer.text()) == {"a1"}, path
        assert "电话" not in answer.text(), path
        assert '"phone"' not in answer.text(), path
    assert page.request.get(f"/customerview/show/{world.customers['C-A-a2-0']}").status == 404

    token = page.request.post(
        "/api/v1/security/login", data={"username": "a1", "password": PASSWORD, "provider": "db"}
    ).json()["access_token"]
    rest = page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=address, extra_http_headers={"Authorization": f"Bearer {token}"}
    )
    text = rest.request.get("/api/v1/customer/").text()
    assert seen(text) == {"a1"}
    assert '"phone"' not in text


def test_the_form_fits_a_phone_and_the_rights_unfold(pages: dict[str, Page]) -> None:
    page = pages["administrator"]
    page.set_viewport_size(PHONE)
    page.goto("/roles/new?label=x&based_on=collections&most=self")
    expect(page.locator(".role-matrix")).to_be_hidden()
    page.get_by_text("逐项调整权限和字段").click()
    page.select_option("[name='g.Customer.export']", "none")
    expect(page.locator("[data-role-panel]")).to_contain_text("导出")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
