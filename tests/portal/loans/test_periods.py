"""Due dates: monthly, anchored, never drifting."""

from calendar import monthrange
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.periods import add_months, due_dates, interest_days, interest_periods, whole_months
from portal.products.terms import DayCount

STARTS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


def test_a_loan_of_the_31st_falls_due_on_the_last_day_of_short_months_and_returns_to_the_31st() -> None:
    assert due_dates(date(2023, 1, 31), 5, None) == [
        date(2023, 2, 28),
        date(2023, 3, 31),
        date(2023, 4, 30),
        date(2023, 5, 31),
        date(2023, 6, 30),
    ]


def test_a_loan_of_29_february_returns_to_the_29th() -> None:
    assert due_dates(date(2024, 2, 29), 12, None)[-2:] == [date(2025, 1, 29), date(2025, 2, 28)]


def test_an_odd_first_due_date_sets_the_due_day() -> None:
    assert due_dates(date(2024, 1, 10), 3, date(2024, 2, 25)) == [
        date(2024, 2, 25),
        date(2024, 3, 25),
        date(2024, 4, 25),
    ]


def test_an_odd_first_due_date_on_the_31st_keeps_the_31st() -> None:
    assert due_dates(date(2024, 1, 10), 3, date(2024, 1, 31)) == [
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 31),
    ]


@pytest.mark.parametrize("first_due", [date(2023, 2, 28), date(2023, 4, 30)])
def test_a_first_due_date_whole_months_after_the_start_keeps_the_start_day(first_due: date) -> None:
    following = due_dates(date(2023, 1, 31), 2, first_due)[1]
    assert following == date(2023, first_due.month + 1, 31)


@given(STARTS, st.integers(1, 600))
def test_the_nth_due_date_lies_in_the_nth_month_on_the_start_day_or_the_last_day(start: date, count: int) -> None:
    last = due_dates(start, count, None)[-1]
    assert last.year * 12 + last.month == start.year * 12 + start.month + count
    assert last.day == min(start.day, monthrange(last.year, last.month)[1])
    assert last == add_months(start, count)
    assert whole_months(start, last) == count


@given(STARTS, st.integers(1, 60), st.integers(1, 400), st.sampled_from(DayCount))
def test_periods_join_up_and_their_days_match(start: date, count: int, first: int, convention: DayCount) -> None:
    first_due = date.fromordinal(start.toordinal() + first)
    periods = interest_periods(start, count, first_due, convention)
    assert [period.start for period in periods] == [start, *(period.end for period in periods[:-1])]
    assert periods[0].end == first_due
    assert [period.days for period in periods] == interest_days(start, count, first_due, convention)


def test_a_month_has_30_days_under_30_360_even_when_february_ends_it() -> None:
    assert interest_days(date(2023, 1, 31), 3, None, DayCount.THIRTY_360) == [30, 30, 30]
    assert interest_days(date(2023, 1, 31), 3, date(2023, 2, 28), DayCount.THIRTY_360) == [30, 30, 30]
    assert interest_days(date(2023, 1, 31), 2, date(2023, 4, 30), DayCount.THIRTY_E_360) == [90, 30]
    assert interest_days(date(2023, 1, 31), 3, None, DayCount.ACT_365) == [28, 31, 30]


def test_an_odd_first_period_counts_its_days() -> None:
    assert interest_days(date(2024, 1, 15), 2, date(2024, 3, 1), DayCount.THIRTY_360) == [46, 30]
    assert interest_days(date(2024, 1, 15), 2, date(2024, 3, 1), DayCount.ACT_360) == [46, 31]
