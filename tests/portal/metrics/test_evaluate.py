"""How figures are asked for: what is refused and why, order and words of groups, totals."""

import datetime as dt

import pytest

from portal.core.metric import MetricError, evaluate, metrics
from portal.core.scope import SYSTEM, Actor, acting, doing
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import ACTORS, looking


@pytest.fixture(autouse=True)
def as_the_system(company):
    with acting(SYSTEM):
        yield


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ({"keys": ["loan_balence"]}, "There is no metric called loan_balence."),
        ({"keys": ["balance_times_rate"]}, "There is no metric called balance_times_rate."),
        ({"keys": ["loan_balance"], "by": ["colour"]}, "There is no dimension called colour."),
        ({"keys": ["loan_balance"], "where": {"colour": [1]}}, "There is no dimension called colour."),
        ({"keys": ["par_30"], "by": ["month"]}, "PAR 30 balance cannot be cut by month."),
        ({"keys": ["disbursed_amount"], "by": ["category"]}, "Disbursed amount cannot be cut by category."),
        (
            {"keys": ["disbursed_amount"], "where": {"category": ["loss"]}},
            "Disbursed amount cannot be cut by category.",
        ),
        (
            {"keys": ["loan_balance"], "as_of": OPEN + dt.timedelta(days=1)},
            "2026-06-18 has not happened yet: the business date is 2026-06-17.",
        ),
        ({"keys": ["written_off"], "start": OPEN, "as_of": SNAPSHOTS[0]}, "The period ends before it begins."),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_a_sentence(question, sentence):
    with pytest.raises(MetricError) as refusal:
        evaluate(**question)
    assert str(refusal.value) == sentence


def test_a_flow_begins_on_the_first_of_the_month_unless_told():
    asked = evaluate(["disbursed_amount"], as_of=SNAPSHOTS[0])
    told = evaluate(["disbursed_amount"], as_of=SNAPSHOTS[0], start=dt.date(2026, 4, 1))
    assert asked.total == told.total
    assert asked.question.first_day == dt.date(2026, 4, 1)


def test_a_stock_is_as_at_the_business_date_unless_told():
    assert evaluate(["loan_balance"]).as_of == OPEN
    assert evaluate(["loan_balance"]).total == evaluate(["loan_balance"], as_of=OPEN).total


def test_stocks_and_flows_can_be_asked_together():
    together = evaluate(["loan_balance", "disbursed_amount"], by=["branch"], start=dt.date(2026, 1, 1))
    stocks = evaluate(["loan_balance"], by=["branch"])
    flows = evaluate(["disbursed_amount"], by=["branch"], start=dt.date(2026, 1, 1))
    balances = {row.by["branch"]: row.values["loan_balance"] for row in together.rows}
    assert balances == dict.fromkeys(balances, 0) | {
        row.by["branch"]: row.values["loan_balance"] for row in stocks.rows
    }
    assert together.total == {**stocks.total, **flows.total}


def test_groups_with_an_order_of_their_own_keep_it():
    categories = [row.labels["category"] for row in evaluate(["category_balance"], by=["category"]).rows]
    assert categories == [
        name for name in ("Normal", "Special mention", "Substandard", "Doubtful", "Loss") if name in categories
    ]
    assert len(categories) > 3
    days = [row.by["days_past_due"] for row in evaluate(["loan_count"], by=["days_past_due"]).rows]
    order = ("0", "1-30", "31-60", "61-90", "91-180", "181-270", "271-360", "over-360")
    assert days == [band for band in order if band in days]


def test_other_groups_come_by_their_words_and_those_without_come_last():
    rows = evaluate(["loan_count"], by=["manager"]).rows
    assert [row.labels["manager"] for row in rows[:-1]] == sorted(row.labels["manager"] for row in rows[:-1])
    assert rows[-1].by["manager"] is None
    assert rows[-1].labels["manager"] == "Not assigned"


def test_two_people_of_one_name_are_told_apart_by_their_codes():
    labels = [row.labels["manager"] for row in evaluate(["loan_count"], by=["manager"]).rows]
    assert {"Li Wei (S001)", "Li Wei (S002)", "Manager 3"} <= set(labels)


def test_rows_without_a_team_can_be_asked_for():
    rows = {row.by["team"]: row.values["loan_count"] for row in evaluate(["loan_count"], by=["team"]).rows}
    assert evaluate(["loan_count"], where={"team": [None]}).total["loan_count"] == rows[None]
    assert evaluate(["loan_count"], where={"team": [None, 1]}).total["loan_count"] == rows[None] + rows[1]


def test_a_ratio_of_nothing_is_not_available():
    nothing = evaluate(["par_30", "average_rate", "loan_balance", "highest_rate"], as_of=dt.date(2020, 1, 1)).total
    assert nothing == {"par_30": None, "average_rate": None, "loan_balance": 0, "highest_rate": None}


def test_the_total_of_borrowers_is_counted_and_not_added_up():
    found = evaluate(["borrower_count"], by=["product"])
    assert found.total["borrower_count"] < sum(row.values["borrower_count"] for row in found.rows)


def test_a_cut_named_twice_is_one_cut():
    assert evaluate(["loan_count"], by=["product", "product"]).rows == evaluate(["loan_count"], by=["product"]).rows


def test_the_same_figure_is_given_wherever_it_is_asked_from():
    """The task of the moment may reach less far than the list does; figures count as far as the list."""
    who = Actor("exports less", user_id=1, home=1, grants={("Loan", "list"): "all", ("Loan", "export"): "self"})
    with acting(who):
        plain = evaluate(["loan_balance", "disbursed_amount"], by=["branch"])
        with doing("Loan", "export"):
            assert evaluate(["loan_balance", "disbursed_amount"], by=["branch"]) == plain
    assert plain.total["loan_balance"] > 0


def test_whoever_sees_a_loan_sees_its_borrowers_group_and_past_owner_by_name():
    """Customer and past owner may be somebody else's: the loan decides who sees them in its figures."""
    with acting(looking("team", home=4, branches=frozenset({4}), teams=frozenset({1}))):
        rows = evaluate(["loan_balance"], by=["branch", "manager"], as_of=SNAPSHOTS[0]).rows
        whole = evaluate(["loan_balance"], by=["customer_group"], as_of=SNAPSHOTS[0])
    assert {row.by["branch"] for row in rows} - {4}, "some of its loans were another branch's then"
    assert all(row.labels["branch"].startswith("Branch ") for row in rows)
    assert sum(row.values["loan_balance"] for row in whole.rows) == whole.total["loan_balance"]


def test_a_stranger_gets_nothing_rather_than_everything():
    with acting(ACTORS["a stranger"]):
        found = evaluate(["loan_balance", "disbursed_amount"], by=["branch"], start=dt.date(2025, 1, 1))
    assert found.rows == ()
    assert found.total == {"loan_balance": 0, "disbursed_amount": 0}


def test_every_metric_says_what_it_is_and_where_it_comes_from():
    for metric in metrics.values():
        assert str(metric.label) and str(metric.formula).endswith("."), metric.key
        assert str(metric.source) and str(metric.subject), metric.key
        assert (metric.measure is None) == (metric.frame is None) == (metric.ratio is not None), metric.key
