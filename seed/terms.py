"""Loans of the demo company whose terms change on its business date: extended, restructured, misused; one that waits.

Booked by the verbs, the last thing of all, so that a newcomer finds one of each on the screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import acting, actor, unscoped
from portal.loans.extending import approve, propose
from portal.loans.misuse import decide_misuse
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.loans.terms import Rescheduling, ReschedulingKind
from portal.products.terms import Method
from seed.company import BUSINESS_DATE

A_MONTH = timedelta(days=31)
MISUSE = 1_000_000
"""The mark-up for misuse: the rate is doubled."""


def load_terms() -> None:
    """Propose and decide; nothing where the company has no loans that fit."""
    seasonal = _open_loans(Method.INTEREST_ONLY, 0, 0)
    if len(seasonal) > 2:
        extended, waiting, misused = seasonal[:3]
        _decide(_ask(extended, ReschedulingKind.EXTENSION, 2, "苹果价格偏低，待冷库出货后还款"))
        _ask(waiting, ReschedulingKind.EXTENSION, 1, "收购款晚到一个月")
        with acting(replace(actor(), name="branch_head")):
            decide_misuse(misused, MISUSE, BUSINESS_DATE, "贷后检查：资金转入理财账户")
    for loan in _open_loans(Method.LEVEL, 31, 90)[:1]:
        _decide(_ask(loan, ReschedulingKind.RESTRUCTURING, 6, "门店歇业装修，收入减少"))


def _open_loans(method: Method, least: int, most: int) -> Sequence[Loan]:
    """Loans so many days late that are still to run for a while, by number."""
    fits = (
        Loan.method == method,
        Loan.count >= 6,
        Loan.matures_on > BUSINESS_DATE + A_MONTH,
        LoanState.days_past_due.between(least, most),
    )
    with unscoped("the demo company is loaded"):
        statement = select(Loan).join(LoanState, LoanState.loan_id == Loan.id).where(*fits).order_by(Loan.code)
        return db.session.scalars(statement.limit(3)).all()


def _ask(loan: Loan, kind: ReschedulingKind, months: int, reason: str) -> Rescheduling:
    with acting(replace(actor(), name="customer_manager")):
        return propose(loan, kind, months, BUSINESS_DATE, reason)


def _decide(row: Rescheduling) -> None:
    with acting(replace(actor(), name="branch_head")):
        approve(row)
