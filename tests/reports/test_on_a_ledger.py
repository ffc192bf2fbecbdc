"""The return over the invented lender's ledger: real metrics, parameters and scopes instead of the plain sums."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from portal.core import scope
from portal.core.errors import Forbidden, NotFound
from portal.core.metric import evaluate
from portal.core.scope import SYSTEM, Actor
from reports.command import report as command
from reports.document import attachments_of, render_html
from reports.reader import context_for, report_of
from tests.portal.metrics.fixtures import ACTORS, books, company

__all__ = ["books", "company"]

KEY = "loan_classification"


@pytest.fixture(autouse=True, scope="module")
def app(company: Flask) -> Flask:
    """The whole application takes the place of the bare one."""
    return company


def reporter(name: str) -> Actor:
    actor = ACTORS[name]
    return replace(actor, grants={**actor.grants, ("Report", "run"): "all"})


@pytest.mark.parametrize("day", [None, dt.date(2026, 5, 31), dt.date(2026, 5, 12), dt.date(2020, 1, 1)])
def test_the_return_foots_whichever_way_positions_are_answered(day: dt.date | None) -> None:
    with scope.acting(SYSTEM):
        report, context = report_of(KEY), context_for("en", day)
        content = report.build(context)
        assert [check.label for check in content["checks"] if not check.passed] == []
        assert content["total"].balance == evaluate(["loan_balance"], as_of=context.as_of).total["loan_balance"]
        render_html(report, context)


@pytest.mark.parametrize("name", ["one branch", "one team", "oneself", "a stranger"])
def test_a_reader_gets_a_return_of_what_he_may_see_and_it_says_so(name: str) -> None:
    with scope.acting(reporter(name)):
        report, context = report_of(KEY), context_for("en")
        content = report.build(context)
        seen = evaluate(["loan_balance"]).total["loan_balance"]
        assert context.scope
        data = json.loads(attachments_of(report, context, content["tables"])[0].content)
    assert content["foots"]
    assert content["total"].balance == seen
    assert data["scope"] == context.scope


def test_a_role_without_reports_is_refused_and_an_unknown_report_is_not_found() -> None:
    with scope.acting(ACTORS["head office"]), pytest.raises(Forbidden):
        report_of(KEY)
    with scope.acting(SYSTEM), pytest.raises(NotFound):
        report_of("no_such_report")


@pytest.mark.pdf
def test_the_command_writes_the_file(tmp_path: Path) -> None:
    out = tmp_path / "return.pdf"
    with scope.acting(SYSTEM):
        done = CliRunner().invoke(command, [KEY, "--as-of", "2026-05-31", "--out", str(out)], catch_exceptions=False)
    assert done.output.strip() == str(out)
    assert out.read_bytes().startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no_such_report", "--out", "x.pdf"], "There is no report called no_such_report."),
        ([KEY, "--out", "x.docx"], "must end in .pdf or .html"),
        ([KEY, "--out", "/no/such/folder/x.html"], "cannot be written"),
        ([KEY, "--as-of", "2026-02-31", "--out", "x.pdf"], "2026-02-31"),
        (["--language", "en", KEY, "--as-of", "2031-01-01", "--out", "x.pdf"], "has not happened yet"),
    ],
)
def test_the_command_says_in_one_sentence_what_is_wrong(arguments: list[str], sentence: str) -> None:
    with scope.acting(SYSTEM):
        done = CliRunner().invoke(command, arguments)
    assert sentence in str(done.exception)
