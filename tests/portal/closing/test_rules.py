"""The arithmetic of month-end entries, without a database."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portal.closing.rules import (
    apportioned,
    booking_day,
    differences,
    is_month_end,
    last_month_end,
    with_odd_fen,
)

AMOUNTS = st.dictionaries(st.integers(0, 40), st.integers(-(10**12), 10**12), max_size=12)


@given(AMOUNTS, AMOUNTS)
def test_what_is_held_and_what_is_booked_is_what_is_wanted(wanted, held):
    booked = differences(wanted, held)
    assert 0 not in booked.values()
    after = {key: held.get(key, 0) + booked.get(key, 0) for key in {*wanted, *held, *booked}}
    assert {key: amount for key, amount in after.items() if amount} == {k: v for k, v in wanted.items() if v}
    assert differences(wanted, after) == {}, "a second run books nothing"


def test_the_odd_fen_goes_to_the_largest_part():
    """10,000.5 + 10,000.5 + 5 = 20,006 fen: rounded one by one 10,001 + 10,001 + 5 = 20,007."""
    assert with_odd_fen({"a": 10_001, "b": 10_001, "c": 5}, 20_006) == {"a": 10_000, "b": 10_001, "c": 5}
    assert with_odd_fen({}, 0) == {}


@given(st.dictionaries(st.tuples(st.integers(1, 4), st.integers(1, 9)), st.integers(0, 10**9), min_size=1))
def test_each_branch_holds_its_own_rounded_figure_but_for_the_odd_fen_of_the_company(hundredths):
    """Exact amounts are hundredths of a fen; figures are rounded at the grain at which they are asked for."""

    def rounded(amounts):
        return int(sum(Fraction(amount, 100) for amount in amounts) + Fraction(1, 2))

    parts = {key: rounded([amount]) for key, amount in hundredths.items()}
    branches = {key[0] for key in hundredths}
    by_branch = {one: rounded(v for key, v in hundredths.items() if key[0] == one) for one in branches}
    whole = rounded(hundredths.values())
    found = apportioned(parts, lambda key: key[0], by_branch, whole)
    assert sum(found.values()) == whole
    sums = Counter()
    for key, amount in found.items():
        sums[key[0]] += amount
    assert sum(sums[one] != by_branch[one] for one in branches) <= 1
    assert sum(found[key] != parts[key] for key in parts) <= len(branches)
    assert found.keys() == parts.keys()


def test_a_branch_of_which_nothing_is_left_gives_back_what_it_holds():
    assert apportioned({("a", 1): 0, ("b", 2): 7}, lambda key: key[0], {"b": 7}, 7) == {("a", 1): 0, ("b", 2): 7}


def test_the_last_closed_month_is_open_for_its_own_entries_and_older_ones_are_booked_today():
    may = dt.date(2026, 5, 31)
    assert last_month_end(dt.date(2026, 6, 1)) == last_month_end(dt.date(2026, 6, 30)) == may
    assert booking_day(may, dt.date(2026, 6, 17)) == may
    assert booking_day(may, dt.date(2026, 7, 1)) == dt.date(2026, 7, 1)
    assert is_month_end(dt.date(2028, 2, 29)) and not is_month_end(dt.date(2028, 2, 28))
