"""Migration: what became of the loans of an earlier date, by days past due and by category (flow figures).

A matrix is one of the balances or counts here, cut by where loans stood and where they stand; its rates are the cells
over the sum of their row. The regulatory rates are asked from the first day of the year.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, case, func, or_

from portal.core.db import label_of
from portal.core.metric import Frame, Metric, Question, Unit, register
from portal.loans.classification import Category
from portal.metrics.moves import move_frame
from portal.metrics.portfolio import FLOORS, HOUSE, TOLERANCE

MIGRATION = _("Migration")
CORE_INDICATORS = _("Core Indicators for the Risk Supervision of Commercial Banks (Yin Jian Fa [2005] No. 89)")

PERFORMING = tuple(category for category in Category if not category.non_performing)
RATED = (Category.NORMAL, Category.SPECIAL_MENTION, Category.SUBSTANDARD, Category.DOUBTFUL)
"""Categories that loans can get worse from."""


def _flow(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    kw.setdefault("source", HOUSE)
    kw.setdefault("parameters", (TOLERANCE,))
    frame = None if "ratio" in kw else move_frame
    register(Metric(key, label, unit, "flow", formula, subject=MIGRATION, frame=frame, **kw))


def _sum_if(column: str, condition: Any = None) -> dict[str, Any]:
    def measure(frame: Frame, question: Question) -> ColumnElement[Any]:
        held = frame[column]
        return func.sum(held if condition is None else case((condition(frame), held), else_=0))

    return {"measure": measure, "adds_up": True, "from_sums": "moves"}


def _had(frame: Frame) -> ColumnElement[bool]:
    return frame["days_before"].is_not(None)  # type: ignore[no-any-return]


def _has(frame: Frame) -> ColumnElement[bool]:
    return frame["days_after"].is_not(None)  # type: ignore[no-any-return]


def _began(among: Collection[Category], frame: Frame) -> ColumnElement[bool]:
    return frame["category_before"].in_(among)  # type: ignore[no-any-return]


def _worsened(pairs: Collection[tuple[Category, Category]], frame: Frame) -> ColumnElement[bool]:
    """Whether a loan went from the one category of a pair to the other."""
    worse = {old: [new for one, new in pairs if one is old] for old, _new in pairs}
    return or_(*(and_(frame["category_before"] == old, frame["category_after"].in_(new)) for old, new in worse.items()))


for _key, _label, _unit, _formula, _measure in (
    (
        "balance_before",
        _("Balance before"),
        "money",
        _("Balance of the loans on the day before the period begins, by where they stand at its end."),
        _sum_if("balance_before"),
    ),
    (
        "balance_after",
        _("Balance after"),
        "money",
        _("Balance of the loans at the end of the period, by where they stood on the day before it began."),
        _sum_if("balance_after"),
    ),
    (
        "loans_before",
        _("Loans before"),
        "count",
        _("Number of loans with a balance on the day before the period begins, by where they stand at its end."),
        _sum_if("loans", _had),
    ),
    (
        "loans_after",
        _("Loans after"),
        "count",
        _("Number of loans with a balance at the end of the period, by where they stood on the day before it began."),
        _sum_if("loans", _has),
    ),
):
    _flow(_key, _label, _unit, _formula, **_measure)  # type: ignore[arg-type]


def _rate(
    key: str, name: Any, label: Any, worse: Any, among: Collection[Category], into: Collection[Category] | None
) -> None:
    """A regulatory rate with its two parts."""
    pairs = [(old, new) for old in among for new in (into if into is not None else Category) if new > old]
    _flow(
        f"migrated_{key}",
        _("Migrated, %(category)s", category=label),
        "money",
        _(
            "Balance at the end of the period of loans that were %(category)s before it and are %(worse)s now.",
            category=label,
            worse=worse,
        ),
        source=CORE_INDICATORS,
        parameters=FLOORS,
        **_sum_if("balance_after", partial(_worsened, pairs)),
    )
    _flow(
        f"remained_{key}",
        _("Not reduced, %(category)s", category=label),
        "money",
        _(
            "Of loans that were %(category)s before the period, the balance then less what it has fallen by since:"
            " paid, settled or written off.",
            category=label,
        ),
        source=CORE_INDICATORS,
        parameters=FLOORS,
        **_sum_if("balance_kept", partial(_began, tuple(among))),
    )
    _flow(
        f"migration_rate_{key}",
        name,
        "percent",
        _(
            "Migrated balance ÷ balance before that was not reduced, of loans that were %(category)s. Regulation asks"
            " from the first day of the year.",
            category=label,
        ),
        source=CORE_INDICATORS,
        parameters=FLOORS,
        ratio=(f"migrated_{key}", f"remained_{key}"),
    )


_rate(
    "performing",
    _("Migration rate of performing loans"),
    _("performing"),
    _("non-performing"),
    PERFORMING,
    [category for category in Category if category.non_performing],
)
for _category in RATED:
    _rate(
        _category.value,
        _("Migration rate, %(category)s", category=label_of(_category)),
        label_of(_category),
        _("in a worse category"),
        (_category,),
        None,
    )
