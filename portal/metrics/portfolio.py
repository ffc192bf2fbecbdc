"""The portfolio at the end of a date: balance, counts, rates, lateness, five categories, provisions (stock figures)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from math import lcm
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, func

from portal.core.metric import Frame, Metric, Question, Unit, Value, register
from portal.loans.classification import Category
from portal.metrics.formatting import half_up
from portal.metrics.frames import position_frame
from portal.metrics.listings import NON_PERFORMING, open_loans
from portal.metrics.thresholds import (
    GENERAL,
    SPECIFIC,
    RatiosOn,
    at_risk,
    general_ratios,
    par_key,
    required_ratios,
    specific_ratios,
)

PPM = 1_000_000
BALANCES = _("Loan balances")
LATENESS = _("Lateness")
CATEGORIES = _("Five categories and provisions")
HOUSE = _("Definition of the house")
CLASSIFICATION = _("Measures for the Risk Classification of Financial Assets of Commercial Banks (Decree 1 of 2023)")
PROVISIONS = _("Guidelines on Loan Loss Provisions (Yin Fa [2002] No. 98)")

Condition = Callable[[Frame, Question], ColumnElement[bool]]
FLOORS = tuple(f"category_floor.{category.value}" for category in Category if category is not Category.NORMAL)
TOLERANCE = "overdue.tolerance"


def _stock(key: str, label: Any, unit: Unit, formula: Any, subject: Any, **kw: Any) -> Metric:
    frame = None if "ratio" in kw else position_frame
    kw.setdefault("source", HOUSE)
    return register(Metric(key, label, unit, "stock", formula, subject=subject, frame=frame, **kw))


def _sum(column: str) -> dict[str, Any]:
    return {"measure": lambda frame, question: func.sum(frame[column]), "adds_up": True, "from_sums": "loans"}


def _balance_if(condition: Condition) -> dict[str, Any]:
    """Balance of the loans that meet it."""
    measure = {"measure": lambda f, q: func.sum(case((condition(f, q), f["balance"]), else_=0))}
    return {**measure, "adds_up": True, "from_sums": "loans"}


def _count_if(condition: Condition) -> dict[str, Any]:
    """Number of the loans that meet it."""
    measure = {"measure": lambda f, q: func.sum(case((condition(f, q), f["loans"]), else_=0))}
    return {**measure, "adds_up": True, "from_sums": "loans"}


def _count() -> dict[str, Any]:
    return {"measure": lambda frame, question: func.sum(frame["loans"]), "adds_up": True, "from_sums": "loans"}


def _late(days: int, frame: Frame, question: Question) -> ColumnElement[bool]:
    return at_risk(frame["days_past_due"], days, question.as_of)


def _non_performing(frame: Frame, question: Question) -> ColumnElement[bool]:
    return frame["category"].in_(NON_PERFORMING)  # type: ignore[no-any-return]


def _as_rate(question: Question) -> Callable[[int], Value]:
    return lambda raw: Fraction(raw, PPM)


def provided_for(ratios_on: RatiosOn) -> dict[str, Any]:
    """Sum of balance times ratio. The database adds up whole shares of a fen: nothing is lost before the end."""

    def measure(frame: Frame, question: Question) -> ColumnElement[Any]:
        ratios = ratios_on(question.as_of)
        shares = {category: int(ratio * _shares(ratios)) for category, ratio in ratios.items()}
        return func.sum(frame["balance"] * case(shares, value=frame["category"]))

    def finish(question: Question) -> Callable[[int], Value]:
        shares = _shares(ratios_on(question.as_of))
        return lambda raw: int(half_up(Fraction(raw, shares), 0))

    return {"measure": measure, "finish": finish, "adds_up": True, "from_sums": "loans"}


def _shares(ratios: Mapping[Category, Fraction]) -> int:
    """Into how many shares a fen is cut for every ratio to be whole."""
    return lcm(*(ratio.denominator for ratio in ratios.values()))


_stock(
    "loan_balance",
    _("Loan balance"),
    "money",
    _("Outstanding principal of all loans disbursed on or before the date and neither settled nor written off."),
    BALANCES,
    **_sum("balance"),
    listing=open_loans(),
)
_stock(
    "loan_count",
    _("Number of loans"),
    "count",
    _("Number of loans in the loan balance."),
    BALANCES,
    **_count(),
    listing=open_loans(),
)
_stock(
    "borrower_count",
    _("Number of borrowers"),
    "count",
    _("Number of different customers in the loan balance. Somebody with two loans counts once: parts do not add up."),
    BALANCES,
    measure=lambda frame, question: frame["borrowers"],
    from_sums="borrowers",
    listing=open_loans(),
)
_stock(
    "balance_times_rate",
    _("Balance times annual rate"),
    "money",
    _("Sum of balance times annual rate: the numerator of the average annual rate."),
    BALANCES,
    measure=lambda frame, question: func.sum(frame["balance_times_rate"]),
    adds_up=True,
    from_sums="loans",
    finish=_as_rate,
    internal=True,
)
_stock(
    "average_rate",
    _("Average annual rate"),
    "rate",
    _("Sum of balance times annual rate ÷ loan balance."),
    BALANCES,
    ratio=("balance_times_rate", "loan_balance"),
    rows_of="loan_balance",
    listing=open_loans(),
)
_stock(
    "lowest_rate",
    _("Lowest annual rate"),
    "rate",
    _("Lowest annual rate of a loan in the loan balance."),
    BALANCES,
    measure=lambda frame, question: func.min(frame["rate"]),
    finish=_as_rate,
    empty=None,
    listing=open_loans(),
)
_stock(
    "highest_rate",
    _("Highest annual rate"),
    "rate",
    _("Highest annual rate of a loan in the loan balance."),
    BALANCES,
    measure=lambda frame, question: func.max(frame["rate"]),
    finish=_as_rate,
    empty=None,
    listing=open_loans(),
)

_stock(
    "days_past_due",
    _("Most days past due"),
    "days",
    _(
        "Per loan, days since the due date of its oldest instalment whose unpaid principal and contractual interest"
        " exceed the tolerance; due today is not past due. Of several loans, the most."
    ),
    LATENESS,
    measure=lambda frame, question: func.max(frame["days_past_due"]),
    parameters=(TOLERANCE,),
    listing=open_loans(days=1),
)
_stock(
    "overdue_loan_balance",
    _("Overdue loan balance"),
    "money",
    _("Whole balance of the loans that count in PAR 1 on the date."),
    LATENESS,
    **_balance_if(partial(_late, 1)),
    parameters=(par_key(1), TOLERANCE),
    listing=open_loans(days=1),
)
_stock(
    "overdue_loan_count",
    _("Number of overdue loans"),
    "count",
    _("Number of the loans that count in PAR 1 on the date."),
    LATENESS,
    **_count_if(partial(_late, 1)),
    parameters=(par_key(1), TOLERANCE),
    listing=open_loans(days=1),
)
_stock(
    "overdue_principal",
    _("Overdue principal"),
    "money",
    _(
        "Of instalment loans up to 90 days past due, the unpaid principal that fell due; of those later, and of all"
        " other overdue loans, the whole balance."
    ),
    LATENESS,
    **_sum("overdue_principal"),
    parameters=(TOLERANCE, "overdue.whole_balance"),
    listing=open_loans(days=1),
)
_stock(
    "overdue_interest",
    _("Overdue interest"),
    "money",
    _("Unpaid contractual interest that fell due on overdue loans; no penalty interest."),
    LATENESS,
    **_sum("overdue_interest"),
    parameters=(TOLERANCE,),
    listing=open_loans(days=1),
)
_stock(
    "overdue_principal_ratio",
    _("Overdue principal ratio"),
    "percent",
    _("Overdue principal ÷ loan balance."),
    LATENESS,
    ratio=("overdue_principal", "loan_balance"),
    parameters=(TOLERANCE, "overdue.whole_balance"),
    listing=open_loans(days=1),
)
for _days, _first in ((1, "≥ 1"), (30, "> 30"), (60, "> 60"), (90, "> 90")):
    _stock(
        f"par_{_days}_balance",
        _("PAR %(days)s balance", days=_days),
        "money",
        _(
            "Whole balance of loans whose days past due meet the PAR %(days)s threshold in force on the date"
            " (%(first)s days unless decided otherwise).",
            days=_days,
            first=_first,
        ),
        LATENESS,
        **_balance_if(partial(_late, _days)),
        parameters=(par_key(_days), TOLERANCE),
        listing=open_loans(days=_days),
    )
    _stock(
        f"par_{_days}",
        _("PAR %(days)s", days=_days),
        "percent",
        _("PAR %(days)s balance ÷ loan balance.", days=_days),
        LATENESS,
        ratio=(f"par_{_days}_balance", "loan_balance"),
        parameters=(par_key(_days), TOLERANCE),
        listing=open_loans(days=_days),
    )
_stock(
    "overdue_rate",
    _("Overdue loan ratio"),
    "percent",
    _("Overdue loan balance ÷ loan balance: another name of PAR 1."),
    LATENESS,
    ratio=("overdue_loan_balance", "loan_balance"),
    parameters=(par_key(1), TOLERANCE),
    listing=open_loans(days=1),
)

_stock(
    "category_balance",
    _("Balance by category"),
    "money",
    _("Loan balance, to be cut by the five categories. A loan's category is at least the floor of its days past due."),
    CATEGORIES,
    **_sum("balance"),
    source=CLASSIFICATION,
    parameters=FLOORS,
    listing=open_loans(),
)
_stock(
    "category_count",
    _("Number of loans by category"),
    "count",
    _("Number of loans, to be cut by the five categories."),
    CATEGORIES,
    **_count(),
    source=CLASSIFICATION,
    parameters=FLOORS,
    listing=open_loans(),
)
_stock(
    "npl_balance",
    _("NPL balance"),
    "money",
    _("Balance of loans classified substandard, doubtful or loss."),
    CATEGORIES,
    **_balance_if(_non_performing),
    source=CLASSIFICATION,
    parameters=FLOORS,
    listing=open_loans(categories=NON_PERFORMING),
)
_stock(
    "npl_count",
    _("Number of non-performing loans"),
    "count",
    _("Number of loans classified substandard, doubtful or loss."),
    CATEGORIES,
    **_count_if(_non_performing),
    source=CLASSIFICATION,
    parameters=FLOORS,
    listing=open_loans(categories=NON_PERFORMING),
)
_stock(
    "npl_ratio",
    _("NPL ratio"),
    "percent",
    _("NPL balance ÷ loan balance."),
    CATEGORIES,
    ratio=("npl_balance", "loan_balance"),
    source=CLASSIFICATION,
    parameters=FLOORS,
    listing=open_loans(categories=NON_PERFORMING),
)

for _key, _label, _formula, _ratios_on, _parameters in (
    (
        "provision_required",
        _("Provision required"),
        _("Specific provision + general provision, rounded to the fen once."),
        required_ratios,
        (*SPECIFIC.values(), GENERAL),
    ),
    (
        "provision_specific",
        _("Specific provision required"),
        _("Sum over the five categories of balance times the specific provision ratio in force on the date."),
        specific_ratios,
        tuple(SPECIFIC.values()),
    ),
    (
        "provision_general",
        _("General provision required"),
        _("Loan balance times the general provision ratio in force on the date."),
        general_ratios,
        (GENERAL,),
    ),
):
    _stock(
        _key,
        _label,
        "money",
        _formula,
        CATEGORIES,
        source=PROVISIONS,
        parameters=_parameters,
        listing=open_loans(),
        **provided_for(_ratios_on),
    )
