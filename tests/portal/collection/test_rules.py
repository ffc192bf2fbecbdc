"""What became of promises, when debtors may be called, and what comes next: rules without a database."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.collection.models import clock_time, time_problem
from portal.collection.rules import (
    NextStep,
    Outcome,
    Promise,
    PromiseState,
    Received,
    allowed_at,
    next_step,
    promise_state,
    received_of,
)

MADE, FOR = dt.date(2026, 3, 10), dt.date(2026, 3, 20)


def day(number: int) -> dt.date:
    return dt.date(2026, 3, number)


def promise(amount: int = 100, made: int = 10, until: int = 20, number: int = 1) -> Promise:
    return Promise(amount, day(made), day(until), (day(made), "10:00", number))


@pytest.mark.parametrize(
    ("receipts", "today", "state"),
    [
        ([], 20, PromiseState.OPEN),
        ([], 21, PromiseState.BROKEN),
        ([(100, 10)], 10, PromiseState.KEPT),
        ([(100, 20)], 21, PromiseState.KEPT),
        ([(99, 20)], 21, PromiseState.BROKEN),
        ([(99, 12), (1, 20)], 25, PromiseState.KEPT),
        ([(100, 9)], 21, PromiseState.BROKEN),
        ([(100, 21)], 21, PromiseState.BROKEN),
        ([(100, 15), (-100, 15)], 21, PromiseState.BROKEN),
        ([(100, 15), (-100, 15)], 18, PromiseState.OPEN),
        ([(100, 15), (-100, 15), (100, 16)], 21, PromiseState.KEPT),
    ],
)
def test_a_promise_is_judged_by_what_came_from_its_day_to_the_promised_one(
    receipts: list[tuple[int, int]], today: int, state: PromiseState
):
    given = [Received(amount, day(on)) for amount, on in receipts]
    assert promise_state(promise(), given, [promise()], day(today)) is state


def test_a_newer_promise_replaces_one_that_could_still_be_met():
    old, new = promise(), promise(made=20, until=25, number=2)
    assert promise_state(old, [], [old, new], day(26)) is PromiseState.SUPERSEDED
    assert promise_state(new, [], [old, new], day(26)) is PromiseState.BROKEN


def test_a_newer_promise_does_not_mend_one_that_was_broken_before():
    old, new = promise(), promise(made=21, until=25, number=2)
    assert promise_state(old, [], [old, new], day(22)) is PromiseState.BROKEN
    assert promise_state(new, [], [old, new], day(22)) is PromiseState.OPEN


def test_two_promises_of_one_minute_are_told_apart():
    first, second = promise(number=1), promise(number=2)
    assert promise_state(first, [], [first, second], day(15)) is PromiseState.SUPERSEDED
    assert promise_state(second, [], [first, second], day(15)) is PromiseState.OPEN


amounts = st.lists(st.tuples(st.integers(-50, 100), st.integers(1, 31)), max_size=8)


@given(amounts, st.integers(1, 30), st.integers(0, 30))
def test_more_money_within_the_days_never_breaks_a_promise(receipts: list[tuple[int, int]], more: int, today: int):
    known = [Received(amount, day(on)) for amount, on in receipts]
    now = day(1) + dt.timedelta(days=today)
    one = promise()
    if promise_state(one, known, [one], now) is PromiseState.KEPT:
        assert promise_state(one, [*known, Received(more, day(15))], [one], now) is PromiseState.KEPT
    assert received_of(one, [*known, Received(more, day(9)), Received(more, day(21))]) == received_of(one, known)


@pytest.mark.parametrize(
    ("at", "allowed"), [("07:59", False), ("08:00", True), ("21:59", True), ("22:00", False), ("00:00", False)]
)
def test_the_hours_begin_on_the_hour_and_end_before_the_last(at: str, allowed: bool):
    assert allowed_at(dt.time.fromisoformat(at), 8, 22) is allowed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("9:05", "09:05"), ("09:05", "09:05"), (" 14：30 ", "14:30"), ("0:00", "00:00"), ("23:59", "23:59")],
)
def test_times_are_kept_so_that_they_stand_in_order(typed: str, kept: str):
    assert clock_time(typed) == kept
    assert time_problem(kept) is None


@pytest.mark.parametrize("typed", ["24:00", "9", "9:5", "12:60", "noon", "", "１２:00:00"])
def test_what_is_no_time_is_said(typed: str):
    assert time_problem(clock_time(typed)) is not None


@pytest.mark.parametrize(
    ("state", "until", "last", "outcome", "step"),
    [
        (None, None, None, None, NextStep.FIRST_CONTACT),
        (PromiseState.OPEN, 20, 10, Outcome.PROMISE, NextStep.CHECK_PAYMENT),
        (PromiseState.OPEN, 21, 10, Outcome.PROMISE, NextStep.WAIT),
        (PromiseState.BROKEN, 19, 10, Outcome.PROMISE, NextStep.ASK_WHY),
        (PromiseState.BROKEN, 18, 19, Outcome.REFUSES, NextStep.FOLLOW_UP),
        (PromiseState.KEPT, 18, 19, Outcome.UNREACHABLE, NextStep.FIND_DEBTOR),
        (None, None, 14, Outcome.REFUSES, NextStep.FOLLOW_UP),
        (None, None, 13, Outcome.REFUSES, NextStep.CONTACT_AGAIN),
    ],
)
def test_what_comes_next(
    state: PromiseState | None, until: int | None, last: int | None, outcome: Outcome | None, step: NextStep
):
    found = next_step(state, until and day(until), last and day(last), outcome, day(20), 7)
    assert found is step
