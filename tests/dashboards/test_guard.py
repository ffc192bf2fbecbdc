"""Nothing under /dashboards/ without a login and the right in the role table; no callback without the page's token."""

import json
import re
from unittest.mock import patch

import pytest

from portal.core import scope
from portal.core.metric import MetricError
from portal.core.roles import grants_of
from portal.core.security import views_by_name
from portal.roles import ROLES
from tests.dashboards.visitor import CALLBACK, HEADLINE, PAGE, Visitor
from tests.world import World

#: Who may do what does not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

INTERNAL = {
    "/dashboards/_dash-layout": "GET",
    "/dashboards/_dash-dependencies": "GET",
    CALLBACK: "POST",
    "/dashboards/_dash-component-suites/dash/dcc/dash_core_components.js": "GET",
}
EVERYBODY = {role.name for role in ROLES}
MAY = {role for role in EVERYBODY if ("PortfolioDashboard", "show") in grants_of(role)}
MAY_NOT = EVERYBODY - MAY
MAY_EXPORT = {role for role in EVERYBODY if ("PortfolioDashboard", "export") in grants_of(role)}


def statuses(world: World, login: str) -> dict[str, int]:
    visitor = Visitor(world.login(login))
    found = {PAGE: visitor.page.status_code}
    for path, method in INTERNAL.items():
        if method == "POST" and visitor.callbacks:
            found[path] = visitor.post(HEADLINE).status_code
        elif method == "GET":
            response = visitor.client.get(path)
            found[path] = response.status_code
    return found


def test_the_role_table_opens_the_dashboard_to_some_and_not_to_others(world: World):
    assert {"committee", "branch_head", "team_lead", "customer_manager"} <= MAY
    assert {"administrator", "hr", "approver"} <= MAY_NOT
    assert "customer_manager" in MAY - MAY_EXPORT


def test_a_role_with_the_right_reaches_the_page_and_all_that_it_needs(world: World):
    for role in MAY:
        assert statuses(world, role) == dict.fromkeys([PAGE, *INTERNAL], 200), role


def test_a_role_without_the_right_is_refused_everything(world: World):
    for role in MAY_NOT:
        found = statuses(world, role)
        assert set(found.values()) == {403}, (role, found)
        assert PAGE in found


def test_a_callback_of_a_page_that_the_role_may_not_see_is_refused(world: World):
    """The token comes from another page of the portal, as an attacker with a login of his own would get it."""
    client = world.login("hr")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/account/password").get_data(as_text=True))
    assert token
    body = {"output": "..portfolio-answer.children...portfolio-tiles.children..", "inputs": [], "changedPropIds": []}
    assert client.post(CALLBACK, json=body, headers={"X-CSRFToken": token[1]}).status_code == 403


def test_the_page_switch_asks_for_the_page_that_it_puts_in(world: World):
    visitor = Visitor(world.login("committee"))
    with patch("dashboards.callbacks.require") as asked:
        visitor.ask("page.children")
    asked.assert_called_once_with("PortfolioDashboard", "show")


def test_anonymous_visitors_are_sent_to_the_login_page_and_back(world: World):
    response = world.app.test_client().get(f"{PAGE}?branch=A")
    assert response.status_code == 302
    assert "/login/" in response.location
    assert "portfolio" in response.location
    assert "branch" in response.location


def test_anonymous_callbacks_and_scripts_get_401(world: World):
    client = world.app.test_client()
    for path, method in INTERNAL.items():
        response = client.open(path, method=method, json={} if method == "POST" else None)
        assert response.status_code == 401, path


def test_nothing_under_the_prefix_answers_anonymous_visitors(world: World):
    client = world.app.test_client()
    rules = [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/dashboards/")]
    assert len(rules) >= 7
    for rule in rules:
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS"}:
            assert client.open(path, method=method).status_code in (302, 401), (path, method)


def test_only_what_dash_needs_is_routed(world: World):
    client = world.login("committee")
    for path in ("/dashboards/", "/dashboards/anything", "/dashboards/_reload-hash", "/dashboards/_favicon.ico"):
        assert client.get(path).status_code == 404, path


def test_a_callback_without_the_token_is_refused(world: World):
    visitor = Visitor(world.login("committee"))
    assert visitor.post(HEADLINE).status_code == 200
    visitor.token = ""
    assert visitor.post(HEADLINE).status_code == 400


def test_a_callback_after_the_session_ended_says_so(world: World):
    visitor = Visitor(world.login("committee"))
    visitor.client.delete_cookie("session")
    answer = visitor.post(HEADLINE)
    assert answer.status_code == 401
    assert "Sign in again" in answer.get_data(as_text=True)


def test_an_unknown_callback_does_not_exist(world: World):
    visitor = Visitor(world.login("committee"))
    headers = {"X-CSRFToken": visitor.token}
    for body in ({}, {"output": "nothing.children"}, {"output": ["a", "list"]}):
        assert visitor.client.post(CALLBACK, json=body, headers=headers).status_code == 404
    cut_off = visitor.client.post(CALLBACK, data="{", headers=headers, content_type="application/json")
    assert cut_off.status_code == 404


def test_every_callback_belongs_to_a_page_but_the_switch(world: World):
    """A callback without an owner would run for anybody who may see any dashboard."""
    visitor = Visitor(world.login("committee"))
    for callback in visitor.callbacks:
        with patch("dashboards.mount.require") as asked:
            visitor.client.post(CALLBACK, json={"output": callback["output"]}, headers={"X-CSRFToken": visitor.token})
        owned = [call.args for call in asked.call_args_list] == [("PortfolioDashboard", "show")]
        assert owned == (callback["output"] != "page.children"), callback["output"]


def test_callbacks_run_as_the_visitor_on_the_dashboard(world: World):
    seen = []

    def note(*_args: object) -> None:
        seen.append((scope.actor().name, scope.task()))
        raise MetricError("that is all")

    with patch("dashboards.callbacks.read", side_effect=note):
        Visitor(world.login("a1")).ask(HEADLINE)
    assert seen == [("a1", ("PortfolioDashboard", "show"))]


def test_files_are_for_those_who_may_export(world: World):
    for role in MAY:
        client = world.login(role)
        assert client.get(f"{PAGE}by_branch.csv").status_code == (200 if role in MAY_EXPORT else 403), role
        offered = ".csv" in json.dumps(Visitor(client).ask("page.children"))
        assert offered == (role in MAY_EXPORT), role


def test_the_menu_shows_the_dashboard_to_those_who_may_open_it(world: World):
    for role in EVERYBODY:
        home = world.login(role).get("/").get_data(as_text=True)
        assert (f'href="{PAGE}"' in home) == (role in MAY), role


def test_the_page_is_a_view_with_a_line_in_the_role_table(world: World):
    with world.app.app_context():
        assert views_by_name()["PortfolioDashboardView"].resource == "PortfolioDashboard"


def test_every_script_carries_the_nonce_and_nothing_comes_from_elsewhere(world: World):
    response = world.login("committee").get(PAGE)
    text = response.get_data(as_text=True)
    nonce = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert nonce
    scripts = re.findall(r"<script[^>]*>", text)
    assert len(scripts) > 15
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert "<iframe" not in text


def test_the_token_cookie_is_for_dashboards_only(world: World):
    response = world.login("committee").get(PAGE)
    [cookie] = [line for line in response.headers.getlist("Set-Cookie") if line.startswith("_csrf_token=")]
    assert "Path=/dashboards/" in cookie
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" not in cookie  # Dash's script reads it


def test_scripts_are_kept_by_the_browser_and_compressed(world: World):
    client = world.login("committee")
    page = client.get(PAGE).get_data(as_text=True)
    [plotly] = re.findall(r'src="([^"]*plotly[^"]*min[^"]*js)"', page)
    response = client.get(plotly, headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert "max-age=31536000" in response.headers["Cache-Control"]
