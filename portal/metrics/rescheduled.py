"""Loans whose terms were eased: extended or restructured (stock figures). They stand beside PAR, since new due dates
take days past due away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func

from portal.core.metric import Frame, Metric, Question, Unit, register
from portal.loans.positions import rescheduled
from portal.metrics.frames import position_frame
from portal.metrics.portfolio import CATEGORIES, CLASSIFICATION


def rescheduled_frame(question: Question) -> Frame:
    """Open loans at the end of the date that were extended or restructured by then, one row a loan."""
    frame = position_frame(question)
    eased = frame["loan_id"].in_(rescheduled(question.as_of, question.known))
    return replace(frame, name="rescheduled positions", where=(*frame.where, eased))


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    frame = None if "ratio" in kw else rescheduled_frame
    register(Metric(key, label, unit, "stock", formula, CLASSIFICATION, CATEGORIES, frame=frame, **kw))


def _sum(column: str) -> dict[str, Any]:
    return {"measure": lambda frame, question: func.sum(frame[column]), "adds_up": True}


_stock(
    "restructured_balance",
    _("Extended and restructured loans"),
    "money",
    _(
        "Balance of the open loans that were extended or restructured by the date, whatever their category. It stands"
        " beside PAR, since new due dates take days past due away."
    ),
    **_sum("balance"),
)
_stock(
    "restructured_count",
    _("Number of extended and restructured loans"),
    "count",
    _("Number of the loans in the balance of extended and restructured loans."),
    **_sum("loans"),
)
_stock(
    "restructured_ratio",
    _("Share of extended and restructured loans"),
    "percent",
    _("Balance of extended and restructured loans ÷ loan balance."),
    ratio=("restructured_balance", "loan_balance"),
)
