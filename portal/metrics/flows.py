"""What happened over a period: disbursed, collected, written off, recovered, accrued (flow figures).

Postings count by value date, both ends of the period included, as booked by the date they are known at. A reversal is
a posting with the sign turned, so it takes back what it reverses. Between two stocks known at the same date, the loan
balance changes by disbursed - collected principal - written off, to the fen.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case, func

from portal.core.metric import Frame, Metric, Question, Unit, Value, register
from portal.loans.components import Component
from portal.loans.flows import (
    COLLECTED_FEES,
    COLLECTED_INTEREST,
    COLLECTED_PENALTY,
    COLLECTED_PRINCIPAL,
    DISBURSED,
    RECOVERIES,
    WRITTEN_OFF,
    WRITTEN_OFF_INTEREST,
    Flow,
)
from portal.loans.ledger import Account, JournalKind
from portal.metrics.frames import flow_frame

PPM = 1_000_000
LENT = _("Disbursements")
COLLECTED = _("Repayments collected")
LOST = _("Write-offs and recoveries")
INCOME = _("Income")
HOUSE = _("Definition of the house")
WRITE_OFF_RULES = _("Rules on Writing Off Bad Debts of Financial Enterprises (Cai Jin [2017] No. 90)")

COLLECTIONS = (COLLECTED_PRINCIPAL, COLLECTED_INTEREST, COLLECTED_FEES, COLLECTED_PENALTY)
ACCRUED = Flow(JournalKind.ACCRUAL, (Account.INTEREST_INCOME,), Component.INTEREST, -1)


def _flow(key: str, label: Any, unit: Unit, formula: Any, subject: Any, **kw: Any) -> Metric:
    frame = None if "ratio" in kw else flow_frame
    kw.setdefault("source", HOUSE)
    return register(Metric(key, label, unit, "flow", formula, subject=subject, frame=frame, **kw))


def _concerns(*flows: Flow) -> dict[str, Any]:
    """Kinds and accounts of the postings of these flows, so that others are not even read."""
    return {
        "kind": tuple(dict.fromkeys(flow.kind for flow in flows)),
        "account": tuple(dict.fromkeys(account for flow in flows for account in flow.accounts)),
    }


def _sum_of(*flows: Flow) -> dict[str, Any]:
    """The amounts of these flows together."""
    return {
        "concerns": _concerns(*flows),
        "measure": lambda frame, question: func.sum(sum(flow.amount() for flow in flows)),
        "adds_up": True,
    }


def _paid_out(aggregate: str, value: Callable[[Frame], ColumnElement[Any]]) -> dict[str, Any]:
    """The sum, min or max of a value over disbursed principal; the value may use the posting and the contract."""
    return {
        "concerns": _concerns(DISBURSED),
        "measure": lambda frame, question: getattr(func, aggregate)(case((DISBURSED.condition(), value(frame)))),
        "adds_up": aggregate == "sum",
    }


def _as_rate(question: Question) -> Callable[[int], Value]:
    return lambda raw: Fraction(raw, PPM)


_flow(
    "disbursed_amount",
    _("Disbursed amount"),
    "money",
    _("Principal disbursed in the period."),
    LENT,
    **_sum_of(DISBURSED),
)
_flow(
    "disbursed_count",
    _("Number of loans disbursed"),
    "count",
    _("Number of loans disbursed in the period, less disbursements taken back in it."),
    LENT,
    **_paid_out("sum", lambda frame: case((frame["amount"] > 0, 1), else_=-1)),
)
_flow(
    "disbursed_times_rate",
    _("Disbursed amount times annual rate"),
    "money",
    _("Sum of disbursed amount times annual rate: the numerator of the average annual rate of new loans."),
    LENT,
    **_paid_out("sum", lambda frame: frame["amount"] * frame["rate"]),
    finish=_as_rate,
    internal=True,
)
_flow(
    "disbursed_average_rate",
    _("Average annual rate of new loans"),
    "rate",
    _("Sum of disbursed amount times annual rate ÷ disbursed amount."),
    LENT,
    ratio=("disbursed_times_rate", "disbursed_amount"),
    rows_of="disbursed_amount",
)
_flow(
    "disbursed_lowest_rate",
    _("Lowest annual rate of new loans"),
    "rate",
    _("Lowest annual rate of a loan disbursed in the period."),
    LENT,
    **_paid_out("min", lambda frame: frame["rate"]),
    finish=_as_rate,
    empty=None,
)
_flow(
    "disbursed_highest_rate",
    _("Highest annual rate of new loans"),
    "rate",
    _("Highest annual rate of a loan disbursed in the period."),
    LENT,
    **_paid_out("max", lambda frame: frame["rate"]),
    finish=_as_rate,
    empty=None,
)

_flow(
    "collected_principal",
    _("Collected principal"),
    "money",
    _("Principal that repayments of the period settled, by value date. Write-offs are not collection."),
    COLLECTED,
    **_sum_of(COLLECTED_PRINCIPAL),
)
_flow(
    "collected_interest",
    _("Collected interest"),
    "money",
    _("Contractual interest that repayments of the period settled, by value date."),
    COLLECTED,
    **_sum_of(COLLECTED_INTEREST),
)
_flow(
    "collected_fees",
    _("Collected fees"),
    "money",
    _("Fees that repayments of the period settled, by value date."),
    COLLECTED,
    **_sum_of(COLLECTED_FEES),
)
_flow(
    "collected_penalty",
    _("Collected penalty interest"),
    "money",
    _("Penalty interest that repayments of the period settled, by value date."),
    COLLECTED,
    **_sum_of(COLLECTED_PENALTY),
)
_flow(
    "collected_amount",
    _("Collected in total"),
    "money",
    _("Collected principal + interest + fees + penalty interest."),
    COLLECTED,
    **_sum_of(*COLLECTIONS),
)

_flow(
    "written_off",
    _("Amount written off"),
    "money",
    _("Principal written off in the period."),
    LOST,
    source=WRITE_OFF_RULES,
    **_sum_of(WRITTEN_OFF),
)
_flow(
    "written_off_interest",
    _("Interest written off"),
    "money",
    _("Accrued interest on the books that was written off in the period, apart from principal."),
    LOST,
    source=WRITE_OFF_RULES,
    **_sum_of(WRITTEN_OFF_INTEREST),
)
_flow(
    "recovered_after_write_off",
    _("Recovered after write-off"),
    "money",
    _("Money received in the period on loans written off before."),
    LOST,
    source=WRITE_OFF_RULES,
    **_sum_of(*RECOVERIES),
)
_flow(
    "accrued_interest_income",
    _("Accrued interest income"),
    "money",
    _("Interest income booked by accrual in the period, less accruals taken back when a loan went on non-accrual."),
    INCOME,
    **_sum_of(ACCRUED),
)
