"""`portal metric`: tables for people, exact JSON for programs, one sentence for what makes no sense."""

import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest
from click.testing import CliRunner

from portal.core.errors import PortalError
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, acting
from portal.metrics.command import metric
from tests.databases import ROOT
from tests.portal.metrics.fixtures import LOGINS


@pytest.fixture
def portal_metric(company):
    """Run the command as the command line does; its output, or the sentence it refuses with."""

    def run(*arguments: str) -> str:
        with acting(SYSTEM):
            done = CliRunner().invoke(metric, arguments)
        if isinstance(done.exception, PortalError):
            return str(done.exception)
        assert done.exception is None, done.output
        return done.output

    return run


def test_json_of_one_metric_is_an_object_with_exact_text(portal_metric):
    answer = json.loads(portal_metric("loan_balance", "--by", "branch", "--as-of", "2026-04-30", "--json"))
    with acting(SYSTEM):
        found = evaluate(["loan_balance"], by=["branch"], as_of=dt.date(2026, 4, 30))
    assert list(answer) == ["metric", "as_of", "rows", "total"]
    assert answer["metric"] == "loan_balance"
    assert answer["as_of"] == "2026-04-30"
    assert answer["total"] == f"{Decimal(found.total['loan_balance']) / 100:.2f}"
    assert [list(row) for row in answer["rows"]] == [["by", "value"]] * len(found.rows)
    assert [Decimal(row["value"]) * 100 for row in answer["rows"]] == [r.values["loan_balance"] for r in found.rows]
    assert {row["by"]["branch"] for row in answer["rows"]} <= {"01", "0101", "0102", "010101", "010102", "010201"}


def test_json_of_several_metrics_is_a_list_in_the_order_asked(portal_metric):
    answers = json.loads(portal_metric("par_30", "loan_count", "written_off", "--from", "2026-01-01", "--json"))
    assert [answer["metric"] for answer in answers] == ["par_30", "loan_count", "written_off"]
    par, count, written_off = answers
    assert len(par["total"].split(".")[1]) == 4
    assert count["total"].isdigit()
    assert written_off["from"] == "2026-01-01"
    assert written_off["as_of"] == "2026-06-17"
    assert par["rows"] == []


def test_what_is_not_available_is_null(portal_metric):
    answer = json.loads(portal_metric("average_rate", "--as-of", "2020-01-01", "--json"))
    assert answer["total"] is None


def test_the_table_ends_with_the_total(portal_metric):
    lines = portal_metric("loan_balance", "par_30", "--by", "category", "--where", "branch=0101").splitlines()
    assert lines[0].split("  ")[0] == "Category"
    assert lines[0].endswith("PAR 30 (%)")
    assert lines[-1].startswith("Total")
    assert len({len(line) for line in lines}) == 1, "figures stand in columns"


def test_from_and_to_make_a_period(portal_metric):
    answer = json.loads(
        portal_metric("disbursed_amount", "--from", "2025-06-01", "--to", "2025-08-31", "--by", "month", "--json")
    )
    assert [row["by"]["month"] for row in answer["rows"]] == ["2025-06", "2025-07", "2025-08"]
    assert sum(Decimal(row["value"]) for row in answer["rows"]) == Decimal(answer["total"]) > 0
    assert answer["as_of"] == "2025-08-31"


def test_filters_on_one_dimension_add_up_and_on_several_narrow(portal_metric):
    def count(*filters: str) -> int:
        arguments = [part for text in filters for part in ("--where", text)]
        return int(json.loads(portal_metric("loan_count", *arguments, "--json"))["total"])

    assert count("product=P1", "product=P2") == count("product=P1") + count("product=P2")
    assert 0 < count("product=P1", "branch=0102") < count("product=P1")
    assert count("branch=01") == count()


@pytest.mark.parametrize("login", ["committee", "branch_head", "team_lead", "customer_manager"])
def test_as_somebody_it_shows_what_they_may_see(portal_metric, login):
    who = LOGINS[login]
    with acting(who):
        expected = evaluate(["loan_balance"]).total["loan_balance"]
    assert json.loads(portal_metric("loan_balance", "--as", login, "--json"))["total"] == f"{expected / 100:.2f}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["loan_balence"], "There is no metric called loan_balence."),
        (["loan_balance", "--by", "colour"], "There is no dimension called colour."),
        (["loan_balance", "--as-of", "31.2.2026"], "“31.2.2026” is not a date; write it like 2026-06-30."),
        (["loan_balance", "--as-of", "2026-02-31"], "“2026-02-31” is not a day of the calendar."),
        (
            ["loan_balance", "--as-of", "2027-01-01"],
            "2027-01-01 has not happened yet: the business date is 2026-06-17.",
        ),
        (["loan_balance", "--as-of", "2026-05-31", "--to", "2026-05-31"], "Give --as-of or --to, not both."),
        (["loan_balance", "--from", "2026-01-01"], "Loan balance is as at a date; it has no period."),
        (["loan_balance", "--where", "branch"], "“branch” is not a filter; write it like branch=0101."),
        (["loan_balance", "--where", "branch=99"], "Branch: there is no “99” that you may see."),
        (["loan_balance", "--as", "ghost"], "There is no active login called “ghost”."),
        (["loan_balance", "--as", "administrator"], "Your role does not include this figure."),
    ],
)
def test_what_makes_no_sense_is_answered_in_one_sentence(portal_metric, arguments, sentence):
    assert portal_metric(*arguments).strip() == sentence


def test_from_the_shell_errors_are_one_line_on_stderr_with_exit_code_2(company, environment):
    url = company.config["SQLALCHEMY_DATABASE_URI"]

    def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "portal.cli", "metric", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment(url)}, capture_output=True, text=True, timeout=120
        )

    good = shell("loan_balance", "loan_count", "--by", "branch", "--json")
    assert good.returncode == 0
    assert [answer["metric"] for answer in json.loads(good.stdout)] == ["loan_balance", "loan_count"]
    for arguments in (["no_such_metric"], [], ["loan_balance", "--no-such-option"]):
        bad = shell(*arguments)
        assert bad.returncode == 2
        assert bad.stdout == ""
        assert len(bad.stderr.splitlines()) == 1
        assert "Traceback" not in bad.stderr
