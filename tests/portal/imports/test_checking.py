"""From text to values: what is read, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from portal.core.fields import Field
from portal.core.values import ValueProblem, parse_money
from portal.imports.checking import MOST_PROBLEMS, Converter, Problems, TooManyProblems, masked
from portal.imports.mapping import Rule, rewrite
from portal.imports.reading import CELL_ERROR, FORMULA, LINE, WIDTH
from portal.products.terms import Method

LARGEST = 100_000_000_000
FIELDS = {
    "amount": Field("Amount", name="amount", type="money"),
    "rate": Field("Rate", name="rate", type="rate"),
    "count": Field("Term", name="count", type="int", minimum=1, maximum=600),
    "day": Field("Day", name="day", type="date"),
    "active": Field("Active", name="active", type="bool"),
    "name": Field("Name", name="name", type="text", max_length=5),
    "phone": Field(
        "Phone",
        name="phone",
        type="text",
        sensitive=True,
        mask=lambda text: text[:3] + "****",
        normalise=lambda text: text.replace("-", ""),
        check=lambda text: None if len(text) == 11 else "A mobile number has 11 digits.",
    ),
}


@pytest.fixture(autouse=True)
def _application():
    """Sentences are looked up in an application."""
    app = Flask("values")
    Babel(app)
    with app.app_context():
        yield


def convert(name: str, *texts: str | None, **rule) -> tuple[list, list[str]]:
    """(values, reasons) of a column with these texts."""
    problems = Problems()
    rules = {name: Rule(column="Spalte", **rule)}
    converter = Converter(FIELDS, rules, ["x", "Spalte"], problems, LARGEST)
    raw = pl.DataFrame({"Spalte": pl.Series(texts, dtype=pl.String)}).with_columns(
        pl.Series(LINE, range(2, 2 + len(texts)), dtype=pl.UInt32), pl.lit(2, dtype=pl.UInt32).alias(WIDTH)
    )
    values = converter.typed(rewrite(raw, rules))[name].to_list()
    return values, [problem.reason for problem in problems.ordered()]


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("27015.86", 2_701_586),
        ("0", 0),
        ("5.5", 550),
        ("1,234,567.80", 123_456_780),
        ("１２３４．５", 123_450),
        ("¥ 1,000", 100_000),
        ("￥1000元", 100_000),
        ("1 000", 100_000),
        ("000.10", 10),
        ("1000000000", LARGEST),
    ],
)
def test_money_is_read_as_people_write_it(text, fen):
    assert convert("amount", text) == ([fen], [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e10", "powers of ten"),
        ("1.5E+05", "powers of ten"),
        ("10000000000", "above 1,000,000,000 yuan"),
        ("-5", "cannot be negative"),
        ("(5.00)", "is not a number"),
        ("NaN", "is not a number"),
        ("inf", "is not a number"),
        ("1.234,56", "is not a number"),
        ("12,34.00", "is not a number"),
        ("12%", "is not a number"),
        ("abc", "is not a number"),
        ("1.005", "at most two decimals"),
        (FORMULA, "Cell B2: This cell holds a formula"),
        (CELL_ERROR, "Cell B2: This cell holds an error"),
    ],
)
def test_money_that_is_none_is_refused_with_the_reason(text, words):
    values, (reason,) = convert("amount", text)
    assert values == [None]
    assert words in reason


def test_sub_cent_noise_is_rounded_half_up_only_where_the_mapping_says_so():
    assert convert("amount", "21.100000028", "0.005", "7", round=True) == ([2110, 1, 700], [])
    assert convert("amount", "21.100000028")[0] == [None]


@given(st.decimals(0, 10**9, places=2, allow_nan=False))
def test_the_fast_way_and_the_careful_way_read_the_same_money(amount):
    text = f"{amount:f}"
    assert convert("amount", text)[0] == [parse_money(text)]


@pytest.mark.parametrize(
    ("scale", "text", "fen"), [("fen", "123", 123), ("wan", "1.2345", 1_234_500), ("thousand", "2", 200_000)]
)
def test_money_in_other_units_is_scaled_exactly(scale, text, fen):
    assert convert("amount", text, scale=scale) == ([fen], [])


@pytest.mark.parametrize(
    ("scale", "text", "ppm"),
    [
        ("", "12.61", 126_100),
        ("", "12.61%", 126_100),
        ("percent", "0", 0),
        ("fraction", "0.1261", 126_100),
        ("fraction", "12.61%", 126_100),
        ("monthly-permille", "8.5", 102_000),
        ("monthly-percent", "1.05", 126_000),
        ("ppm", "126100", 126_100),
    ],
)
def test_rates_are_parts_per_million_a_year_whatever_their_unit(scale, text, ppm):
    assert convert("rate", text, scale=scale) == ([ppm], [])


@pytest.mark.parametrize("text", ["-1", "1000.01", "12.61234"])
def test_a_rate_below_zero_above_a_thousand_percent_or_too_precise_is_refused(text):
    values, reasons = convert("rate", text)
    assert values == [None] and len(reasons) == 1


@pytest.mark.parametrize(
    "text",
    ["2026-02-28", "2026/2/28", "2026.02.28", "2026年2月28日", "20260228", "２０２６-02-28", "2026-02-28 00:00:00"],
)
def test_dates_are_read_in_the_forms_of_chinese_files(text):
    assert convert("day", text) == ([dt.date(2026, 2, 28)], [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-02-31", "is not a day of the calendar"),
        ("2025/13/01", "is not a day of the calendar"),
        ("43190", "a spreadsheet's day number"),
        ("0025-02-03", "before 1900 or after 2200"),
        ("2026-02-28 12:30:00", "is not a date"),
        ("28.02.2026", "is not a date"),
        ("tomorrow", "is not a date"),
    ],
)
def test_dates_that_are_none_are_refused_with_the_reason(text, words):
    values, (reason,) = convert("day", text)
    assert values == [None]
    assert words in reason


def test_a_mapping_may_name_other_forms_of_dates_and_day_numbers():
    day = dt.date(2018, 3, 31)
    assert convert("day", "31.03.2018", "2018-03-31", dates=("%d.%m.%Y",)) == ([day, day], [])
    assert convert("day", "43190", dates=("excel",)) == ([day], [])
    assert convert("day", "Mar-2018", dates=("%b-%Y",)) == ([dt.date(2018, 3, 1)], [])


def test_whole_numbers_stay_within_their_bounds():
    assert convert("count", "1", "600", "１２") == ([1, 600, 12], [])
    values, reasons = convert("count", "0", "601", "1.5", "x")
    assert values == [None] * 4 and len(reasons) == 4
    assert convert("count", "3", scale="years") == ([36], [])


def test_yes_and_no_are_read_in_both_languages():
    assert convert("active", "是", "否", "Yes", "0") == ([True, False, True, False], [])
    assert convert("active", "maybe")[0] == [None]


def test_choices_are_read_by_their_value_their_name_or_their_words():
    FIELDS["method"] = Field("Method", name="method", type="choice", choices=Method)
    assert convert("method", "level", "LEVEL", "Level instalments") == (["level"] * 3, [])
    values, (reason,) = convert("method", "annuity")
    assert values == [None]
    assert reason.startswith("“annuity” is none of: Level instalments")


def test_text_that_is_too_long_is_refused_and_control_characters_become_blanks():
    assert convert("name", "王堃", "a\x07b") == (["王堃", "a b"], [])
    values, (reason,) = convert("name", "123456")
    assert values == [None]
    assert "At most 5 characters" in reason


def test_personal_values_are_normalised_checked_and_masked_in_the_list_of_errors():
    problems = Problems()
    rules = {"phone": Rule(column="p")}
    raw = pl.DataFrame({"p": ["138-0000-0000", "138-0000", None]}).with_columns(
        pl.Series(LINE, [2, 3, 4], dtype=pl.UInt32), pl.lit(1, dtype=pl.UInt32).alias(WIDTH)
    )
    typed = Converter(FIELDS, rules, ["p"], problems, LARGEST).typed(rewrite(raw, rules))
    assert typed["phone"].to_list() == ["13800000000", None, None]
    (problem,) = problems.ordered()
    assert (problem.line, problem.value, problem.reason) == (3, "138****", "A mobile number has 11 digits.")
    assert masked(Field("x", sensitive=True), "secret") == "••••••"


def test_a_value_that_the_mapping_does_not_list_is_refused():
    values, (reason,) = convert("name", "A", "B", values={"A": "one"})
    assert values == ["one", None]
    assert reason == "The mapping does not say what this value means."


def test_blanks_defaults_prefixes_and_constants():
    assert convert("name", None, "x", default="none") == (["none", "x"], [])
    assert convert("name", "1", None, prefix="LC-") == (["LC-1", None], [])
    assert convert("name", "x", None, values={"x": ""}) == ([None, None], [])
    rules = {"name": Rule(constant="fixed")}
    raw = pl.DataFrame({"a": ["NA", "b"]}).with_columns(
        pl.Series(LINE, [2, 3], dtype=pl.UInt32), pl.lit(1, dtype=pl.UInt32).alias(WIDTH)
    )
    assert rewrite(raw, rules)["name"].to_list() == ["fixed", "fixed"]
    assert rewrite(raw, {"name": Rule(column="a")}, ["NA"])["name"].to_list() == [None, "b"]


def test_checking_stops_after_a_hundred_thousand_problems():
    problems = Problems()
    with pytest.raises(TooManyProblems):
        for line in range(MOST_PROBLEMS + 1):
            problems.add(line, "a", "b", "c")
    assert not problems.complete and len(problems.found) == MOST_PROBLEMS


def test_the_list_of_errors_is_a_table_that_a_spreadsheet_does_not_run(tmp_path):
    problems = Problems()
    problems.add(3, "Name", "=cmd()", "Bad.")
    problems.add(2, "Name", "x" * 200, "Bad.")
    problems.write(tmp_path / "errors.csv")
    lines = (tmp_path / "errors.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["Row,Column,Value,What is wrong", "2,Name," + "x" * 80 + ",Bad.", "3,Name,'=cmd(),Bad."]


def test_values_and_files_share_their_sentences():
    with pytest.raises(ValueProblem) as caught:
        parse_money("abc")
    assert convert("amount", "abc")[1] == [str(caught.value)]
