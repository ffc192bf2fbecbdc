"""What a move means for roles and rows."""

from __future__ import annotations

from datetime import date

import pytest

from portal.moves.rules import (
    ROLE_OF_POST,
    Problem,
    Successor,
    Where,
    differences,
    last_at_work,
    must_hand_over,
    roles_after,
    successor_problem,
)
from portal.organization.models import Post
from portal.roles import ROLES

DAY = date(2026, 12, 1)


def test_every_post_has_a_role_and_every_such_role_exists():
    assert set(ROLE_OF_POST) == {post.value for post in Post}
    assert set(ROLE_OF_POST.values()) <= {role.name for role in ROLES}


@pytest.mark.parametrize(
    ("held", "post", "new", "after"),
    [
        (["customer_manager"], "customer_manager", "team_lead", ["team_lead"]),
        (["customer_manager", "audit"], "customer_manager", "team_lead", ["audit", "team_lead"]),
        (["customer_manager"], "customer_manager", "customer_manager", ["customer_manager"]),
        ([], "customer_manager", "risk", ["risk"]),
        (["hr", "administrator"], "hr", None, []),
    ],
)
def test_the_role_of_the_old_post_ends_and_that_of_the_new_one_begins(held, post, new, after):
    assert roles_after(held, post, new) == after


def test_differences_tell_what_ends_and_what_begins():
    assert differences(["a", "b"], ["b", "c"]) == (["a"], ["c"])


@pytest.mark.parametrize(
    ("after", "post", "new", "wanted"),
    [
        (None, "customer_manager", None, True),
        (Where(2, 1), "customer_manager", "customer_manager", True),
        (Where(1, 2), "customer_manager", "customer_manager", True),
        (Where(1, 1), "customer_manager", "customer_manager", False),  # only the level changes
        (Where(1, 1), "customer_manager", "risk", True),
        (Where(1, 1), "risk", "approver", False),
    ],
)
def test_who_leaves_the_place_or_the_post_of_a_manager_hands_everything_over(after, post, new, wanted):
    assert must_hand_over(Where(1, 1), after, post, new) is wanted


def test_who_leaves_was_at_work_for_the_last_time_the_day_before():
    assert last_at_work(date(2026, 3, 1)) == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("successor", "needed", "wrong"),
    [
        (None, True, Problem.MISSING),
        (None, False, None),
        (Successor(1), True, Problem.HIMSELF),
        (Successor(2), True, None),
        (Successor(2, left_on=date(2026, 11, 30)), True, Problem.LEFT),
        (Successor(2, left_on=DAY), True, None),
        (Successor(2, moves_on=DAY), True, Problem.MOVES),
        (Successor(2, moves_on=date(2026, 12, 2)), True, None),
    ],
)
def test_a_successor_is_another_who_is_still_there_on_the_day(successor, needed, wrong):
    assert successor_problem(1, DAY, successor, needed) is wrong
