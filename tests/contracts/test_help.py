"""No screen without help, and no role without a tour that can be walked."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import url_for
from flask_appbuilder.baseviews import BaseView

from portal.core import roles
from portal.core.db import db
from portal.core.help import help_of
from portal.core.roles import PLACES
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username, allows, views_by_name
from portal.core.tour import LENGTH, TourSeen
from tests.world import World

#: Words on a page do not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

#: Views without a screen of their own: log-in, switches, files, and help itself.
NO_SCREENS = {"AuthDBView", "LocaleView", "UtilView", "SwaggerView", "HelpView"}


def screens_of(world: World) -> dict[str, BaseView]:
    with world.app.app_context():
        views = views_by_name()
        return {name: view for name, view in views.items() if isinstance(view, BaseView) and name not in NO_SCREENS}


def test_every_screen_says_what_it_is_for(world: World) -> None:
    silent = [name for name, view in screens_of(world).items() if help_of(view) is None]
    assert silent == []


def test_the_help_of_a_screen_opens_for_whom_the_screen_opens_and_for_nobody_else(world: World) -> None:
    for login in ("administrator", "customer_manager", "audit"):
        client = world.login(login)
        for name, view in screens_of(world).items():
            with world.app.app_context(), acting(SYSTEM):
                may = allows(actor_for_username(login), name, getattr(view, "default_view", None) or "list")
            assert client.get(f"/help/{name}").status_code == (200 if may else 404), (login, name)


def test_help_tells_purpose_readers_columns_and_figures(world: World) -> None:
    client = world.login("committee")
    page = unescape(client.get("/help/LoanStateView?panel=1&_l_=en").get_data(as_text=True))
    assert page.lstrip().startswith("<p>The open loans as they stand today")
    assert "Risk officer" in page
    assert "HR officer" not in page
    assert "Days since the oldest instalment" in page
    dashboard = unescape(client.get("/help/PortfolioDashboardView?_l_=en").get_data(as_text=True))
    assert "PAR 30" in dashboard


def test_every_role_has_a_tour_of_five_steps_that_point_at_what_it_has(world: World) -> None:
    for role in roles.roles.values():
        assert len(role.tour) == LENGTH, role.name
        page = unescape(world.login(role.name).get("/?tour=1").get_data(as_text=True))
        for step in role.tour:
            if step.at in PLACES:
                continue
            view = screens_of(world)[step.at]
            with world.app.test_request_context():
                link = f'class="nav-link" href="{url_for(f"{view.endpoint}.{view.default_view}")}"'
            assert link in page, (role.name, step.at)


def test_the_tour_comes_once_and_again_when_it_is_asked_for(world: World) -> None:
    client = world.login("risk")
    assert 'id="tour"' not in client.get("/").get_data(as_text=True)  # the company's logins have seen it
    with world.app.app_context(), acting(SYSTEM):
        db.session.query(TourSeen).delete()
        db.session.commit()
    page = client.get("/").get_data(as_text=True)
    assert 'id="tour"' in page
    assert 'id="tour"' not in client.get("/loanstateview/list/").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page[page.index('id="tour"') :])
    assert token
    for _twice in range(2):
        assert client.post("/help/tour/seen", data={"csrf_token": token[1]}).status_code == 204
    assert 'id="tour"' not in client.get("/").get_data(as_text=True)
    assert 'id="tour"' in client.get("/?tour=1").get_data(as_text=True)
    assert 'id="tour"' in world.login("finance").get("/").get_data(as_text=True)
