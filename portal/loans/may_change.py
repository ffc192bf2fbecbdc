"""Which loans may stand otherwise from one business date to a later one, though nothing is booked on them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import or_, select, union

from portal.customers.models import Customer
from portal.loans.minima import CategoryMinimum
from portal.loans.models import Instalment
from portal.loans.state import LoanState


def may_change(opened: date, coming: date) -> Any:
    """Loans, each once: some of them stay as they are, and all others do, while the rules of lateness are the same.

    Late ones, and those of which something has fallen due by then; those that something beside their days keeps down;
    those whose customer has moved to another grid. And what was booked on since `opened` became the business date, as
    that dates a row: what is booked later is told from what has been seen by its revision.
    """
    present = or_(LoanState.days_past_due > 0, LoanState.as_of == opened)
    moved = Customer.grid_id.is_distinct_from(LoanState.grid_id)
    return union(
        select(LoanState.loan_id).where(present),
        select(Instalment.loan_id).where(Instalment.settled_on.is_(None), Instalment.due_date < coming),
        select(CategoryMinimum.loan_id),
        select(LoanState.loan_id).join(Customer, Customer.id == LoanState.customer_id).where(moved),
    )
