"""Every route x every role: allowed or refused exactly as the role table says; anonymous visitors get nothing."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from dashboards.dashboard import dashboards
from portal.core import roles
from portal.core.roles import grants_of
from portal.core.scope import NONE
from portal.core.security import OPEN_VIEWS, PUBLIC_ENDPOINTS, task_of, views_by_name
from tests.databases import Engine
from tests.world import World

ALLOWED = {200, 201, 302, 304, 400, 404, 409, 415, 422}
"""Answers of a route that let the role in: what it then says depends on what was sent."""


def url_of(rule: Rule) -> str:
    samples = {"pk": "1", "name": "customer", "fmt": "csv", "version": "v1", "locale": "zh", "filename": "x"}
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: samples.get(found[1], "x"), rule.rule)


def call(client: FlaskClient, rule: Rule, method: str) -> int:
    response = client.open(url_of(rule), method=method, headers={"Accept": "text/html"})
    response.get_data()
    response.close()
    return response.status_code


def declared_routes(world: World) -> list[tuple[Rule, str, str, str]]:
    """(rule, method, resource, action) of every FAB view and API."""
    found = []
    with world.app.app_context():
        views = views_by_name()
        for rule in world.app.url_map.iter_rules():
            view, _dot, method_name = rule.endpoint.partition(".")
            if view not in views or view in OPEN_VIEWS or rule.endpoint in PUBLIC_ENDPOINTS:
                continue
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                found.append((rule, method, *task_of(views[view], method_name)))
    return found


@pytest.fixture
def open_app(world: World):
    """CSRF has tests of its own; here it would refuse every POST before the role is asked."""
    from portal.core.application import csrf

    protect, csrf.protect = csrf.protect, lambda: None
    yield world
    csrf.protect = protect


def test_anonymous_visitors_reach_only_what_is_public(world: World):
    client = world.app.test_client()
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint in PUBLIC_ENDPOINTS or rule.endpoint.endswith("static"):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            status = call(client, rule, method)
            assert status in (301, 302, 308, 400, 401, 403, 404, 405), (rule.endpoint, method, status)
            if status == 302:
                response = client.open(url_of(rule), method=method)
                target = response.headers["Location"]
                assert "/login/" in target or target == "/", rule.endpoint


def test_every_route_answers_each_role_as_the_table_says(open_app: World, engine: Engine):
    """On SQLite every route and every role; on PostgreSQL each route once as a role that may and as one that may not,
    since rights are looked up before anything that the engines do differently."""
    routes = declared_routes(open_app)
    assert len(routes) > 100
    asked: set[tuple[str, str, bool]] = set()
    for role in roles.roles:
        client, grants = open_app.login(role), grants_of(role)
        for rule, method, resource, action in routes:
            if method == "DELETE" or rule.endpoint.endswith(".delete"):
                continue  # would change the company; refused and allowed deletes are tested with the views
            granted = grants.get((resource, action), NONE) != NONE
            if engine.name == "postgresql" and (rule.rule, method, granted) in asked:
                continue
            asked.add((rule.rule, method, granted))
            status = call(client, rule, method)
            if granted:
                assert status in ALLOWED, (role, rule.endpoint, method, status)
            else:
                assert status in (401, 403), (role, rule.endpoint, method, status)


def test_deleting_is_refused_to_whoever_has_no_grant(open_app: World):
    for role in roles.roles:
        client, grants = open_app.login(role), grants_of(role)
        for rule, method, resource, action in declared_routes(open_app):
            if (method == "DELETE" or rule.endpoint.endswith(".delete")) and (resource, action) not in grants:
                assert call(client, rule, method) in (401, 403), (role, rule.endpoint)


def test_the_menu_shows_exactly_what_the_role_may_list(world: World):
    for role in roles.roles:
        page = world.login(role).get("/").get_data(as_text=True)
        for name, view in world.app.extensions["screens"].items():
            if not view.menu[0]:
                continue
            granted = (view.resource, "list") in grants_of(role)
            assert (f'href="/{name.lower()}/list/"' in page) == granted, (role, name)


def test_every_resource_of_the_table_exists(world: World):
    with world.app.app_context():
        known = {getattr(view, "resource", "") for view in world.app.appbuilder.baseviews}
    assert roles.resources() <= known | {"Report"} | {dashboard.resource for dashboard in dashboards.values()}


def test_a_post_without_the_token_is_refused(world: World):
    client = world.login("risk")
    customer = world.login("branch_head")
    assert client.post("/parameterview/add", data={"key": "x"}).status_code == 422  # shown again, nothing saved
    assert customer.post(f"/customerview/delete/{world.customers['C-A-a1-0']}").status_code == 400
    assert client.post("/api/v1/parameter/", json={"key": "x"}).status_code == 400


def test_what_is_open_to_every_login_exists(world: World):
    """A name without a view would open whatever is called so one day."""
    with world.app.app_context():
        assert views_by_name().keys() >= OPEN_VIEWS
