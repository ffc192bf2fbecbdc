"""A new committee member asks why NPL rose, in a real browser, on the demo company: three clicks to the loans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from config import Settings
from portal import create_app
from portal.core.clock import business_date, month_end
from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, acting
from seed.organisation_loading import PASSWORD
from tests.browsers import DESKTOP, served

# What is asked does not depend on the database engine.
pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")]


@pytest.fixture(scope="module")
def demo(demo_url: str, settings: Callable[[str], Settings]) -> Iterator[Flask]:
    app = create_app(settings(demo_url))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def page(browser: Browser, demo: Flask) -> Iterator[Page]:
    """The committee, logged in as somebody would."""
    with served(demo) as address:
        context = browser.new_context(base_url=address, viewport=DESKTOP, locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto("/login/")
        page.fill("#username", "committee")
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(re.compile(r"^(?!.*login)"))
        yield page
        context.close()


def risen(app: Flask) -> date:
    """The last month-end at which the NPL balance was greater than at the one before."""
    with app.app_context(), acting(SYSTEM):
        day = month_end(business_date()).replace(day=1) - timedelta(days=1)
        while True:
            before = day.replace(day=1) - timedelta(days=1)
            now, then = (evaluate(["npl_balance"], as_of=on).total["npl_balance"] for on in (day, before))
            if int(now or 0) > int(then or 0) > 0:
                return day
            day = before


def test_why_npl_rose_is_answered_in_three_clicks(page: Page, demo: Flask) -> None:
    page.goto(f"/dashboards/portfolio/?as_of={risen(demo)}")
    tile = page.locator(".tile", has_text="NPL ratio")
    tile.get_by_role("link", name="Why NPL ratio changed").click()

    expect(page.locator("#changed-answer")).to_contain_text("NPL balance rose by", timeout=60_000)
    cause = re.search(r"the largest cause: ([^,]+),", page.locator("#changed-answer").inner_text())
    assert cause is not None, "the sentence says what made most of it"
    card = page.locator(".chart-card[data-name=changed-npl]")
    card.locator("[data-view=table]").click()

    line = card.locator("tbody tr", has_text=cause[1])
    loans = int(line.locator("td").nth(1).inner_text().replace(",", ""))
    line.locator("td a").first.click()

    page.wait_for_load_state()
    rows = page.locator("main table tbody tr")
    assert rows.count() == min(loans, 25) > 0
