"""Schedules by example, and what happens at the edges."""

from datetime import date, timedelta

import pytest

from portal.loans.schedule import Instalment, Terms, accrued_interest, build_schedule, level_instalment
from portal.products.terms import DayCount, Method, Rounding

START = date(2024, 1, 15)


def terms(
    amount: int = 1_000_000,
    rate: int = 120_000,
    count: int = 12,
    method: Method = Method.LEVEL,
    start: date = START,
    first_due: date | None = None,
    day_count: DayCount = DayCount.THIRTY_360,
    rounding: Rounding = Rounding.HALF_UP,
) -> Terms:
    return Terms(amount, rate, count, method, start, first_due, day_count, rounding)


def money(instalments: list[Instalment]) -> list[tuple[int, int, int]]:
    return [(line.principal, line.interest, line.balance_after) for line in instalments]


def test_a_level_loan_pays_the_same_each_month_and_the_rest_at_the_end() -> None:
    assert money(build_schedule(terms(amount=100_000, count=3))) == [
        (33_002, 1_000, 66_998),
        (33_332, 670, 33_666),
        (33_666, 337, 0),
    ]


def test_an_equal_principal_loan_pays_the_same_principal_each_month() -> None:
    assert money(build_schedule(terms(amount=100_000, count=3, method=Method.EQUAL_PRINCIPAL))) == [
        (33_333, 1_000, 66_667),
        (33_333, 667, 33_334),
        (33_334, 333, 0),
    ]


def test_an_interest_only_loan_pays_its_principal_at_the_end() -> None:
    assert money(build_schedule(terms(amount=100_000, count=3, method=Method.INTEREST_ONLY))) == [
        (0, 1_000, 100_000),
        (0, 1_000, 100_000),
        (100_000, 1_000, 0),
    ]


def test_a_bullet_loan_has_one_instalment_with_simple_interest_at_the_end() -> None:
    (only,) = build_schedule(terms(amount=100_000, count=6, method=Method.BULLET))
    assert (only.number, only.period_start, only.due_date) == (1, START, date(2024, 7, 15))
    assert (only.principal, only.interest, only.due, only.balance_after) == (100_000, 6_000, 106_000, 0)


def test_a_bullet_loan_under_actual_days_counts_every_day_of_its_term() -> None:
    (only,) = build_schedule(terms(amount=36_500_000, count=12, method=Method.BULLET, day_count=DayCount.ACT_365))
    assert only.interest == 366 * 12_000


def test_under_actual_days_longer_months_bear_more_interest() -> None:
    lines = build_schedule(terms(amount=36_500_00, count=3, method=Method.INTEREST_ONLY, day_count=DayCount.ACT_365))
    assert [line.interest for line in lines] == [31 * 1_200, 29 * 1_200, 31 * 1_200]


def test_an_odd_first_period_bears_interest_for_its_own_days() -> None:
    lines = build_schedule(terms(amount=36_000_00, count=2, method=Method.INTEREST_ONLY, first_due=date(2024, 3, 1)))
    assert [line.interest for line in lines] == [46 * 1_200, 30 * 1_200]


def test_an_odd_first_period_still_leaves_level_instalments() -> None:
    lines = build_schedule(terms(first_due=date(2024, 3, 1)))
    assert {line.due for line in lines[:-1]} == {level_instalment(terms(first_due=date(2024, 3, 1)))}
    assert abs(lines[-1].due - lines[0].due) <= 12


def test_a_first_period_whose_interest_exceeds_the_instalment_bears_interest_only() -> None:
    """A loan after one harvest and before the next: interest of a year is never capitalised."""
    agreed = terms(count=37, first_due=date(2025, 1, 15))
    lines = build_schedule(agreed)
    assert (lines[0].principal, lines[0].interest) == (0, 120_000)
    rest = terms(count=36, start=date(2025, 1, 15))
    assert [line.due for line in lines[1:]] == [line.due for line in build_schedule(rest)]
    assert level_instalment(agreed) == level_instalment(rest)


@pytest.mark.parametrize(("amount", "half_up", "up"), [(100_000, 8_885, 8_885), (100_400, 8_920, 8_921)])
def test_a_level_instalment_is_rounded_by_the_rule_of_the_product(amount: int, half_up: int, up: int) -> None:
    """Unrounded 8,884.88 and 8,920.42 fen."""
    assert level_instalment(terms(amount=amount, rounding=Rounding.HALF_UP)) == half_up
    assert level_instalment(terms(amount=amount, rounding=Rounding.UP)) == up


@pytest.mark.parametrize("rounding", Rounding)
def test_interest_is_rounded_half_up_whatever_the_rule_of_the_product(rounding: Rounding) -> None:
    assert [line.interest for line in build_schedule(terms(amount=50, count=1, rounding=rounding))] == [1]
    assert [line.interest for line in build_schedule(terms(amount=49, count=1, rounding=rounding))] == [0]


def test_the_rule_of_the_product_rounds_the_equal_share_of_principal() -> None:
    """A third of 100,001 fen is 33,333.67 fen, of 100,000 fen 33,333.33."""
    agreed = terms(amount=100_000, count=3, method=Method.EQUAL_PRINCIPAL, rounding=Rounding.UP)
    assert money(build_schedule(agreed)) == [(33_334, 1_000, 66_666), (33_334, 667, 33_332), (33_332, 333, 0)]


def test_a_level_instalment_rounded_up_leaves_a_smaller_last_one() -> None:
    """8,920.42 fen become 8,921; interest of 1,004 fen and less is rounded half up each month."""
    lines = build_schedule(terms(amount=100_400, rounding=Rounding.UP))
    assert [line.due for line in lines[:-1]] == [8_921] * 11
    assert [line.interest for line in lines] == [1_004, 925, 845, 764, 683, 600, 517, 433, 348, 262, 176, 88]
    assert lines[-1].due == 8_914


@pytest.mark.parametrize("method", [Method.LEVEL, Method.EQUAL_PRINCIPAL])
def test_a_loan_without_interest_is_divided_evenly(method: Method) -> None:
    lines = build_schedule(terms(amount=1_000, rate=0, count=3, method=method))
    assert money(lines) == [(333, 0, 667), (333, 0, 334), (334, 0, 0)]


def test_one_fen_over_a_year_is_repaid_once() -> None:
    for rounding, payer in ((Rounding.HALF_UP, 12), (Rounding.UP, 1)):
        lines = build_schedule(terms(amount=1, rate=0, count=12, rounding=rounding))
        assert [line.number for line in lines if line.principal] == [payer]


def test_instalments_rounded_up_so_far_that_they_repay_early_leave_nothing_negative() -> None:
    lines = build_schedule(terms(amount=100, rate=0, count=60, rounding=Rounding.UP))
    assert [line.principal for line in lines] == [2] * 50 + [0] * 10


def test_a_loan_of_ten_thousand_million_yuan_over_thirty_years_is_exact() -> None:
    lines = build_schedule(terms(amount=10**12, rate=49_000, count=360))
    assert sum(line.principal for line in lines) == 10**12
    assert lines[0].due == 5_307_267_206
    assert lines[-1].balance_after == 0


def test_holidays_move_due_dates_and_not_interest() -> None:
    plain = build_schedule(terms(day_count=DayCount.ACT_365))
    moved = build_schedule(terms(day_count=DayCount.ACT_365), lambda day: day + timedelta(days=day.month % 3))
    assert money(moved) == money(plain)
    assert [line.period_end for line in moved] == [line.due_date for line in plain]
    assert [line.due_date for line in moved] == [line.due_date + timedelta(line.due_date.month % 3) for line in plain]


def test_a_holiday_rule_that_mixes_up_the_order_of_due_dates_is_refused() -> None:
    with pytest.raises(ValueError, match="holiday rule"):
        build_schedule(terms(count=2), lambda _: date(2024, 3, 1))
    with pytest.raises(ValueError, match="holiday rule"):
        build_schedule(terms(count=1), lambda _: START)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"amount": 0}, "The amount must be positive."),
        ({"amount": -1}, "The amount must be positive."),
        ({"amount": 10**15 + 1}, "The amount must not exceed 10,000,000,000,000 yuan."),
        ({"rate": -1}, "The annual rate must be between 0 % and 1,000 %."),
        ({"rate": 10_000_001}, "The annual rate must be between 0 % and 1,000 %."),
        ({"count": 0}, "The term must be between 1 and 600 months."),
        ({"count": 601}, "The term must be between 1 and 600 months."),
        ({"first_due": START}, "The first due date must be after the start."),
        ({"start": date(9998, 6, 1), "count": 12}, "The last due date must be before the year 9999."),
    ],
)
def test_terms_that_make_no_schedule_are_refused_in_one_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        terms(**wrong)  # type: ignore[arg-type]
    assert str(refusal.value) == sentence


def test_the_last_schedules_of_the_calendar_are_built() -> None:
    assert build_schedule(terms(start=date(9996, 12, 31), count=23))[-1].due_date == date(9998, 11, 30)


def test_accrued_interest_grows_day_by_day_and_is_whole_at_the_end_of_a_period() -> None:
    lines = build_schedule(terms(amount=31_000_00, count=2, method=Method.INTEREST_ONLY, start=date(2024, 1, 1)))
    assert [line.interest for line in lines] == [31_000, 31_000]
    assert accrued_interest(lines, date(2023, 12, 31)) == 0
    assert accrued_interest(lines, date(2024, 1, 1)) == 0
    assert accrued_interest(lines, date(2024, 1, 2)) == 1_000
    assert accrued_interest(lines, date(2024, 2, 1)) == 31_000
    assert accrued_interest(lines, date(2024, 2, 2)) == 31_000 + 31_000 // 29
    assert accrued_interest(lines, date(2024, 3, 1)) == 62_000
    assert accrued_interest(lines, date(2030, 1, 1)) == 62_000
    assert accrued_interest([], date(2024, 1, 1)) == 0


def test_a_due_date_moved_by_a_holiday_accrues_no_more() -> None:
    plain = build_schedule(terms(count=2))
    moved = build_schedule(terms(count=2), lambda day: day + timedelta(days=7))
    for days in range(70):
        as_of = START + timedelta(days=days)
        assert accrued_interest(moved, as_of) == accrued_interest(plain, as_of)
