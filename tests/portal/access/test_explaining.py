"""The rules of "why?", worked out by hand, and against the conditions that the row scope writes into SQL."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access.explaining import (
    ALL,
    BRANCH,
    NONE,
    SELF,
    TEAM,
    Because,
    Person,
    Row,
    Source,
    Verdict,
    of_row,
    of_task,
    of_unseen,
)

#: Somebody of branch 1 (below it 2), team 10, staff record 7, login 5.
HERE = {"user_id": 5, "staff_id": 7, "home": 1, "branches": frozenset({1, 2}), "teams": frozenset({10})}


def person(scope: str, **more: object) -> Person:
    sources = () if scope == NONE else (Source("role", scope),)
    return Person(**{**HERE, "sources": sources, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "row", "may", "because"),
    [
        (NONE, Row(branch=1), False, Because.NOT_GRANTED),
        (ALL, Row(branch=9), True, Because.COMPANY),
        (ALL, Row(), True, Because.COMPANY),
        (BRANCH, Row(branch=2), True, Because.IN_BRANCH),
        (BRANCH, Row(branch=3), False, Because.OUTSIDE_BRANCH),
        (BRANCH, Row(), False, Because.NO_OWNER),
        (TEAM, Row(branch=1, team=10), True, Because.IN_TEAM),
        (TEAM, Row(branch=1, team=11), False, Because.OTHER_TEAM),
        (TEAM, Row(branch=1), False, Because.OTHER_TEAM),
        (TEAM, Row(branch=3, team=10), False, Because.OUTSIDE_BRANCH),
        (SELF, Row(branch=1, manager=7), True, Because.OWN),
        (SELF, Row(branch=1, manager=8), False, Because.OTHER_MANAGER),
        (SELF, Row(branch=2, manager=7), False, Because.OTHER_BRANCH),
        (SELF, Row("nobodys"), True, Because.NOBODYS),
        (BRANCH, Row("personal", owner=5), True, Because.OWNER),
        (ALL, Row("personal", owner=6), False, Because.OTHER_OWNER),
        (BRANCH, Row("shared", team=10, owner=6), True, Because.SHARED),
        (BRANCH, Row("shared", branch=1, owner=6), True, Because.SHARED),
        (BRANCH, Row("shared", branch=2, owner=6), False, Because.OTHER_OWNER),
    ],
)
def test_each_scope_means_this_for_a_row(scope: str, row: Row, may: bool, because: Because) -> None:
    assert of_row(person(scope), row) == Verdict(may, because)


def test_a_shared_row_is_changed_by_its_owner_alone() -> None:
    shared = Row("shared", team=10, owner=6)
    assert of_row(person(ALL), shared, writes=True) == Verdict(False, Because.OTHER_OWNER)
    assert of_row(person(ALL), Row("shared", owner=5), writes=True) == Verdict(True, Because.OWNER)


def test_a_closed_login_and_one_who_has_left_may_nothing_whatever_the_role() -> None:
    for more, because in (({"open": False}, Because.CLOSED), ({"left": True}, Because.LEFT)):
        for scope, row in product((SELF, TEAM, BRANCH, ALL), (Row(branch=1, team=10, manager=7), Row("nobodys"))):
            assert of_row(person(scope, **more), row) == Verdict(False, because)
        assert of_task(person(ALL, **more)) == of_unseen(person(ALL, **more), True) == Verdict(False, because)


def test_own_branch_of_the_head_office_is_the_company() -> None:
    assert of_row(person(BRANCH, whole=True), Row(branch=99)) == Verdict(True, Because.COMPANY)
    assert of_row(person(TEAM, whole=True), Row(branch=1, team=11)) == Verdict(False, Because.OTHER_TEAM)


def test_the_widest_role_counts() -> None:
    both = (Source("wide", BRANCH), Source("narrow", SELF))
    assert of_row(person(NONE, sources=both), Row(branch=2, manager=8)) == Verdict(True, Because.IN_BRANCH)


def test_of_a_row_that_the_asker_does_not_find_only_that_is_told_which_holds_for_any_row() -> None:
    assert of_unseen(person(NONE), False) == Verdict(False, Because.NOT_GRANTED)
    assert of_unseen(person(SELF), False) == Verdict(None, Because.UNTOLD)
    assert of_unseen(person(ALL), False) == Verdict(True, Because.ANY_RECORD)
    assert of_unseen(person(SELF), True) == Verdict(False, Because.NO_RECORD)
    assert of_task(person(SELF)) == Verdict(True, Because.GRANTED)


few = st.integers(1, 4)
maybe = st.none() | few


@given(
    scope=st.sampled_from((SELF, TEAM, BRANCH, ALL)),
    branches=st.frozensets(few, min_size=1),
    teams=st.frozensets(few, max_size=1),
    staff=few,
    row=st.builds(Row, branch=maybe, team=maybe, manager=maybe),
)
def test_the_verdict_is_the_condition_that_the_session_adds(
    scope: str, branches: frozenset[int], teams: frozenset[int], staff: int, row: Row
) -> None:
    """The conditions of portal.core.scope, written out once more as one expression each."""
    home = min(branches)
    conditions = {
        ALL: True,
        BRANCH: row.branch in branches,
        TEAM: row.branch in branches and row.team in teams,
        SELF: row.branch == home and row.manager == staff,
    }
    who = person(scope, branches=branches, teams=teams, staff_id=staff, home=home)
    assert of_row(who, row).may is conditions[scope]
