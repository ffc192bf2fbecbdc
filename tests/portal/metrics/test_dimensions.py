"""Filters as text: codes are read back, unknown values are named in a sentence."""

import datetime as dt

import pytest

from portal.core.metric import MetricError, dimensions, evaluate
from portal.core.scope import SYSTEM, Actor, acting
from portal.metrics.dimensions import codes, parse_value, parse_where, split_filter
from tests.portal.metrics.brute_force import CUTS


@pytest.fixture(autouse=True)
def as_the_system(company):
    with acting(SYSTEM):
        yield


MOVED = ("days_before", "days_after", "category_before", "category_after", "overdue_part", "npl_part")
KEYS = {
    "month": "disbursed_amount",
    "cohort": "vintage_lent",
    "months_on_book": "vintage_current_balance",
    "due_month": "expected_amount",
    "months_after": "collected_of_due",
    "income_part": "income_taxable",
    **dict.fromkeys(MOVED, "loans_before"),
}
"""A figure that can be cut so, where the loan balance cannot."""


@pytest.mark.parametrize("cut", CUTS)
def test_the_code_of_every_group_is_read_back_as_the_group(cut):
    key = KEYS.get(cut, "loan_balance")
    groups = [row.by[cut] for row in evaluate([key], by=[cut], start=dt.date(2025, 1, 1)).rows]
    coded = codes(cut, groups)
    assert groups and [parse_value(cut, coded[group]) for group in groups] == groups


@pytest.mark.parametrize(
    ("cut", "text", "sentence"),
    [
        ("branch", "Paris", "Branch: there is no “Paris” that you may see."),
        ("branch", "99", "Branch: there is no “99” that you may see."),
        ("branch", "9" * 30, f"Branch: there is no “{'9' * 30}” that you may see."),
        ("category", "bad", "Category: “bad” is none of normal, special_mention, substandard, doubtful, loss."),
        ("month", "2026-13", "“2026-13” is not a month; write it like 2026-06."),
        ("colour", "red", "There is no dimension called colour."),
    ],
)
def test_an_unknown_value_is_answered_with_a_sentence(cut, text, sentence):
    with pytest.raises(MetricError) as refusal:
        parse_value(cut, text)
    assert str(refusal.value) == sentence


def test_a_branch_is_named_by_its_code_or_its_number():
    assert parse_value("branch", "0102") == parse_value("branch", "3") == parse_value("branch", " 0102 ") == 3


def test_a_choice_is_named_by_its_value_or_its_words():
    assert parse_value("category", "special_mention") == parse_value("category", "Special mention")


def test_none_stands_for_rows_without_one():
    assert parse_where([("team", "none"), ("team", "T2")]) == {"team": [None, 2]}


@pytest.mark.parametrize("text", ["branch", "=0101", "branch=", "  = "])
def test_what_is_no_filter_is_said_so(text):
    with pytest.raises(MetricError, match="is not a filter; write it like branch=0101"):
        split_filter(text, "=")


def test_a_filter_may_hold_the_separator_in_its_value():
    assert split_filter("product=A=B", "=") == ("product", "A=B")


def test_a_branch_out_of_sight_reads_like_one_that_does_not_exist():
    who = Actor("outlet", user_id=1, home=6, branches=frozenset({6}), grants={("Branch", "list"): "branch"})
    with acting(who):
        assert parse_value("branch", "010201") == 6
        for text in ("0101", "2", "no such branch"):
            with pytest.raises(MetricError, match="that you may see"):
                parse_value("branch", text)


def test_every_dimension_has_words(company):
    assert all(str(dimension.label) for dimension in dimensions.values())
