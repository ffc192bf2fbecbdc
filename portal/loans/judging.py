"""Keeping one loan's category down, or no longer: what judgements of people do to the ledger's positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import current_unit
from portal.loans.classification import Category
from portal.loans.minima import CategoryMinimum, Ground, in_force
from portal.loans.models import Loan
from portal.loans.move_groups import loans_moved
from portal.loans.state import LoanState
from portal.loans.states import refresh_states


@dataclass(frozen=True)
class Standing:
    """How an open loan stands, for whoever judges it."""

    balance: int
    accrued_interest: int
    days_past_due: int
    oldest_due_on: date | None
    floor: Category
    category: Category
    minima: tuple[CategoryMinimum, ...]
    """In force."""

    def least(self) -> Category:
        """What grounds other than reviews ask for."""
        others = (row.category for row in self.minima if row.ground is not Ground.REVIEW)
        return max(others, default=Category.NORMAL)

    def review(self) -> CategoryMinimum | None:
        """The review in force, if there is one."""
        return next((row for row in self.minima if row.ground is Ground.REVIEW), None)


def standing_of(loan: Loan, on: date) -> Standing | None:
    """How a loan stands on the open business date, locked until this transaction ends; None once it is closed."""
    current_unit()
    with unscoped("the loan that is judged"):
        db.session.scalar(select(Loan.id).where(Loan.id == loan.id).with_for_update())
        state = db.session.scalar(
            select(LoanState).where(LoanState.loan_id == loan.id).execution_options(populate_existing=True)
        )
        if state is None:
            return None
        held = db.session.scalars(select(CategoryMinimum).where(CategoryMinimum.loan_id == loan.id, in_force(on)))
        return Standing(
            state.balance,
            state.accrued_interest,
            state.days_past_due,
            state.oldest_due_on,
            state.floor,
            state.category,
            tuple(held),
        )


def keep_down(
    loan: Loan, ground: Ground, category: Category, first_day: date, day_after: date | None = None
) -> CategoryMinimum:
    """Let a loan have at least this category from the open business date on; `loan_state` follows."""
    with unscoped("a judgement on a loan"):
        row = CategoryMinimum(
            loan_id=loan.id, ground=ground, category=category, first_day=first_day, day_after=day_after
        )
        db.session.add(row)
        db.session.flush()
    _follow(loan, first_day)
    return row


def let_go(loan: Loan, minimum: CategoryMinimum, day: date) -> None:
    """From this day on, the open business date, it no longer holds; `loan_state` follows."""
    with unscoped("a judgement on a loan"):
        minimum.day_after = day
        db.session.flush()
    _follow(loan, day)


def _follow(loan: Loan, day: date) -> None:
    with loans_moved(db.session(), [loan.id], day):
        refresh_states(db.session(), day, [loan.id], [])
    db.session.expire_all()
