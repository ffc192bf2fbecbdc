"""What was booked late or wrongly in the demo company, so that its registers show what they are for.

Booked by the verbs on its business date: two payments that came in time and whose bank receipt came late, and one that
was booked on the wrong loan, taken back and booked on the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import acting, actor, unscoped
from portal.loans.backdating import repay_backdated
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan
from portal.loans.repayments import Payment, repay
from portal.loans.reversals import reverse
from portal.loans.state import LoanState
from portal.products.terms import Method
from seed.company import BUSINESS_DATE

LATE = (3, 25)
"""Days past due of loans whose payment had come in time."""
CODE = "HD-{day:%Y%m%d}-{number:02}"
CAME_LATE = ("合作银行甲回单晚到，到期日已入账", "客户到期日转账，附言无借据号，今日查明")
WRONG = "付款人名下有两笔借据，记错一笔"


def load_corrections() -> None:
    """Book them; nothing where the company has no loans that fit."""
    late = _late()
    with acting(replace(actor(), name="finance")):
        for number, (state, reason) in enumerate(zip(late, CAME_LATE, strict=False), 1):
            loan, day = db.session.get_one(Loan, state.loan_id), state.oldest_due_on or BUSINESS_DATE
            repay_backdated(loan, Payment(loan.id, CODE.format(day=day, number=number), _due(state), day), reason)
        if len(others := sorted(late[len(CAME_LATE) :], key=_due)) > 1:
            _book_on_the_wrong_loan_first(others[0], others[-1])


def _book_on_the_wrong_loan_first(right: LoanState, wrong: LoanState) -> None:
    paid, number = _due(right), right.loan_id
    loan = db.session.get_one(Loan, wrong.loan_id)
    repay(loan, paid, BUSINESS_DATE, CODE.format(day=BUSINESS_DATE, number=3))
    with unscoped("the demo company is loaded"):
        booked = select(Journal).where(Journal.loan_id == loan.id, Journal.kind == JournalKind.REPAYMENT)
        journal = db.session.scalars(booked.order_by(Journal.id.desc()).limit(1)).one()
    reverse(journal, WRONG)
    repay(db.session.get_one(Loan, number), paid, BUSINESS_DATE, CODE.format(day=BUSINESS_DATE, number=4))


def _due(state: LoanState) -> int:
    return state.overdue_principal + state.overdue_interest


def _late() -> Sequence[LoanState]:
    """Loans in equal instalments whose payment came late, by number: for each reason one, and two."""
    fits = (Loan.method == Method.LEVEL, LoanState.days_past_due.between(*LATE))
    with unscoped("the demo company is loaded"):
        statement = select(LoanState).join(Loan, Loan.id == LoanState.loan_id).where(*fits).order_by(Loan.code)
        return db.session.scalars(statement.limit(len(CAME_LATE) + 2)).all()
