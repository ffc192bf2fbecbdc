"""Bodies that are too large or written otherwise, and requests that come too often, are refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from config import Settings, SettingsError
from portal import create_app
from portal.core.db import db
from portal.core.request_limits import LARGEST_BODY, rates
from tests.contracts.owners import Company, fingerprint
from tests.contracts.visitor import Prober
from tests.world import World, build

#: Limits do not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

TEN_MB = 10 * 1024 * 1024
FEW = {"login_limit": "3 per minute", "export_limit": "3 per minute", "search_limit": "5 per minute"}
FEW |= {"rest_limit": "5 per minute"}


@pytest.fixture(scope="module")
def strict(engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[World]:
    """A small company behind a portal that allows little."""
    url = engine.create(migrated_template)
    told = replace(settings(url), **FEW, flask={"RATELIMIT_ENABLED": True, "AUTH_RATE_LIMITED": True})
    world = build(create_app(told))
    yield world
    with world.app.app_context():
        db.engine.dispose()
    engine.drop(url)


@pytest.fixture(scope="module")
def prober(world: World) -> Prober:
    company = Company(world)
    return Prober(company, next(one for one in company.logins if one.name == "branch_head"))


def until_refused(ask: Callable[[], object], most: int) -> int:
    """After how many answers the next is refused with 429."""
    for number in range(most + 2):
        response = ask()
        if response.status_code == 429:  # type: ignore[attr-defined]
            assert int(response.headers["Retry-After"]) >= 1  # type: ignore[attr-defined]
            return number
        response.close()  # type: ignore[attr-defined]
    return -1


def test_exports_searches_and_rest_are_counted_by_login(strict: World):
    client, other = strict.login("committee"), strict.login("risk")
    assert until_refused(lambda: client.get("/customerview/export/csv"), 3) == 3
    assert until_refused(lambda: client.get("/search/find?q=cust"), 5) == 5
    assert client.get("/customerview/list/?q=cust").status_code == 429
    assert client.get("/customerview/list/").status_code == 200
    assert until_refused(lambda: client.get("/api/v1/loan/"), 5) == 5
    assert other.get("/api/v1/loan/").status_code == 200


def test_signing_in_is_counted_by_address_on_the_page_and_for_tokens(strict: World):
    def asked(client: FlaskClient, path: str, **body: object) -> object:
        return client.post(path, **body)

    wrong = {"username": "nobody", "password": "wrong", "provider": "db"}
    page, token = strict.app.test_client(), strict.app.test_client()
    page.environ_base["REMOTE_ADDR"], token.environ_base["REMOTE_ADDR"] = "10.9.0.1", "10.9.0.2"
    assert until_refused(lambda: asked(page, "/login/", data={"username": "x", "password": "y"}), 3) == 3
    assert until_refused(lambda: asked(token, "/api/v1/security/login", json=wrong), 3) == 3


def test_the_refusal_is_a_page_for_people_and_json_for_programs(strict: World):
    client = strict.login("audit")
    page = next(r for r in (client.get("/search/?q=x") for _ in range(9)) if r.status_code == 429)
    assert "Too many requests" in page.get_data(as_text=True)
    answer = next(r for r in (client.get("/api/v1/loan/") for _ in range(9)) if r.status_code == 429)
    assert "seconds" in answer.json["message"]
    assert answer.json["reference"]


def test_a_limit_that_makes_no_sense_stops_the_start(engine: object, settings: Callable[[str], Settings]):
    with pytest.raises(SettingsError, match="PORTAL_REST_LIMIT"):
        rates(replace(settings("sqlite://"), rest_limit="many"))


@pytest.mark.redis
def test_with_redis_several_processes_count_together(
    engine, migrated_template: str, settings: Callable[[str], Settings], redis_url: str, redis_prefix: str
):
    url = engine.create(migrated_template)
    told = replace(settings(url), **FEW, redis_url=redis_url, redis_prefix=redis_prefix)
    told = replace(told, flask={"RATELIMIT_ENABLED": True})
    world = build(create_app(told))
    both = [world.login("committee"), World(create_app(told)).login("committee")]
    turns = iter(range(99))
    assert until_refused(lambda: both[next(turns) % 2].get("/api/v1/loan/"), 5) == 5
    engine.drop(url)


@pytest.mark.parametrize(
    ("path", "method", "kw"),
    [
        (
            "/customerview/add",
            "POST",
            {"data": b"name=" + b"x" * TEN_MB, "content_type": "application/x-www-form-urlencoded"},
        ),
        ("/customerview/bulk_edit", "POST", {"data": b"x" * TEN_MB, "content_type": "multipart/form-data; boundary=x"}),
        ("/login/", "POST", {"data": b"x" * TEN_MB, "content_type": "application/x-www-form-urlencoded"}),
        (
            "/api/v1/customer/",
            "POST",
            {"data": b'{"name": "' + b"x" * TEN_MB + b'"}', "content_type": "application/json"},
        ),
        ("/api/v1/customer/1", "PUT", {"data": b"x" * TEN_MB, "content_type": "application/json"}),
        ("/api/v1/security/login", "POST", {"data": b"x" * TEN_MB, "content_type": "application/json"}),
        ("/dashboards/_dash-update-component", "POST", {"data": b"x" * TEN_MB, "content_type": "application/json"}),
    ],
)
def test_ten_megabytes_are_refused_in_words(world: World, prober: Prober, path: str, method: str, kw: dict):
    with world.app.app_context():
        before = fingerprint()
    response = prober.client.open(path, method=method, headers={"X-CSRFToken": prober.token}, **kw)
    assert response.status_code == 413, path
    assert "2 MB" in response.get_data(as_text=True)
    with world.app.app_context():
        assert fingerprint() == before


def test_a_body_that_does_not_tell_its_length_is_cut_off(prober: Prober):
    import io

    endless = io.BytesIO(b"{" + b" " * (LARGEST_BODY + 10))
    response = prober.client.post(
        "/api/v1/customer/",
        input_stream=endless,
        content_type="application/json",
        headers={"X-CSRFToken": prober.token, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code in (400, 413)  # what was cut off is no JSON any more
    assert endless.tell() <= LARGEST_BODY + 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/customer/", "text/plain"),
        ("/api/v1/customer/", "application/xml"),
        ("/api/v1/customer/", "application/x-www-form-urlencoded"),
        ("/api/v1/customer/", ""),
        ("/customerview/add", "application/json"),
        ("/customerview/bulk_edit", "text/xml"),
        ("/notifications/read", "text/plain"),
    ],
)
def test_a_body_that_is_written_otherwise_is_refused_in_words(world: World, prober: Prober, path: str, kind: str):
    with world.app.app_context():
        before = fingerprint()
    headers = {"X-CSRFToken": prober.token, "Content-Type": kind}
    response = prober.client.post(path, data=b'{"name": "x"}', headers=headers)
    assert response.status_code == 415
    assert "reads" in response.get_data(as_text=True)
    with world.app.app_context():
        assert fingerprint() == before
