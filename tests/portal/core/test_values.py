"""Values to text and back: exact, and clear about what is wrong."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.fields import Field
from portal.core.values import ValueProblem, as_text, money_text, parse, parse_date, rate_text

MONEY, RATE, DATE, INT = (Field("x", type=t) for t in ("money", "rate", "date", "int"))


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_money_survives_writing_and_reading(fen: int):
    assert parse(MONEY, as_text(MONEY, fen)) == fen
    assert parse(MONEY, money_text(fen, thousands=True)) == fen


@given(st.integers(min_value=0, max_value=10_000_000))
def test_rates_survive_writing_and_reading(ppm: int):
    assert parse(RATE, rate_text(ppm)) == ppm


@given(st.dates())
def test_dates_survive_writing_and_reading(day: dt.date):
    assert parse(DATE, day.isoformat()) == day


WRITTEN = {"1,234.5": 123450, "￥12": 1200, "¥12": 1200, "１２３．４５": 12345, "12元": 1200, "1e3": 100000, "-.01": -1}


@pytest.mark.parametrize("text", WRITTEN)
def test_money_is_read_as_people_write_it(text: str):
    assert parse(MONEY, text) == WRITTEN[text]


@pytest.mark.parametrize("text", ["abc", "1.234", "1,23.4", "1e99", "nan", "inf", "--1", "1 2 3 4 x", "٣"])
def test_what_is_no_money_is_refused(text: str):
    with pytest.raises(ValueProblem):
        parse(MONEY, text)


@pytest.mark.parametrize(
    "text",
    ["2026-06-30", "2026/6/30", "2026.6.30", "2026年6月30日", "20260630", "２０２６－６－３０", "2026-06-30 00:00:00"],
)
def test_dates_are_read_in_the_forms_people_use(text: str):
    assert parse_date(text) == dt.date(2026, 6, 30)


@pytest.mark.parametrize("text", ["2026-02-31", "30.06.2026", "45000", "2026-13-01", "yesterday", "0000-01-01"])
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(ValueProblem):
        parse_date(text)


@pytest.mark.parametrize("text", ["99999999999", "1.5", "x"])
def test_what_is_no_whole_number_is_refused(text: str):
    with pytest.raises(ValueProblem):
        parse(INT, text)
