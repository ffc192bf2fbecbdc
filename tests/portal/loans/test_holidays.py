"""Due dates on days off, in the calendar of mainland China."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.holidays import due_date_mover, is_workday
from portal.loans.schedule import Terms, build_schedule
from portal.products.terms import HolidayRule, Method

NATIONAL_DAY = date(2025, 10, 1)  # days off 1 to 8 October 2025; 28 September and 11 October are worked


@pytest.mark.parametrize(
    ("rule", "moved"),
    [
        (HolidayRule.NONE, date(2025, 10, 3)),
        (HolidayRule.FOLLOWING, date(2025, 10, 9)),
        (HolidayRule.MODIFIED_FOLLOWING, date(2025, 10, 9)),
        (HolidayRule.PRECEDING, date(2025, 9, 30)),
    ],
)
def test_a_due_date_in_golden_week_goes_where_the_rule_says(rule: HolidayRule, moved: date) -> None:
    assert due_date_mover(rule)(date(2025, 10, 3)) == moved


def test_modified_following_stays_within_the_month() -> None:
    sunday_at_the_end_of_august = date(2025, 8, 31)
    assert due_date_mover(HolidayRule.FOLLOWING)(sunday_at_the_end_of_august) == date(2025, 9, 1)
    assert due_date_mover(HolidayRule.MODIFIED_FOLLOWING)(sunday_at_the_end_of_august) == date(2025, 8, 29)


def test_a_make_up_sunday_is_a_working_day() -> None:
    assert is_workday(date(2025, 9, 28))
    assert due_date_mover(HolidayRule.FOLLOWING)(date(2025, 9, 28)) == date(2025, 9, 28)


@pytest.mark.parametrize("year", [2003, 2040])
def test_years_without_an_announced_calendar_have_plain_weekends(year: int) -> None:
    days = [date(year, 10, 1) + timedelta(days=offset) for offset in range(14)]
    assert [is_workday(day) for day in days] == [day.weekday() < 5 for day in days]


def test_days_the_company_records_come_before_every_calendar() -> None:
    announced = {date(2040, 10, 1): False, date(2040, 10, 2): False, date(2025, 10, 2): True}
    assert due_date_mover(HolidayRule.FOLLOWING, announced)(date(2040, 10, 1)) == date(2040, 10, 3)
    assert due_date_mover(HolidayRule.FOLLOWING, announced)(NATIONAL_DAY) == date(2025, 10, 2)


@given(st.dates(date(2003, 1, 1), date(2035, 12, 31)), st.sampled_from(HolidayRule))
def test_a_moved_date_is_the_nearest_working_day_on_its_side(day: date, rule: HolidayRule) -> None:
    moved = due_date_mover(rule)(day)
    if rule == HolidayRule.NONE or is_workday(day):
        assert moved == day
        return
    assert is_workday(moved)
    first, last = sorted((moved, day))
    between = [first + timedelta(days=offset) for offset in range(1, (last - first).days)]
    assert not any(is_workday(other) for other in between)
    if rule == HolidayRule.MODIFIED_FOLLOWING:
        assert (moved.year, moved.month) == (day.year, day.month)
    else:
        assert (moved > day) == (rule == HolidayRule.FOLLOWING)


@given(st.dates(date(2004, 1, 1), date(2024, 12, 31)), st.sampled_from(HolidayRule))
def test_the_due_dates_of_a_schedule_stay_in_order(start: date, rule: HolidayRule) -> None:
    lines = build_schedule(Terms(1_000_000, 120_000, 36, Method.LEVEL, start), due_date_mover(rule))
    assert all(earlier.due_date < later.due_date for earlier, later in pairwise(lines))
