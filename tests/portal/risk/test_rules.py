"""What people may judge, by the rules alone."""

from __future__ import annotations

from itertools import product

import pytest

from portal.loans.classification import Category, Threshold
from portal.risk.rules import Criterion, Way, WriteOffRules, criteria_met, has_authority, way_of

RULES = WriteOffRules(Threshold(">=", 365), 5_000_000)


def test_nothing_is_ever_better_than_the_floor_and_better_than_now_takes_two():
    for wanted, floor, review, least in product(Category, Category, Category, Category):
        now = max(floor, review, least)
        way = way_of(wanted, floor, now, least)
        number = list(Category).index
        if number(wanted) < number(floor):
            assert way is Way.BELOW_FLOOR
        elif number(wanted) < number(least):
            assert way is Way.KEPT_DOWN
        elif number(wanted) < number(now):
            assert way is Way.SECOND
        else:
            assert way is Way.AT_ONCE


@pytest.mark.parametrize(
    ("category", "days", "met"),
    [
        (Category.DOUBTFUL, 364, []),
        (Category.DOUBTFUL, 365, [Criterion.DAYS]),
        (Category.LOSS, 0, [Criterion.LOSS]),
        (Category.LOSS, 400, [Criterion.LOSS, Criterion.DAYS]),
    ],
)
def test_loss_or_enough_days_make_a_loan_fit_to_be_written_off(category: Category, days: int, met: list[Criterion]):
    assert criteria_met(category, days, RULES) == met


def test_the_committee_decides_from_its_amount_on():
    assert has_authority(4_999_999, ["risk"], RULES)
    assert not has_authority(5_000_000, ["risk"], RULES)
    assert has_authority(5_000_000, ["risk", "committee"], RULES)
