"""The import centre in a real browser: a file on its way, with the work in the background done beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.core import jobs
from portal.core.scope import SYSTEM, acting
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]

FILE = "Customer code,Name,Customer group,Branch\nN-1,Anna,farmer,A\nN-2,Berta,farmer,B\n"


@pytest.fixture
def page(browser: Browser, address: str) -> Page:
    """Logged in as finance officer, in English."""
    page = browser.new_context(base_url=address, locale="en-US").new_page()
    page.goto("/login/")
    page.fill("#username", "finance")
    page.fill("#password", PASSWORD)
    page.click("form[name=login] [type=submit]")
    page.wait_for_selector(".app")
    return page


def work(world: World) -> None:
    """What the worker does, once."""
    with world.app.app_context(), acting(SYSTEM):
        for job_id in jobs.due():
            jobs.run(job_id)


def test_a_file_is_uploaded_checked_imported_and_taken_back(world: World, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(FILE)
    page.goto("/imports/new")
    page.check("[name=kind][value=opening-positions]")
    expect(page.locator("#cut_over")).to_be_visible()
    page.check("[name=kind][value=customers]")
    expect(page.locator("#cut_over")).to_be_hidden()
    page.set_input_files("#file", file)
    page.click(".save-bar [type=submit]")
    expect(page.locator("[data-job]")).to_be_visible()
    work(world)
    page.get_by_role("button", name="Import 2 rows").click()  # the page found by itself that the check is done
    expect(page.locator("[data-job] progress")).to_be_visible()
    work(world)
    expect(page.locator(".notice-ok")).to_have_text("The file was imported.")
    page.get_by_role("button", name="Undo the import").click()
    page.click("[data-confirm-ok]")
    expect(page.locator("[data-job]")).to_contain_text("The import is being undone.")
    work(world)
    expect(page.locator(".notice-info")).to_have_text("This import was undone.")
