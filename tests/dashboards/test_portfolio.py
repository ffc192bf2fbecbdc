"""The portfolio dashboard says what `evaluate` says, to whom it may say it, in his language."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from dashboards.dashboard import dashboards
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.metric import MetricResult, evaluate, metric_of
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.metrics.formatting import exact_text, shown
from tests.dashboards.visitor import HEADLINE, PAGE, Visitor, named, text_of
from tests.world import TODAY, World

MAY_31 = dt.date(2026, 5, 31)
RANKED = ["loan_balance", "par_30", "loan_count", "borrower_count", "npl_ratio"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@contextmanager
def seen_by(world: World, login: str) -> Iterator[None]:
    with world.app.test_request_context("/", headers={"Accept-Language": "en"}):
        with acting(SYSTEM):
            who = actor_for_username(login)
        with acting(who):
            yield


def evaluated(world: World, login: str, keys: list[str], **asked: object) -> MetricResult:
    with seen_by(world, login):
        return evaluate(keys, **asked)  # type: ignore[arg-type]


def tile_metrics() -> list[str]:
    return [tile.metric for tile in dashboards["portfolio"].tiles]


@pytest.mark.parametrize("login", ["committee", "branch_head", "a1"])
@pytest.mark.parametrize("search", ["", "?as_of=2026-05-31", "?branch=A&product=P1"])
def test_tiles_show_what_evaluate_says(world: World, login: str, search: str):
    tiles = Visitor(world.login(login), search).ask(HEADLINE)["portfolio-tiles"]["children"]
    where = {"branch": world.branches["A"]} if "branch" in search else None
    as_of = MAY_31 if "as_of" in search else TODAY
    found = evaluated(world, login, tile_metrics(), where=where, as_of=as_of).total
    assert len(tiles) == len(tile_metrics())
    for tile, key in zip(tiles, tile_metrics(), strict=True):
        with seen_by(world, login):
            figure = shown(metric_of(key), found[key])
        assert text_of(tile["props"]["children"][1]).startswith(figure), key


def test_a_tile_says_how_it_changed_what_it_means_and_where_its_rows_are(world: World):
    """PAR 30 is a ratio, so it changes by points; the books grow by nothing between the two dates."""
    visitor = Visitor(world.login("committee"))
    tiles = visitor.ask(HEADLINE)["portfolio-tiles"]["children"]
    by_key = dict(zip(tile_metrics(), tiles, strict=True))
    text = text_of(by_key["par_30"])
    with seen_by(world, "committee"):
        assert str(metric_of("par_30").formula) in text
        assert str(metric_of("par_30").source) in text
    assert "As atJun 30, 2026" in text
    assert "Compared withMay 31, 2026" in text
    assert "unchanged since May 31" in text
    [link] = re.findall(r"'href': '([^']+)'", str(by_key["par_30"]))
    rows = visitor.client.get(link)
    assert rows.status_code == 200
    assert "LOAN-A-a1-3" in rows.get_data(as_text=True)


@pytest.mark.parametrize(
    ("chart", "by", "keys"),
    [
        (
            "by_branch",
            "branch",
            ["loan_balance", "par_30", "loan_count", "borrower_count", "npl_ratio", "restructured_balance"],
        ),
        (
            "by_product",
            "product",
            ["loan_balance", "par_30", "loan_count", "borrower_count", "npl_ratio", "average_rate"],
        ),
    ],
)
def test_the_rows_of_a_ranking_are_those_of_evaluate(world: World, chart: str, by: str, keys: list[str]):
    found = evaluated(world, "committee", keys, by=[by])
    with seen_by(world, "committee"):
        expected = [[row.labels[by], *(shown(metric_of(k), row.values[k]) for k in keys)] for row in found.rows]
        total = ["Total", *(shown(metric_of(k), found.total[k]) for k in keys)]
    _head, *rows, last = Visitor(world.login("committee")).rows(chart)
    assert sorted(rows) == sorted(expected)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    assert last == total


def test_the_five_categories_add_up_to_the_balance(world: World):
    _head, *rows, total = Visitor(world.login("committee")).rows("categories")
    assert [row[0] for row in rows] == ["Normal", "Special mention", "Substandard", "Doubtful", "Loss"]
    found = evaluated(world, "committee", ["loan_balance", "loan_count"]).total
    with seen_by(world, "committee"):
        assert total == ["Total", shown(metric_of("loan_balance"), found["loan_balance"]), "100.00", "12"]
    fen = [int(row[1].replace(",", "").replace(".", "")) for row in rows]
    assert sum(fen) == found["loan_balance"]
    assert [row[3] for row in rows] == ["3", "9", "0", "0", "0"]


def test_the_trend_begins_with_the_first_month_end_that_is_kept_and_ends_at_the_date(world: World):
    """The loans were paid out on 31 January; of the month-ends since, 31 May stands in a snapshot."""
    _head, *rows = Visitor(world.login("committee")).rows("trend")
    assert [row[0] for row in rows] == ["May 2026", "Jun 30, 2026"]
    with seen_by(world, "committee"):
        expected = shown(metric_of("loan_balance"), evaluate(["loan_balance"], as_of=MAY_31).total["loan_balance"])
    assert rows[0][1] == expected


def test_a_file_holds_the_rows_exactly_and_is_written_down(world: World):
    client = world.login("branch_head")
    response = client.get(f"{PAGE}by_branch.csv?as_of=2026-05-31", headers={"Accept-Language": "en"})
    assert response.headers["Content-Disposition"] == "attachment; filename=portfolio-by_branch-20260531.csv"
    text = response.get_data(as_text=True)
    assert text.startswith("\ufeff")
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert head[:3] == ["Branch", "Loan balance (yuan)", "PAR 30 (%)"]
    found = evaluated(world, "branch_head", ["loan_balance", "par_30"], by=["branch"], as_of=MAY_31).rows
    assert [row[:3] for row in rows] == [
        [row.labels["branch"], *(exact_text(metric_of(k), row.values[k]) for k in ("loan_balance", "par_30"))]
        for row in found
    ]
    with world.app.app_context(), acting(SYSTEM):
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.verb, entry.actor, entry.resource) == ("dashboards.export", "branch_head", "PortfolioDashboard")
        assert entry.changes["chart"] == "by_branch"


def test_an_unknown_chart_has_no_file(world: World):
    assert world.login("committee").get(f"{PAGE}nothing.csv").status_code == 404


@pytest.mark.parametrize(
    ("login", "own"),
    [
        ("committee", {"a1", "a2", "b1", "branch-A", "branch-B"}),
        ("branch_head", {"a1", "a2", "branch-A"}),
        ("team_lead", {"a1", "a2", "branch-A"}),
        ("a1", {"a1", "branch-A"}),
        ("b1", {"b1", "branch-B"}),
    ],
)
def test_no_answer_names_anything_of_somebody_else(world: World, login: str, own: set[str]):
    """Neither figures nor the choices of the filters."""
    assert named(Visitor(world.login(login)).everything()) == own


def test_figures_are_of_the_visitors_own_loans(world: World):
    for login, count in (("committee", "12"), ("branch_head", "8"), ("a1", "4"), ("b1", "4")):
        tiles = Visitor(world.login(login)).ask(HEADLINE)["portfolio-tiles"]["children"]
        loans = dict(zip(tile_metrics(), tiles, strict=True))["loan_count"]
        assert text_of(loans["props"]["children"][1]) == count, login


def test_a_filter_on_another_branch_is_refused_not_answered(world: World):
    visitor = Visitor(world.login("a1"), "?branch=B")
    answer = visitor.ask(HEADLINE)
    assert "that you may see" in text_of(answer["portfolio-answer"]["children"])
    assert answer["portfolio-tiles"]["children"] is None
    for chart in dashboards["portfolio"].charts:
        found = visitor.ask(f"portfolio-{chart.key}-rows.children")
        assert found[f"portfolio-{chart.key}-figure"]["data"] is None
    assert named(visitor.everything()) <= {"a1", "branch-A"}


def test_the_frame_that_all_share_holds_no_data(world: World):
    answers = {Visitor(world.login(login)).client.get("/dashboards/_dash-layout").data for login in ("committee", "a1")}
    assert len(answers) == 1
    assert not named(answers.pop().decode())


def test_somebody_without_loans_is_told_so(world: World):
    visitor = Visitor(world.login("customer_manager"))
    answer = visitor.ask(HEADLINE)
    assert "There are no open loans" in text_of(answer["portfolio-answer"]["children"])
    for chart in dashboards["portfolio"].charts:
        found = visitor.ask(f"portfolio-{chart.key}-rows.children")
        assert found[f"portfolio-{chart.key}-figure"]["data"] is None
        assert "No open loans" in text_of(found[f"portfolio-{chart.key}-rows"]["children"])


def test_the_sentence_says_how_much_is_late_and_where(world: World):
    """a1, a2 and b1 each have a loan 0, 40, 80 and 120 days late: three quarters are late, two thirds of that in A."""
    [sentence, *_rest] = Visitor(world.login("committee")).ask(HEADLINE)["portfolio-answer"]["children"]
    assert text_of(sentence) == (
        "The loan balance is 120 thousand yuan, the same as at the end of May 2026. "
        "PAR 30 is 75.00%, most of that (67%) in branch-A."
    )
    [sentence, *_rest] = Visitor(world.login("a1")).ask(HEADLINE)["portfolio-answer"]["children"]
    assert text_of(sentence).endswith("PAR 30 is 75.00%.")


def test_callbacks_answer_in_the_visitors_language(world: World):
    """The names of the small company are not Chinese, so whatever is Chinese comes from us."""
    english = Visitor(world.login("committee"), language="en-GB,en;q=0.9").everything()
    assert not CHINESE.findall(english)
    chinese = Visitor(world.login("committee"), language="zh-CN,zh;q=0.9").everything()
    for words in ("贷款余额", "机构", "2026年6月30日"):
        assert words in chinese
    assert "Loan balance" not in chinese


def test_the_language_chosen_on_the_screen_wins_over_the_browsers(world: World):
    client = world.login("committee")
    with client.session_transaction() as session:
        session["locale"] = "zh"
    assert "贷款余额" in Visitor(client, language="en").everything()
