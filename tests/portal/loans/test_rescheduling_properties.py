"""New terms in memory, for many loans: principal is neither lost nor made, what was earned stays, undoing undoes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.errors import Refused
from portal.loans import rescheduling
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.books import Books
from portal.loans.components import Component
from portal.loans.ledger import JournalKind
from portal.loans.models import LoanStatus
from portal.loans.rescheduling import NewTerms, take_terms
from portal.loans.schedule import Terms, build_schedule
from portal.products.terms import GRACEFUL, DayCount, Method
from tests.portal.loans.conftest import app_on

START = dt.date(2026, 1, 31)
KINDS = (JournalKind.EXTENSION, JournalKind.RESTRUCTURING, JournalKind.RATE_RESET, JournalKind.MISUSE)


@pytest.fixture(scope="module", autouse=True)
def no_database() -> Iterator[None]:
    """Sentences need an application; holidays that a company announced itself would be read from a database."""
    with app_on("sqlite://").app_context(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(rescheduling, "announced_days", lambda _on: {})
        yield


@st.composite
def loans(draw: Any) -> LoanAccount:
    """A loan some instalments of which are paid, in their order."""
    method, convention = draw(st.sampled_from(list(Method))), draw(st.sampled_from(list(DayCount)))
    amount, count = draw(st.integers(100, 10_000_000)), draw(st.integers(1, 24))
    rate = draw(st.integers(0, 240_000))
    grace = draw(st.integers(0, count - 1)) if method in GRACEFUL else 0
    terms = Terms(amount, rate, count, method, START, day_count=convention, grace=grace)
    lines = [
        Line(line.number, line.period_start, line.period_end, line.due_date, line.principal, line.interest)
        for line in build_schedule(terms)
    ]
    account = LoanAccount(
        id=1,
        code="L",
        rate=rate,
        day_count=convention,
        markup=500_000,
        status=LoanStatus.ACTIVE,
        disbursed_on=START,
        owner=Owner(1, None, None),
        owner_since=START,
        lines=lines,
        balance=amount,
        method=method,
        grace=grace,
        matures_on=max(line.due_date for line in lines if line.principal),
    )
    for line in lines[: draw(st.integers(0, len(lines) - 1))]:
        line.paid_principal, line.paid_interest = line.principal, line.interest
        line.settled_on = line.due_date
        account.balance -= line.principal
    return account


def taken(loan: LoanAccount, kind: JournalKind, days: int, months: int, rate: int) -> tuple[Books, NewTerms]:
    on = START + dt.timedelta(days=days)
    opened = Books(on)
    new = replace(NewTerms.like(loan, kind, on), months=months, rate=rate)
    if kind in (JournalKind.RATE_RESET, JournalKind.MISUSE):
        new = replace(new, months=0)
    take_terms(opened, loan, new, "test")
    return opened, new


EVENTS = {
    "kind": st.sampled_from(KINDS),
    "days": st.integers(0, 800),
    "months": st.integers(0, 12),
    "rate": st.integers(0, 240_000),
}


@settings(max_examples=300, deadline=None)
@given(loan=loans(), **EVENTS)
def test_principal_is_neither_lost_nor_made_and_what_was_paid_stays_paid(loan, kind, days, months, rate):
    asked = sum(line.principal for line in loan.lines)
    try:
        opened, _new = taken(loan, kind, days, months, rate)
    except Refused:
        return
    assert sum(line.principal for line in loan.lines) == asked
    assert sum(line.unpaid(Component.PRINCIPAL) for line in loan.lines) == loan.balance
    assert all(line.unpaid(component) >= 0 for line in loan.lines for component in Component)
    assert sum(entry.amount for entry in opened.drafts[0].entries) == 0
    assert loan.matures_on == max(line.due_date for line in loan.lines if line.principal)


@settings(max_examples=300, deadline=None)
@given(loan=loans(), **EVENTS)
def test_what_was_earned_by_the_day_stays_earned(loan, kind, days, months, rate):
    on = START + dt.timedelta(days=days)
    before = loan.earned(on)
    paid_ahead = any(line.settled_on is not None and line.period_end > on for line in loan.lines)
    try:
        taken(loan, kind, days, months, rate)
    except Refused:
        return
    if not paid_ahead:
        assert loan.earned(on) == before
    walk = [loan.earned(on + dt.timedelta(days=n)) for n in range(0, 900, 7)]
    assert walk == sorted(walk), "interest is never unearned by time passing"


@settings(max_examples=300, deadline=None)
@given(loan=loans(), **EVENTS)
def test_the_charges_turned_round_bring_every_instalment_back(loan, kind, days, months, rate):
    before = {line.number: (line.principal, line.interest, line.penalty) for line in loan.lines}
    try:
        opened, _new = taken(loan, kind, days, months, rate)
    except Refused:
        return
    for line, component, amount in opened.drafts[0].charges:
        line.charge(component, -amount)
    after = {line.number: (line.principal, line.interest, line.penalty) for line in loan.lines}
    assert {number: asked for number, asked in after.items() if any(asked) or number in before} == before
    assert opened.drafts[0].terms is not None
    loan.agree(opened.drafts[0].terms.turned().after)
    assert loan.rate == opened.drafts[0].terms.before.rate


@settings(max_examples=200, deadline=None)
@given(loan=loans(), days=st.integers(0, 800))
def test_a_reset_to_the_same_rate_changes_nothing_but_asks_for_the_penalty(loan, days):
    before = deepcopy(loan.lines)
    taken(loan, JournalKind.RATE_RESET, days, 0, loan.rate)
    assert [(line.principal, line.interest, line.due_date) for line in loan.lines] == [
        (line.principal, line.interest, line.due_date) for line in before
    ]


@settings(max_examples=200, deadline=None)
@given(loan=loans(), days=st.integers(0, 30), months=st.integers(1, 12))
def test_an_extension_adds_so_many_months(loan, days, months):
    """On the loan's own day of the month: 31 January, 28 February, 31 March."""
    last = max(line.period_end for line in loan.lines)
    try:
        taken(loan, JournalKind.EXTENSION, days, months, loan.rate)
    except Refused:
        return
    found = max(line.period_end for line in loan.lines)
    assert (found.year - last.year) * 12 + found.month - last.month == months
    assert (found + dt.timedelta(days=1)).day == 1, "the 31st or the month's last day"
