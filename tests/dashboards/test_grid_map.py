"""The map of grids: what each person gets of it, what the browser keeps, and that its figures are the metrics'."""

import json
import re
from typing import Any

import pytest

from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.grids.models import Grid, MapLine
from tests.world import World

CELLS, FIGURES, MAP = "/grids/map/cells", "/grids/map/figures", "/grids/map/"
MINE = {"committee": {"a1", "a2", "b1"}, "branch_head": {"a1", "a2"}, "team_lead": {"a1", "a2"}, "a1": {"a1"}}


def figures(world: World, login: str, search: str = "") -> Any:
    return world.login(login).get(FIGURES + search).json


def managers(codes: list[str]) -> set[str]:
    return {code.split("-")[2] for code in codes}


@pytest.mark.parametrize("login", MINE)
def test_everybody_gets_the_grids_in_his_scope_and_their_outlines(world: World, login: str) -> None:
    told = figures(world, login)["columns"]
    assert managers(told["code"]) == MINE[login]
    drawn = {feature["id"] for feature in world.login(login).get(CELLS).json["features"] if "id" in feature}
    with world.app.app_context(), acting(SYSTEM):
        expected = {row.id for row in db.session.query(Grid) if row.geometry and row.code.split("-")[2] in MINE[login]}
    assert drawn == expected
    assert drawn < set(told["id"]), "one grid of each manager has no outline"


@pytest.mark.parametrize("path", [MAP, CELLS, FIGURES])
def test_who_may_not_list_grids_gets_nothing(world: World, path: str) -> None:
    assert world.login("finance").get(path).status_code == 403
    assert world.app.test_client().get(path).status_code in (302, 401)


def test_figures_are_those_of_the_metrics(world: World) -> None:
    told = figures(world, "committee")
    keys = ("customer_count", "potential_customers", "coverage", "loan_balance")
    with world.app.app_context(), acting(SYSTEM):
        rows = {row.by["grid"]: row.values for row in evaluate(keys, by=("grid",)).rows}
    plain = [[text.replace(",", "") for text in figure["texts"]] for figure in told["figures"]]
    for place, grid in enumerate(told["columns"]["id"]):
        values = rows[grid]
        assert [int(plain[0][place]), int(plain[1][place])] == [values["customer_count"], values["potential_customers"]]
        assert plain[2][place] == f"{float(100 * values['coverage']):.2f}"
        assert plain[3][place] == f"{values['loan_balance'] / 100:.2f}"


def test_each_measure_gives_every_grid_a_class_that_the_legend_names(world: World) -> None:
    told = figures(world, "committee")
    assert set(told["measures"]) == {"balance", "potential", "coverage"}
    for measure in told["measures"].values():
        assert len(measure["steps"]) == len(told["columns"]["id"])
        assert {step for step in measure["steps"] if step >= 0} == set(range(len(measure["words"])))


def test_a_role_without_loans_is_told_only_what_it_may_know(world: World) -> None:
    told = figures(world, "administrator")
    assert list(told["measures"]) == ["potential"]
    assert len(told["figures"]) == 1
    page = world.login("administrator").get(MAP).text
    assert re.findall(r'data-measure="(\w+)"', page) == ["manager", "potential"]


def test_filters_and_search_of_the_list_narrow_the_map(world: World) -> None:
    assert set(figures(world, "committee", "?q=grid-A-a1-2")["columns"]["code"]) == {"G-A-a1-2"}
    found = figures(world, "committee", f"?f.manager.eq={world.staff['b1']}")
    assert managers(found["columns"]["code"]) == {"b1"}


def test_outlines_are_kept_by_the_browser_until_one_changes(world: World) -> None:
    client = world.login("a2")
    first = client.get(CELLS)
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(CELLS, headers=tag).status_code == 304
    assert world.login("a1").get(CELLS, headers=tag).status_code == 200, "somebody else's outlines are others"
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.map"):
        db.session.add(
            MapLine(name="line", geometry='{"type":"LineString","coordinates":[[1.1234567,2],[3,4]]}', source="x")
        )
    again = client.get(CELLS, headers=tag)
    assert again.status_code == 200
    line = again.json["features"][-1]
    assert line["geometry"]["coordinates"][0] == [1.12346, 2]
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.map"):
        db.session.delete(db.session.query(MapLine).one())


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"type": "Polygon"}', '{"type": "Polygon", "coordinates": 7}'])
def test_an_outline_that_is_none_does_not_take_the_map_along(world: World, text: str) -> None:
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.map"):
        db.session.add(MapLine(name="broken", geometry=text, source="x"))
    answer = world.login("a1").get(CELLS)
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.map"):
        db.session.delete(db.session.query(MapLine).one())
    assert [feature.get("id") is not None for feature in json.loads(answer.text)["features"]] == [True, True, True]


def test_the_table_tells_the_same_without_a_map(world: World) -> None:
    page = world.login("a1").get(f"{MAP}?view=table").text
    assert managers(re.findall(r">(G-\w+-\w+-\d)</a>", page)) == {"a1"}
    assert "vendor/ol" not in page
    told = figures(world, "a1")
    for figure in told["figures"]:
        assert figure["heading"] in page
        assert all(text in page for text in figure["texts"])


def test_list_and_map_lead_to_each_other_with_the_same_search(world: World) -> None:
    client, search = world.login("a1"), "?q=grid&amp;f.kind.eq=village"
    assert f'href="{MAP}{search}"' in client.get("/gridview/list/?q=grid&f.kind.eq=village").text
    assert f'href="/gridview/list/{search}"' in client.get(f"{MAP}?q=grid&f.kind.eq=village").text


def test_a_search_without_outlines_or_without_grids_says_so(world: World) -> None:
    client = world.login("a1")
    assert "None of the grids of this search has an outline." in client.get(f"{MAP}?q=grid-A-a1-0").text
    assert "No grid fits this search" in client.get(f"{MAP}?q=nowhere").text


@pytest.mark.parametrize("search", ["?by=colour&grid=x", "?f.colour.eq=1", "?view=table&page=99", "?grid=99999999999"])
def test_nonsense_in_the_address_is_no_error(world: World, search: str) -> None:
    assert world.login("a1").get(MAP + search).status_code == 200


def test_only_the_map_loads_the_map_library(world: World) -> None:
    client = world.login("committee")
    assert "vendor/ol/ol.js" in client.get(MAP).text
    for path in ("/", "/gridview/list/", "/dashboards/portfolio/"):
        assert "vendor/ol" not in client.get(path).text
