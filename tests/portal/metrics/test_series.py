"""The same figures at many dates: what single questions say, in few statements."""

import datetime as dt

import pytest
from sqlalchemy import event

from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.metric import MetricError, Question, evaluate, metrics
from portal.core.scope import NOBODY, SYSTEM, acting
from portal.core.series import evaluate_series, evaluate_series_by
from portal.metrics.frames import position_frame
from portal.parameters import services
from tests.portal.metrics.brute_force import CHANGED_ON, STOCKS
from tests.portal.metrics.company import OPEN, SNAPSHOTS
from tests.portal.metrics.fixtures import ACTORS

KEYS = [key for key in STOCKS if key != "balance_times_rate"]
DAYS = [OPEN, *SNAPSHOTS, dt.date(2026, 5, 15), dt.date(2020, 1, 31)]


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("where", [{}, {"branch": 2}, {"product": [1, 3], "customer_group": ["farmer"]}])
def test_a_series_says_what_each_day_says_alone(company, who, where):
    with acting(who):
        found = evaluate_series(KEYS, DAYS, where)
        alone = {day: evaluate(KEYS, where=where, as_of=day).total for day in DAYS}
    assert found == alone


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("by", [("branch",), ("product", "category"), ("customer_group",)])
@pytest.mark.parametrize("where", [{}, {"product": [1, 3]}])
def test_groups_of_a_series_are_those_that_each_day_has_alone(company, who, by, where):
    with acting(who):
        found = evaluate_series_by(["loan_balance", "par_30", "borrower_count"], DAYS, by, where)
        alone = {
            day: evaluate(["loan_balance", "par_30", "borrower_count"], by, where=where, as_of=day).rows for day in DAYS
        }
    assert found == alone


def test_snapshots_on_both_sides_of_a_changed_threshold_are_among_them():
    """Else the comparison above would not tell one rule for all days from each day's own."""
    assert min(SNAPSHOTS) < CHANGED_ON <= max(SNAPSHOTS)


def test_month_ends_with_snapshots_cost_no_statement_each(company):
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with acting(SYSTEM):
            evaluate_series(["loan_balance", "loan_count"], SNAPSHOTS)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([statement for statement in asked if "sum(" in statement]) == 1


@pytest.mark.parametrize(
    ("keys", "days", "refusal"),
    [
        (["colour"], SNAPSHOTS, MetricError),
        (["loan_balance"], [OPEN, OPEN + dt.timedelta(days=1)], MetricError),
    ],
)
def test_a_series_refuses_what_a_single_question_refuses(company, keys, days, refusal):
    with acting(SYSTEM), pytest.raises(refusal):
        evaluate_series(keys, days)
    with acting(NOBODY), pytest.raises(Forbidden):
        evaluate_series(["loan_balance"], SNAPSHOTS)


def test_flows_have_no_days_kept_together_and_are_asked_one_by_one(company):
    with acting(SYSTEM):
        found = evaluate_series(["disbursed_amount"], SNAPSHOTS)
        assert found == {day: evaluate(["disbursed_amount"], as_of=day).total for day in SNAPSHOTS}


def test_a_measure_reads_no_dated_parameter_that_its_metric_does_not_name(company, monkeypatch):
    """Days are told apart by the parameters that metrics name: one read in silence would be that of another day."""
    read: set[str] = set()
    in_force = services.in_force

    def note(keys, on):
        read.update(keys)
        return in_force(keys, on)

    monkeypatch.setattr(services, "in_force", note)
    frame = position_frame(Question(OPEN))
    checked = [metric for metric in metrics.values() if metric.frame is position_frame]
    assert len(checked) > 20
    for metric in checked:
        read.clear()
        metric.aggregate(frame, Question(OPEN))
        assert read <= set(metric.parameters), metric.key
