"""What goes wrong in a callback is said in its place, in the visitor's language, with the number that the log knows."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from portal.core import errors
from portal.core.db import db
from portal.core.errors import Forbidden, OutOfScope, Refused
from tests.dashboards.visitor import CALLBACK, FILTERS, HEADLINE, SWITCH, Visitor, text_of
from tests.world import World

ROWS = "portfolio-by_branch-rows.children"
REFERENCE = re.compile(r"(?:Reference number|参考编号) ([0-9A-F]{8})$")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the log of errors is told."""
    with capture_logs() as entries:
        monkeypatch.setattr(errors, "log", errors.structlog.get_logger("portal.errors"))
        yield entries


def fails(error: Exception) -> Callable[..., Any]:
    def raise_it(*_args: object, **_kw: object) -> None:
        raise error

    return raise_it


def breaks_the_database(*_args: object, **_kw: object) -> None:
    db.session.execute(text("SELECT secret FROM nowhere"))


def told(answer: dict[str, Any], place: str) -> str:
    """The words that stand in a place of the page."""
    return text_of(answer[place]["children"])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Refused("The month is not closed yet."), "The month is not closed yet."),
        (Forbidden("Your role does not include this figure."), "Your role does not include this figure."),
        (Forbidden(), "You do not have permission for this"),
        (OutOfScope("Branch 7"), "lies outside your area of responsibility"),
    ],
)
@pytest.mark.parametrize("output", [HEADLINE, ROWS])
def test_a_refusal_is_said_in_the_place_of_the_figures(
    world: World, logged: list[Any], output: str, error: Exception, sentence: str
) -> None:
    visitor = Visitor(world.login("committee"))
    with patch("dashboards.callbacks.read", fails(error)):
        answer = visitor.ask(output)
    words = told(answer, output.partition(".")[0])
    assert sentence in words
    assert "Branch 7" not in words
    number = REFERENCE.search(words)
    assert number
    [entry] = [entry for entry in logged if entry["event"] == "refused"]
    assert (entry["reference"], entry["error"]) == (number[1], type(error).__name__)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("output", [HEADLINE, ROWS])
def test_of_what_nobody_foresaw_only_the_number_is_told(
    world: World, logged: list[Any], output: str, language: str
) -> None:
    visitor = Visitor(world.login("committee"), language=language)
    with patch("dashboards.callbacks.read", breaks_the_database):
        response = visitor.post(output)
    assert response.status_code == 200
    whole = response.get_data(as_text=True)
    for inside in ("SELECT", "secret", "nowhere", "Error", "Traceback", "sqlalchemy"):
        assert inside not in whole.replace("card-message-error", "")
    words = told(response.get_json()["response"], output.partition(".")[0])
    assert ("系统出错了" if language == "zh" else "Something went wrong on our side") in words
    number = REFERENCE.search(words)
    assert number
    [entry] = [entry for entry in logged if entry["event"] == "unexpected"]
    assert entry["reference"] == number[1]
    assert "nowhere" in str(entry["exc_info"])


def test_a_chart_that_fails_leaves_no_old_picture(world: World) -> None:
    with patch("dashboards.callbacks.read", fails(ZeroDivisionError())):
        answer = Visitor(world.login("committee")).ask(ROWS)
    assert answer["portfolio-by_branch-figure"]["data"] is None


def test_filters_that_fail_say_so_and_stay_as_they_are(world: World) -> None:
    visitor = Visitor(world.login("committee"))
    with patch("dashboards.callbacks.choices", fails(ZeroDivisionError())):
        answer = visitor.ask(FILTERS, {"portfolio-as_of.value": "2026-05-31"}, "portfolio-as_of.value")
    assert set(answer) == {"portfolio-notice"}
    assert "Something went wrong on our side" in told(answer, "portfolio-notice")


def test_a_page_that_does_not_exist_or_is_closed_says_so_where_the_page_would_be(world: World) -> None:
    visitor = Visitor(world.login("committee"))
    answer = visitor.ask(SWITCH, {"address.pathname": "/dashboards/nothing/"})
    assert "Nothing was found here" in told(answer, "page")
    with patch("dashboards.callbacks.require", fails(Forbidden())):
        answer = visitor.ask(SWITCH)
    assert "You do not have permission for this" in told(answer, "page")


def test_a_refusal_before_the_callback_is_json_with_a_number(world: World) -> None:
    visitor = Visitor(world.login("committee"))
    headers = {"X-CSRFToken": visitor.token, "Accept": "application/json"}
    response = visitor.client.post(CALLBACK, json={"output": "nothing.children"}, headers=headers)
    assert response.status_code == 404
    assert re.fullmatch("[0-9A-F]{8}", response.get_json()["reference"])
