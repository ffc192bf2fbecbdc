"""Accrual: contractual interest becomes income at each calendar month-end, as much as was earned by then.

It is cumulative: earned to date (or paid, where that is more) less what was accrued before, so a month that was left
out while a loan was late is made up once it is cured. It stops for loans as late as the dated threshold says: on the
day a loan becomes so late, what was accrued and not paid is taken back (非应计); from then on interest is income when
it is paid. Day-end does it for all loans in one statement each, `accrue_month` and `stop_accrual` for one account; both
come to the same (a test compares them).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, Date, Select, case, cast, func, literal, select

from portal.core.db import days_after, days_between
from portal.loans.accounts import LoanAccount
from portal.loans.books import Books
from portal.loans.ledger import Account, Posting
from portal.loans.models import Instalment, LoanStatus
from portal.loans.positions import reaches
from portal.loans.repayments import accrue
from portal.loans.thresholds import LatenessRules


def accrual_key(on: date) -> str:
    """Key of the journal, without the number of the loan: one a loan and last day that is closed."""
    return f"/{on:%Y%m%d}"


def accrue_month(opened: Books, loan: LoanAccount, on: date, rules: LatenessRules) -> None:
    """Book what the loan earned by a month-end and was not accrued yet."""
    if loan.status is not LoanStatus.ACTIVE or not loan.balance:
        return
    if rules.accrual_stop.met_by(loan.days_past_due(on, rules.tolerance)):
        return
    earned = max(loan.earned(on), sum(line.paid_interest for line in loan.lines))
    if earned != loan.accrued:
        accrue(opened, loan, earned - loan.accrued, on, f"accrual/{{loan}}{accrual_key(on)}")


def stop_accrual(opened: Books, loan: LoanAccount, first: date, last: date, rules: LatenessRules) -> None:
    """Take back what was accrued and not paid of a loan that became too late on one of these days."""
    if loan.status is not LoanStatus.ACTIVE or loan.receivable <= 0:
        return
    days = loan.days_past_due(last, rules.tolerance)
    if rules.accrual_stop.met_by(days):
        on = max(first, last - timedelta(days=days - rules.accrual_stop.first))
        accrue(opened, loan, -loan.receivable, on, f"accrual/{{loan}}{accrual_key(last)}")


def stops(first: date, last: date, coming: Any, rules: LatenessRules) -> Select[Any]:
    """The same for all loans: (loan_id, amount below 0, day) for the days that are closed.

    `coming` holds the positions of the day after them.
    """
    since = days_after(coming.c.oldest_due_on, rules.accrual_stop.first)
    begins = literal(first, Date)
    return select(
        coming.c.loan_id, (-coming.c.accrued_interest).label("amount"), case((since < begins, begins), else_=since)
    ).where(coming.c.accrued_interest > 0, reaches(coming.c.days_past_due - 1, rules.accrual_stop))


def accruals(on: date, standing: Any, rules: LatenessRules) -> Select[Any]:
    """`accrue_month` for all loans: (loan_id, amount, day) of the journals to book at a month-end.

    `standing` holds the positions of that day (a table or subquery with `loan_id` and `days_past_due`).
    """
    day = literal(on, Date)
    length = days_between(Instalment.period_start, Instalment.period_end)
    elapsed = days_between(Instalment.period_start, day)
    earned = case(
        (Instalment.period_end <= on, Instalment.interest),
        (Instalment.period_start < on, Instalment.interest * elapsed // length),
        else_=0,
    )
    by_schedule = (
        select(
            Instalment.loan_id,
            cast(func.sum(earned), BigInteger).label("earned"),
            cast(func.sum(Instalment.paid_interest), BigInteger).label("paid"),
        )
        .group_by(Instalment.loan_id)
        .subquery("by_schedule")
    )
    income = case((Posting.account == Account.INTEREST_INCOME, -Posting.amount), else_=0)
    booked = (
        select(Posting.loan_id, cast(func.sum(income), BigInteger).label("accrued"))
        .group_by(Posting.loan_id)
        .subquery("booked")
    )
    target = case((by_schedule.c.paid > by_schedule.c.earned, by_schedule.c.paid), else_=by_schedule.c.earned)
    amount = target - func.coalesce(booked.c.accrued, 0)
    return (
        select(standing.c.loan_id, amount.label("amount"), day)
        .join(by_schedule, by_schedule.c.loan_id == standing.c.loan_id)
        .outerjoin(booked, booked.c.loan_id == standing.c.loan_id)
        .where(amount != 0, ~reaches(standing.c.days_past_due, rules.accrual_stop))
    )
