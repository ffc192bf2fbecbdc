"""The dated parameters that portfolio figures read: portfolio-at-risk thresholds and provision ratios."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import date
from fractions import Fraction

from sqlalchemy import ColumnElement

from portal.core.series import register_rules
from portal.loans.classification import Category
from portal.parameters.known import Operator
from portal.parameters.services import ParameterValue, in_force, parameter, parameters

RatiosOn = Callable[[date], Mapping[Category, Fraction]]

SPECIFIC = {category: f"provision_ratio.{category.value}" for category in Category}
GENERAL = "provision_ratio.general"
RESERVE = {category: f"reserve_ratio.{category.value}" for category in Category}


def par_key(days: int) -> str:
    """The parameter behind PAR of so many days."""
    return f"par.{days}"


def at_risk(days_past_due: ColumnElement[int], days: int, on: date) -> ColumnElement[bool]:
    """SQL: whether a loan so late counts in PAR of so many days, under the threshold in force on the date."""
    operator, number = par_threshold(days, on)
    return days_past_due > number if operator is Operator.GREATER else days_past_due >= number


def par_threshold(days: int, on: date) -> tuple[Operator, int]:
    """(more than or at least, days past due)."""
    found = parameter(par_key(days), on)
    return found.operator or Operator.GREATER_OR_EQUAL, int(found.value)


def specific_ratios(on: date) -> Mapping[Category, Fraction]:
    """Specific provision of each category, as a share of one."""
    found = parameters(SPECIFIC.values(), on)
    return {category: _share(found[key]) for category, key in SPECIFIC.items()}


def general_ratios(on: date) -> Mapping[Category, Fraction]:
    """General provision: the same share of every loan."""
    return dict.fromkeys(Category, _share(parameter(GENERAL, on)))


def required_ratios(on: date) -> Mapping[Category, Fraction]:
    """Specific and general provision together."""
    found = parameters([*SPECIFIC.values(), GENERAL], on)
    return {category: _share(found[key]) + _share(found[GENERAL]) for category, key in SPECIFIC.items()}


def reserve_ratios(on: date) -> Mapping[Category, Fraction]:
    """What the general risk reserve in equity should be of each category, as a share of one."""
    found = parameters(RESERVE.values(), on)
    return {category: _share(found[key]) for category, key in RESERVE.items()}


def _share(percent: ParameterValue) -> Fraction:
    return Fraction(percent.value) / 100


def _said(keys: Collection[str], on: date) -> Hashable:
    """What parameters say to a measure on a date."""
    return tuple(value and (value.text, value.operator) for value in in_force(keys, on).values())


register_rules(_said)
