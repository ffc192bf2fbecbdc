"""Which post-loan checks are due, in SQL: `CheckRules.due_on` for all open loans at once.

Worked out from the loans as they stand and from their last checks: a category that becomes worse counts at once.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, Subquery, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from portal.core.db import days_after, days_between, months_after
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.risk.checking import check_rules
from portal.risk.checks import CheckKind, PostLoanCheck, UseOfFunds
from portal.risk.rules import CheckRules

DESCRIBED = frozenset({Loan, PostLoanCheck})
"""Whoever sees how a loan stands learns when it is checked: its contract and its checks only describe it here."""


def last_checks(day: date) -> Subquery:
    """The last check of each loan that was made by a day; of two on one day the one entered later."""
    later = aliased(PostLoanCheck)
    follows = or_(
        later.checked_on > PostLoanCheck.checked_on,
        and_(later.checked_on == PostLoanCheck.checked_on, later.id > PostLoanCheck.id),
    )
    followed = exists().where(later.loan_id == PostLoanCheck.loan_id, later.checked_on <= day, follows)
    columns = (PostLoanCheck.loan_id, PostLoanCheck.checked_on, PostLoanCheck.next_check_on, PostLoanCheck.use)
    return select(*columns).where(PostLoanCheck.checked_on <= day, ~followed).subquery("last_checks")


def due_on(source: Any, last: Any, rules: CheckRules) -> ColumnElement[date]:
    """SQL of `CheckRules.due_on`, for rows of `loan_state` or its snapshots beside their loans and last checks."""
    months = case(
        (source.category == Category.NORMAL, rules.normal),
        (source.category == Category.SPECIAL_MENTION, rules.special_mention),
        else_=rules.worse,
    )
    limit: Any = months_after(func.coalesce(last.c.checked_on, Loan.cut_over_on), months)
    unchecked = and_(last.c.loan_id.is_(None), Loan.cut_over_on.is_(None))
    return case(
        (unchecked, days_after(Loan.disbursed_on, rules.first_days)),
        (last.c.next_check_on < limit, last.c.next_check_on),
        else_=limit,
    )


def due_checks(day: date, until: date) -> Select[Any]:
    """(loan, due on, last check on, whether it is of the use of funds) of open loans due by `until`, the first first.

    `day` is the open business date: the rules in force on it count.
    """
    last = last_checks(day)
    due = due_on(LoanState, last, check_rules(day))
    of_use = or_(
        and_(last.c.loan_id.is_(None), Loan.cut_over_on.is_(None)),
        last.c.use == UseOfFunds.UNUSED,
    )
    statement: Any = (
        select(LoanState.loan_id, due.label("due_on"), last.c.checked_on, func.coalesce(of_use, False).label("of_use"))
        .join(Loan, Loan.id == LoanState.loan_id)
        .outerjoin(last, last.c.loan_id == LoanState.loan_id)
        .where(due <= until)
        .order_by(due, LoanState.loan_id)
    )
    return statement.execution_options(described_by=DESCRIBED)


def days_overdue(source: Any, on: date) -> Select[Any]:
    """(loan, days by which its check is overdue, 0 where it is not) of rows of `loan_state` or its snapshots."""
    last = last_checks(on)
    days = days_between(due_on(source, last, check_rules(on)), literal(on, Date))
    return (
        select(source.loan_id, case((days > 0, days), else_=0).label("days"))
        .join(Loan, Loan.id == source.loan_id)
        .outerjoin(last, last.c.loan_id == source.loan_id)
    )


def kind_due(of_use: bool) -> CheckKind:
    """Which check is due."""
    return CheckKind.FIRST if of_use else CheckKind.REGULAR
