"""What stands against a hand-over, and what of somebody's rights goes along."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.delegations.rules import Days, Extent, Person, Problem, Standing, handed, problem, standing

TODAY = date(2026, 11, 29)
GIVER, TAKER, OTHER = Person(1, True), Person(2, True), 3


def checked(
    first: int = 0,
    last: int = 4,
    giver: Person = GIVER,
    taker: Person = TAKER,
    author: int = 1,
    others: list[Days] | None = None,
) -> Problem | None:
    wish = Days(giver.id, taker.id, TODAY + timedelta(first), TODAY + timedelta(last))
    return problem(giver, taker, wish, author, TODAY, 10, 2, others or [])


def test_a_week_from_today_to_a_colleague_is_fine():
    assert checked() is None
    assert checked(author=OTHER) is None


def test_nobody_stands_in_for_himself_or_takes_anothers_rows_for_himself():
    assert checked(taker=GIVER) is Problem.TO_ONESELF
    assert checked(author=TAKER.id) is Problem.TO_THE_AUTHOR


def test_both_need_an_open_login():
    assert checked(giver=Person(1, False)) is Problem.NO_LOGIN
    assert checked(taker=Person(2, False)) is Problem.DELEGATE_NO_LOGIN


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        (-1, 3, Problem.IN_THE_PAST),
        (3, 2, Problem.BACKWARDS),
        (0, 0, None),
        (0, 9, None),  # ten days, both included, of ten that are allowed
        (0, 10, Problem.TOO_LONG),
    ],
)
def test_the_days_lie_ahead_in_order_and_are_no_more_than_allowed(first: int, last: int, wrong: Problem | None):
    assert checked(first, last) is wrong


@pytest.mark.parametrize(("left", "wrong"), [(3, True), (4, False), (None, False)])
def test_nobody_leaves_before_the_last_day(left: int | None, wrong: bool):
    day = None if left is None else TODAY + timedelta(left)
    assert checked(giver=Person(1, True, day)) is (Problem.LEAVES if wrong else None)
    assert checked(taker=Person(2, True, day)) is (Problem.DELEGATE_LEAVES if wrong else None)


def days(giver: int, taker: int, first: int, last: int) -> Days:
    return Days(giver, taker, TODAY + timedelta(first), TODAY + timedelta(last))


def test_the_same_pair_does_not_overlap_and_days_that_only_touch_do():
    assert checked(others=[days(1, 2, 4, 9)]) is Problem.TWICE
    assert checked(others=[days(1, 2, 5, 9)]) is None


def test_nobody_stands_in_for_more_people_at_once_than_allowed():
    assert checked(others=[days(5, 2, 0, 2)]) is None
    assert checked(others=[days(5, 2, 0, 2), days(6, 2, 4, 9)]) is Problem.TOO_MANY
    assert checked(others=[days(5, 2, 0, 2), days(6, 2, 5, 9)]) is None


@given(st.integers(-5, 15), st.integers(-5, 15), st.integers(-5, 15), st.integers(-5, 15))
def test_two_spans_meet_exactly_when_some_day_is_in_both(a: int, b: int, c: int, d: int):
    first, second = days(1, 2, min(a, b), max(a, b)), days(1, 2, min(c, d), max(c, d))
    common = set(range(min(a, b), max(a, b) + 1)) & set(range(min(c, d), max(c, d) + 1))
    assert first.meets(second) is second.meets(first) is bool(common)


@pytest.mark.parametrize(
    ("day", "where"),
    [(-1, Standing.PLANNED), (0, Standing.RUNNING), (4, Standing.RUNNING), (5, Standing.ENDED)],
)
def test_the_first_and_the_last_day_belong_to_it(day: int, where: Standing):
    span = (TODAY, TODAY + timedelta(4))
    assert standing(*span, False, TODAY + timedelta(day)) is where
    assert standing(*span, True, TODAY + timedelta(day)) is Standing.WITHDRAWN


GRANTS = {
    ("Loan", "list"): "team",
    ("Loan", "export"): "team",
    ("Application", "list"): "branch",
    ("Application", "show"): "branch",
    ("Application", "edit"): "self",
    ("Application", "approve"): "branch",
    ("Delegation", "list"): "self",
    ("Delegation", "add"): "self",
}


def test_rows_go_without_approvals_and_approvals_with_what_is_to_be_read():
    rows, approvals, both = (handed(GRANTS, extent) for extent in (Extent.ROWS, Extent.APPROVALS, Extent.BOTH))
    assert ("Application", "approve") not in rows
    assert set(approvals) == {("Application", "list"), ("Application", "show"), ("Application", "approve")}
    assert both == {task: scope for task, scope in GRANTS.items() if task[0] != "Delegation"}


def test_what_was_delegated_is_never_handed_on():
    assert not any(resource == "Delegation" for extent in Extent for resource, _action in handed(GRANTS, extent))
