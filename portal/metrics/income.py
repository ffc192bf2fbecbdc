"""Income and the VAT in it: interest, fees and penalty interest that were booked in a period, taxed or exempt (flow).

Tax goes by the booking date: what was booked in a month is declared for it, and a reversal is taken off in the month in
which it is booked. Income is told with the tax in it, as customers pay it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, case, false, func, not_, select

from portal.closing.parameters import INCOME_PARTS, VAT, VAT_CEILING, VAT_PARTS, VAT_UNTIL, VatRules, vat_rules
from portal.closing.posting import INCOME as ACCOUNT_OF
from portal.core.db import db, label_of
from portal.core.metric import Frame, Metric, Question, Value, register
from portal.core.scope import unscoped
from portal.customers.models import Customer, CustomerType
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Loan
from portal.loans.state import LoanSnapshot, LoanState
from portal.metrics.dimensions import of_words
from portal.metrics.flows import INCOME
from portal.metrics.formatting import half_up
from portal.metrics.frames import column_of, flow_frame, kept_in, position_source

VAT_SOURCE = _(
    "Cai Shui [2016] No. 36; Announcement [2023] No. 54 of the Ministry of Finance and the Tax Administration"
)
EXEMPTION = (VAT_CEILING, VAT_UNTIL, VAT_PARTS)

of_words("income_part", _("Part of income"), {part: label_of(part) for part in INCOME_PARTS})


def income_frame(question: Question) -> Frame:
    """Postings to the accounts of income that were booked in the period, one row a posting; credits are income."""
    flows = flow_frame(question)
    cuts = {key: value for key, value in flows.dimensions.items() if key != "month"}
    part = case({account: part.value for part, account in ACCOUNT_OF.items()}, value=Posting.account)
    return replace(
        flows,
        name="income",
        dimensions={**cuts, "income_part": part},
        where=(
            Posting.account.in_(ACCOUNT_OF.values()),
            # Of the journal, whose booking dates have an index: a month is read without all others.
            Journal.booking_date.between(question.first_day, min(question.as_of, question.known)),
        ),
        described_by=flows.described_by | {LoanState, LoanSnapshot},
    )


def _exempt(question: Question) -> ColumnElement[bool]:
    """Whether a posting is income of a small loan to a farm household that owes no more than that in all."""
    rules = vat_rules(question.as_of)
    if rules.until is None:
        return false()
    return and_(
        Posting.account.in_([ACCOUNT_OF[part] for part in rules.parts]),
        Journal.booking_date <= rules.until,
        Customer.type == CustomerType.FARMER,
        Loan.principal <= rules.ceiling,
        Loan.customer_id.not_in(_owing_more(question, rules)),
    )


def _owing_more(question: Question, rules: VatRules) -> Any:
    """Customers who owe more than the ceiling at the end of the period, all their loans together, whoever asks."""
    source, where = position_source(question)
    one, owed = column_of(source, "customer_id"), func.sum(column_of(source, "balance"))
    found = select(one).where(*where).group_by(one).having(owed > rules.ceiling)
    if kept_in(question) is not None:
        return found  # of the classes that the frame says describe the rows
    with unscoped("what a household owes in all decides on its exemption, whoever looks after its loans"):
        return list(db.session.scalars(found))


def _taxable(question: Question) -> ColumnElement[Any]:
    return func.sum(case((not_(_exempt(question)), -Posting.amount), else_=0))


def _vat_in(question: Question) -> Callable[[int], Value]:
    """The tax in income that includes it, halves up."""
    share: Fraction = vat_rules(question.as_of).share
    return lambda raw: int(half_up(raw * share, 0))


def _flow(key: str, label: Any, formula: Any, **kw: Any) -> None:
    register(Metric(key, label, "money", "flow", formula, VAT_SOURCE, INCOME, frame=income_frame, **kw))


ADDS: Mapping[str, Any] = {"adds_up": True}

_flow(
    "income_taxable",
    _("Taxable income"),
    _(
        "Interest, fees and penalty interest booked in the period less what is exempt, with the VAT in it; by booking"
        " date."
    ),
    measure=lambda frame, question: _taxable(question),
    parameters=EXEMPTION,
    **ADDS,
)
_flow(
    "income_exempt",
    _("Exempt income"),
    _(
        "Income booked in the period on loans to farm households of at most the amount in force, to households that owe"
        " no more than that in all at the end of the period; only the parts that the exemption covers, up to its last"
        " day."
    ),
    measure=lambda frame, question: func.sum(case((_exempt(question), -Posting.amount), else_=0)),
    parameters=EXEMPTION,
    **ADDS,
)
_flow(
    "output_vat",
    _("Output VAT"),
    _("Taxable income × rate ÷ (1 + rate), the rate in force at the end of the period; rounded to the fen once."),
    measure=lambda frame, question: _taxable(question),
    finish=_vat_in,
    parameters=VAT,
    **ADDS,
)
