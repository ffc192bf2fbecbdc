"""Levels of risk and the days by which risks are assessed again: properties of pure rules."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from portal.risk.levels import STEPS, Cutoffs, RiskLevel, is_overdue, next_due

scores = st.integers(0, 40)
steps = st.sampled_from(STEPS)
days = st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31))


@given(st.builds(Cutoffs, scores, scores, scores), steps, steps, steps, steps)
def test_more_likely_or_graver_is_never_lower_whatever_the_scores(cutoffs: Cutoffs, a: int, b: int, c: int, d: int):
    lower, higher = cutoffs.level(min(a, b), min(c, d)), cutoffs.level(max(a, b), max(c, d))
    assert lower.rank <= higher.rank


@given(st.builds(Cutoffs, scores, scores, scores), steps, steps)
def test_likelihood_and_impact_weigh_alike(cutoffs: Cutoffs, likelihood: int, impact: int):
    assert cutoffs.level(likelihood, impact) is cutoffs.level(impact, likelihood)


def test_the_house_scores_make_this_matrix():
    house = Cutoffs(4, 9, 15)
    low, medium, high, top = RiskLevel
    assert [[house.level(likelihood, impact) for impact in STEPS] for likelihood in STEPS] == [
        [low, low, low, medium, medium],
        [low, medium, medium, medium, high],
        [low, medium, high, high, top],
        [medium, medium, high, top, top],
        [medium, high, top, top, top],
    ]


def test_a_score_counts_from_the_number_itself_on():
    assert Cutoffs(4, 9, 15).level(3, 3) is RiskLevel.HIGH
    assert Cutoffs(4, 10, 15).level(3, 3) is RiskLevel.MEDIUM


@given(days, st.integers(1, 24))
def test_the_last_day_is_still_in_time_and_the_next_is_not(assessed: dt.date, months: int):
    due = next_due(assessed, months)
    assert due is not None and due > assessed
    assert not is_overdue(due, due)
    assert is_overdue(due, due + dt.timedelta(days=1))


def test_ends_of_months_and_pauses_that_never_end():
    assert next_due(dt.date(2025, 11, 30), 3) == dt.date(2026, 2, 28)
    assert next_due(dt.date(2026, 3, 31), 3) == dt.date(2026, 6, 30)
    assert next_due(dt.date(2026, 3, 31), 0) is None
    assert not is_overdue(None, dt.date(2026, 3, 31)), "0 months: not regularly"
    assert next_due(dt.date(2026, 3, 31), 10**9) == dt.date(2126, 3, 31), "a number nobody means is no crash"
