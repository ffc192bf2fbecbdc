"""Every answer carries its headers; every page runs scripts by nonce only; cookies are closed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from config import Settings
from portal import create_app
from portal.core.headers import ALWAYS
from tests.contracts.test_routes_and_roles import url_of
from tests.world import World

#: Headers do not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

INLINE = {"SwaggerView.show", "ReportView.page"}
"""Pages whose styles stand in the document or are written by scripts; all others take styles by nonce only."""


def answers(world: World) -> Iterator[tuple[str, TestResponse]]:
    """Every address that reads, as somebody who may do much, as somebody who may not, and as nobody; and what fails."""
    clients = (world.login("committee"), world.login("administrator"), world.login("hr"), world.app.test_client())
    for client in clients:
        for rule in world.app.url_map.iter_rules():
            if "GET" in (rule.methods or set()) and rule.endpoint != "AuthDBView.logout":
                response = client.get(url_of(rule))
                yield rule.endpoint, response
                response.close()
        for path in ("/nothing/here", "/loanview/show/x", "/api/v1/loan/0"):
            yield "", client.get(path)
        yield "", client.post("/customerview/delete/1")
        yield "", client.put("/login/")


def directive(policy: str, name: str) -> str:
    return next(part.strip() for part in policy.split(";") if part.strip().startswith(name + " "))


def test_every_answer_carries_the_headers_and_every_page_runs_scripts_by_nonce_only(world: World):
    seen = pages = 0
    for endpoint, response in answers(world):
        seen += 1
        for name in ALWAYS:
            assert response.headers.get(name), (endpoint, name)
        policy = response.headers["Content-Security-Policy"]
        scripts, styles = directive(policy, "script-src"), directive(policy, "style-src")
        assert "unsafe" not in scripts and "nonce-" in scripts, endpoint
        assert "object-src 'none'" in policy and "base-uri 'self'" in policy and "frame-ancestors 'self'" in policy
        if response.mimetype != "text/html":
            continue
        pages += 1
        text = response.get_data(as_text=True)
        nonce = re.search(r"'nonce-([^']+)'", scripts)
        assert nonce
        for tag in re.findall(r"<script[^>]*>", text):
            assert f'nonce="{nonce[1]}"' in tag, (endpoint, tag)
        assert not re.search(r"<[^>]+\son[a-z]+\s*=", text), f"{endpoint}: a script in an attribute"
        assert "javascript:" not in text, endpoint
        loose = endpoint in INLINE or endpoint.startswith("PortfolioDashboard")
        if response.status_code == 200 and not loose:
            assert "unsafe" not in styles, endpoint
            for tag in re.findall(r"<style[^>]*>", text):
                assert f'nonce="{nonce[1]}"' in tag, (endpoint, tag)
            assert not re.search(r"<[^>]+\sstyle\s*=", text), f"{endpoint}: a style in an attribute"
    assert seen > 400
    assert pages > 150


def test_a_nonce_is_used_once(world: World):
    client = world.login("committee")
    found = {re.search(r"nonce-([^']+)", client.get("/").headers["Content-Security-Policy"])[1] for _ in range(5)}  # type: ignore[index]
    assert len(found) == 5


def test_pages_are_not_kept_by_the_browser(world: World):
    client = world.login("committee")
    for path in ("/", "/loanview/list/", "/api/v1/loan/", "/login/"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_closed_and_https_is_remembered_where_it_is_used(engine, migrated_template, settings, secure: bool):
    from dataclasses import replace

    url = engine.create(migrated_template)
    told: Settings = replace(settings(url), secure_cookies=secure)
    client = create_app(told).test_client()
    response = client.get("/login/", base_url="https://portal.example")
    [cookie] = [line for line in response.headers.getlist("Set-Cookie") if line.startswith("session=")]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == secure
    assert ("Strict-Transport-Security" in response.headers) == secure
    engine.drop(url)
