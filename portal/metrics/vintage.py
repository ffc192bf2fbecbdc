"""Vintages: what became of what was lent in one month, by months on book (stock figures).

Read off month-ends that have a snapshot; a cohort is followed from the end of the month it was lent in. Cut by `cohort`
alone a figure says how a cohort stands at the date; cut by `months_on_book` as well, what each month added to it: the
curve is the running sum. Seen and cut by today's owner, above and below the line alike.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import case, func

from portal.core.metric import (
    Dimension,
    Frame,
    Metric,
    MetricError,
    Question,
    Unit,
    register,
    register_dimension,
    register_sums,
)
from portal.customers.models import Customer
from portal.loans.cohorts import EVER, Step, VintageGroup, VintageStep
from portal.loans.models import Instalment, Loan
from portal.metrics.dimensions import month_key, month_words
from portal.metrics.frames import describing
from portal.metrics.portfolio import HOUSE, TOLERANCE
from portal.metrics.thresholds import par_key
from portal.products.models import Product

VINTAGES = _("Vintages")


def months_of(text: str) -> int:
    """A number of months as typed; MetricError when it is none."""
    if not text.isdigit() or len(text) > 3:
        raise MetricError(gettext("“%(text)s” is not a number of months.", text=text[:20]))
    return int(text)


COHORT = register_dimension(Dimension("cohort", _("Lent in"), month_words, month_key, month_words))
MONTHS_ON_BOOK = register_dimension(
    Dimension("months_on_book", _("Months on book"), lambda keys: {key: str(key) for key in keys}, months_of)
)


def vintage_frame(question: Question) -> Frame:
    """Steps of loans at month-ends up to the date, one row a step."""
    return Frame(
        name="vintage steps",
        select_from=VintageStep,
        columns={"amount": VintageStep.amount, "step": VintageStep.step},
        dimensions={
            "cohort": VintageStep.lent_in,
            "months_on_book": VintageStep.on_book,
            "branch": Loan.branch_id,
            "team": Loan.team_id,
            "manager": Loan.manager_id,
            "product": VintageStep.product_id,
            "grid": Customer.grid_id,
            "loan": VintageStep.loan_id,
            "customer": Loan.customer_id,
            **describing(),
        },
        where=(VintageStep.as_of <= question.as_of, VintageStep.as_of <= question.known),
        joins=(
            (Loan, Loan.id == VintageStep.loan_id),
            (Customer, Customer.id == Loan.customer_id),
            (Product, Product.id == VintageStep.product_id),
        ),
        described_by=frozenset({Customer, Instalment}),
        facts=("product", "branch", "manager", "cohort"),
    )


def vintage_sums(question: Question) -> tuple[Frame]:
    """The same, added up by owner and product."""
    frame = Frame(
        name="vintages",
        select_from=VintageGroup,
        columns={"amount": VintageGroup.amount, "step": VintageGroup.step},
        dimensions={
            "cohort": VintageGroup.lent_in,
            "months_on_book": VintageGroup.on_book,
            "branch": VintageGroup.branch_id,
            "team": VintageGroup.team_id,
            "manager": VintageGroup.manager_id,
            "product": VintageGroup.product_id,
            "purpose": Product.purpose,
            "product_channel": Product.channel,
        },
        where=(VintageGroup.as_of <= question.as_of, VintageGroup.as_of <= question.known),
        joins=((Product, Product.id == VintageGroup.product_id),),
        having=func.sum(VintageGroup.steps) > 0,
    )
    return (frame,)


register_sums(vintage_frame, vintage_sums)


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    frame = None if "ratio" in kw else vintage_frame
    register(Metric(key, label, unit, "stock", formula, HOUSE, VINTAGES, frame=frame, **kw))


def _sum_of(*steps: Step) -> dict[str, Any]:
    return {
        "measure": lambda frame, question: func.sum(case((frame["step"].in_(steps), frame["amount"]), else_=0)),
        "concerns": {"step": steps},
        "adds_up": True,
        "from_sums": "vintages",
    }


_stock(
    "vintage_lent",
    _("Lent, in cohorts that are followed"),
    "money",
    _(
        "Principal of the loans of every month since the first one whose end has a snapshot, as booked by that end."
        " A disbursement taken back before that is none."
    ),
    **_sum_of(Step.LENT),
)
for _step, _days in EVER.items():
    _stock(
        f"vintage_ever_{_days}_balance",
        _("Ever beyond %(days)s days, balance", days=_days),
        "money",
        _(
            "Balance of each loan of the cohorts at the first month-end at which it counted in PAR %(days)s.",
            days=_days,
        ),
        parameters=(par_key(_days), TOLERANCE),
        **_sum_of(_step),
    )
    _stock(
        f"vintage_ever_{_days}",
        _("Ever beyond %(days)s days", days=_days),
        "percent",
        _("Balance at the first month-end beyond %(days)s days ÷ principal lent, of the cohorts.", days=_days),
        parameters=(par_key(_days), TOLERANCE),
        ratio=(f"vintage_ever_{_days}_balance", "vintage_lent"),
    )
_stock(
    "vintage_current_balance",
    _("Overdue or written off, balance"),
    "money",
    _("Of the cohorts, balance of loans that counted in PAR 1 at the latest month-end, plus principal written off."),
    parameters=(par_key(1), TOLERANCE),
    **_sum_of(Step.OVERDUE, Step.WRITTEN_OFF),
)
_stock(
    "vintage_current",
    _("Overdue or written off"),
    "percent",
    _("Balance overdue at the latest month-end plus principal written off ÷ principal lent, of the cohorts."),
    parameters=(par_key(1), TOLERANCE),
    ratio=("vintage_current_balance", "vintage_lent"),
)
