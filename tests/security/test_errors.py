"""An error shows a sentence and a number, whatever broke: never a path, a statement, a value or a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from tests.contracts.test_routes_and_roles import url_of
from tests.world import World

#: What is shown does not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

INSIDE = "SELECT password FROM ab_user WHERE phone='13900001111' -- /srv/portal/secret.py"
INTERNALS = re.compile(
    r"SELECT|ab_user|13900001111|/srv/|\.py\b|Traceback|sqlalchemy|psycopg|RuntimeError|OperationalError"
)


def anything() -> Exception:
    return RuntimeError(INSIDE)


def database() -> Exception:
    return OperationalError(INSIDE, {"phone": "13900001111"}, RuntimeError("disk I/O error"))


@pytest.mark.parametrize("error", [anything, database])
def test_whatever_breaks_in_whichever_address_is_told_in_a_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str], error: Callable[[], Exception]
):
    def broken(*_args: object, **_named: object) -> None:
        raise error()  # a new one each time: one that is raised again keeps the tracebacks of all times before

    client = world.login("committee")
    monkeypatch.setattr("portal.core.application.csrf.protect", lambda: None)
    told = 0
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint.endswith("static"):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            with monkeypatch.context() as breaking:
                breaking.setitem(world.app.view_functions, rule.endpoint, broken)
                if rule.endpoint == "dashboards./dashboards/_dash-update-component":
                    continue
                response = client.open(url_of(rule), method=method)
            text = response.get_data(as_text=True)
            if response.status_code in (401, 403, 404) and rule.rule.startswith("/dashboards/"):
                continue  # the guard of the dashboards stands before it
            if method == "POST" and response.status_code == 401:
                continue
            assert response.status_code == 500, (rule.rule, method, response.status_code)
            assert not INTERNALS.search(text), (rule.rule, INTERNALS.search(text))
            if response.mimetype == "application/json":
                number = json.loads(text)["reference"]
            else:
                number = re.search(r"\b[0-9A-F]{8}\b", text)[0]  # type: ignore[index]
            assert number in written(), (rule.rule, "the log does not know the number")
            told += 1
    assert told > 250


def test_an_error_before_anybody_is_known_shows_nothing_either(world: World, monkeypatch: pytest.MonkeyPatch):
    def broken(_user: object) -> None:
        raise RuntimeError(INSIDE)

    client = world.login("committee")
    monkeypatch.setattr("portal.core.security.actor_for", broken)
    for path in ("/", "/loanview/list/", "/api/v1/loan/", "/dashboards/portfolio/"):
        response = client.get(path)
        assert response.status_code == 500, path
        assert not INTERNALS.search(response.get_data(as_text=True)), path


def test_a_refusal_by_the_server_itself_is_written_down_under_its_number(world: World, written: Callable[[], str]):
    for path, method, status in (("/nothing", "GET", 404), ("/customerview/delete/1", "GET", 405)):
        response = world.login("committee").open(path, method=method, headers={"Accept": "application/json"})
        assert response.status_code == status
        assert response.json["reference"] in written()
