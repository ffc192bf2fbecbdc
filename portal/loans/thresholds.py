"""The dated parameters that the ledger reads, gathered for one date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _

from portal.loans.allocation import whole_order
from portal.loans.business_calendar import recorded_days
from portal.loans.classification import Category, Threshold
from portal.loans.components import Component
from portal.parameters.known import HOUSE, RISK_RULES, Known, declare
from portal.parameters.services import ParameterValue, parameter, parameters
from portal.pricing.gate import LPR, Limits

CURE = RISK_RULES + "第十五条"

for known in (
    Known(
        "technical_lateness.days",
        _("Days past due up to which recorded technical lateness leaves the category alone"),
        "days",
        "7",
        RISK_RULES + "第十条",
    ),
    Known("cure.months", _("Months without arrears before an upgrade from NPL"), "number", "6", CURE),
    Known(
        "cure.instalments",
        _("Instalments paid on time before an upgrade from NPL"),
        "number",
        "2",
        CURE,
    ),
    Known(
        "restructured.observation_months",
        _("Months for which a restructured loan is observed"),
        "number",
        "12",
        RISK_RULES + "第十九条",
    ),
    Known("extended.observation_months", _("Months for which an extended loan is observed"), "number", "12", HOUSE),
    Known(
        "contagion.share",
        _("Share of an enterprise's loans in NPL beyond which all of them are (%)"),
        "percent",
        "10",
        RISK_RULES + "第十二条",
    ),
    Known("review.months", _("Months after which a category is reviewed again"), "number", "12", HOUSE),
):
    declare(known)


@dataclass(frozen=True)
class LatenessRules:
    """How late is late, and what follows from it, on one date."""

    tolerance: int
    """Fen of an instalment that may stay unpaid without ageing the loan."""
    whole_balance: Threshold
    """Days past due that make the whole balance of an instalment loan overdue."""
    floors: Mapping[Category, Threshold]
    accrual_stop: Threshold
    """Days past due from which interest is no longer accrued."""
    technical_days: int
    """Days past due up to which recorded technical lateness leaves the category alone."""


@dataclass(frozen=True)
class ObservationRules:
    """How long what was bad is kept down, and how far it spreads, on one date."""

    months: int
    """Without arrears, before an upgrade from NPL."""
    instalments: int
    """Paid on time, before an upgrade from NPL: the longer of both counts."""
    restructured_months: int
    """For which a restructured loan is observed."""
    extended_months: int
    """For which an extended loan is observed."""
    contagion: Fraction
    """Share of an enterprise's balance in NPL beyond which all of it is."""


FLOORS = {f"category_floor.{c.value}": c for c in Category if c is not Category.NORMAL}


def lateness_rules(on: date) -> LatenessRules:
    """The rules in force on a date; Refused when a parameter has no value then."""
    keys = ["overdue.tolerance", "overdue.whole_balance", "accrual.stop", "technical_lateness.days", *FLOORS]
    found = parameters(keys, on)
    return LatenessRules(
        tolerance=int(found["overdue.tolerance"].value),
        whole_balance=_threshold(found["overdue.whole_balance"]),
        floors={category: _threshold(found[key]) for key, category in FLOORS.items()},
        accrual_stop=_threshold(found["accrual.stop"]),
        technical_days=int(found["technical_lateness.days"].value),
    )


def observation_rules(on: date) -> ObservationRules:
    """How long observation lasts, under the parameters in force on a date."""
    observed = ["cure.months", "cure.instalments", "restructured.observation_months", "extended.observation_months"]
    found = parameters([*observed, "contagion.share"], on)
    months, instalments, restructured, extended = (int(found[key].value) for key in observed)
    share = Fraction(found["contagion.share"].value) / 100
    return ObservationRules(months, instalments, restructured, extended, share)


def allocation_order(on: date) -> tuple[Component, ...]:
    """What a payment settles first, second, …"""
    return whole_order(map(Component, parameter("allocation.order", on).text.split(",")))


def charge_limits(limits: Limits | None = None) -> Callable[[date], int]:
    """The limit on all charges together, in parts per million a year, for any date: that of the all-in cost."""
    held = limits or Limits()
    return lambda on: int(held.on(on).percent * 10_000)


def lpr_on(on: date) -> int:
    """The one-year loan prime rate in force on a date, in parts per million."""
    return int(parameter(LPR, on).value * 10_000)


def announced_days(on: date) -> dict[date, bool]:
    """Days that the company recorded itself, for `portal.loans.holidays`: whether each is a working day.

    The business calendar goes first, before what older installations listed in two parameters.
    """
    found = parameters(["calendar.holidays", "calendar.workdays"], on)
    off = dict.fromkeys(found["calendar.holidays"].dates, False)
    return off | dict.fromkeys(found["calendar.workdays"].dates, True) | recorded_days(on)


def _threshold(found: ParameterValue) -> Threshold:
    assert found.operator is not None  # set_parameter sees to it
    operator: Any = found.operator.value
    return Threshold(operator, int(found.value))
