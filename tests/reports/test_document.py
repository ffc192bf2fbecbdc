from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from portal.core.registry import RegistryError
from reports.document import attachments_of, render_html
from reports.report import REPORTS, DataTable, Report, ReportContext, register

ROWS = [["=1+1", "-5.00"], ["＝cmd", "1.00"], ["桃村", None]]
TABLES = [DataTable("by_branch", "By branch", ["name", "balance"], ROWS)]


def test_text_that_a_spreadsheet_would_run_is_defused_and_negative_money_is_not(
    report: Report, context: ReportContext
) -> None:
    _json, file = attachments_of(report, context, TABLES)
    assert file.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert rows == [["name", "balance"], ["'=1+1", "-5.00"], ["'＝cmd", "1.00"], ["桃村", ""]]


def test_the_attached_json_says_what_it_is(report: Report, context: ReportContext) -> None:
    file, _csv = attachments_of(report, context, TABLES)
    data = json.loads(file.content)
    assert data["report"] == "loan_classification"
    assert data["as_of"] == "2026-09-30"
    assert data["money"] == "yuan"
    assert data["tables"]["by_branch"][0] == {"name": "=1+1", "balance": "-5.00"}


def test_files_bear_the_date_of_the_figures_and_not_of_the_clock(report: Report, context: ReportContext) -> None:
    file, _csv = attachments_of(report, context, TABLES)
    assert file.created == file.modified == context.dated
    assert file.created.date() == context.as_of


def test_the_preview_loads_nothing(report: Report, context: ReportContext) -> None:
    page = render_html(report, context)
    assert "<link" not in page
    assert "<script" not in page
    assert "src=" not in page
    assert "url(" not in page


def test_names_are_escaped(report: Report, context: ReportContext) -> None:
    page = render_html(report, replace(context, company='<script>alert("x")</script>'))
    assert "<script>" not in page


def test_a_partial_scope_is_printed_on_the_cover(report: Report, context: ReportContext) -> None:
    assert "The whole company" in render_html(report, context)
    page = render_html(report, replace(context, scope="桃村镇支行"))
    assert "The whole company" not in page
    assert "桃村镇支行" in page


def test_a_report_key_is_taken_once(report: Report) -> None:
    assert REPORTS["loan_classification"] is register(report)
    with pytest.raises(RegistryError):
        register(replace(report, title="Another"))
