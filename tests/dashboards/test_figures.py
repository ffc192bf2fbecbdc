"""Pictures: the rows in their order, colours that exist, words in the reader's language. No dashboard holds SQL."""

import ast
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dashboards.asked import Asked
from dashboards.charts import Chart, ChartData, Line
from dashboards.dashboard import dashboards
from dashboards.figures import figure, in_lines
from dashboards.pages.portfolio import answer
from dashboards.theme import layout_base, mantine_theme
from dashboards.wording import money_scale, month_end_words, percent_words, round_money, with_unit
from portal.core.metric import MetricResult, Question, Row, metric_of
from portal.core.tokens import TOKENS, stylesheet
from portal.loans.classification import Category
from tests.world import World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

ROOT = Path(__file__).parents[2]
DAYS = [dt.date(2026, 4, 30), dt.date(2026, 5, 31), dt.date(2026, 6, 17)]


@pytest.fixture(params=["en", "zh"])
def language(world: World, request: pytest.FixtureRequest) -> Iterator[str]:
    with world.app.test_request_context("/", headers={"Accept-Language": request.param}):
        yield request.param


def chart_of(key: str) -> Chart:
    chart = dashboards["portfolio"].chart(key)
    assert chart is not None
    return chart


def rows(chart: Chart) -> ChartData:
    """Made-up rows for a chart."""
    columns = tuple(map(metric_of, ("loan_balance", "par_30", "loan_count")))
    keys = {"categories": list(Category), "trend": DAYS}.get(chart.key, ["one", "two", "a very long name of a branch"])
    lines = [Line(key, str(key), ((n + 1) * 1_234_567_89, Fraction(n, 7), n)) for n, key in enumerate(keys)]
    return ChartData("Rows", columns, tuple(lines))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


@pytest.mark.parametrize("key", ["categories", "trend", "by_branch", "by_product"])
def test_every_colour_of_a_figure_is_a_token(language: str, key: str):
    drawn = list(texts(figure(chart_of(key), rows(chart_of(key)))))
    named = {match[1] for text in drawn if (match := re.fullmatch(r"var\((--[\w-]+)\)", text))}
    assert len(named) > 5
    known = set(re.findall(r"^\s*(--[\w-]+):", stylesheet(), re.MULTILINE))
    assert named <= known
    assert not [text for text in drawn if re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", text)]


def test_each_category_has_its_own_risk_colour_and_its_words(language: str):
    drawn = figure(chart_of("categories"), rows(chart_of("categories")))
    colours = drawn["data"][1]["marker"]["color"]
    assert colours == [f"var(--risk-{category.value.replace('_', '-')})" for category in Category]
    words = "".join(note["text"] for note in drawn["layout"]["annotations"])
    assert all(f"{category.value}" in words for category in Category)
    assert "14.29%" in words


def test_bars_are_drawn_to_scale_and_labelled_exactly(language: str):
    drawn = figure(chart_of("by_branch"), rows(chart_of("by_branch")))
    first, second = drawn["data"]
    unit = 1_000_000_00 if language == "en" else 10_000_00
    assert first["x"] == pytest.approx([n * 1_234_567_89 / unit for n in (1, 2, 3)])
    assert first["text"] == (["1.23", "2.47", "3.70"] if language == "en" else ["123.46", "246.91", "370.37"])
    assert second["text"] == ["0.00%", "14.29%", "28.57%"]
    assert drawn["layout"]["yaxis"]["ticktext"][2] == "a very long name<br>of a branch"
    assert "a very long name of a branch" in first["hovertext"][2]


def test_a_month_end_stands_on_its_month(language: str):
    drawn = figure(chart_of("trend"), rows(chart_of("trend")))
    assert drawn["data"][0]["x"] == ["2026-04-01", "2026-05-01", "2026-06-01"]


def test_money_is_told_in_the_units_of_the_language(language: str):
    fen = 144_589_166_10
    words = {"en": "144.59 million yuan", "zh": "1.45亿"}[language]
    assert round_money(fen).startswith(words)
    size, _unit = money_scale(fen)
    assert size == {"en": 1_000_000_00, "zh": 100_000_000_00}[language]
    assert money_scale(99)[0] == 100
    assert "2026" in month_end_words(DAYS[1])
    assert with_unit(metric_of("par_30"), Fraction(1, 3)) == "33.33%"
    assert with_unit(metric_of("par_30"), None) == "—"
    assert percent_words(Fraction(-1, 8), 1) == "−12.5%"


class Told(Asked):
    """A question whose answer is made up: late balances by branch."""

    late: dict[str, int]

    def evaluate(self, keys: Sequence[str], by: Sequence[str] = ()) -> MetricResult:
        rows = tuple(Row({"branch": name}, {"branch": name}, {keys[0]: fen}) for name, fen in self.late.items())
        return MetricResult(tuple(keys), Question(self.as_of), rows, {keys[0]: sum(self.late.values())})


@pytest.mark.parametrize(
    ("before", "late", "sentence"),
    [
        (0, {}, "The loan balance is 2 million yuan. PAR 30 is 0."),
        (1_600_000_00, {"A": 0, "B": 0}, "25.0% more than at the end of May 2026. PAR 30 is 0."),
        (4_000_000_00, {"A": 500_000_00, "B": 0}, "50.0% less than at the end of May 2026. PAR 30 is 25.00%"),
        (2_000_000_00, {"A": 500_000_00, "B": 0}, "the same as at the end of May 2026. PAR 30 is 25.00%"),
        (0, {"A": 500_000_00, "B": 0}, "%, all of that in A."),
        (0, {"A": 400_000_00, "B": 100_000_00}, "%, most of that (80%) in A."),
        (0, {"A": 200_000_00, "B": 100_000_00, "C": 200_000_00}, "%, the largest part of that (40%) in A."),
        (0, {"A": 500_000_00}, "PAR 30 is 25.00%."),
    ],
)
def test_the_sentence_says_what_changed_and_where_the_late_loans_are(
    world: World, before: int, late: dict[str, int], sentence: str
):
    asked = Told(dt.date(2026, 6, 30))
    object.__setattr__(asked, "late", late)
    now = {"loan_balance": 2_000_000_00, "loan_count": 7, "par_30": Fraction(sum(late.values()), 2_000_000_00)}
    with world.app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert sentence in answer(asked, now, {"loan_balance": before})


def test_the_theme_is_made_of_tokens(world: World):
    theme = mantine_theme()
    shades = theme["colors"]["brand"]
    assert len(shades) == 10
    assert shades[theme["primaryShade"]["light"]] == TOKENS["light"]["brand"]
    assert shades[theme["primaryShade"]["dark"]] == TOKENS["dark"]["brand"]
    assert layout_base(xaxis={"visible": False})["xaxis"]["gridcolor"] == "var(--chart-grid)"


def test_no_dashboard_imports_sql(world: World):
    for path in sorted((ROOT / "dashboards").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            for module in modules:
                assert not re.match(r"sqlalchemy|flask_sqlalchemy|portal\.core\.db|sqlite3|psycopg", module), path
                assert not re.search(r"\.models(\.|$)", module), path


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Orchard loan", ["Orchard loan"]),
        ("Orchard working capital loan", ["Orchard working", "capital loan"]),
        ("苹果贷", ["苹果贷"]),
        ("栖霞苹果冷藏收购经营贷", ["栖霞苹果冷藏收购经", "营贷"]),
    ],
)
def test_a_name_beside_a_bar_stands_there_whole(world: World, name: str, lines: list[str]):
    assert in_lines(name) == lines


def test_names_that_differ_only_at_the_end_stay_different_however_long(world: World):
    name = "Working capital loan for orchards of the county"
    first, second = in_lines(f"{name}, small"), in_lines(f"{name}, large")
    assert first != second
    assert len(first) == len(second) == 2
