"""Lists, records and forms in a real browser: by keyboard alone, on a narrow phone, without script, offline."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

RARE = "㛃䶮𬭎 🍎 <script>alert(1)</script>"


def signed_in(browser: Browser, address: str, user: str = "branch_head", **kw: object) -> Page:
    context: BrowserContext = browser.new_context(base_url=address, locale="en-US", **kw)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/login/")
    sign_in(page, user)
    page.wait_for_selector(".app")
    return page


def sign_in(page: Page, user: str) -> None:
    page.fill("#username", user)
    page.fill("#password", PASSWORD)
    page.click("form[name=login] [type=submit]")


def name_of(world: World, code: str) -> str:
    with world.app.app_context(), acting(SYSTEM):
        return db.session.get_one(Customer, world.customers[code]).name


def tab_to(page: Page, selector: str, most: int = 300) -> None:
    """Press Tab until the focus is on what matches."""
    for _step in range(most):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is out of reach of the keyboard")


def test_by_keyboard_from_the_list_to_the_record_to_the_form_and_saved(
    world: World, browser: Browser, address: str
) -> None:
    page = signed_in(browser, address)
    page.goto("/customerview/list/?order=code&direction=asc")
    page.keyboard.press("/")
    page.keyboard.type("cust-A-a1")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=cust-A-a1**")
    expect(page.locator("tbody tr")).not_to_have_count(0)
    page.keyboard.press("j")  # to the first row
    page.wait_for_function("document.activeElement.closest('tbody tr')")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("cust-A-a1-0")
    page.wait_for_load_state()  # keys are heard once the scripts are there
    page.keyboard.press("]")
    expect(page.locator("h1")).to_have_text("cust-A-a1-1")
    page.wait_for_load_state()  # keys are heard once the scripts are there
    page.keyboard.press("[")
    expect(page.locator("h1")).to_have_text("cust-A-a1-0")
    page.wait_for_load_state()  # keys are heard once the scripts are there
    tab_to(page, "[role=tab]")
    page.keyboard.press("End")
    expect(page.locator("#panel-timeline .timeline")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    tab_to(page, "a.btn-primary[href*='/edit/']")
    page.keyboard.press("Enter")
    page.wait_for_selector(".record-form")
    tab_to(page, "#name")
    page.keyboard.press("Control+a")
    page.keyboard.type("by keyboard")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    tab_to(page, "[aria-labelledby^='industry-label'], #industry")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the remote select of the grid opens
    search = page.locator(".select2-search__field")
    expect(search).to_be_focused()
    search.press_sequentially("grid-A-a1-2")
    expect(page.locator(".select2-results__option--highlighted")).to_have_text("grid-A-a1-2")
    page.keyboard.press("Enter")
    tab_to(page, ".save-bar [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customerview/show/**")
    expect(page.locator("h1")).to_have_text("by keyboard")
    expect(page.locator(".fact dd", has_text="grid-A-a1-2")).to_be_visible()
    assert "list=CustomerView" in page.url  # still within the list one came from
    page.context.close()


def test_the_first_wrong_field_has_the_focus_and_what_was_typed_stays(browser: Browser, address: str) -> None:
    page = signed_in(browser, address)
    page.goto("/customerview/add")
    page.fill("#code", "C-1")
    page.fill("#name", "x" * 4000)
    page.click(".save-bar [type=submit]")
    expect(page.locator("#name")).to_be_focused()
    assert len(page.input_value("#name")) == 4000
    expect(page.locator("[data-error-summary] a[href='#name']")).to_be_visible()
    page.locator("[data-error-summary] a[href='#branch']").click()
    expect(page.locator("[aria-labelledby^='branch-label']")).to_be_focused()
    page.context.close()


def test_only_the_fields_of_the_chosen_group_are_shown_and_sent(browser: Browser, address: str) -> None:
    page = signed_in(browser, address)
    page.goto("/customerview/add")
    page.select_option("#type", "enterprise")
    expect(page.locator("#uscc")).to_be_visible()
    expect(page.locator("#resident_id")).to_be_hidden()
    page.fill("#uscc", "typed for nothing")
    page.select_option("#type", "farmer")
    expect(page.locator("#uscc")).to_be_hidden()
    expect(page.locator("#resident_id")).to_be_visible()
    assert page.locator("#uscc").is_disabled()
    page.context.close()


def test_leaving_with_unsaved_changes_asks(browser: Browser, address: str) -> None:
    page = signed_in(browser, address)
    page.goto("/customerview/add")
    page.fill("#name", "unsaved")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.click(".save-bar a")
    page.wait_for_function("() => true")
    assert asked == ["beforeunload"]
    assert page.input_value("#name") == "unsaved"
    page.context.close()


def test_a_broken_connection_is_told_and_what_was_typed_can_be_saved_later(
    world: World, browser: Browser, address: str
) -> None:
    page = signed_in(browser, address)
    page.goto(f"/customerview/edit/{world.customers['C-A-a2-0']}")
    page.fill("#name", "typed in a tunnel")
    page.context.set_offline(True)
    page.click(".save-bar [type=submit]")
    expect(page.locator("[data-save-problem]")).to_contain_text("The connection broke off.")
    assert page.input_value("#name") == "typed in a tunnel"
    page.context.set_offline(False)
    page.click(".save-bar [type=submit]")
    expect(page.locator("h1")).to_have_text("typed in a tunnel")
    assert name_of(world, "C-A-a2-0") == "typed in a tunnel"
    page.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_a_session_that_ends_while_typing_costs_nothing(
    world: World, browser: Browser, address: str, script: bool
) -> None:
    page = signed_in(browser, address, java_script_enabled=script)
    code = f"C-A-a1-{2 if script else 3}"
    page.goto(f"/customerview/edit/{world.customers[code]}")
    page.fill("#name", RARE)
    page.context.clear_cookies()
    page.click(".save-bar [type=submit]")
    page.wait_for_selector("#password")
    sign_in(page, "branch_head")
    if not script:
        page.click("#bring-back [type=submit]")
    page.wait_for_selector(".record-form")
    assert page.input_value("#name") == RARE
    assert name_of(world, code) != RARE
    page.click(".save-bar [type=submit]")
    expect(page.locator("h1")).to_have_text(RARE)
    assert name_of(world, code) == RARE
    page.context.close()


def test_without_script_a_form_is_filled_in_and_saved_and_a_record_shows_its_parts(
    world: World, browser: Browser, address: str
) -> None:
    page = signed_in(browser, address, java_script_enabled=False)
    page.goto("/customerview/list/")
    page.locator("tbody .row-link").first.click()
    expect(page.locator("#panel-timeline a")).to_be_visible()
    page.locator("#panel-timeline a").click()
    expect(page.locator("h1")).to_be_visible()
    page.goto(f"/customerview/edit/{world.customers['C-A-a2-2']}")
    page.fill("#name", "without script")
    page.select_option("#type", "individual")
    page.fill("#uscc", "91110000600037341L")
    page.click(".save-bar [type=submit]")
    expect(page.locator("#uscc-help")).to_contain_text("Leave this empty")
    page.fill("#uscc", "")
    page.click(".save-bar [type=submit]")
    expect(page.locator("h1")).to_have_text("without script")
    page.context.close()


@pytest.mark.parametrize("path", ["/customerview/list/", "/customerview/show/{}", "/customerview/edit/{}"])
def test_nothing_sticks_out_of_a_window_of_320_pixels(world: World, browser: Browser, address: str, path: str) -> None:
    page = signed_in(browser, address, viewport={"width": 320, "height": 640})
    page.goto(path.format(world.customers["C-A-a1-1"]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.context.close()


def test_a_phone_chooses_a_reference_by_touch(world: World, browser: Browser, address: str) -> None:
    page = signed_in(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto("/customerview/add")
    page.locator("[aria-labelledby^='branch-label']").tap()
    option = page.locator(".select2-results__option", has_text="branch-A1")
    option.tap()
    expect(page.locator("[aria-labelledby^='branch-label']")).to_contain_text("branch-A1")
    assert page.input_value("#branch") == str(world.branches["A1"])
    page.context.close()


def test_choosing_a_manager_brings_his_team_and_branch(world: World, browser: Browser, address: str) -> None:
    page = signed_in(browser, address)
    page.goto("/customerview/add")
    page.locator("[aria-labelledby^='manager-label']").click()
    page.locator(".select2-results__option", has_text="a1 (S-a1)").click()
    expect(page.locator("[aria-labelledby^='team-label']")).to_contain_text("team-TA")
    expect(page.locator("[aria-labelledby^='branch-label']")).to_contain_text("branch-A")
    page.locator("[aria-labelledby^='manager-label']").click()
    page.locator(".select2-results__option", has_text="approver (S-approver)").click()  # who is in no team
    expect(page.locator("[aria-labelledby^='team-label']")).not_to_contain_text("team-TA")
    assert [page.input_value(f"#{name}") for name in ("branch", "team")] == [str(world.branches["A"]), ""]
    page.context.close()
