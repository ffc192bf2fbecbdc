"""The role 催收外包: only own cases, the phone hidden, in list, record, export and REST of whoever is given it."""

from __future__ import annotations

from html import unescape

import pytest
from flask.testing import FlaskClient

from portal.access import matrix, services, tables
from portal.access.rules import Table
from portal.core.home import cards_for
from portal.core.scope import SELF, SYSTEM, acting
from portal.core.security import actor_for_username
from portal.organization import users
from tests.contracts.test_no_leak import seen
from tests.world import World

PHONE = "139*"


@pytest.fixture
def outsider(company: World) -> FlaskClient:
    """The login a1 with the role and no other."""
    with company.app.test_request_context(), acting(SYSTEM):
        base = tables.base_of("", "collections")
        start = Table(label="催收外包", based_on="collections", grants=base, masks={("Customer", "phone"): "hidden"})
        with acting(actor_for_username("administrator")):
            row = services.propose("cuishouwaibao", matrix.narrowed(start, SELF), "a firm helps", 0)
        with acting(actor_for_username("second")):
            services.approve(row.id)
        users.set_roles("a1", ["cuishouwaibao"])
    return company.login("a1")


def body(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    text = unescape(response.get_data(as_text=True))
    response.close()
    assert response.status_code == 200, address
    return text


def test_only_own_cases_and_no_phone_in_any_channel(company: World, outsider: FlaskClient):
    own, other = company.customers["C-A-a1-0"], company.customers["C-A-a2-0"]
    for address in (
        "/customerview/list/?_l_=en",
        f"/customerview/show/{own}?_l_=en",
        "/customerview/export/csv?_l_=en",
        "/api/v1/customer/",
        f"/api/v1/customer/{own}",
    ):
        text = body(outsider, address)
        assert seen(text) == {"a1"}, address
        assert PHONE not in text, address
        assert "Phone" not in text.split("<main")[-1] and '"phone"' not in text, address
    for address in ("/loanview/list/", "/loanview/export/csv", "/api/v1/loan/", "/loanstateview/list/"):
        assert seen(body(outsider, address)) == {"a1"}, address
    assert outsider.get(f"/customerview/show/{other}").status_code == 404
    assert outsider.get(f"/api/v1/customer/{other}").status_code == 404
    assert PHONE in body(company.login("collections"), "/customerview/list/")  # the delivered role shows it masked


def test_home_and_tour_are_those_of_the_role_it_is_based_on(company: World, outsider: FlaskClient):
    assert "You follow up overdue loans" in body(outsider, "/?tour=1&_l_=en")
    with company.app.test_request_context(), acting(SYSTEM):
        cards = [card.key for card in cards_for(actor_for_username("a1"))]
        assert cards == [card.key for card in cards_for(actor_for_username("collections"))]


def test_a_role_that_is_taken_away_again_is_gone_at_the_next_request(company: World, outsider: FlaskClient):
    assert outsider.get("/instalmentview/list/").status_code == 200
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a1", ["hr"])
    assert outsider.get("/instalmentview/list/").status_code == 403
