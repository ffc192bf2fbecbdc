"""The gate: what a loan may cost all in on the day of its contract, and whether an offer stays within it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import Labelled
from portal.parameters.known import Known, Operator, declare
from portal.parameters.services import ParameterValue, parameters
from portal.pricing.offers import AllInCost, Offer, cost_of, percent
from portal.pricing.rules import FlowFault, FlowsError

LIMIT, METHOD = "all_in_cost.limit", "all_in_cost.method"
LPR, MULTIPLE, LPR_FROM = "lpr.1y", "all_in_cost.lpr_multiple", "all_in_cost.lpr_from"
GUIDELINE = "小额贷款公司综合融资成本管理工作指引（2025年12月）"

LPR_SOURCE = "全国银行间同业拆借中心公布的一年期LPR（2025年5月20日起）"
METHOD_SOURCE = f"人民银行公告〔2021〕第3号；{GUIDELINE}"

BEYOND = Operator.GREATER
declare(Known(LIMIT, _("All-in cost a year that no new loan exceeds (%)"), "percent", "24", GUIDELINE, operator=BEYOND))
declare(Known(MULTIPLE, _("All-in cost: multiple of the one-year LPR"), "times", "4", GUIDELINE))
declare(Known(LPR_FROM, _("All-in cost: first day of the LPR multiple"), "dates", "2027-12-31", GUIDELINE))
declare(Known(LPR, _("One-year loan prime rate (%)"), "percent", "3.0", LPR_SOURCE))
declare(Known(METHOD, _("All-in cost: rate that the limit is compared with"), "cost_method", "irr", METHOD_SOURCE))


class CostMethod(Labelled):
    """How an all-in cost is turned into a rate a year."""

    IRR = "irr", _("internal rate of return, compound")
    SIMPLE = "simple", _("simple interest")


@dataclass(frozen=True)
class Limit:
    """What an all-in cost is compared with on a day."""

    percent: Decimal
    operator: Operator
    method: CostMethod
    source: str
    confirmed: bool
    on: date
    of_lpr: str = ""
    """How it follows from the LPR ("4 × 3.0 %"), where it does."""

    def exceeded_by(self, rate: Decimal) -> bool:
        """Whether a rate, as it is printed, is beyond the limit."""
        shown = percent(rate)
        return shown >= self.percent if self.operator is Operator.GREATER_OR_EQUAL else shown > self.percent


@dataclass(frozen=True)
class Verdict:
    """An offer's cost and whether the gate lets it pass."""

    cost: AllInCost
    limit: Limit

    @property
    def rate(self) -> Decimal:
        """The rate that counts."""
        return self.cost.irr if self.limit.method is CostMethod.IRR else self.cost.simple

    @property
    def passes(self) -> bool:
        return not self.limit.exceeded_by(self.rate)

    def sentence(self) -> str:
        """The figure, the limit and its source."""
        said = {
            "cost": f"{percent(self.rate)}",
            "method": self.limit.method.label,
            "limit": plain(self.limit.percent),
            "day": self.limit.on,
            "source": self.limit.source,
        }
        if self.passes:
            words = gettext(
                "The all-in cost of %(cost)s %% a year (%(method)s) is within the limit of %(limit)s %% on %(day)s "
                "(%(source)s).",
                **said,
            )
        else:
            words = gettext(
                "The all-in cost of %(cost)s %% a year (%(method)s) is beyond the limit of %(limit)s %% on %(day)s "
                "(%(source)s).",
                **said,
            )
        return str(words)


class Limits:
    """The limit of each day, read once per day asked for."""

    def __init__(self) -> None:
        self._held: dict[date, Limit] = {}

    def on(self, day: date) -> Limit:
        """The limit in force on a day."""
        if day not in self._held:
            self._held[day] = limit_from(parameters([LIMIT, METHOD, LPR, MULTIPLE, LPR_FROM], day), day)
        return self._held[day]


def limit_from(held: dict[str, ParameterValue], day: date) -> Limit:
    """The lower of the fixed limit and, from its day on, the multiple of the LPR."""
    fixed, lpr, multiple = held[LIMIT], held[LPR], held[MULTIPLE]
    operator, method = fixed.operator or Operator.GREATER, CostMethod(held[METHOD].text)
    of_lpr = multiple.value * lpr.value
    begun = [first for first in held[LPR_FROM].dates if first <= day]
    if begun and of_lpr < fixed.value:
        told = f"{plain(multiple.value)} × {plain(lpr.value)} %"
        confirmed = lpr.confirmed and multiple.confirmed
        return Limit(of_lpr, operator, method, f"{told}; {multiple.source}; {lpr.source}", confirmed, day, told)
    return Limit(fixed.value, operator, method, fixed.source, fixed.confirmed, day)


def check_all_in_cost(offer: Offer, limits: Limits | None = None) -> Verdict:
    """What an offer costs and whether it may be made on its day. Raises FlowsError when it makes no sensible rate."""
    return Verdict(cost_of(offer), (limits or Limits()).on(offer.start))


def no_rate(error: FlowsError) -> str:
    """Why an offer has no cost, in the user's words."""
    if error.fault is FlowFault.ABSURD:
        return str(gettext("The cost is beyond 100,000 % a year: check amounts and fees."))
    return str(gettext("These payments make no annual rate: check amounts and dates."))


def plain(number: Decimal) -> str:
    """24.0 -> 24; 12.5 -> 12.5."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
