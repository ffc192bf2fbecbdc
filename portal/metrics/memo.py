"""Interest that is earned by contract and not recognised, since the loan is too late to accrue (应收未收利息表外核算).

Accrual stops on the day a loan becomes as late as the dated threshold says, and what was recognised and not paid is
taken back. From then on what the contract earns is kept off balance: it is released as it is paid, when the loan is
cured (accrual makes it up) and when the loan leaves the books.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, ColumnElement, Date, and_, case, cast, func, literal, not_, select

from portal.core.db import days_between
from portal.core.metric import Frame, Metric, Question, register
from portal.loans.components import Component
from portal.loans.ledger import Account, Posting
from portal.loans.models import Charge, Instalment
from portal.loans.positions import COLUMNS, reaches
from portal.loans.thresholds import lateness_rules
from portal.metrics.flows import INCOME
from portal.metrics.frames import column_of, position_source, positions_in
from portal.metrics.portfolio import TOLERANCE

ACCRUAL_STOP = "accrual.stop"
SOURCE = _("Accounting Rules for Financial Enterprises (Cai Kuai [2001] No. 49)")


def memo_frame(question: Question) -> Frame:
    """Loans that are too late to accrue at the end of the date, one row a loan, with what is not recognised of each."""
    source, where = position_source(question)
    too_late = reaches(column_of(source, "days_past_due"), lateness_rules(question.as_of).accrual_stop)
    stopped = select(*(column_of(source, name).label(name) for name in COLUMNS)).where(*where, too_late)
    loan = stopped.subquery("stopped")
    worked = select(
        *loan.c, _earned(loan.c.loan_id, question).label("earned"), _recognised(loan.c.loan_id, question).label("held")
    ).subquery("worked")
    rest = case((worked.c.earned > worked.c.held, worked.c.earned - worked.c.held), else_=0)
    found = select(*worked.c, rest.label("unrecognised")).subquery("memo")
    frame = positions_in(found, ())
    return replace(
        frame,
        name="memo interest",
        columns={**frame.columns, "unrecognised": found.c.unrecognised},
        described_by=frame.described_by | {Charge, Posting},
    )


def _earned(loan_id: Any, question: Question) -> ColumnElement[int]:
    """Contractual interest of a loan up to the date, by the schedule as it was known then; as accrual works it out."""
    on = literal(question.as_of, Date)
    known = and_(Charge.value_date <= question.as_of, Charge.booking_date <= question.known)
    later = (
        select(func.coalesce(func.sum(Charge.amount), 0))
        .where(Charge.instalment_id == Instalment.id, Charge.component == Component.INTEREST, not_(known))
        .scalar_subquery()
    )
    asked = Instalment.interest - cast(later, BigInteger)
    elapsed, length = (
        days_between(Instalment.period_start, on),
        days_between(Instalment.period_start, Instalment.period_end),
    )
    earned = case(
        (Instalment.period_end <= on, asked), (Instalment.period_start < on, asked * elapsed // length), else_=0
    )
    return _sum_of(select(_whole(earned)).where(Instalment.loan_id == loan_id))


def _recognised(loan_id: Any, question: Question) -> ColumnElement[int]:
    """Interest income that was booked of a loan by then; what was taken back is taken off."""
    booked = select(_whole(-Posting.amount)).where(
        Posting.loan_id == loan_id,
        Posting.account == Account.INTEREST_INCOME,
        Posting.value_date <= question.as_of,
        Posting.booking_date <= question.known,
    )
    return _sum_of(booked)


def _whole(expression: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def _sum_of(statement: Any) -> ColumnElement[int]:
    return statement.scalar_subquery()  # type: ignore[no-any-return]


register(
    Metric(
        "memo_interest",
        _("Interest not recognised (off balance)"),
        "money",
        "stock",
        _(
            "Of loans that are too late to accrue: contractual interest earned up to the date less interest income that"
            " was booked, 0 where more was booked. Penalty interest is not in it."
        ),
        SOURCE,
        INCOME,
        frame=memo_frame,
        measure=lambda frame, question: func.sum(frame["unrecognised"]),
        adds_up=True,
        parameters=(ACCRUAL_STOP, TOLERANCE),
    )
)
