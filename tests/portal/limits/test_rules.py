"""Limits as arithmetic: worked by hand, and groups against a search by brute force."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.limits.gate import percent_up
from portal.limits.rules import (
    PPM,
    Bound,
    Measure,
    Reading,
    Spell,
    Standing,
    called_after,
    followed,
    groups,
    prior_year_end,
)

FIFTEEN = Bound(Measure.NET_ASSETS, 150_000, 800_000)
"""15 % of net assets, near from 12 % on."""
NET = 5_000_000_00
"""5 million yuan: the bound is 750,000, near from 600,000 on."""


@pytest.mark.parametrize(
    ("yuan", "standing", "free"),
    [
        (0, Standing.FREE, 75_000_000),
        (599_999, Standing.FREE, 15_000_100),
        (600_000, Standing.NEAR, 15_000_000),
        (750_000, Standing.NEAR, 0),  # the bound itself is within it
        (750_001, Standing.BEYOND, -100),
    ],
)
def test_a_limit_of_fifteen_per_cent_of_five_million(yuan: int, standing: Standing, free: int):
    reading = Reading(FIFTEEN, yuan * 100, NET)
    assert (reading.standing, reading.free) == (standing, free)


def test_the_example_of_a_loan_that_takes_a_group_to_14_2_per_cent():
    # net assets of 20 million; 2,040,000 owed, 800,000 more: 2,840,000 / 20,000,000 = 14.2 %
    before = Reading(FIFTEEN, 2_040_000_00, 20_000_000_00)
    after = before.with_more(800_000_00)
    assert percent_up(after.of_base) == "14.2"
    assert after.standing is Standing.NEAR and after.free == 160_000_00
    assert before.room() == 960_000_00


def test_without_net_assets_a_limit_is_unavailable_and_nothing_is_guessed():
    reading = Reading(FIFTEEN, 100, None)
    assert reading.standing is Standing.UNKNOWN
    assert (reading.free, reading.of_base, reading.of_bound, reading.room()) == (None, None, None, None)
    unknown = Reading(Bound(Measure.AMOUNT, 500, 800_000), 0, None, known=False)
    assert unknown.standing is Standing.UNKNOWN and unknown.free is None


def test_net_assets_of_nothing_leave_no_room():
    assert Reading(FIFTEEN, 1, 0).standing is Standing.BEYOND
    assert Reading(FIFTEEN, 0, 0).standing is Standing.FREE


def test_a_share_of_the_portfolio_grows_with_the_loan():
    # 30 % of a portfolio: 200 of 1,000 is used. 142 more make 342 of 1,142 = 29.95 %, 143 more 343 of 1,143 = 30.01 %
    reading = Reading(Bound(Measure.PORTFOLIO, 300_000, 800_000), 200, 1_000)
    assert reading.room() == 142
    assert reading.with_more(142).standing is Standing.NEAR
    assert reading.with_more(143).standing is Standing.BEYOND


def test_no_loan_breaks_a_share_of_the_whole():
    assert Reading(Bound(Measure.PORTFOLIO, PPM, PPM), 5, 10).room() is None


def test_an_amount_needs_no_base():
    reading = Reading(Bound(Measure.AMOUNT, 1_000, 800_000), 900)
    assert (reading.standing, reading.free, reading.of_base) == (Standing.NEAR, 100, None)


bounds = st.builds(Bound, st.sampled_from(list(Measure)), st.integers(1, 4 * PPM), st.integers(1, PPM))
readings = st.builds(Reading, bounds, st.integers(0, 10**12), st.integers(0, 10**13))


@given(readings)
def test_room_is_the_largest_loan_that_is_let_pass(reading: Reading):
    room = reading.room()
    if room is None or reading.standing is Standing.BEYOND:
        return
    if reading.bound.measure is Measure.PORTFOLIO and reading.used > (reading.base or 0):
        return  # no part is more than the whole
    assert reading.with_more(room).standing is not Standing.BEYOND
    assert reading.with_more(room + 1).standing is Standing.BEYOND


@given(readings)
def test_what_is_free_and_beyond_agree(reading: Reading):
    free = reading.free
    assert free is not None
    assert (free < 0) == (reading.standing is Standing.BEYOND)


@given(st.fractions(0, 5))
def test_a_share_never_reads_as_less_than_it_is(share: Fraction):
    shown = Fraction(percent_up(share)) / 100
    assert share <= shown < share + Fraction(1, 10_000)


numbers = st.integers(1, 12)


@given(st.lists(st.tuples(numbers, numbers), max_size=14))
def test_groups_are_what_a_walk_over_the_ties_finds(ties: list[tuple[int, int]]):
    def walk(start: int) -> frozenset[int]:
        seen, todo = {start}, [start]
        while todo:
            one = todo.pop()
            for pair in ties:
                if one in pair:
                    for other in set(pair) - seen:
                        seen.add(other)
                        todo.append(other)
        return frozenset(seen)

    wanted = {walk(one) for pair in ties for one in pair}
    found = groups(ties)
    assert {frozenset(group) for group in found} == {group for group in wanted if len(group) > 1}
    assert found == sorted(found) and all(list(group) == sorted(group) for group in found)
    assert groups([(b, a) for a, b in reversed(ties)]) == found, "neither order nor direction matters"


def test_a_group_is_called_after_whoever_owes_most():
    assert called_after((3, 5, 9), {5: 700, 9: 700}) == 5
    assert called_after((3, 5, 9), {}) == 3


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (dt.date(2026, 1, 1), dt.date(2025, 12, 31)),
        (dt.date(2026, 12, 31), dt.date(2025, 12, 31)),
    ],
)
def test_the_year_end_before(day: dt.date, end: dt.date):
    assert prior_year_end(day) == end


def day(number: int) -> dt.date:
    return dt.date(2026, 3, number)


def walked(*used: int, level: Standing = Standing.BEYOND) -> Spell | None:
    """The spell after these many millionths of 5 million yuan on 1, 2, 3 … March."""
    spell = None
    for number, yuan in enumerate(used, 1):
        spell = followed(spell, Reading(FIFTEEN, yuan * 100, NET), level, day(number))
    return spell


def test_a_breach_lasts_until_the_first_day_within_the_bound():
    assert walked(700_000, 760_000, 800_000, 770_000) == Spell(Standing.BEYOND, day(2), None, 800_000_00, day(3))
    assert walked(760_000, 750_000, 100) == Spell(Standing.BEYOND, day(1), day(2), 760_000_00, day(1))


def test_what_is_beyond_is_near_too_and_a_second_time_begins_anew():
    assert walked(650_000, 800_000, 620_000, level=Standing.NEAR) == Spell(
        Standing.NEAR, day(1), None, 800_000_00, day(2)
    )
    assert walked(760_000, 100, 760_000) == Spell(Standing.BEYOND, day(3), None, 760_000_00, day(3))


def test_what_is_not_known_neither_begins_nor_ends_a_breach():
    unknown = Reading(FIFTEEN, 10**9, None)
    assert followed(None, unknown, Standing.BEYOND, day(1)) is None
    lasting = walked(760_000)
    assert followed(lasting, unknown, Standing.BEYOND, day(2)) == lasting


def test_measuring_a_day_again_changes_nothing():
    for used in ((760_000,), (760_000, 100)):
        spell = walked(*used)
        last = Reading(FIFTEEN, used[-1] * 100, NET)
        assert followed(spell, last, Standing.BEYOND, day(len(used))) == spell
