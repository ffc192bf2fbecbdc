"""The clocks of the law, with the days written out."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.guarantees.rules import (
    Act,
    Interruption,
    Liability,
    claimed_on,
    guarantee_period_ends,
    later,
    limitation_ends,
)

DUE = date(2023, 3, 15)


def act(year: int, month: int, day: int, kind: Act = Act.DEMAND) -> Interruption:
    return Interruption(date(year, month, day), kind)


def test_limitation_runs_three_years_from_the_last_due_date() -> None:
    assert limitation_ends(DUE, [], 3) == date(2026, 3, 15)


@pytest.mark.parametrize("kind", list(Act))
def test_each_act_makes_it_begin_anew(kind: Act) -> None:
    assert limitation_ends(DUE, [act(2025, 5, 1, kind)], 3) == date(2028, 5, 1)


def test_acts_chain_in_order_of_time_however_they_are_given() -> None:
    # 2025-05-01 carries it to 2028-05-01; 2028-05-01, its last day, carries it on
    acts = [act(2028, 5, 1, Act.PAYMENT), act(2025, 5, 1)]
    assert limitation_ends(DUE, acts, 3) == date(2031, 5, 1)


def test_an_act_a_day_too_late_comes_to_nothing_unless_the_debt_is_acknowledged() -> None:
    assert limitation_ends(DUE, [act(2026, 3, 16)], 3) == date(2026, 3, 15)
    assert limitation_ends(DUE, [act(2026, 3, 16, Act.PAYMENT)], 3) == date(2026, 3, 15)
    assert limitation_ends(DUE, [act(2026, 3, 16, Act.ACKNOWLEDGEMENT)], 3) == date(2029, 3, 16)


def test_what_was_done_before_the_debt_fell_due_interrupts_nothing() -> None:
    assert limitation_ends(DUE, [act(2023, 3, 15)], 3) == date(2026, 3, 15)


def test_the_guarantee_period_is_six_months_unless_one_was_agreed() -> None:
    assert guarantee_period_ends(date(2025, 8, 31), None, 6) == date(2026, 2, 28)
    assert guarantee_period_ends(DUE, date(2025, 3, 15), 6) == date(2025, 3, 15)


def test_a_period_agreed_to_end_with_the_debt_counts_as_none() -> None:
    assert guarantee_period_ends(DUE, DUE, 6) == date(2023, 9, 15)


def test_a_joint_guarantor_is_held_by_a_demand_within_the_period() -> None:
    ends = date(2023, 9, 15)
    assert claimed_on(Liability.JOINT, DUE, ends, [act(2023, 9, 15), act(2023, 8, 1)]) == date(2023, 8, 1)
    assert claimed_on(Liability.JOINT, DUE, ends, [act(2023, 9, 16)]) is None
    assert claimed_on(Liability.JOINT, DUE, ends, [act(2023, 3, 1)]) is None, "the debt was not due yet"


def test_a_general_guarantor_is_held_by_a_lawsuit_only() -> None:
    ends = date(2023, 9, 15)
    assert claimed_on(Liability.GENERAL, DUE, ends, [act(2023, 8, 1)]) is None
    assert claimed_on(Liability.GENERAL, DUE, ends, [act(2023, 8, 1, Act.LAWSUIT)]) == date(2023, 8, 1)


def test_29_february_becomes_the_28th() -> None:
    assert later(date(2024, 2, 29), 36) == date(2027, 2, 28)


@given(st.lists(st.tuples(st.dates(date(2020, 1, 1), date(2045, 1, 1)), st.sampled_from(list(Act))), max_size=8))
def test_more_acts_never_shorten_limitation(given_acts: list[tuple[date, Act]]) -> None:
    acts = [Interruption(*pair) for pair in given_acts]
    assert limitation_ends(DUE, acts, 3) >= limitation_ends(DUE, acts[1:], 3) >= date(2026, 3, 15)
