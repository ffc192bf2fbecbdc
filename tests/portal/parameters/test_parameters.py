"""Dated parameters: what is in force, what may come into force, and what a fresh database knows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from flask import Flask, current_app, g
from sqlalchemy import func, select

from portal.core import records
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.parameters.known import FROM_THE_START, Operator, known, problems
from portal.parameters.models import Parameter
from portal.parameters.services import (
    ParameterValue,
    change_value,
    load_defaults,
    parameter,
    parameters,
    remove_value,
    set_parameter,
)
from tests.portal.loans.conftest import Company

TODAY = dt.date(2026, 5, 20)


def test_a_fresh_database_knows_every_parameter_once(company: Company):
    load_defaults()
    rows = {row.key: row for row in db.session.scalars(select(Parameter))}
    assert set(rows) == set(known)
    assert db.session.scalar(select(func.count()).select_from(Parameter)) == len(known)
    assert {row.valid_from for row in rows.values()} == {FROM_THE_START}


def test_defaults_do_not_come_back_over_what_was_decided(company: Company):
    set_parameter("accrual.stop", "60", TODAY, "Board decision", Operator.GREATER)
    load_defaults()
    assert parameter("accrual.stop", TODAY).value == 60


def test_every_default_can_be_read_by_its_rule_and_thresholds_have_an_operator(company: Company):
    for key, item in known.items():
        assert item.problem(item.value) is None, key
        assert parameter(key, TODAY).operator is item.operator


def test_what_is_not_certain_says_that_compliance_has_to_confirm_it(company: Company):
    for row in db.session.scalars(select(Parameter)):
        assert row.confirmed is not row.source.endswith("（待合规部门确认）"), row.key
    assert not parameter("category_floor.loss", TODAY).confirmed
    assert parameter("provision_ratio.loss", TODAY).confirmed


def test_the_values_the_portal_starts_with(company: Company):
    for key, operator, value in (
        ("category_floor.special_mention", ">=", 1),
        ("category_floor.substandard", ">", 90),
        ("category_floor.doubtful", ">", 270),
        ("category_floor.loss", ">", 360),
        ("accrual.stop", ">", 90),
        ("provision_ratio.general", None, 1),
        ("provision_ratio.special_mention", None, 2),
        ("provision_ratio.substandard", None, 25),
        ("provision_ratio.doubtful", None, 50),
        ("provision_ratio.loss", None, 100),
        ("import.xlsx_rows", None, 200_000),
    ):
        found = parameter(key, TODAY)
        assert (found.operator, found.value) == (operator, value), key


def test_a_value_applies_from_its_day_until_the_next_one(company: Company):
    set_parameter("overdue.tolerance", "100", TODAY, "Board decision 1")
    set_parameter("overdue.tolerance", "250", TODAY + dt.timedelta(days=10), "Board decision 2", confirmed=True)
    by_day = {days: parameter("overdue.tolerance", TODAY + dt.timedelta(days=days)) for days in (-1, 0, 9, 10, 99)}
    assert {days: found.value for days, found in by_day.items()} == {-1: 0, 0: 100, 9: 100, 10: 250, 99: 250}
    assert (by_day[10].source, by_day[10].confirmed) == ("Board decision 2", True)


def test_a_value_for_the_same_day_is_replaced(company: Company):
    first = set_parameter("overdue.tolerance", "100", TODAY, "Board decision 1").id
    second = set_parameter("overdue.tolerance", "200", TODAY, "Board decision 2")
    assert (second.id, second.value, second.version) == (first, "200", 2)


@pytest.mark.parametrize(
    ("key", "value", "operator", "field"),
    [
        ("no.such.key", "1", None, "key"),
        ("overdue.tolerance", "one yuan", None, "value"),
        ("overdue.tolerance", "-1", None, "value"),
        ("overdue.tolerance", "1.5", None, "value"),
        ("provision_ratio.loss", "NaN", None, "value"),
        ("provision_ratio.loss", "1e9", None, "value"),
        ("allocation.order", "interest,principal", None, "value"),
        ("allocation.order", "interest,principal,fee,fee", None, "value"),
        ("calendar.holidays", "2027-02-30", None, "value"),
        ("category_floor.loss", "360", None, "operator"),
        ("overdue.tolerance", "1", Operator.GREATER, "operator"),
    ],
)
def test_a_value_that_no_rule_can_read_is_refused(
    words: Flask, key: str, value: str, operator: Operator | None, field: str
):
    assert list(problems(key, value, operator)) == [field]


def test_a_refused_value_does_not_come_into_force(company: Company):
    with pytest.raises(InvalidValues):
        set_parameter("overdue.tolerance", "-1", TODAY, "Somebody's idea")
    assert parameter("overdue.tolerance", TODAY).value == 0


def test_forms_and_files_are_held_to_the_same_rules(company: Company):
    row = set_parameter("overdue.tolerance", "100", TODAY, "Board decision")
    with pytest.raises(InvalidValues) as refused:
        change_value(row.id, {"value": "one yuan"})
    assert list(refused.value.fields) == ["value"]
    with pytest.raises(InvalidValues):
        records.add(Parameter, {"key": "overdue.tolerance", "value": "-1", "valid_from": TODAY, "source": "x"})
    with pytest.raises(InvalidValues) as refused:
        records.add(Parameter, {"key": "overdue.tolerance"})
    assert "value" in refused.value.fields
    assert parameter("overdue.tolerance", TODAY).value == 100


def test_the_first_value_stays(company: Company):
    first = db.session.scalars(select(Parameter).where(Parameter.key == "overdue.tolerance")).one().id
    with pytest.raises(Refused, match="first value"):
        remove_value(first)
    for values in ({"valid_from": TODAY}, {"key": "import.csv_rows"}):
        with pytest.raises(InvalidValues):
            change_value(first, values)
    second = set_parameter("overdue.tolerance", "100", TODAY, "Board decision").id
    change_value(second, {"valid_from": TODAY + dt.timedelta(days=1)})
    assert parameter("overdue.tolerance", TODAY).value == 0
    remove_value(second)
    assert parameter("overdue.tolerance", TODAY + dt.timedelta(days=1)).value == 0


def test_before_its_first_value_a_parameter_has_none(company: Company):
    with pytest.raises(Refused, match=r"overdue\.tolerance is in force on 1999-12-31"):
        parameter("overdue.tolerance", FROM_THE_START - dt.timedelta(days=1))
    with pytest.raises(Refused, match="nonsense"):
        parameters(["overdue.tolerance", "nonsense"], TODAY)


def test_numbers_are_exact_and_lists_are_read(company: Company):
    set_parameter("provision_ratio.special_mention", "2.005", TODAY, "Local rule")
    set_parameter("calendar.workdays", "2027-02-14, 2027-02-20", TODAY, "Announcement for 2027")
    assert parameter("provision_ratio.special_mention", TODAY).value == Decimal("2.005")
    assert parameter("calendar.workdays", TODAY).dates == [dt.date(2027, 2, 14), dt.date(2027, 2, 20)]
    assert parameter("calendar.holidays", TODAY).dates == []


def test_the_operator_says_whether_the_number_itself_counts():
    for operator, met in (
        (Operator.GREATER, [False, False, True]),
        (Operator.GREATER_OR_EQUAL, [False, True, True]),
        (Operator.LESS, [True, False, False]),
        (Operator.LESS_OR_EQUAL, [True, True, False]),
    ):
        found = ParameterValue("90", operator, "Board decision", TODAY, True)
        assert [found.met_by(days) for days in (89, 90, 91)] == met
    with pytest.raises(ValueError, match="threshold"):
        ParameterValue("90", None, "Board decision", TODAY, True).met_by(1)


def test_a_request_reads_a_parameter_once(company: Company):
    with current_app.test_request_context():
        assert parameter("accrual.stop", TODAY).value == 90
        assert "accrual.stop" in g.parameters
        set_parameter("accrual.stop", "60", TODAY, "Board decision", Operator.GREATER)
        assert parameter("accrual.stop", TODAY).value == 60, "what was set counts at once"
