"""What the books tell in the timelines of loans and customers: paid out, paid back, written off, category changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload

from portal.core import timeline
from portal.core.db import db, label_of
from portal.core.masks import derived, is_clear, told
from portal.core.timeline import Event, Window
from portal.core.values import UNITS, money_text
from portal.customers.models import Customer
from portal.loans.ledger import TERMS, Journal, JournalKind
from portal.loans.models import Loan, Repayment
from portal.loans.state import LoanSnapshot, LoanState

MARKS = {
    JournalKind.DISBURSEMENT: "info",
    JournalKind.WRITE_OFF: "danger",
    JournalKind.RATE_RESET: "info",
    JournalKind.EXTENSION: "warn",
    JournalKind.RESTRUCTURING: "warn",
    JournalKind.MISUSE: "danger",
}

# The events below tell these with their amounts.
for verb in ("loans.disburse", "loans.repay", "loans.settle_early", "loans.write_off", "loans.recover"):
    timeline.call(verb, None)
for verb in ("rescheduling.approve", "loans.decide_misuse"):
    timeline.call(verb, None)
timeline.call("rescheduling.propose", _("Extension or restructuring proposed"))
timeline.call("rescheduling.refuse", _("Extension or restructuring refused"))
timeline.call("ledger.reverse", _("Booking reversed"))
timeline.call("ledger.post", _("Booked by hand"))
timeline.call("loans.hand_over", _("Handed over"))
timeline.call("loans.open_position", _("Opening position taken over"))


def _of(row: Any, model: Any) -> ColumnElement[bool]:
    """Rows of the loan, or of all loans of the customer."""
    if isinstance(row, Customer):
        return model.loan_id.in_(select(Loan.id).where(Loan.customer_id == row.id))  # type: ignore[no-any-return]
    return model.loan_id == row.id  # type: ignore[no-any-return]


def _amount(fen: int) -> str:
    return f"{money_text(fen, thousands=True)} {UNITS['money']}"


def _whose(row: Any, loan: Any) -> str:
    """In a customer's timeline: which loan."""
    return str(loan) if isinstance(row, Customer) and loan is not None else ""


def _words(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


@timeline.contribute("loans.booked", "Loan", "Customer")
def booked(row: Any, window: Window) -> Iterator[Event]:
    """Paid out, written off, taken over, terms changed, and what was reversed. Accruals are the books' own business."""
    once = or_(
        Journal.kind.in_((JournalKind.DISBURSEMENT, JournalKind.WRITE_OFF, *TERMS)),
        Journal.reverses_id.is_not(None) & (Journal.kind != JournalKind.ACCRUAL),
    )
    statement = (
        select(Journal)
        .where(_of(row, Journal), once, *window.condition(Journal.booking_date, Journal.id))
        .order_by(Journal.booking_date.desc(), Journal.id.desc())
        .options(joinedload(Journal.loan))
        .limit(window.size)
    )
    for journal in db.session.scalars(statement):
        kind = told(journal, "kind")
        paid_out = journal.kind is JournalKind.DISBURSEMENT and journal.loan is not None
        yield Event(
            day=journal.booking_date,
            number=journal.id,
            title=gettext("Reversed: %(what)s", what=kind) if journal.reverses_id else kind,
            mark="warn" if journal.reverses_id else MARKS.get(journal.kind, "neutral"),
            text=_words(
                _whose(row, journal.loan),
                derived(Loan, ("principal",), _amount(journal.loan.principal)) if paid_out else "",
            ),
            url=timeline.link_to(journal),
        )


@timeline.contribute("loans.paid", "Loan", "Customer")
def paid(row: Any, window: Window) -> Iterator[Event]:
    """Money received."""
    statement = (
        select(Repayment)
        .where(_of(row, Repayment), *window.condition(Repayment.booking_date, Repayment.id))
        .order_by(Repayment.booking_date.desc(), Repayment.id.desc())
        .options(joinedload(Repayment.loan))
        .limit(window.size)
    )
    for repayment in db.session.scalars(statement):
        note = gettext("reversed on %(day)s", day=told(repayment, "reversed_on")) if repayment.reversed_on else ""
        yield Event(
            day=repayment.booking_date,
            number=repayment.id,
            title=gettext("Paid"),
            mark="neutral" if repayment.reversed_on else "ok",
            text=_words(
                _whose(row, repayment.loan),
                derived(Repayment, ("amount",), _amount(repayment.amount)),
                told(repayment, "code"),
                note,
            ),
            url=timeline.link_to(repayment),
        )


@timeline.contribute("loans.category", "Loan")
def categories(row: Any, window: Window) -> Iterator[Event]:
    """Month-ends at which the loan stood in another category than at the one before."""
    statement = select(LoanSnapshot).where(LoanSnapshot.loan_id == row.id).order_by(LoanSnapshot.as_of)
    changed = [(old, new) for old, new in pairwise(db.session.scalars(statement)) if old.category != new.category]
    for old, new in reversed(changed):
        if not is_clear(LoanState, "category"):
            return
        words = {"old": label_of(old.category), "new": label_of(new.category)}
        yield Event(
            day=new.as_of,
            number=new.id,
            title=gettext("Category"),
            mark="warn",
            text=gettext("%(old)s → %(new)s", **{name: str(text) for name, text in words.items()}),
        )
