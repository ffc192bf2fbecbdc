"""The dated parameters that the ledger reads, gathered for one date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.loans.classification import Category, Threshold
from portal.loans.components import Component
from portal.parameters.services import ParameterValue, parameter, parameters


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


FLOORS = {f"category_floor.{c.value}": c for c in Category if c is not Category.NORMAL}


def lateness_rules(on: date) -> LatenessRules:
    """The rules in force on a date; Refused when a parameter has no value then."""
    found = parameters(["overdue.tolerance", "overdue.whole_balance", "accrual.stop", *FLOORS], on)
    return LatenessRules(
        tolerance=int(found["overdue.tolerance"].value),
        whole_balance=_threshold(found["overdue.whole_balance"]),
        floors={category: _threshold(found[key]) for key, category in FLOORS.items()},
        accrual_stop=_threshold(found["accrual.stop"]),
    )


def allocation_order(on: date) -> tuple[Component, ...]:
    """What a payment settles first, second, …"""
    return tuple(map(Component, parameter("allocation.order", on).text.split(",")))


def announced_days(on: date) -> dict[date, bool]:
    """Days that the company recorded itself, for `portal.loans.holidays`: whether each is a working day."""
    off = dict.fromkeys(parameter("calendar.holidays", on).dates, False)
    return off | dict.fromkeys(parameter("calendar.workdays", on).dates, True)


def _threshold(found: ParameterValue) -> Threshold:
    assert found.operator is not None  # set_parameter sees to it
    operator: Any = found.operator.value
    return Threshold(operator, int(found.value))
