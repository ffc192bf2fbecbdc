"""Classes of a map's colours."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.grids.rules import limits, round_down, step_of


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0, 0),
        (7, 7),
        (12_785, 12_000),
        (99, 99),
        (100, 100),
        (Fraction(12345, 100_000), Fraction(12, 100)),
        (-128, -120),
    ],
)
def test_a_limit_keeps_two_significant_digits(value: int | Fraction, rounded: int | Fraction) -> None:
    assert round_down(value) == rounded


def test_sixty_values_make_six_classes_of_ten() -> None:
    starts = limits(range(1, 61))
    counts = [sum(step_of(value, starts) == step for value in range(1, 61)) for step in range(6)]
    assert counts == [10, 10, 10, 10, 10, 10]


@pytest.mark.parametrize("values", [[], [5], [5, 5, 5, 5]])
def test_what_cannot_be_told_apart_has_no_limits(values: list[int]) -> None:
    assert limits(values) == []


@given(st.lists(st.integers(1, 10**12), min_size=1))
def test_limits_rise_and_no_class_is_empty(values: list[int]) -> None:
    starts = limits(values)
    assert starts == sorted(set(starts))
    assert len(starts) <= 5
    assert {step_of(value, starts) for value in values} == set(range(len(starts) + 1))
