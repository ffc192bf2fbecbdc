"""What collection adds: contacts in timelines, marks on the page of reminders, and what waits on home pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.collection import working
from portal.collection.models import CollectionContact
from portal.collection.rules import Outcome, PromiseState
from portal.collection.working import Case, Chip
from portal.core import scope, timeline
from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.home import COUNTED, LINES, HomeCard, Line, Tone, Waiting, register_card, yuan
from portal.core.masks import derived, told
from portal.core.timeline import Event, Window
from portal.customers.models import Customer
from portal.loans.contacted import Mark, contact_marks
from portal.loans.models import Loan

MARKS = {PromiseState.KEPT: "ok", PromiseState.OPEN: "info", PromiseState.BROKEN: "danger"}

timeline.call("collection.add", _("Contact entered"))
timeline.call("collection.change", _("Contact changed"))


@timeline.contribute("collection.contacts", "Loan", "Customer")
def contacts(row: Any, window: Window) -> Iterator[Event]:
    """What was done to have the loan paid, or all loans of the customer."""
    if not scope.actor().may("CollectionContact", "list"):
        return
    of = select(Loan.id).where(Loan.customer_id == row.id) if isinstance(row, Customer) else [row.id]
    statement = (
        select(CollectionContact)
        .where(CollectionContact.loan_id.in_(of), *window.condition(CollectionContact.done_on, CollectionContact.id))
        .order_by(CollectionContact.done_on.desc(), CollectionContact.id.desc())
        .limit(window.size)
    )
    for contact in db.session.scalars(statement):
        yield Event(
            day=contact.done_on,
            number=contact.id,
            title=gettext("Debtor contacted: %(channel)s", channel=told(contact, "channel")),
            mark=MARKS.get(contact.promise, "neutral") if contact.promise else "neutral",
            text=" · ".join(part for part in _words(contact) if part),
            url=timeline.link_to(contact),
        )


def _words(contact: CollectionContact) -> tuple[str, ...]:
    return told(contact, "whom"), told(contact, "outcome"), _promised(contact)


def _promised(contact: CollectionContact) -> str:
    if contact.outcome is not Outcome.PROMISE or contact.promised_on is None or contact.promised_amount is None:
        return ""
    amount = derived(CollectionContact, ("promised_amount",), yuan(contact.promised_amount))
    return str(gettext("%(amount)s by %(day)s", amount=amount, day=told(contact, "promised_on")))


def marks(loan_ids: Collection[int], day: date) -> Mapping[int, Mark]:
    """What was done today about loans that are to be reminded of, and where more is entered."""
    who = scope.actor()
    if not who.may("CollectionContact", "list"):
        return {}
    last = working.latest(loan_ids, CollectionContact.done_on == day)
    adds = who.may("CollectionContact", "add")
    found = {}
    for loan_id in loan_ids:
        row = last.get(loan_id)
        done = f"{told(row, 'done_time')} {told(row, 'channel')} · {told(row, 'outcome')}" if row else ""
        found[loan_id] = Mark(done, url_for("CollectionContactView.add", loan=loan_id) if adds else "")
    return found


contact_marks.register("collection", marks)

ON_CARD: tuple[tuple[Chip, Tone], ...] = ((Chip.DUE_TODAY, "warn"), (Chip.BROKEN, "danger"), (Chip.STALE, ""))
"""What the card tells of, the most urgent first."""


def to_collect() -> Waiting:
    """Promises for today, broken promises, and loans that nobody was contacted about lately; each loan once."""
    today = business_date()
    lines: list[Line] = []
    seen: set[int] = set()
    for chip, tone in ON_CARD:
        for case in working.page_of(chip, today, size=COUNTED + 1):
            if case.loan.id in seen:
                continue
            seen.add(case.loan.id)
            if len(lines) < LINES:
                lines.append(_line(case, chip, tone))
    count = f"{COUNTED}+" if len(seen) > COUNTED else str(len(seen)) if seen else ""
    return Waiting(lines, count=count, url=url_for("CollectionView.list"))


def _line(case: Case, chip: Chip, tone: Tone) -> Line:
    promised = case.promised
    why, value = str(label_of(chip)), ""
    if chip is not Chip.STALE and promised is not None and promised.promised_amount is not None:
        value = derived(CollectionContact, ("promised_amount",), yuan(promised.promised_amount))
        if chip is Chip.BROKEN and promised.promised_on is not None:
            why = str(gettext("broken promise for %(day)s", day=told(promised, "promised_on")))
    elif case.last is not None:
        why = str(gettext("last contact %(day)s", day=told(case.last, "done_on")))
    else:
        why = str(label_of(Chip.NEVER))
    url = url_for("LoanView.show", pk=case.loan.id) if scope.actor().may("Loan", "show") else ""
    whom = told(case.loan, "customer") or told(case.loan, "code")
    return Line(whom, f"{told(case.loan, 'code')} · {why}", value, url, tone)


register_card(
    HomeCard(
        "loans_to_collect",
        _("To collect"),
        "CollectionContact",
        "list",
        {"collections": 9, "customer_manager": 9, "branch_head": 35},
        to_collect,
        _("No promise is for today or broken, and nobody has been left alone for long."),
        "fa-comments-o",
        quiet=True,
        later=True,
    )
)
