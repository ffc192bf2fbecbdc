"""Industries: groups of loans tell them apart, so they follow a customer who goes into another one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from portal.customers.models import Customer
from portal.loans.groups import put_back, taken_out

MOVING = "customers between industries"


@event.listens_for(Session, "before_flush")
def _leave(session: Session, _context: Any, _instances: Any) -> None:
    changed = [row.id for row in session.dirty if isinstance(row, Customer) and _is_another(row)]
    session.info[MOVING] = taken_out(session, changed) if changed else []


@event.listens_for(Session, "after_flush")
def _arrive(session: Session, _context: Any) -> None:
    put_back(session, session.info.pop(MOVING, ()))


def _is_another(customer: Customer) -> bool:
    return bool(inspect(customer).attrs.industry.history.has_changes())
