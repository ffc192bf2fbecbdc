from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pikepdf
import pypdf
import pytest

from portal.core.errors import Refused
from portal.core.metric import MetricResult, Row
from reports.catalogue.loan_classification import CATEGORIES, CUSTOMER_GROUPS, build
from reports.document import print_report, render_html
from reports.report import Report, ReportContext
from tests.reports.portfolio import AS_OF, BRANCHES, Lent, Portfolio, sample_loans

Over = Callable[[Portfolio], ReportContext]


class Tables(HTMLParser):
    """The body rows of each table of a page, as lists of texts, by the table's class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self.rows: list[list[str]] = []
        self.cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.rows = self.found.setdefault(dict(attrs)["class"] or "", [])
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.cell = False

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.rows[-1][-1] += data.strip()


def wan(fen: int) -> str:
    """An independent way to 万元 with two decimals."""
    return f"{(Decimal(fen) / 1_000_000).quantize(Decimal('0.01'), 'ROUND_HALF_UP'):,}".replace("-", "−")


def per_cent(part: int, whole: int) -> str:
    return f"{(Decimal(part) * 100 / Decimal(whole)).quantize(Decimal('0.01'), 'ROUND_HALF_UP'):,}"


def breakdown_row(loans: list[Lent], total: int) -> list[str]:
    balance = sum(loan.balance for loan in loans)
    cells = [wan(balance), f"{len(loans):,}", per_cent(balance, total)]
    for category in CATEGORIES:
        amount = sum(loan.balance for loan in loans if loan.category == category)
        cells += [wan(amount), per_cent(amount, total)]
    return cells


@pytest.fixture(scope="module")
def tables(report: Report, context: ReportContext) -> dict[str, list[list[str]]]:
    return Tables(render_html(report, context)).found


def test_every_row_of_the_return_is_its_group_and_every_share_is_of_all_loans(
    tables: dict[str, list[list[str]]], portfolio: Portfolio
) -> None:
    rows = {row[0]: row[1:] for row in tables["figures breakdown"]}
    total = sum(loan.balance for loan in portfolio.loans)
    for key, label in CUSTOMER_GROUPS.items():
        assert rows[str(label)] == breakdown_row([loan for loan in portfolio.loans if loan.group == key], total)
    assert rows["All loans"] == breakdown_row(portfolio.loans, total)


def test_every_branch_has_its_row(tables: dict[str, list[list[str]]], portfolio: Portfolio) -> None:
    rows = {row[0]: row[1:] for row in tables["figures breakdown"]}
    total = sum(loan.balance for loan in portfolio.loans)
    for number, name in BRANCHES.items():
        assert rows[name] == breakdown_row([loan for loan in portfolio.loans if loan.branch == number], total)


def test_the_rounding_difference_closes_each_printed_column(tables: dict[str, list[list[str]]]) -> None:
    def figure(text: str) -> Decimal:
        return Decimal(text.replace(",", "").replace("−", "-"))

    rows = tables["figures breakdown"]
    rows = rows[2 : rows.index(next(row for row in rows if row[0] == "Rounding difference")) + 1]
    *lines, total, difference = rows
    for column in (1, 4, 6, 8, 10, 12):
        printed = sum((figure(line[column]) for line in lines), Decimal())
        assert figure(total[column]) - printed == figure(difference[column])


def test_categories_move_against_the_last_month_and_year(
    tables: dict[str, list[list[str]]], portfolio: Portfolio
) -> None:
    rows = {row[0]: row for row in tables["figures overview"]}
    normal = [loan for loan in portfolio.loans if loan.category == "normal"]
    for label, loans in (("Normal", normal), ("All loans", portfolio.loans)):
        for column, day in ((4, dt.date(2026, 8, 31)), (5, dt.date(2025, 12, 31))):
            since = sum(loan.balance for loan in loans if loan.since > day)
            assert rows[label][column].lstrip("+") == wan(since)


def test_a_date_before_the_first_loan_compares_with_nothing(report: Report, over: Over) -> None:
    late = Portfolio([Lent(1, 1, "farmer", 5_000_00, 0, since=dt.date(2026, 9, 5))])
    rows = Tables(render_html(report, over(late))).found["figures overview"]
    assert all(row[4:] == ["—", "—"] for row in rows[1:])


def test_provisions_are_the_metric_with_the_ratios_and_sources_beside_them(
    tables: dict[str, list[list[str]]], portfolio: Portfolio
) -> None:
    rows = {row[0]: row[1:] for row in tables["figures provisions"]}
    loans = [loan for loan in portfolio.loans if loan.category == "substandard"]
    balance = sum(loan.balance for loan in loans)
    assert rows["Substandard"] == [wan(balance), "25", "1", wan(round(balance * Decimal("0.26"))), "银发〔2002〕98号"]


def test_what_compliance_has_to_confirm_is_marked_once_and_in_the_readers_language(
    tables: dict[str, list[list[str]]],
) -> None:
    floor = next(row for row in tables["figures parameters"] if row[0] == "Substandard from days past due")
    assert floor == [
        "Substandard from days past due",
        "more than 90",
        "2023-07-01",
        "令〔2023〕1号to be confirmed by compliance",
    ]


def test_a_return_that_foots_says_so_without_a_warning(report: Report, context: ReportContext) -> None:
    page = render_html(report, context)
    assert "Does not agree" not in page
    assert "does not foot" not in page


def test_one_fen_that_is_missing_in_the_branches_puts_a_warning_on_the_cover(
    report: Report, context: ReportContext, portfolio: Portfolio
) -> None:
    def one_fen_less(keys, by=(), where=None, as_of=None, start=None) -> MetricResult:  # type: ignore[no-untyped-def]
        result = portfolio.evaluate(keys, by, where, as_of, start)
        if tuple(by) != ("branch",) or "loan_balance" not in keys:
            return result
        first, *others = result.rows
        spoilt = Row(first.by, first.labels, {**first.values, "loan_balance": first.values["loan_balance"] - 1})  # type: ignore[operator]
        return replace(result, rows=(spoilt, *others))

    page = render_html(report, replace(context, evaluate=one_fen_less))
    failed = [row for row in Tables(page).found["figures checks"] if row[-1] == "Does not agree"]
    assert [(row[0], row[3]) for row in failed] == [("All loans = branches", "0.01")]
    assert "This return does not foot" in page


def test_a_loan_without_a_category_stops_the_return(over: Over) -> None:
    class Unclassified(Lent):
        category = None  # type: ignore[assignment]

    with pytest.raises(Refused, match="day-end"):
        build(over(Portfolio([Unclassified(1, 1, "farmer", 100, 0)])))


def test_a_customer_group_the_form_does_not_know_keeps_its_row(report: Report, over: Over) -> None:
    portfolio = Portfolio([Lent(1, 1, "farmer", 5_000_00, 0), Lent(2, 1, "cooperative", 7_000_00, 0)])
    rows = [row[0] for row in Tables(render_html(report, over(portfolio))).found["figures breakdown"]]
    assert "cooperative" in rows


def test_a_company_without_loans_gets_a_return_of_zeros(report: Report, over: Over) -> None:
    page = render_html(report, over(Portfolio([])))
    assert "There was no loan on the books" in page
    assert "Does not agree" not in page


def test_decimals_are_the_forms_parameter(report: Report, over: Over) -> None:
    portfolio = Portfolio([Lent(1, 1, "farmer", 1_234_567_89, 0)])
    portfolio.values["five_category_return.amount_decimals"] = "4"
    assert "123.4568" in render_html(report, over(portfolio))


@pytest.fixture(scope="module")
def pdf(report: Report, context: ReportContext) -> bytes:
    return print_report(report, context)


@pytest.fixture(scope="module")
def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.pdf
class TestPrinted:
    def test_the_same_figures_give_the_same_bytes_and_no_complaint(
        self, pdf: bytes, report: Report, context: ReportContext, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert print_report(report, context) == pdf
        assert [record.getMessage() for record in caplog.records] == []

    def test_the_figures_of_the_page_are_those_of_the_preview(
        self, pages: list[str], tables: dict[str, list[list[str]]]
    ) -> None:
        text = re.sub(r"\s+", " ", " ".join(pages))
        for row in tables["figures breakdown"]:
            assert re.sub(r"\s+", " ", " ".join(row[1:])).strip() in text

    def test_every_page_says_which_of_how_many_it_is(self, pages: list[str]) -> None:
        for number, text in enumerate(pages, 1):
            assert f"Page {number} of {len(pages)}" in text

    def test_the_title_runs_over_every_page_and_the_cover_names_company_and_date(self, pages: list[str]) -> None:
        assert "Sample Microloan Company 㛃䶮𬭎" in pages[0]
        assert "As at 30 September 2026" in pages[0]
        assert all("Five-category loan classification and provisions" in text for text in pages[1:])

    def test_the_exact_figures_are_attached(self, pdf: bytes, portfolio: Portfolio) -> None:
        attached = pypdf.PdfReader(io.BytesIO(pdf)).attachments
        stem = f"loan_classification_{AS_OF}"
        assert set(attached) == {
            f"{stem}.json",
            *(f"{stem}_{table}.csv" for table in ("by_branch", "by_customer_group", "provisions")),
        }
        data = json.loads(attached[f"{stem}.json"][0])
        total = sum(loan.balance for loan in portfolio.loans)
        assert data["tables"]["by_branch"][-1]["loan_balance"] == f"{total // 100}.{total % 100:02d}"
        rows = list(csv.DictReader(io.StringIO(attached[f"{stem}_by_branch.csv"][0].decode("utf-8-sig"))))
        parts = sum(Decimal(row["loan_balance"]) for row in rows[:-1])
        assert parts == Decimal(rows[-1]["loan_balance"]) == Decimal(total) / 100
        assert rows[-2]["name"] == "'=1+1 分理处"

    def test_tables_and_headings_are_tagged_and_headings_are_bookmarks(self, pdf: bytes) -> None:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            found = (entry for entry in opened.objects if isinstance(entry, pikepdf.Dictionary))
            tags = [str(entry.S) for entry in found if entry.get("/Type") == "/StructElem"]
            with opened.open_outline() as outline:
                titles = [item.title for item in outline.root[0].children]
        assert tags.count("/H1") == 1
        assert tags.count("/Table") >= 8
        assert {"/TH", "/TD", "/Caption", "/Figure"} <= set(tags)
        assert [title[:3] for title in titles] == ["1. ", "2. ", "3. ", "4. ", "5. ", "6. "]

    def test_the_head_of_a_long_table_repeats_on_each_page(self, report: Report, over: Over) -> None:
        names = {number: f"Branch {number:03d}" for number in range(1, 61)}
        loans = [Lent(n, n, "farmer", 1_000_00 * n, 0) for n in names]
        pdf = print_report(report, over(Portfolio(loans, names)))
        pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
        long = [text for text in pages if re.search(r"Branch \d{3} \d", text)]
        assert len(long) >= 3
        assert all("Special mention" in text for text in long)

    def test_both_languages_print(self, report: Report, over: Over) -> None:
        context = replace(over(Portfolio(sample_loans())), locale="zh")
        reader = pypdf.PdfReader(io.BytesIO(print_report(report, context)))
        assert "2026年9月30日" in reader.pages[0].extract_text()
        assert reader.trailer["/Root"]["/Lang"] == "zh-CN"  # type: ignore[index]
