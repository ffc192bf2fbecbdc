from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from reports.figures import (
    change,
    exact,
    number,
    percent,
    rounding_difference,
    share,
    ten_thousands,
    whole,
    written_date,
    yuan,
)
from reports.footing import Footing


def test_fen_become_ten_thousands_of_yuan_rounded_half_up() -> None:
    assert ten_thousands(1_234_567_89, 2) == Decimal("123.46")
    assert ten_thousands(5_000, 2) == Decimal("0.01")
    assert ten_thousands(4_999, 2) == Decimal("0.00")
    assert ten_thousands(-5_000, 2) == Decimal("-0.01")
    assert ten_thousands(1_500_000, 0) == Decimal("2")


def test_a_total_is_rounded_from_the_exact_total_and_the_difference_is_what_the_rounded_parts_leave_over() -> None:
    parts = [4_000, 4_000, 4_000]
    assert rounding_difference(sum(parts), parts, 2) == Decimal("0.01")
    assert rounding_difference(sum(parts), parts, 4) == 0


def test_a_share_of_nothing_is_a_dash_and_not_a_zero() -> None:
    assert percent(share(0, 0), 2) == "—"
    assert percent(share(0, 5), 2) == "0.00"
    assert percent(Fraction(2, 3), 2) == "66.67"


def test_numbers_have_separated_thousands_and_a_real_minus_sign() -> None:
    assert number(Decimal("-1234567.50")) == "−1,234,567.50"
    assert number(1234567) == "1,234,567"
    assert number(None) == "—"
    assert change(1_000_000, 2) == "+1.00"
    assert change(-1_000_000, 2) == "−1.00"
    assert change(0, 2) == "0.00"
    assert change(None, 2) == "—"


def test_exact_yuan_keep_every_fen() -> None:
    assert yuan(-7) == "-0.07"
    assert yuan(163_619_225_00) == "163619225.00"
    assert exact(163_619_225_07) == "163,619,225.07"


def test_dates_are_written_as_a_document_of_each_language_writes_them() -> None:
    assert written_date(date(2026, 9, 30), "zh") == "2026年9月30日"
    assert written_date(date(2026, 9, 30), "en") == "30 September 2026"


def test_a_ratio_is_refused_where_a_report_expects_money() -> None:
    with pytest.raises(TypeError):
        whole({"loan_balance": Fraction(1, 3)}, "loan_balance")


def test_a_check_fails_for_one_fen_and_passes_a_rounding_difference_within_the_tolerance() -> None:
    footing = Footing(decimals=2, tolerance=Decimal("0.01"))
    assert footing.check("", 12_000, [4_000, 4_000, 4_000]).passed
    assert not footing.check("", 12_001, [4_000, 4_000, 4_000]).passed
    assert not Footing(2, Decimal("0")).check("", 12_000, [4_000, 4_000, 4_000]).passed
