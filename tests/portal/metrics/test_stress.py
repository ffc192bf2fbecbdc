"""The stress rule: what moves, what stays, and that no fen is lost on the way."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.classification import Category
from portal.metrics.stress import required, shifted

NORMAL, MENTION, SUBSTANDARD, DOUBTFUL, LOSS = Category
BALANCES = st.fixed_dictionaries({category: st.integers(0, 10**14) for category in Category})
SHARES = st.fractions(0, 1, max_denominator=100)


def test_ten_per_cent_of_each_category_moves_into_the_next_one():
    """1000 loses 100; 500 loses 50 and gets 100; 200: -20 +50; 100: -10 +20; 50 gets 10."""
    balances = {NORMAL: 1000, MENTION: 500, SUBSTANDARD: 200, DOUBTFUL: 100, LOSS: 50}
    worse = {NORMAL: 900, MENTION: 550, SUBSTANDARD: 230, DOUBTFUL: 110, LOSS: 60}
    assert shifted(balances, Fraction(1, 10)) == worse


def test_what_arrives_does_not_move_on():
    """All of what was normal is special mention then, not loss."""
    assert shifted({NORMAL: 700}, Fraction(1)) == {NORMAL: 0, MENTION: 700, SUBSTANDARD: 0, DOUBTFUL: 0, LOSS: 0}


def test_half_a_fen_is_rounded_up():
    assert shifted({NORMAL: 5}, Fraction(1, 10))[MENTION] == 1


def test_the_provision_is_rounded_once():
    """1 fen at 50 % and 1 fen at 25 %: 0.75 fen, so 1; rounded apart it would be 1 + 0."""
    ratios = {NORMAL: Fraction(0), MENTION: Fraction(0), SUBSTANDARD: Fraction(1, 4), DOUBTFUL: Fraction(1, 2)}
    assert required({SUBSTANDARD: 1, DOUBTFUL: 1}, ratios) == 1


@given(BALANCES, SHARES)
def test_no_fen_is_lost_and_none_is_won(balances, share):
    worse = shifted(balances, share)
    assert sum(worse.values()) == sum(balances.values())
    assert all(fen >= 0 for fen in worse.values())


@given(BALANCES, SHARES, SHARES)
def test_a_greater_shift_never_needs_less_provision(balances, one, other):
    ratios = dict(zip(Category, (Fraction(n, 100) for n in (1, 3, 26, 51, 101)), strict=True))
    less, more = sorted((one, other))
    rounding = 2  # each of the four moves is rounded to the fen, by a half at most, and the sum once more
    assert required(shifted(balances, less), ratios) <= required(shifted(balances, more), ratios) + rounding


@pytest.mark.parametrize("share", [Fraction(-1, 100), Fraction(101, 100)])
def test_a_share_beyond_the_whole_is_refused(share):
    with pytest.raises(ValueError):
        shifted({NORMAL: 1}, share)
