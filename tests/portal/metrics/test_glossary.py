"""The glossary page: figures and fields in words, by search, each for whom its screen is open."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.world import World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")


def page(client: FlaskClient, query: str = "") -> str:
    return unescape(client.get("/metrics/", query_string={"q": query, "_l_": "en"}).get_data(as_text=True))


def sections(html: str) -> set[str]:
    return set(re.findall(r'id="fields-(\w+)"', html))


def test_fields_stand_under_their_screen_with_meaning_and_use(world: World) -> None:
    html = page(world.login("committee"), "share held")
    assert sections(html) == {"RelatedPartyView"}
    row = re.search(r"<tr>\s*<th[^>]*>Share held</th>(.*?)</tr>", html, flags=re.DOTALL)
    assert row
    assert "Part of the capital" in row[1]
    assert "list, form, filters, export" in row[1]


def test_a_search_finds_figures_by_their_formula_and_screens_by_their_name(world: World) -> None:
    client = world.login("committee")
    assert 'id="par_30"' in page(client, "par 30")
    assert 'id="par_30"' not in page(client, "related parties")
    assert sections(page(client, "related parties")) == {"RelatedPartyView"}
    assert "Nothing matches" in page(client, "nothing-is-called-this")


def test_fields_of_closed_screens_are_not_told(world: World) -> None:
    assert "CustomerView" not in sections(page(world.login("administrator")))
    assert "CustomerView" in sections(page(world.login("committee")))
