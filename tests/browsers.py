"""Fixtures: a real browser, and the small company of world.py served to it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from tests.needs import chromium_path
from tests.world import World

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The portal on a free port, in a thread; its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else a line for each request
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """Where the small company is served."""
    with served(world.app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        yield browser
        browser.close()


def session_of(world: World, login: str, address: str) -> StorageState:
    """What a browser keeps of somebody who has logged in."""
    cookie = world.login(login).get_cookie("session")
    assert cookie is not None
    host = address.removeprefix("http://").partition(":")[0]
    kept = {"name": "session", "value": cookie.value, "domain": host, "path": "/", "expires": -1}
    return {"cookies": [{**kept, "httpOnly": True, "secure": False, "sameSite": "Lax"}], "origins": []}  # type: ignore[typeddict-item]


@pytest.fixture
def open_at(browser: Browser, address: str, world: World) -> Iterator[Callable[..., Page]]:
    """Opens a page in a window of this size, as the head of branch A."""
    contexts: list[BrowserContext] = []
    session = session_of(world, "branch_head", address)

    def open_page(size: ViewportSize, path: str, **options: Any) -> Page:
        phone = size is PHONE
        options |= {"viewport": size, "is_mobile": phone, "has_touch": phone, "storage_state": session}
        contexts.append(browser.new_context(base_url=address, locale="zh-CN", **options))
        page = contexts[-1].new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
