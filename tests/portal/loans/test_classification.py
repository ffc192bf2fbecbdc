"""Days past due, the five categories and overdue principal."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.classification import (
    Category,
    Threshold,
    days_past_due,
    floor_category,
    overdue_principal,
    worst,
)
from portal.products.terms import Method

JUNE = date(2026, 6, 15)
THRESHOLDS = {
    Category.SPECIAL_MENTION: Threshold(">=", 1),
    Category.SUBSTANDARD: Threshold(">", 90),
    Category.DOUBTFUL: Threshold(">", 270),
    Category.LOSS: Threshold(">", 360),
}
BEYOND_90 = Threshold(">", 90)


def test_a_loan_due_today_is_not_past_due() -> None:
    assert days_past_due([(JUNE, 100)], JUNE, 0) == 0


def test_a_loan_due_yesterday_is_one_day_past_due() -> None:
    assert days_past_due([(date(2026, 6, 14), 100)], JUNE, 0) == 1


def test_the_oldest_unpaid_instalment_counts_in_whatever_order() -> None:
    unpaid = [(date(2026, 5, 15), 100), (date(2026, 3, 15), 1), (date(2026, 7, 15), 100)]
    assert days_past_due(unpaid, JUNE, 0) == 92


def test_an_instalment_within_the_tolerance_is_not_in_arrears() -> None:
    unpaid = [(date(2026, 3, 15), 100), (date(2026, 5, 15), 101)]
    assert days_past_due(unpaid, JUNE, 100) == 31
    assert days_past_due(unpaid, JUNE, 99) == 92
    assert days_past_due(unpaid, JUNE, 101) == 0


def test_a_loan_with_nothing_unpaid_is_not_past_due() -> None:
    assert days_past_due([], JUNE, 0) == 0
    assert days_past_due([(date(2026, 3, 15), 0)], JUNE, 0) == 0


def test_acceleration_makes_everything_due_and_nothing_younger() -> None:
    future = [(date(2026, 7, 15), 100), (date(2026, 8, 15), 100)]
    assert days_past_due(future, JUNE, 0) == 0
    assert days_past_due(future, JUNE, 0, accelerated_on=date(2026, 6, 10)) == 5
    assert days_past_due(future, JUNE, 0, accelerated_on=JUNE) == 0
    assert days_past_due([(date(2026, 5, 15), 100), *future], JUNE, 0, accelerated_on=date(2026, 6, 10)) == 31


@given(st.lists(st.tuples(st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.integers(0, 300))), st.integers(0, 200))
def test_days_past_due_agree_with_a_search_day_by_day(unpaid: list[tuple[date, int]], tolerance: int) -> None:
    late = 0
    for days in range(1, 600):
        if any(due == JUNE - timedelta(days=days) and amount > tolerance for due, amount in unpaid):
            late = days
    assert days_past_due(unpaid, JUNE, tolerance) == late


@pytest.mark.parametrize(
    ("days", "category"),
    [
        (0, Category.NORMAL),
        (1, Category.SPECIAL_MENTION),
        (90, Category.SPECIAL_MENTION),
        (91, Category.SUBSTANDARD),
        (270, Category.SUBSTANDARD),
        (271, Category.DOUBTFUL),
        (360, Category.DOUBTFUL),
        (361, Category.LOSS),
    ],
)
def test_the_floor_follows_the_days_and_the_operator_of_each_threshold(days: int, category: Category) -> None:
    assert floor_category(days, THRESHOLDS) == category


def test_a_threshold_with_at_least_includes_its_day() -> None:
    strict = {**THRESHOLDS, Category.SUBSTANDARD: Threshold(">=", 90)}
    assert floor_category(90, strict) == Category.SUBSTANDARD
    assert floor_category(89, strict) == Category.SPECIAL_MENTION


def test_the_floor_does_not_depend_on_the_order_of_thresholds() -> None:
    backwards = dict(reversed(THRESHOLDS.items()))
    assert [floor_category(days, backwards) for days in (1, 91, 271, 361)] == list(Category)[1:]


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="operator"):
        Threshold("<", 1)  # type: ignore[arg-type]


def test_categories_compare_by_severity_and_not_by_their_names() -> None:
    assert sorted(Category, reverse=True) == list(Category)[::-1]
    assert Category.DOUBTFUL > Category.SUBSTANDARD > Category.SPECIAL_MENTION > Category.NORMAL
    assert not Category.LOSS > Category.LOSS
    assert Category.LOSS >= Category.LOSS and Category.NORMAL <= Category.NORMAL < Category.LOSS
    assert [category.value for category in Category] == ["normal", "special_mention", "substandard", "doubtful", "loss"]
    assert [category.non_performing for category in Category] == [False, False, True, True, True]


def test_judgement_may_only_worsen_the_floor() -> None:
    assert worst(Category.SPECIAL_MENTION, Category.DOUBTFUL) == Category.DOUBTFUL
    assert worst(Category.SUBSTANDARD, Category.NORMAL) == Category.SUBSTANDARD
    assert worst() == Category.NORMAL


@pytest.mark.parametrize("method", [Method.LEVEL, Method.EQUAL_PRINCIPAL])
def test_an_instalment_loan_has_only_what_fell_due_overdue_up_to_90_days(method: Method) -> None:
    assert overdue_principal(method, 0, 0, 1_000, BEYOND_90) == 0
    assert overdue_principal(method, 1, 100, 1_000, BEYOND_90) == 100
    assert overdue_principal(method, 90, 300, 1_000, BEYOND_90) == 300
    assert overdue_principal(method, 91, 300, 1_000, BEYOND_90) == 1_000
    assert overdue_principal(method, 90, 300, 1_000, Threshold(">=", 90)) == 1_000
    assert overdue_principal(method, 61, 300, 1_000, Threshold(">", 60)) == 1_000


@pytest.mark.parametrize("method", [Method.INTEREST_ONLY, Method.BULLET])
def test_any_other_loan_is_overdue_as_a_whole_from_the_first_day(method: Method) -> None:
    assert overdue_principal(method, 0, 0, 1_000, BEYOND_90) == 0
    assert overdue_principal(method, 1, 0, 1_000, BEYOND_90) == 1_000
