"""The rows behind a figure, loan by loan: found by the statement that made the figure, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core import scope
from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.masks import is_clear
from portal.core.measured import concerned, conditions_of
from portal.core.metric import (
    Metric,
    Question,
    Value,
    check_dimensions,
    dimensions,
    expanded,
    metric_of,
    words,
)
from portal.core.offers import numbers_clear
from portal.loans.state import LoanState
from portal.metrics.dimensions import codes
from portal.metrics.listings import rows_metric

FACTS = {"stock": ("product", "branch", "manager", "category"), "flow": ("product",)}
"""Dimensions that a loan has one of, shown beside its figure: who owned it on the date, not over a period."""
FIELDS = {"days_before": "days_past_due", "days_after": "days_past_due"}
"""The field of a loan state that a fact is made of, where it has another name."""


OF_GROUPS = _("Month-end entries")
"""What stands for the loan where an amount was booked on a group of loans."""


@dataclass(frozen=True)
class LoanFigure:
    """What one loan contributes, and what kind of loan it is."""

    loan_id: int | None
    """None: booked on a group of loans at a month-end."""
    code: str
    facts: tuple[str, ...]
    """Words for each of the page's `facts`."""
    value: Value


@dataclass(frozen=True)
class RowsPage:
    """One page of loans, the greatest contribution first, whether it adds or takes away."""

    metric: Metric
    """What `value` means: the figure itself, or of a ratio its numerator."""
    facts: tuple[str, ...]
    """Dimensions that describe each loan."""
    count: int
    rows: tuple[LoanFigure, ...]


def rows_behind(key: str, question: Question, where: Mapping[str, Any], page: int = 1, size: int = 50) -> RowsPage:
    """Loans that a figure is made of, as the present actor may see them; loans that contribute nothing are left out.

    Raises what `evaluate` raises.
    """
    asked_for = metric_of(key)
    if not scope.actor().may(*asked_for.permission):
        raise Forbidden()
    metric = rows_metric(asked_for)
    assert metric.frame is not None
    within = expanded(where)
    with scope.doing("", "list"):
        frame = metric.frame(question)
        check_dimensions(metric, frame, ["loan", *within])
        told = frame.facts or FACTS[metric.kind]
        facts = tuple(fact for fact in told if is_clear(LoanState, FIELDS.get(fact, fact)))
        keys = [frame.dimensions[key] for key in ("loan", *facts)]
        figure = metric.aggregate(frame, question)
        conditions = [*conditions_of(frame, within), *concerned([metric], frame)]
        grouped = frame.statement([*keys, figure], conditions).group_by(*keys).having(figure.element != 0)
        counted = select(func.count()).select_from(grouped.subquery())
        count = db.session.scalar(counted.execution_options(described_by=frame.described_by)) or 0
        ordered = grouped.order_by(func.abs(figure.element).desc(), keys[0]).offset((page - 1) * size).limit(size)
        found = db.session.execute(ordered).all()
        rows = _described(found, facts, metric.finisher(question) if numbers_clear("Loan") else lambda _raw: None)
    return RowsPage(metric, facts, count, rows)


def _described(found: Sequence[Any], facts: Sequence[str], finish: Callable[[Any], Value]) -> tuple[LoanFigure, ...]:
    """Rows of (loan id, a key for each fact, raw figure) in words."""
    names = codes("loan", [row[0] for row in found])
    said = [words(dimensions[key], {row[1 + n] for row in found}) for n, key in enumerate(facts)]
    return tuple(
        LoanFigure(
            loan_id=row[0],
            code=str(OF_GROUPS) if row[0] is None else names[row[0]],
            facts=tuple(said[n][key] for n, key in enumerate(row[1:-1])),
            value=finish(row[-1]),
        )
        for row in found
    )
