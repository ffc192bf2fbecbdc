"""Promises in SQL against the rules over all rows; work lists against a walk over all loans; on both engines."""

from __future__ import annotations

import datetime as dt
from random import Random

import pytest
from sqlalchemy import select, update

from portal.collection import working
from portal.collection.models import CollectionContact, state_in_sql
from portal.collection.rules import Channel, Promise, PromiseState, Received, promise_state
from portal.collection.working import Chip
from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans.day_end import run_day_end
from portal.loans.models import Allocation, Loan, LoanStatus, Repayment
from portal.loans.repayments import repay
from portal.loans.reversals import booking_of, reverse
from portal.loans.state import LoanState
from portal.loans.write_offs import recover, write_off
from portal.products.terms import Method
from tests.portal.collection.conftest import contact, promised
from tests.portal.loans.conftest import Company, open_on

TODAY = dt.date(2026, 4, 20)


def by_rules(row: CollectionContact, today: dt.date) -> PromiseState | None:
    if row.promised_on is None or row.promised_amount is None:
        return None
    parts = db.session.scalars(select(Allocation).where(Allocation.loan_id == row.loan_id))
    receipts = [Received(part.amount, part.value_date) for part in parts]
    rows = db.session.scalars(select(CollectionContact).where(CollectionContact.loan_id == row.loan_id))
    promises = [
        Promise(one.promised_amount or 0, one.done_on, one.promised_on, (one.done_on, one.done_time, one.id))
        for one in rows
        if one.promised_on is not None
    ]
    own = Promise(row.promised_amount, row.done_on, row.promised_on, (row.done_on, row.done_time, row.id))
    return promise_state(own, receipts, promises, today)


@pytest.fixture
def busy(company: Company) -> Company:
    """Late loans with promises of all kinds; one is written off and pays a little of what it promises."""
    rng = Random("promises")
    ids = [company.lend(Method.LEVEL, count=6, customer=company.customer(f"C{n % 8}")).id for n in range(10)]
    number = 0
    for day in (dt.date(2026, 3, 12), dt.date(2026, 3, 18), dt.date(2026, 3, 25), dt.date(2026, 4, 10), TODAY):
        run_day_end(day - dt.timedelta(days=1))
        for place, loan_id in enumerate(ids):
            loan = db.session.get_one(Loan, loan_id)
            if place == 9 and day == dt.date(2026, 3, 18):
                write_off(loan, day, "gone")
            lost = loan.status is LoanStatus.WRITTEN_OFF
            if place and rng.random() < 0.75:
                until = day + dt.timedelta(days=rng.choice((0, 3, 7, 20)))
                promised(loan, day, rng.choice((5_000, 20_000, 90_000)), until, channel=Channel.VISIT)
                if rng.random() < 0.3:
                    contact(loan, day, "09:00", channel=Channel.SMS)
            if place and rng.random() < 0.6:
                number += 1
                amount, code = rng.choice((5_000, 15_000, 40_000)), f"P{number}"
                recover(loan, amount, day, code) if lost else repay(loan, amount, day, code)
                if rng.random() < 0.3:
                    paid = db.session.scalars(select(Repayment).where(Repayment.code == code)).one()
                    booking = booking_of(paid)
                    assert booking is not None
                    reverse(booking, "booked by mistake")
    return company


def test_promises_in_sql_are_what_the_rules_say(busy: Company):
    db.session.expire_all()
    rows = db.session.scalars(select(CollectionContact)).all()
    seen = set()
    for today in (dt.date(2026, 3, 18), dt.date(2026, 3, 26), TODAY, dt.date(2026, 6, 1)):
        state = state_in_sql(CollectionContact, today)
        told = dict(db.session.execute(select(CollectionContact.id, state)).all())
        expected = {row.id: by_rules(row, today) for row in rows}
        assert told == expected, today
        seen |= set(expected.values())
    assert {row.id: row.promise for row in rows} == {row.id: by_rules(row, TODAY) for row in rows}
    assert seen == {None, *PromiseState}, "each kind was among them"
    lost = [row for row in rows if row.loan.status is LoanStatus.WRITTEN_OFF]
    assert PromiseState.KEPT in {row.promise for row in lost}, "a recovery keeps a promise"


def test_the_list_is_narrowed_by_what_the_record_shows(busy: Company):
    for state in PromiseState:
        found = db.session.scalars(select(CollectionContact).where(CollectionContact.promise == state)).all()
        rows = db.session.scalars(select(CollectionContact)).all()
        assert {row.id for row in found} == {row.id for row in rows if row.promise is state}


def walked(chip: Chip | None, today: dt.date) -> set[int]:
    """The same from all loans and contacts."""
    found = set()
    for loan in db.session.scalars(select(Loan)):
        state = db.session.get(LoanState, loan.id)
        lost = loan.status is LoanStatus.WRITTEN_OFF
        if not lost and (state is None or not state.days_past_due):
            continue
        rows = db.session.scalars(select(CollectionContact).where(CollectionContact.loan_id == loan.id)).all()
        made = sorted((row for row in rows if row.promised_on), key=lambda row: (row.done_on, row.done_time, row.id))
        newest = made[-1] if made else None
        last = max((row.done_on for row in rows), default=None)
        holds = {
            None: True,
            Chip.WRITTEN_OFF: lost,
            Chip.NEVER: not rows,
            Chip.STALE: last is None or (today - last).days >= 7,
            Chip.DUE_TODAY: newest is not None
            and newest.promised_on == today
            and by_rules(newest, today) is PromiseState.OPEN,
            Chip.BROKEN: newest is not None and by_rules(newest, today) is PromiseState.BROKEN,
        }
        if holds[chip]:
            found.add(loan.id)
    return found


def test_the_work_list_is_what_a_walk_over_all_loans_finds(busy: Company):
    seen = set()
    for today in (TODAY, dt.date(2026, 4, 23), dt.date(2026, 4, 30)):
        if today != TODAY:
            run_day_end(today - dt.timedelta(days=1))
        for chip in (None, *Chip):
            expected = walked(chip, today)
            cases = working.page_of(chip, today, size=100)
            assert {case.loan.id for case in cases} == expected, (today, chip)
            assert len(cases) == len(expected), "each loan once"
            assert working.counted(chip, today) == (len(expected), False)
            seen |= {(chip, bool(expected))}
            for number in range(1, 4):
                assert working.page_of(chip, today, number, 4) == cases[(number - 1) * 4 : number * 4]
    assert {chip for chip, hit in seen if hit} == {None, *Chip}, "each chip was seen with some loans"


def test_a_case_tells_its_last_contact_and_what_is_overdue(busy: Company):
    for case in working.page_of(None, TODAY, size=100):
        rows = db.session.scalars(select(CollectionContact).where(CollectionContact.loan_id == case.loan.id)).all()
        last = max(rows, key=lambda row: (row.done_on, row.done_time, row.id), default=None)
        assert case.last is last
        if case.lost:
            continue
        lines = [line for line in case.loan.instalments if line.due_date < TODAY and line.settled_on is None]
        assert case.owed == sum(line.unpaid for line in lines)
        assert case.days == (TODAY - min(line.due_date for line in lines)).days


def test_a_reversal_breaks_a_promise_that_was_kept_and_a_backdated_payment_mends_it(company: Company):
    loan = company.lend(Method.LEVEL, count=6)
    run_day_end(dt.date(2026, 3, 9))
    made = promised(loan, dt.date(2026, 3, 10), 20_000, dt.date(2026, 3, 12))
    run_day_end(dt.date(2026, 3, 11))
    paid = repay(loan, 20_000, dt.date(2026, 3, 12), "P1")
    run_day_end(dt.date(2026, 3, 14))
    db.session.expire_all()
    assert made.promise is PromiseState.KEPT
    booking = booking_of(paid)
    assert booking is not None
    reverse(booking, "somebody else's money")
    db.session.expire_all()
    assert made.promise is PromiseState.BROKEN
    repay(loan, 20_000, dt.date(2026, 3, 11), "P2")
    db.session.expire_all()
    assert made.promise is PromiseState.KEPT


def test_what_was_booked_later_was_not_known_before(company: Company):
    loan = company.lend(Method.LEVEL, count=6)
    run_day_end(dt.date(2026, 3, 9))
    promised(loan, dt.date(2026, 3, 10), 20_000, dt.date(2026, 3, 12))
    run_day_end(dt.date(2026, 3, 14))
    repay(loan, 20_000, dt.date(2026, 3, 12), "P1")
    then, now = dt.date(2026, 3, 14), dt.date(2026, 3, 15)
    for known_at, state in ((then, PromiseState.BROKEN), (now, PromiseState.KEPT)):
        assert db.session.scalar(select(state_in_sql(CollectionContact, then, known_at))) == state


def test_a_recovered_loan_leaves_the_work_list(company: Company):
    loan = company.lend(Method.LEVEL, count=6)
    run_day_end(dt.date(2026, 3, 9))
    write_off(loan, dt.date(2026, 3, 10), "gone")
    day = dt.date(2026, 3, 10)
    (case,) = working.page_of(Chip.WRITTEN_OFF, day)
    recover(loan, case.owed - 1, day, "R1")
    assert [one.owed for one in working.page_of(None, day)] == [1]
    recover(loan, 1, day, "R2")
    assert working.page_of(None, day) == []


def test_the_promise_for_today_is_still_open_until_the_day_is_over(company: Company):
    loan = company.lend(Method.LEVEL, count=6)
    run_day_end(dt.date(2026, 3, 9))
    promised(loan, dt.date(2026, 3, 10), 20_000, dt.date(2026, 3, 10))
    assert [case.loan.id for case in working.page_of(Chip.DUE_TODAY, dt.date(2026, 3, 10))] == [loan.id]
    open_on(dt.date(2026, 3, 11))
    assert working.page_of(Chip.DUE_TODAY, dt.date(2026, 3, 11)) == []
    assert [case.loan.id for case in working.page_of(Chip.BROKEN, dt.date(2026, 3, 11))] == [loan.id]


def test_contacts_of_other_loans_say_nothing(company: Company):
    first, second = company.lend(Method.LEVEL, count=6), company.lend(Method.LEVEL, count=6)
    run_day_end(dt.date(2026, 3, 9))
    day = dt.date(2026, 3, 10)
    promised(first, day, 20_000, day)
    with unit_of_work("tests.move"):
        db.session.execute(update(CollectionContact).values(done_time="08:00"))
    assert [case.loan.id for case in working.page_of(Chip.NEVER, day)] == [second.id]
