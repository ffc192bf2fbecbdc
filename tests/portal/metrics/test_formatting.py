"""Figures as text: rounded once, half up, at the very end."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from portal.core.metric import Metric
from portal.metrics.formatting import exact_text, half_up, heading, shown


def metric(unit: str) -> Metric:
    return Metric("some_figure", "Some figure", unit, "stock", "…", "…", "…")


MONEY, COUNT, PERCENT, RATE, DAYS = map(metric, ("money", "count", "percent", "rate", "days"))


@pytest.mark.parametrize(
    ("of", "value", "text"),
    [
        (MONEY, 14458916610, "144589166.10"),
        (MONEY, -5, "-0.05"),
        (MONEY, 0, "0.00"),
        (COUNT, 9545, "9545"),
        (DAYS, 0, "0"),
        (PERCENT, Fraction(121504183, 14458916610), "0.8403"),
        (PERCENT, Fraction(1, 3), "33.3333"),
        (PERCENT, Fraction(2, 3), "66.6667"),
        (PERCENT, Fraction(125, 10_000_000), "0.0013"),
        (RATE, Fraction(126_604, 1_000_000), "12.6604"),
        (RATE, None, None),
        (MONEY, None, None),
    ],
)
def test_machines_get_two_decimals_of_money_and_four_of_percent(of, value, text):
    assert exact_text(of, value) == text


@pytest.mark.parametrize(
    ("of", "value", "options", "text"),
    [
        (MONEY, 14458916610, {}, "144,589,166.10"),
        (MONEY, -123456, {}, "−1,234.56"),
        (MONEY, 14458916610, {"ten_thousands": True}, "14,458.92"),
        (MONEY, 14458916610, {"ten_thousands": True, "decimals": 0}, "14,459"),
        (COUNT, 1234567, {}, "1,234,567"),
        (PERCENT, Fraction(84, 10_000), {}, "0.84"),
        (PERCENT, Fraction(1, 1), {"decimals": 1}, "100.0"),
        (DAYS, 91, {}, "91"),
        (PERCENT, None, {}, "—"),
    ],
)
def test_people_get_thousands_separated_and_a_dash_for_what_is_not_available(of, value, options, text):
    assert shown(of, value, **options) == text


def test_the_unit_stands_in_the_heading():
    app = Flask("formatting-under-test")
    Babel(app, default_locale="en")
    with app.app_context():
        headings = [heading(MONEY), heading(MONEY, ten_thousands=True), heading(PERCENT), heading(COUNT)]
    assert headings == ["Some figure (yuan)", "Some figure (10,000 yuan)", "Some figure (%)", "Some figure"]


@given(st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**6), st.integers(0, 6))
def test_rounding_is_half_away_from_zero_as_decimal_knows_it(value, decimals):
    with localcontext() as context:
        context.prec = 60
        if value.denominator & (value.denominator - 1) == 0 or value.denominator % 5 == 0:
            exact = Decimal(value.numerator) / Decimal(value.denominator)
            if Fraction(exact) == value:
                assert half_up(value, decimals) == exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    assert abs(Fraction(half_up(value, decimals)) - value) <= Fraction(1, 2 * 10**decimals)


@given(st.integers(-(10**15), 10**15))
def test_money_as_text_is_the_money(fen):
    assert Decimal(str(exact_text(MONEY, fen))) * 100 == fen
