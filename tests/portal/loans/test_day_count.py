"""Day counts against published examples and the calendar."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.day_count import days, year_basis
from portal.products.terms import DayCount

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("start", "end", "us", "european"),
    [
        (date(2024, 1, 15), date(2024, 2, 15), 30, 30),
        (date(2024, 1, 15), date(2024, 1, 31), 16, 15),
        (date(2024, 1, 30), date(2024, 3, 31), 60, 60),
        (date(2024, 1, 31), date(2024, 3, 31), 60, 60),
        (date(2024, 1, 31), date(2024, 3, 1), 31, 31),
        (date(2024, 3, 31), date(2024, 4, 30), 30, 30),
        (date(2024, 2, 29), date(2024, 3, 31), 30, 31),
        (date(2024, 2, 28), date(2024, 3, 31), 33, 32),
        (date(2023, 2, 28), date(2024, 2, 29), 360, 361),
        (date(2023, 2, 28), date(2023, 3, 1), 1, 3),
        (date(2006, 8, 31), date(2007, 2, 28), 178, 178),
        (date(2006, 2, 28), date(2006, 8, 31), 180, 182),
    ],
)
def test_30_360_follows_nasd_and_30e_360_the_european_rule(start: date, end: date, us: int, european: int) -> None:
    assert days(start, end, DayCount.THIRTY_360) == us
    assert days(start, end, DayCount.THIRTY_E_360) == european


@given(DAYS, DAYS, st.sampled_from([DayCount.ACT_365, DayCount.ACT_360]))
def test_actual_counts_the_days_of_the_calendar(start: date, end: date, convention: DayCount) -> None:
    assert days(start, end, convention) == end.toordinal() - start.toordinal()


@given(DAYS.filter(lambda day: day.month != 2), st.sampled_from([DayCount.THIRTY_360, DayCount.THIRTY_E_360]))
def test_the_same_day_a_year_later_is_360_days_away(start: date, convention: DayCount) -> None:
    assert days(start, start.replace(year=start.year + 1), convention) == 360


@given(DAYS, DAYS, st.sampled_from(DayCount))
def test_no_later_date_is_fewer_than_no_days_away(one: date, other: date, convention: DayCount) -> None:
    assert days(min(one, other), max(one, other), convention) >= 0


def test_only_actual_365_divides_by_365() -> None:
    assert {convention: year_basis(convention) for convention in DayCount} == {
        DayCount.THIRTY_360: 360,
        DayCount.THIRTY_E_360: 360,
        DayCount.ACT_365: 365,
        DayCount.ACT_360: 360,
    }
