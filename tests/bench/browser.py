"""What a real browser has to fetch and to wait for: bytes of a first and a later visit, time to the last chart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from dashboards.pages.portfolio import PORTFOLIO
from tests.bench.company import PASSWORD
from tests.bench.measuring import Figure
from tests.bench.serving import portal_of
from tests.browsers import CHROMIUM, DESKTOP
from tests.needs import chromium_path

DASHBOARD = f"/dashboards/{PORTFOLIO.key}/"
DRAWN = f":nth-match(.js-plotly-plot .main-svg:first-child, {len(PORTFOLIO.charts)})"
LATER = {"the list of customers": "/customerview/list/", "the home page": "/", "the dashboard again": DASHBOARD}


class Traffic:
    """What passes between a page and the network."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.received = 0.0
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.requestWillBeSent", self._asked)
        network.on("Network.loadingFinished", self._got)

    def _asked(self, event: Any) -> None:
        parts = urlsplit(event["request"]["url"])
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.netloc)

    def _got(self, event: Any) -> None:
        self.received += event["encodedDataLength"]  # as it came, compressed, with its headers; 0 from the cache

    def taken(self) -> float:
        """Kilobytes since it was asked last."""
        received, self.received = self.received, 0.0
        return received / 1000


def measure(url: str, folder: Path) -> list[Figure]:
    with portal_of(url, folder) as portal, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        with _signed_in(browser, portal.address) as page:
            bytes_, hosts = _bytes(page)
            waits = [_seconds_to_charts(page) for _time in range(7)]
        browser.close()
    strangers = hosts - {urlsplit(portal.address).netloc}
    return [
        *bytes_,
        Figure("Other hosts that were asked", len(strangers), "", 0, ", ".join(sorted(strangers))),
        Figure("Portfolio in Chromium, to the last chart, warm", statistics.median(waits), "s", 1.2),
    ]


@contextmanager
def _signed_in(browser: Browser, address: str) -> Iterator[Page]:
    """A window of the committee with an empty cache: signing in happened in another one."""
    asked = browser.new_context(base_url=address, locale="en")
    page = asked.new_page()
    page.goto("/login/")
    page.fill("input[name=username]", "bench_committee")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector(".user-menu")
    window = browser.new_context(base_url=address, locale="en", viewport=DESKTOP, storage_state=asked.storage_state())
    asked.close()
    yield window.new_page()
    window.close()


def _bytes(page: Page) -> tuple[list[Figure], set[str]]:
    traffic = Traffic(page)
    page.goto(DASHBOARD)
    page.wait_for_selector(DRAWN)
    page.wait_for_load_state("networkidle")
    found = [Figure("First visit, of the dashboard", traffic.taken(), "kB", 3000)]
    for name, path in LATER.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.goto(path)  # its own scripts and styles came with the first time
        page.wait_for_load_state("networkidle")
        traffic.taken()
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found.append(Figure(f"Later visit of {name}", traffic.taken(), "kB", 150))
    return found, traffic.hosts


def _seconds_to_charts(page: Page) -> float:
    page.goto("/")
    page.wait_for_load_state("networkidle")
    started = time.perf_counter()
    page.goto(DASHBOARD, wait_until="commit")
    page.wait_for_selector(DRAWN)
    return time.perf_counter() - started
