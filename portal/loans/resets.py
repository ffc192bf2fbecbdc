"""Rate resets: loans whose rate follows the LPR get the rate of the day, a year after the last time.

A step of day-end: as soon as the day of a reset is open, before anything is booked on it, what is still to come bears
the LPR in force plus the loan's spread. Fixed rates are left alone. A reset is a booking like any other: it can be
reversed (the next day-end does it again, by the LPR that is recorded then), and a backdated payment books it anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans.accounts import LoanAccount
from portal.loans.booking import accounts_of, books
from portal.loans.books import Books
from portal.loans.ledger import JournalKind
from portal.loans.models import Loan, LoanStatus
from portal.loans.periods import next_reset
from portal.loans.rescheduling import NewTerms, take_terms
from portal.loans.thresholds import lpr_on

CHUNK = 1_000
"""Loans of one transaction."""


def book_resets(day: date) -> int:
    """Set the rates anew that are due by the open business date; returns how many. Run again, it does nothing."""
    due = select(Loan.id).where(Loan.next_reset_on <= day, Loan.status == LoanStatus.ACTIVE).order_by(Loan.id)
    booked = 0
    while True:
        with unscoped("rates of all loans are set anew"):
            waiting = list(db.session.scalars(due))
        db.session.rollback()
        if not waiting:
            return booked
        for part in chunks(waiting, CHUNK):
            with unit_of_work("loans.reset_rates") as unit, books() as opened:
                accounts = accounts_of(part)
                for loan_id in part:
                    take_reset(opened, accounts[loan_id])
                unit.note(loans=len(part), day=day.isoformat())
            booked += len(part)


def take_reset(opened: Books, loan: LoanAccount) -> None:
    """Book the reset that is due on an open account; a loan without a balance has no more resets."""
    due, rule = loan.next_reset_on, loan.reset_rule
    assert due is not None
    assert rule is not None  # the caller looks
    coming = next_reset(rule, loan.disbursed_on, due)
    if not loan.balance:
        loan.next_reset_on, loan.changed = None, True
        opened.change(loan)
        return
    on = max(due, loan.last_on or due)
    lpr = lpr_on(due)
    new = replace(
        NewTerms.like(loan, JournalKind.RATE_RESET, on),
        rate=max(lpr + loan.spread, 0),
        next_reset_on=coming,
        lpr=lpr,
    )
    take_terms(opened, loan, new, f"reset/{{loan}}/{loan.changes_of_terms}")


def day_before_reset(session: Session, after: date, last: date) -> date:
    """The last day that can be closed at once: the one before the next reset, or `last`."""
    coming = select(func.min(Loan.next_reset_on)).where(Loan.next_reset_on > after, Loan.status == LoanStatus.ACTIVE)
    with unscoped("the next reset of all loans"):
        first = session.scalar(coming)
    session.rollback()
    return last if first is None else min(last, first - timedelta(days=1))
