"""Booking what day-end accrued and took back: one journal of two lines a loan, for all loans at once."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import String, Table, cast, func, insert, inspect, literal, select, union_all
from sqlalchemy.orm import Session

from portal.core.clock import now
from portal.loans.accrual import accrual_key
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import Loan
from portal.loans.writing import RULE_VERSION


def book_accruals(session: Session, accrual: Table, day: date) -> int:
    """Book what was accrued and taken back; return how many journals."""
    key = literal("accrual/") + cast(accrual.c.loan_id, String) + accrual_key(day)
    on = accrual.c.on_day
    values = {
        "key": key,
        "kind": literal(JournalKind.ACCRUAL, inspect(Journal).columns["kind"].type),
        "opening": literal(False),
        "value_date": on,
        "booking_date": on,
        "period": literal(day.year * 100 + day.month),
        "rule_version": literal(RULE_VERSION),
        "posted_at": literal(now(), inspect(Journal).columns["posted_at"].type),
        "loan_id": accrual.c.loan_id,
        "branch_id": Loan.branch_id,
        "team_id": Loan.team_id,
        "manager_id": Loan.manager_id,
    }
    rows: Any = select(*(value.label(name) for name, value in values.items())).join_from(
        accrual, Loan, Loan.id == accrual.c.loan_id
    )
    in_order = rows.order_by(accrual.c.loan_id)  # as indexes lie
    session.execute(insert(Journal).from_select(list(values), in_order))
    kinds = inspect(Posting).columns
    lines = [
        {
            "journal_id": Journal.id,
            "kind": Journal.kind,
            "account": literal(account, kinds["account"].type),
            "component": literal(Component.INTEREST, kinds["component"].type),
            "amount": accrual.c.amount * sign,
            "value_date": on,
            "booking_date": on,
            "loan_id": accrual.c.loan_id,
        }
        for account, sign in ((Account.INTEREST_RECEIVABLE, 1), (Account.INTEREST_INCOME, -1))
    ]
    postings: list[Any] = [
        select(*(value.label(name) for name, value in line.items())).join_from(accrual, Journal, Journal.key == key)
        for line in lines
    ]
    session.execute(insert(Posting).from_select(list(lines[0]), union_all(*postings).order_by("loan_id")))
    return session.scalar(select(func.count()).select_from(accrual)) or 0
