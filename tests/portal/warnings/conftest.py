"""The small lender of the ledger's tests, with early warning loaded."""

from __future__ import annotations

import datetime as dt
from typing import Any

import portal.access.models
import portal.warnings.contributions  # noqa: F401 - hooks into bookings and day-end
from portal.core.work import unit_of_work
from portal.warnings import making
from portal.warnings.models import RuleState, WarningCondition, WarningRule
from portal.warnings.rules import GAUGES, Comparison, Indicator, Joined, Level, Owner, threshold_text
from tests.portal.loans.conftest import company, company_template, company_url, words

__all__ = ["company", "company_template", "company_url", "words"]

START = dt.date(2026, 1, 5)


def asked(
    indicator: Indicator, comparison: Comparison, threshold: int = 0, window: int | None = None, category: Any = None
) -> dict[str, Any]:
    """A condition; the threshold as kept (fen, hundredths of a percent)."""
    unit = GAUGES[indicator].unit
    text = None if category else threshold_text(threshold, unit)
    return {
        "indicator": indicator,
        "comparison": comparison,
        "threshold": text,
        "unit": unit,
        "window": window,
        "category": category,
    }


def rule(*conditions: dict[str, Any], on: bool = True, **values: Any) -> WarningRule:
    """A rule with its conditions, switched on unless told otherwise."""
    given = {
        "code": f"R{len(conditions)}-{values.get('name', 'x')}",
        "name": "Late",
        "level": Level.YELLOW,
        "joined": Joined.ALL,
        "owner": Owner.CUSTOMER_MANAGER,
        "acknowledge_days": 3,
        "valid_from": START,
    } | values
    made = making.add(WarningRule, given)
    for condition in conditions:
        making.add(WarningCondition, {"rule": made.id, **condition})
    if on:
        with unit_of_work("tests.rule"):
            made.state = RuleState.ON
    return made
