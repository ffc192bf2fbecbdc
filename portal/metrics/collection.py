"""Expected cash and collection: what falls due by month, and what was collected of what fell due (stock figures).

A month counts as a whole: what is expected in the month of the date is all that falls due in it and is unpaid, whether
the day has come or not. Cut by `due_month` a figure says how one month stands; collected amounts cut by `months_after`
as well, what each month after it added: the curve is the running sum. Seen and cut by today's owner, as vintages are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, case, func, or_

from portal.core.clock import business_date, month_end
from portal.core.metric import (
    Dimension,
    Frame,
    Metric,
    Question,
    Unit,
    register,
    register_dimension,
    register_sums,
)
from portal.customers.models import Customer
from portal.loans.due_groups import DueGroup
from portal.loans.dues import AMOUNTS, dues
from portal.loans.models import Instalment, Loan
from portal.metrics.dimensions import month_key, month_words
from portal.metrics.frames import describing
from portal.metrics.portfolio import HOUSE
from portal.metrics.vintage import months_of
from portal.products.models import Product

CASH = _("Expected cash and collection")
FOLLOWED = 12
"""Months that ended before the date whose collection is told."""
SOON = 3
"""Months after that of the date which count as the near future."""

DUE_MONTH = register_dimension(Dimension("due_month", _("Due in"), month_words, month_key, month_words))
MONTHS_AFTER = register_dimension(
    Dimension("months_after", _("Months after the due date"), lambda keys: {key: str(key) for key in keys}, months_of)
)


def month_number(day: date, later: int = 0) -> int:
    """Year and month of a date, or of some months later, as in 202606."""
    year, month = divmod(day.year * 12 + day.month - 1 + later, 12)
    return year * 100 + month + 1


def last_ended(day: date) -> int:
    """The last month that is over by the end of a date."""
    return month_number(day, 0 if day == month_end(day) else -1)


def first_followed(day: date) -> int:
    """The first of the months whose collection is told."""
    return month_number(day, (0 if day == month_end(day) else -1) - FOLLOWED + 1)


def due_frame(question: Question) -> Frame:
    """What instalments ask for and what was paid of it, one row each."""
    stands = question.as_of == business_date() and question.known == question.as_of
    due = (dues() if stands else dues(question.as_of, question.known)).subquery("due")
    return Frame(
        name="dues",
        select_from=due,
        columns={name: due.c[name] for name in (*AMOUNTS, "due_month", "months_after", "lost")},
        dimensions={
            "due_month": due.c.due_month,
            "months_after": due.c.months_after,
            "branch": Loan.branch_id,
            "team": Loan.team_id,
            "manager": Loan.manager_id,
            "product": Loan.product_id,
            "grid": Customer.grid_id,
            "loan": due.c.loan_id,
            "customer": Loan.customer_id,
            **describing(),
        },
        where=(due.c.due_month >= first_followed(question.as_of),),
        joins=(
            (Loan, Loan.id == due.c.loan_id),
            (Customer, Customer.id == Loan.customer_id),
            (Product, Product.id == Loan.product_id),
        ),
        described_by=frozenset({Customer, Instalment}),
        facts=("product", "branch", "manager"),
    )


def due_sums(question: Question) -> Sequence[Frame]:
    """The same, added up; as things stand only."""
    if question.as_of != business_date() or question.known != question.as_of:
        return ()
    sums = Frame(
        name="dues",
        select_from=DueGroup,
        columns={name: getattr(DueGroup, name) for name in (*AMOUNTS, "due_month", "months_after", "lost")},
        dimensions={
            "due_month": DueGroup.due_month,
            "months_after": DueGroup.months_after,
            "branch": DueGroup.branch_id,
            "team": DueGroup.team_id,
            "manager": DueGroup.manager_id,
            "product": DueGroup.product_id,
            "purpose": Product.purpose,
            "product_channel": Product.channel,
        },
        where=(DueGroup.due_month >= first_followed(question.as_of),),
        joins=((Product, Product.id == DueGroup.product_id),),
        having=or_(*(func.sum(getattr(DueGroup, name)) != 0 for name in AMOUNTS)),
    )
    return (sums,)


register_sums(due_frame, due_sums)

Condition = Callable[[Frame, Question], ColumnElement[bool]]


def is_expected(frame: Frame, question: Question) -> ColumnElement[bool]:
    """What falls due in the month of the date or later, of loans that are not written off."""
    return and_(frame["due_month"] >= month_number(question.as_of), frame["lost"] == 0)


def is_soon(frame: Frame, question: Question) -> ColumnElement[bool]:
    """Of that, what falls due by the end of the third month after."""
    return and_(is_expected(frame, question), frame["due_month"] <= month_number(question.as_of, SOON))


def _fell_due(frame: Frame, question: Question) -> ColumnElement[bool]:
    """What fell due in one of the months that are followed."""
    return frame["due_month"] <= last_ended(question.as_of)  # type: ignore[no-any-return]


def _by_then(frame: Frame, question: Question) -> ColumnElement[bool]:
    return and_(_fell_due(frame, question), frame["months_after"] == 0)


def unpaid(frame: Frame) -> ColumnElement[int]:
    """Principal and interest of a row that are still owed."""
    return (  # type: ignore[no-any-return]
        frame["due_principal"] - frame["paid_principal"] + frame["due_interest"] - frame["paid_interest"]
    )


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    frame = None if "ratio" in kw else due_frame
    register(Metric(key, label, unit, "stock", formula, HOUSE, CASH, frame=frame, **kw))


def _sum(condition: Condition, amount: Callable[[Frame], Any]) -> dict[str, Any]:
    return {
        "measure": lambda frame, question: func.sum(case((condition(frame, question), amount(frame)), else_=0)),
        "adds_up": True,
        "from_sums": "dues",
    }


_stock(
    "expected_principal",
    _("Expected principal"),
    "money",
    _(
        "Principal of instalments that fall due in the month of the date or later and is not paid, by the schedules as"
        " they stand. What is overdue from earlier months and loans written off are not in it."
    ),
    **_sum(is_expected, lambda frame: frame["due_principal"] - frame["paid_principal"]),
)
_stock(
    "expected_interest",
    _("Expected interest"),
    "money",
    _(
        "Contractual interest of instalments that fall due in the month of the date or later and is not paid; no fees"
        " and no penalty interest."
    ),
    **_sum(is_expected, lambda frame: frame["due_interest"] - frame["paid_interest"]),
)
_stock(
    "expected_amount",
    _("Expected cash"),
    "money",
    _("Expected principal + expected interest."),
    **_sum(is_expected, unpaid),
)
_stock(
    "expected_soon",
    _("Expected in the next three months"),
    "money",
    _("Expected cash from the month of the date to the end of the third month after it."),
    **_sum(is_soon, unpaid),
)
_stock(
    "fallen_due",
    _("Fell due in twelve months"),
    "money",
    _(
        "Principal and contractual interest of instalments due in the twelve months that ended by the date. A loan"
        " written off counts with what fell due before; an early repayment counts as due on its day."
    ),
    **_sum(_fell_due, lambda frame: frame["due_principal"] + frame["due_interest"]),
)
_stock(
    "collected_in_month",
    _("Of that, collected by the end of the month due"),
    "money",
    _("What was paid of it, by value date, before the month in which it fell due was over."),
    **_sum(_by_then, lambda frame: frame["paid_principal"] + frame["paid_interest"]),
)
_stock(
    "collected_of_due",
    _("Of that, collected so far"),
    "money",
    _("What was paid by the date of what fell due in the twelve months that ended by it."),
    **_sum(_fell_due, lambda frame: frame["paid_principal"] + frame["paid_interest"]),
)
_stock(
    "collection_rate_in_month",
    _("Collected in month due"),
    "percent",
    _("Collected by the end of the month due ÷ what fell due, of the twelve months that ended by the date."),
    ratio=("collected_in_month", "fallen_due"),
)
_stock(
    "collection_rate",
    _("Collected so far of what fell due"),
    "percent",
    _("Collected so far ÷ what fell due, of the twelve months that ended by the date."),
    ratio=("collected_of_due", "fallen_due"),
)
