"""Pure rules of early warning: thresholds, comparisons, the chain of owners, the way of a case, scores."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.periods import add_months
from portal.warnings.rules import (
    AFTER,
    GAUGES,
    BadThreshold,
    Comparison,
    Indicator,
    Joined,
    Owner,
    Score,
    State,
    Step,
    Unit,
    hits_most,
    months_since,
    threshold_of,
    threshold_text,
)


@pytest.mark.parametrize(
    ("text", "unit", "kept"),
    [
        ("30", Unit.DAYS, 30),
        ("-5", Unit.DAYS, -5),
        ("1,234.50", Unit.YUAN, 123_450),
        (" 20% ", Unit.PERCENT, 2_000),
        ("0.01", Unit.PERCENT, 1),
        ("3", Unit.NUMBER, 3),
        ("1e2", Unit.DAYS, 100),
    ],
)
def test_a_threshold_is_read_in_its_unit(text: str, unit: Unit, kept: int):
    assert threshold_of(text, unit) == kept


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("many", Unit.DAYS, "enter a number"),
        ("", Unit.NUMBER, "enter a number"),
        ("NaN", Unit.YUAN, "enter a number"),
        ("Infinity", Unit.PERCENT, "enter a number"),
        ("1.5", Unit.DAYS, "whole number"),
        ("0.001", Unit.PERCENT, "two decimals"),
        ("-1", Unit.YUAN, "below 0"),
        ("1000.01", Unit.PERCENT, "too large"),
        ("1e400", Unit.YUAN, "too large"),
    ],
)
def test_what_is_no_threshold_says_why(text: str, unit: Unit, says: str):
    with pytest.raises(BadThreshold, match=says):
        threshold_of(text, unit)


@given(st.integers(0, 100_000), st.sampled_from([Unit.DAYS, Unit.YUAN, Unit.PERCENT, Unit.NUMBER]))
def test_a_threshold_is_written_as_it_is_read(kept: int, unit: Unit):
    assert threshold_of(threshold_text(kept, unit), unit) == kept


@pytest.mark.parametrize(("text", "kept"), [("-30", -3_000), ("−12.5 %", -1_250), ("0", 0), ("15", 1_500)])
def test_what_may_fall_takes_thresholds_below_0(text: str, kept: int):
    assert threshold_of(text, Unit.PERCENT, signed=True) == kept
    assert threshold_of(threshold_text(kept, Unit.PERCENT), Unit.PERCENT, signed=True) == kept
    with pytest.raises(BadThreshold, match="too large"):
        threshold_of("-1000.01", Unit.PERCENT, signed=True)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2060, 1, 1)), st.integers(0, 4_000))
def test_months_are_whole_once_their_day_or_the_end_of_the_month_is_there(start: dt.date, days: int):
    day = start + dt.timedelta(days=days)
    months = months_since(start, day)
    assert add_months(start, months) <= day < add_months(start, months + 1)


@pytest.mark.parametrize(
    ("start", "day", "months"),
    [
        (dt.date(2025, 12, 31), dt.date(2026, 2, 27), 1),
        (dt.date(2025, 12, 31), dt.date(2026, 2, 28), 2),
        (dt.date(2025, 12, 31), dt.date(2026, 1, 1), 0),
        (dt.date(2025, 12, 15), dt.date(2026, 12, 14), 11),
        (dt.date(2026, 3, 1), dt.date(2026, 2, 28), -1),
    ],
)
def test_months_between_two_days(start: dt.date, day: dt.date, months: int):
    assert months_since(start, day) == months


@given(st.fractions(), st.integers())
def test_exactly_one_of_less_equal_and_more_holds(value: Fraction, threshold: int):
    holds = {comparison: comparison.holds(value, threshold) for comparison in Comparison}
    assert [holds[Comparison.LESS], holds[Comparison.EQUAL], holds[Comparison.MORE]].count(True) == 1
    assert holds[Comparison.AT_LEAST] is not holds[Comparison.LESS]
    assert holds[Comparison.AT_MOST] is not holds[Comparison.MORE]


def test_a_rule_without_conditions_hits_nothing():
    assert [joined.holds([]) for joined in Joined] == [False, False]
    assert Joined.ANY.holds([False, True]) and not Joined.ALL.holds([False, True])


def test_every_indicator_has_its_gauge():
    assert set(GAUGES) == set(Indicator)


def test_a_case_goes_up_the_chain_and_no_further():
    chain = [Owner.CUSTOMER_MANAGER]
    while (following := chain[-1].following) is not None:
        chain.append(following)
    assert chain == [Owner.CUSTOMER_MANAGER, Owner.TEAM_LEAD, Owner.BRANCH_HEAD, Owner.RISK]


def test_whoever_stands_further_up_may_act_whoever_stands_below_may_not():
    assert Owner.TEAM_LEAD.is_among(["team_lead"]) and Owner.TEAM_LEAD.is_among(["finance", "risk"])
    assert not Owner.TEAM_LEAD.is_among(["customer_manager"]) and not Owner.RISK.is_among([])


def test_the_way_of_a_case_ends_closed_and_only_through_two_people():
    assert {state for state, _step in AFTER} == set(State) - {State.CLOSED}, "every other state leads on"
    closing = [state for (state, _step), after in AFTER.items() if after is State.CLOSED]
    assert closing == [State.TO_CLOSE]
    assert [state for (state, step) in AFTER if step is Step.PROPOSE] == [State.RESULT]


def test_a_score_worked_by_hand():
    score = Score(hits=8, true=5, missed=3, leads=((31, 2), (61, 2), (92, 1)))
    assert (score.precision, score.recall) == (Fraction(5, 8), Fraction(5, 8))
    assert score.lead_days == 61
    assert Score(2, 2, 0, ((31, 1), (62, 1))).lead_days == 46, "the middle of two, rounded down"


def test_a_score_of_nothing_is_not_known():
    assert (Score(0, 0, 0).precision, Score(0, 0, 0).recall, Score(0, 0, 0).lead_days) == (None, None, None)
    assert Score(0, 0, 4).recall == 0 and Score(4, 0, 0).precision == 0


def test_a_rule_that_hits_every_loan_is_one_that_hits_too_many():
    assert hits_most(3, 10, Fraction(29, 100)) and not hits_most(3, 10, Fraction(3, 10))
    assert hits_most(10, 10, Fraction(1)), "whatever the parameter says"
    assert not hits_most(0, 0, Fraction(0))
