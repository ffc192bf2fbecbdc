"""What changed and why: the change of the overdue balance, and of the NPL balance, loan by loan (flow figures).

Every loan has exactly one part in the change: what it adds at the end less what it added before. Cut by `overdue_part`
or `npl_part`, the parts add up to the change, and balance before + change = balance after, to the fen, in every cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, func, or_

from portal.core.metric import Frame, Metric, Question, register
from portal.metrics.moves import bad_after, bad_before, late_after, late_before, move_frame
from portal.metrics.portfolio import CLASSIFICATION, FLOORS, HOUSE, TOLERANCE
from portal.metrics.thresholds import par_key

CHANGES = _("What changed and why")

Condition = Callable[[Frame, Question], ColumnElement[bool]]


def _balance(column: str, condition: Condition) -> Callable[[Frame, Question], ColumnElement[Any]]:
    return lambda frame, question: case((condition(frame, question), frame[column]), else_=0)


def _register(
    name: str, words: tuple[Any, ...], before: Condition, after: Condition, source: Any, parameters: tuple[str, ...]
) -> None:
    """Balance before, balance after, change and number of loans of what is bad in one sense."""
    was, now = _balance("balance_before", before), _balance("balance_after", after)

    def either(frame: Frame, question: Question) -> ColumnElement[Any]:
        return case((or_(before(frame, question), after(frame, question)), frame["loans"]), else_=0)

    for (key, unit, measure), (label, formula) in zip(
        (
            (f"{name}_before", "money", lambda f, q: func.sum(was(f, q))),
            (f"{name}_after", "money", lambda f, q: func.sum(now(f, q))),
            (f"{name}_change", "money", lambda f, q: func.sum(now(f, q) - was(f, q))),
            (f"{name}_loans", "count", lambda f, q: func.sum(either(f, q))),
        ),
        words,
        strict=True,
    ):
        register(
            Metric(
                key,
                label,
                unit,  # type: ignore[arg-type]
                "flow",
                formula,
                source,
                CHANGES,
                frame=move_frame,
                measure=measure,
                adds_up=True,
                from_sums="moves",
                parameters=parameters,
            )
        )


_register(
    "overdue",
    (
        (
            _("Overdue balance before"),
            _("Whole balance of the loans that counted in PAR 1 on the day before the period began."),
        ),
        (_("Overdue balance after"), _("Whole balance of the loans that count in PAR 1 at the end of the period.")),
        (_("Change of overdue balance"), _("Overdue balance after - overdue balance before.")),
        (_("Loans overdue before or after"), _("Number of loans that count in PAR 1 at either date.")),
    ),
    late_before,
    late_after,
    HOUSE,
    (par_key(1), TOLERANCE),
)
_register(
    "npl",
    (
        (
            _("NPL balance before"),
            _("Balance of the loans that were substandard, doubtful or loss on the day before the period began."),
        ),
        (_("NPL balance after"), _("Balance of the loans that are substandard, doubtful or loss at its end.")),
        (_("Change of NPL balance"), _("NPL balance after - NPL balance before.")),
        (_("Loans non-performing before or after"), _("Number of loans that are non-performing at either date.")),
    ),
    bad_before,
    bad_after,
    CLASSIFICATION,
    FLOORS,
)
