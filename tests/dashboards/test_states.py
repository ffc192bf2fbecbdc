"""What stands where a chart has no rows."""

from __future__ import annotations

from typing import Any

import pytest
from dash import html

from dashboards import PAGES
from dashboards.dashboard import dashboards
from dashboards.states import nothing
from tests.world import World


def sentences(component: Any) -> list[str]:
    return [part.children for part in component.children if isinstance(part, html.P)]


@pytest.mark.parametrize("key", PAGES)
def test_a_chart_without_rows_says_its_own_sentence_alone_or_that_of_the_page(world: World, key: str) -> None:
    page = dashboards[key]
    with world.app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert sentences(nothing(page, "No loan was late.")) == ["No loan was late."]
        title, reason = sentences(nothing(page))
    assert title == str(page.nothing)
    assert reason == str(page.nothing_because)
    assert title != reason
