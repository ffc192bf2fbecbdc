"""What counts in collection, without a database: hours and calls that are allowed, what became of a promise, what next.

- A promise is judged by the money allotted to the loan from the day it was made to the day it names, both included,
  net of what was reversed. Whatever comes later, or is taken back later, changes the answer: it is worked out anew each
  time and kept nowhere.
- One that is replaced by a newer promise while it could still be met is superseded. A promise made after the day of the
  older one has passed does not mend it: that one stays broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Channel(StrEnum):
    """How a debtor was contacted."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    VISIT = "visit"
    LETTER = "letter"
    LAWYER = "lawyer_letter"


WRITTEN = (Channel.LETTER, Channel.LAWYER)
"""What can be a written demand that interrupts limitation."""
DISTURBING = (Channel.PHONE, Channel.VISIT)
"""What is only done at certain hours."""


class Whom(StrEnum):
    """Who owes: nobody else is ever contacted about a debt."""

    BORROWER = "borrower"
    GUARANTOR = "guarantor"


class Outcome(StrEnum):
    """What came of a contact."""

    PROMISE = "promises_to_pay"
    PAID = "paid_meanwhile"
    INFORMED = "informed"
    """Told or written to; no answer yet."""
    HARDSHIP = "hardship"
    DISPUTES = "disputes"
    REFUSES = "refuses"
    UNREACHABLE = "unreachable"
    WRONG_NUMBER = "wrong_number"


NOBODY = (Outcome.UNREACHABLE, Outcome.WRONG_NUMBER)
"""Nobody was reached."""


class PromiseState(StrEnum):
    """What became of a promise to pay."""

    OPEN = "promise_open"
    KEPT = "promise_kept"
    BROKEN = "promise_broken"
    SUPERSEDED = "promise_superseded"


class NextStep(StrEnum):
    """What to do about a loan next."""

    CHECK_PAYMENT = "check_payment"
    """Its promise is for today."""
    ASK_WHY = "ask_why"
    """Its promise was broken."""
    WAIT = "wait"
    """Its promise is for a later day."""
    FIRST_CONTACT = "first_contact"
    CONTACT_AGAIN = "contact_again"
    FIND_DEBTOR = "find_debtor"
    """Nobody was reached last time."""
    FOLLOW_UP = "follow_up"
    """It was talked about lately; nothing is promised."""


@dataclass(frozen=True, slots=True)
class Promise:
    """So much by that day, in fen; `place` orders the contacts of a loan."""

    amount: int
    made_on: date
    promised_on: date
    place: tuple[date, str, int]


@dataclass(frozen=True, slots=True)
class Received:
    """Money allotted to the loan, or taken back again (below 0) under the same value date."""

    amount: int
    value_date: date


def received_of(promise: Promise, receipts: Iterable[Received]) -> int:
    """What counts towards a promise, in fen."""
    return sum(one.amount for one in receipts if promise.made_on <= one.value_date <= promise.promised_on)


def replaced(promise: Promise, others: Iterable[Promise]) -> bool:
    """Whether a newer promise of the loan was made by the day that this one names."""
    return any(other.place > promise.place and other.made_on <= promise.promised_on for other in others)


def judged(received: int, amount: int, superseded: bool, promised_on: date, today: date) -> PromiseState:
    """What became of a promise by the end of the day before `today`; one for today is still open."""
    if received >= amount:
        return PromiseState.KEPT
    if superseded:
        return PromiseState.SUPERSEDED
    return PromiseState.BROKEN if promised_on < today else PromiseState.OPEN


def promise_state(
    promise: Promise, receipts: Iterable[Received], others: Iterable[Promise], today: date
) -> PromiseState:
    """The same from everything that is known of the loan."""
    received = received_of(promise, receipts)
    return judged(received, promise.amount, replaced(promise, others), promise.promised_on, today)


def allowed_at(at: time, from_hour: int, to_hour: int) -> bool:
    """Whether a debtor may be called or visited at that time: from the first hour on, before the last."""
    return from_hour <= at.hour < to_hour


def next_step(
    promise: PromiseState | None,
    promised_on: date | None,
    last_on: date | None,
    last_outcome: Outcome | None,
    today: date,
    contact_days: int,
) -> NextStep:
    """What to do about a loan, by its newest promise and its last contact."""
    if promise is PromiseState.OPEN and promised_on is not None:
        return NextStep.CHECK_PAYMENT if promised_on <= today else NextStep.WAIT
    if last_on is None:
        return NextStep.FIRST_CONTACT
    if promise is PromiseState.BROKEN and promised_on is not None and last_on <= promised_on:
        return NextStep.ASK_WHY
    if last_outcome in NOBODY:
        return NextStep.FIND_DEBTOR
    return NextStep.CONTACT_AGAIN if (today - last_on).days >= contact_days else NextStep.FOLLOW_UP
