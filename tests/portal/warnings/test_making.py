"""Rules on the screen: what is refused at which field, and that a second person switches them on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import Actor, acting
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.day_end import run_day_end
from portal.parameters.services import set_parameter
from portal.warnings import making
from portal.warnings.evaluation import evaluate_all
from portal.warnings.models import RuleState, WarningCase, WarningCondition, WarningLimit, WarningRule
from portal.warnings.rules import Comparison, Indicator, Unit
from tests.portal.loans.conftest import START, Company
from tests.portal.warnings.conftest import asked, rule

LATE = asked(Indicator.DAYS_PAST_DUE, Comparison.AT_LEAST, 10)


@pytest.fixture
def pair(company: Company) -> tuple[Actor, Actor]:
    """Two people who may do everything, each with a login."""
    found = []
    with unit_of_work("tests.logins"):
        for name in ("one", "other"):
            user = User(first_name=name, last_name="", username=name, email=f"{name}@x", active=True)
            db.session.add(user)
            db.session.flush()
            found.append(Actor(name, user_id=user.id, everything=True))
    return found[0], found[1]


@pytest.mark.parametrize(
    ("wrong", "at", "says"),
    [
        ({"unit": Unit.YUAN}, "unit", "measured in: days"),
        ({"threshold": " "}, "threshold", "Say with what it is compared"),
        ({"threshold": None}, "threshold", "Say with what it is compared"),
        ({"threshold": "soon"}, "threshold", "enter a number"),
        ({"threshold": "1.5"}, "threshold", "whole number"),
        ({"window": 30}, "window", "Leave this empty"),
        ({"category": Category.LOSS}, "category", "Leave this empty"),
        ({"indicator": None}, "indicator", "This is needed"),
        ({"comparison": None}, "comparison", "This is needed"),
        ({"indicator": Indicator.PARTIAL_PAYMENTS, "unit": Unit.NUMBER}, "window", "over how many days"),
        (
            {"indicator": Indicator.CATEGORY, "unit": Unit.CATEGORY, "threshold": None},
            "category",
            "Choose the category",
        ),
    ],
)
def test_what_is_wrong_stands_at_its_field(company: Company, wrong: dict[str, Any], at: str, says: str):
    made = rule(on=False)
    with pytest.raises(InvalidValues) as refusal:
        making.add(WarningCondition, {"rule": made.id, **LATE, **wrong})
    assert says in " ".join(map(str, refusal.value.fields[at]))
    assert db.session.scalars(select(WarningCondition)).all() == []


def test_an_indicator_that_is_not_known_is_refused(company: Company):
    made = rule(on=False)
    with pytest.raises((InvalidValues, ValueError)):
        making.add(WarningCondition, {"rule": made.id, **LATE, "indicator": "phase_of_the_moon"})


def test_a_limit_is_a_product_or_a_branch(company: Company):
    made = rule(LATE, on=False)
    for given in ({}, {"product": company.product().id, "branch": company.customer().branch_id}):
        with pytest.raises(InvalidValues, match="either a product or a branch"):
            making.add(WarningLimit, {"rule": made.id, **given})


def test_a_second_person_switches_a_rule_on(company: Company, pair: tuple[Actor, Actor]):
    one, other = pair
    company.lend()
    made = rule(LATE, on=False)
    with acting(one):
        assert making.switch_on(made.id).state is RuleState.WAITING
        with pytest.raises(Refused, match="You proposed this"):
            making.approve(made.id)
    run_day_end(dt.date(2026, 2, 20))
    assert db.session.scalars(select(WarningCase)).all() == [], "what waits is not in force"
    with acting(other):
        assert making.approve(made.id).state is RuleState.ON
        with pytest.raises(Refused, match="decided already"):
            making.approve(made.id)
    assert evaluate_all() == 1


def test_without_four_eyes_one_person_is_enough(company: Company, pair: tuple[Actor, Actor]):
    set_parameter("access.four_eyes", "off", START, "tests")
    made = rule(LATE, on=False)
    with acting(pair[0]):
        assert making.switch_on(made.id).state is RuleState.ON


def test_what_is_in_force_is_not_changed(company: Company):
    made = rule(LATE)
    condition = made.conditions[0].id
    for change in (
        lambda: making.change(WarningRule, made.id, {"name": "Other"}),
        lambda: making.add(WarningCondition, {"rule": made.id, **LATE}),
        lambda: making.change(WarningCondition, condition, {"threshold": "99"}),
        lambda: making.remove(WarningCondition, condition),
        lambda: making.remove(WarningRule, made.id),
        lambda: making.switch_on(made.id),
    ):
        with pytest.raises(Refused, match="switch it off before"):
            change()
    making.switch_off(made.id)
    assert making.change(WarningCondition, condition, {"threshold": "99"}).value == 99
    with pytest.raises(Refused, match="not switched on"):
        making.switch_off(made.id)


def test_a_rule_without_conditions_or_time_left_is_not_switched_on(company: Company):
    with pytest.raises(Refused, match="without conditions"):
        making.switch_on(rule(on=False).id)
    over = rule(LATE, on=False, name="Over", valid_from=dt.date(2025, 1, 1), valid_until=dt.date(2025, 12, 31))
    with pytest.raises(Refused, match="time is over"):
        making.switch_on(over.id)


def test_a_rule_with_warnings_is_kept(company: Company):
    company.lend()
    made = rule(LATE)
    run_day_end(dt.date(2026, 2, 20))
    making.switch_off(made.id)
    with pytest.raises(Refused, match="opened warnings"):
        making.remove(WarningRule, made.id)
    unused = rule(LATE, on=False, name="Unused")
    making.remove(WarningRule, unused.id)
    assert db.session.get(WarningRule, unused.id) is None


def test_a_rule_that_hits_nearly_every_loan_needs_a_reason(company: Company):
    for number in range(10):
        company.lend(customer=company.customer(f"C{number % 8}"), amount=(number + 1) * 100_000)
    every = rule(asked(Indicator.BALANCE, Comparison.MORE, 0), on=False, name="Every")
    assert (making.reach_of(every).hits, making.reach_of(every).loans) == (10, 10)
    with pytest.raises(InvalidValues) as refusal:
        making.switch_on(every.id)
    assert refusal.value.fields["reason"] == [
        "The rule hits 10 of 10 loans (100.0%): say why it is switched on all the same."
    ]
    assert making.switch_on(every.id, "A trial over one week").override == "A trial over one week"
    three = rule(asked(Indicator.BALANCE, Comparison.AT_LEAST, 800_000), on=False, name="Three")
    assert making.switch_on(three.id).override is None, "30 % is not more than 30 %"
    four = rule(asked(Indicator.BALANCE, Comparison.AT_LEAST, 700_000), on=False, name="Four")
    with pytest.raises(InvalidValues, match="4 of 10"):
        making.switch_on(four.id)


def test_the_reach_counts_only_loans_the_rule_applies_to(company: Company):
    one, other = company.customer("C0"), company.customer("C2")
    company.lend(customer=one)
    company.lend(customer=other)
    company.lend(customer=other)
    made = rule(asked(Indicator.BALANCE, Comparison.MORE, 0), on=False)
    making.add(WarningLimit, {"rule": made.id, "branch": one.branch_id})
    db.session.expire_all()
    reach = making.reach_of(made)
    assert (reach.hits, reach.loans, reach.percent) == (1, 1, "100.0")
