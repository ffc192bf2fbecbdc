"""What assessments of risk choose from, with the words people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.db import Labelled, describe
from portal.risk.levels import RiskLevel


class RiskKind(Labelled):
    """What may go wrong."""

    CREDIT = "credit", _("Credit risk")
    MARKET = "market", _("Market risk")
    OPERATIONAL = "operational", _("Operational risk")
    COMPLIANCE = "compliance", _("Compliance risk")
    LIQUIDITY = "liquidity", _("Liquidity risk")
    LEGAL = "legal", _("Legal risk")


class Likelihood(Labelled):
    """How likely it is."""

    RARE = "1", _("1 · Rare")
    UNLIKELY = "2", _("2 · Unlikely")
    POSSIBLE = "3", _("3 · Possible")
    LIKELY = "4", _("4 · Likely")
    ALMOST_CERTAIN = "5", _("5 · Almost certain")


class Impact(Labelled):
    """How grave it would be."""

    SLIGHT = "1", _("1 · Slight")
    MINOR = "2", _("2 · Minor")
    MODERATE = "3", _("3 · Moderate")
    MAJOR = "4", _("4 · Major")
    SEVERE = "5", _("5 · Severe")


class Response(Labelled):
    """What is done about a risk (C205)."""

    AVOID = "avoid", _("Avoid")
    REDUCE = "reduce", _("Reduce")
    TRANSFER = "transfer", _("Transfer")
    BEAR = "bear", _("Bear")


class MeasureState(Labelled):
    """How far the measures are."""

    NOTHING = "nothing", _("No measures")
    OPEN = "open", _("Measures open")
    DONE = "done", _("Measures done")


LEVELS: Mapping[RiskLevel, Any] = {
    RiskLevel.LOW: _("Low"),
    RiskLevel.MEDIUM: _("Medium"),
    RiskLevel.HIGH: _("High"),
    RiskLevel.VERY_HIGH: _("Very high"),
}
describe(RiskLevel, {**LEVELS})

LIKELIHOOD_HELP: Mapping[Likelihood, Any] = {
    Likelihood.RARE: _("It has not happened in the last five years, and nothing points to it."),
    Likelihood.UNLIKELY: _("It may happen once in two to five years."),
    Likelihood.POSSIBLE: _("It may happen about once a year."),
    Likelihood.LIKELY: _("It is to be expected several times a year."),
    Likelihood.ALMOST_CERTAIN: _("It happens every month, or is happening now."),
}
IMPACT_HELP: Mapping[Impact, Any] = {
    Impact.SLIGHT: _("Daily work goes on, and ordinary income bears the loss."),
    Impact.MINOR: _("One branch or product feels it; the loss stays within the plan of the month."),
    Impact.MODERATE: _("Several branches feel it, or the profit of the quarter is clearly lower."),
    Impact.MAJOR: _("The profit of the year is at stake, or the supervisor steps in."),
    Impact.SEVERE: _("Net assets, the licence or the ability to pay are at stake."),
}
