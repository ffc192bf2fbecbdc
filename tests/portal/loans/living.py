"""What happens to loans through the verbs, and everything that the ledger holds afterwards, to be compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, select

from portal.core.db import db
from portal.loans.history import Event, HandedOver, Paid, Recovered, SettledEarly, WrittenOff
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner, Repayment
from portal.loans.ownership import hand_over
from portal.loans.repayments import repay, settle_early
from portal.loans.services import recover, write_off
from portal.loans.state import LoanSnapshot, LoanState


def loan_called(code: str) -> Loan:
    return db.session.scalars(select(Loan).where(Loan.code == code)).one()


def happen(loan: Loan, event: Event) -> None:
    """Book the event on its day, which is the open business date, through the verb for it."""
    match event:
        case Paid():
            repay(loan, event.amount, event.on, event.code, event.instalments)
        case SettledEarly():
            settle_early(loan, event.on, event.code)
        case WrittenOff():
            write_off(loan, event.on, "gone")
        case Recovered():
            recover(loan, event.amount, event.on, event.code)
        case HandedOver():
            hand_over([loan], event.owner)


def contents() -> dict[str, list[Any]]:
    """Everything the ledger holds, with codes in place of numbers."""
    loans = dict(db.session.execute(select(Loan.id, Loan.code)).all())
    lines = {row.id: (loans[row.loan_id], row.number) for row in db.session.scalars(select(Instalment))}
    receipts = dict(db.session.execute(select(Repayment.id, Repayment.code)).all())
    journals = {
        row.id: (loans[row.loan_id], row.kind, row.value_date, row.key.endswith("/accrual"))
        for row in db.session.scalars(select(Journal))
    }
    words = {"loan_id": loans, "instalment_id": lines, "repayment_id": receipts, "journal_id": journals}
    left_out = {"id", "posted_at", "key", "version", "revision", "purpose"}

    def row_of(row: Any) -> tuple[Any, ...]:
        columns = [column.key for column in inspect(type(row)).column_attrs if column.key not in left_out]
        values = ((name, getattr(row, name)) for name in columns)
        return tuple((name, words[name].get(value) if name in words else value) for name, value in values)

    found = {}
    for model in (Loan, Instalment, Repayment, Allocation, Charge, PastOwner, Journal, Posting, LoanSnapshot):
        found[model.__name__] = sorted((row_of(row) for row in db.session.scalars(select(model))), key=repr)
    states = [dict(row_of(row)) for row in db.session.scalars(select(LoanState))]
    found["LoanState"] = sorted((sorted((state | {"as_of": None}).items(), key=repr) for state in states), key=repr)
    return found
