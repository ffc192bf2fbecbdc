"""Provisions against the books: posted allowance, coverage, adequacy, and the targets they are held against.

The allowance is what account 1304 holds. Write-offs and recoveries alone do not make one: until somebody posts a
provision there is none to speak of, and everything that rests on it is not available rather than 0.

The general risk reserve is a part of the company's equity (财金〔2012〕20号): no allowance, and in no ratio here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, func

from portal.core.metric import Frame, Metric, Question, Unit, Value, register
from portal.metrics.allowance import allowance_frame
from portal.metrics.frames import position_frame
from portal.metrics.listings import open_loans
from portal.metrics.portfolio import CATEGORIES, FLOORS, HOUSE, PROVISIONS, provided_for
from portal.metrics.thresholds import GENERAL, RESERVE, SPECIFIC, reserve_ratios
from portal.parameters.known import Known, Operator, declare
from portal.parameters.services import parameter

TARGETS_SOURCE = "商业银行贷款损失准备管理办法（银监会令2011年第4号），小额贷款公司参照"
RESERVE_RULES = _("Rules on the Provisioning of Financial Enterprises (Cai Jin [2012] No. 20)")

TARGETS = {
    "coverage_ratio": "target.coverage",
    "provision_ratio": "target.provision_ratio",
    "adequacy": "target.adequacy",
}
"""Figure -> the parameter that says where it should be."""

for _key, _label, _percent in (
    ("target.coverage", _("Coverage ratio that is aimed at (%)"), "150"),
    ("target.provision_ratio", _("Provision ratio that is aimed at (%)"), "2.5"),
    ("target.adequacy", _("Adequacy of provisions that is aimed at (%)"), "100"),
):
    declare(Known(_key, _label, "percent", _percent, TARGETS_SOURCE, operator=Operator.GREATER_OR_EQUAL))


def _posted(frame: Frame, question: Question) -> ColumnElement[Any]:
    """The credit balance; NULL while nothing has been provided."""
    return case((func.sum(frame["provides"]) > 0, -func.sum(frame["amount"])))


def _stock(key: str, label: Any, unit: Unit, formula: Any, source: Any, **kw: Any) -> None:
    kw.setdefault("frame", None if "ratio" in kw else allowance_frame)
    register(Metric(key, label, unit, "stock", formula, source, CATEGORIES, **kw))


NONE_YET: Value = None

_stock(
    "allowance",
    _("Posted allowance"),
    "money",
    _(
        "Credit balance of account 1304, loan loss allowance. Not available until a provision is posted: write-offs "
        "alone are none."
    ),
    HOUSE,
    measure=_posted,
    empty=NONE_YET,
    from_sums="allowance",
)
_stock(
    "allowance_balance",
    _("Balance of the allowance account"),
    "money",
    _(
        "Credit balance of account 1304, whether a provision was posted or not: below 0 while write-offs have used up"
        " more than was provided. What is provided at a month-end is the difference to it."
    ),
    HOUSE,
    measure=lambda frame, question: -func.sum(frame["amount"]),
    adds_up=True,
    from_sums="allowance",
)
_stock(
    "coverage_ratio",
    _("Coverage ratio"),
    "percent",
    _("Posted allowance ÷ NPL balance."),
    PROVISIONS,
    ratio=("allowance", "npl_balance"),
    parameters=(TARGETS["coverage_ratio"], *FLOORS),
)
_stock(
    "provision_ratio",
    _("Provision ratio"),
    "percent",
    _("Posted allowance ÷ loan balance."),
    PROVISIONS,
    ratio=("allowance", "loan_balance"),
    parameters=(TARGETS["provision_ratio"],),
)
_stock(
    "adequacy",
    _("Adequacy of provisions"),
    "percent",
    _("Posted allowance ÷ provision required."),
    PROVISIONS,
    ratio=("allowance", "provision_required"),
    parameters=(TARGETS["adequacy"], *SPECIFIC.values(), GENERAL),
)
_stock(
    "required_coverage",
    _("Coverage by what is required"),
    "percent",
    _("Provision required ÷ NPL balance: the coverage ratio there would be if exactly what is required were posted."),
    PROVISIONS,
    ratio=("provision_required", "npl_balance"),
    parameters=(*FLOORS, *SPECIFIC.values(), GENERAL),
)
_stock(
    "general_reserve_required",
    _("General risk reserve required (equity)"),
    "money",
    _(
        "Sum over the five categories of balance times the standard ratio in force on the date. Set aside in equity out"
        " of net profit; it is no allowance and covers no loan."
    ),
    RESERVE_RULES,
    frame=position_frame,
    parameters=tuple(RESERVE.values()),
    listing=open_loans(),
    **provided_for(reserve_ratios),
)


@dataclass(frozen=True)
class Target:
    """Where a figure should be."""

    operator: Operator
    value: Fraction

    def met_by(self, value: Value) -> bool | None:
        """None when the figure is not available."""
        if value is None:
            return None
        return Fraction(value) >= self.value if self.operator is Operator.GREATER_OR_EQUAL else value > self.value


def target_of(key: str, on: date) -> Target | None:
    """The target of a figure in force on a date; None for figures that have none."""
    if key not in TARGETS:
        return None
    found = parameter(TARGETS[key], on)
    return Target(found.operator or Operator.GREATER_OR_EQUAL, Fraction(found.value) / 100)
