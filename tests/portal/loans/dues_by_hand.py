"""What falls due and what was paid of it, by plain loops: what the kept groups are compared with."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select

from portal.core.db import db
from portal.loans.due_groups import DueGroup
from portal.loans.models import Allocation, Instalment, Loan

Sums = dict[tuple[Any, ...], list[int]]
NAMES = ("branch_id", "team_id", "manager_id", "product_id", "due_month", "months_after", "lost")
AMOUNTS = ("due_principal", "due_interest", "paid_principal", "paid_interest")


def walked() -> Sums:
    """By the same as the groups: [principal due, interest due, principal paid, interest paid]; zeros are left out."""
    found: Sums = defaultdict(lambda: [0, 0, 0, 0])
    loans = {row.id: row for row in db.session.execute(select(*Loan.__table__.columns))}
    lines = {row.id: row for row in db.session.execute(select(*Instalment.__table__.columns))}
    paid = list(db.session.execute(select(*Allocation.__table__.columns)))

    def place(loan: Any, line: Any, after: int) -> list[int] | None:
        lost = loan.status == "written_off"
        if loan.status == "cancelled" or (lost and line.due_date > loan.closed_on):
            return None
        month = line.due_date.year * 100 + line.due_date.month
        return found[loan.branch_id, loan.team_id, loan.manager_id, loan.product_id, month, after, int(lost)]

    for line in lines.values():
        sums = place(loans[line.loan_id], line, 0)
        if sums is not None:
            sums[0] += line.principal
            sums[1] += line.interest
    for part in paid:
        line = lines[part.instalment_id]
        months = (part.value_date.year - line.due_date.year) * 12 + part.value_date.month - line.due_date.month
        sums = place(loans[part.loan_id], line, max(months, 0))
        if sums is not None and part.component in ("principal", "interest"):
            sums[2 if part.component == "principal" else 3] += part.amount
    return {key: sums for key, sums in found.items() if any(sums)}


def kept() -> Sums:
    """The groups, added up."""
    keys = [getattr(DueGroup, name) for name in NAMES]
    statement = select(*keys, *(func.sum(getattr(DueGroup, name)) for name in AMOUNTS)).group_by(*keys)
    found = {tuple(row[:7]): [int(amount) for amount in row[7:]] for row in db.session.execute(statement)}
    return {key: sums for key, sums in found.items() if any(sums)}
