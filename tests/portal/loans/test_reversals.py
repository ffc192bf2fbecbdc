"""A mistake is undone by its reversal, and everything reads as if it had not happened."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.loans.day_end import run_day_end
from portal.loans.flows import COLLECTED_INTEREST, COLLECTED_PRINCIPAL
from portal.loans.ledger import Journal, JournalKind, Posting
from portal.loans.models import Loan, LoanStatus
from portal.loans.ownership import hand_over
from portal.loans.positions import positions
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, bulk_repay, repay, settle_early
from portal.loans.reversals import reverse, undo_batch
from portal.loans.write_offs import recover, write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, open_on, state_of, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)


def last_journal(loan: Loan, kind: JournalKind) -> Journal:
    statement = select(Journal).where(Journal.loan_id == loan.id, Journal.kind == kind, Journal.reverses_id.is_(None))
    return db.session.scalars(statement.order_by(Journal.id.desc())).first()


def schedule(loan: Loan) -> list[tuple[Any, ...]]:
    db.session.expire_all()
    return [
        (line.interest, line.penalty, line.paid_interest, line.paid_principal, line.paid_penalty, line.settled_on)
        for line in loan.instalments
    ]


@pytest.mark.parametrize("event", ["a late payment", "an early settlement", "a write-off", "a recovery"])
def test_a_reversal_brings_balances_schedule_and_status_back(company: Company, event: str):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    run_day_end(FIRST_DUE + dt.timedelta(days=9))
    on = FIRST_DUE + dt.timedelta(days=10)
    loan = db.session.get_one(Loan, loan.id)
    if event == "a recovery":
        write_off(loan, on, "gone")
    before = (balances(loan), schedule(loan), loan.status, loan.closed_on, state_of(loan) and state_of(loan).balance)
    match event:
        case "a late payment":
            repay(loan, 8_000, on, "R1")
            kind = JournalKind.REPAYMENT
        case "an early settlement":
            settle_early(loan, on, "R1")
            kind = JournalKind.REPAYMENT
        case "a write-off":
            write_off(loan, on, "gone")
            kind = JournalKind.WRITE_OFF
        case _:
            recover(loan, 8_000, on, "R1")
            kind = JournalKind.RECOVERY
    assert (balances(loan), schedule(loan)) != before[:2]
    reversal = reverse(last_journal(loan, kind), "booked on the wrong loan")
    assert (reversal.kind, reversal.value_date, reversal.period) == (kind, on, 202602)
    after = (balances(loan), schedule(loan), loan.status, loan.closed_on, state_of(loan) and state_of(loan).balance)
    assert after == before
    assert reconcile() == []


def test_flows_net_what_was_reversed_and_attribute_it_to_whoever_had_it(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    hand_over([loan], company.owner("B2-M2"))
    reverse(last_journal(loan, JournalKind.REPAYMENT), "bounced")
    sums = db.session.execute(
        select(Journal.manager_id, func.sum(COLLECTED_PRINCIPAL.amount()), func.sum(COLLECTED_INTEREST.amount()))
        .join(Posting, Posting.journal_id == Journal.id)
        .group_by(Journal.manager_id)
    )
    assert {tuple(row[1:]) for row in sums} == {(0, 0)}


def test_what_was_known_before_a_reversal_stays_known(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    tomorrow = FIRST_DUE + dt.timedelta(days=1)
    open_on(tomorrow)
    reverse(last_journal(loan, JournalKind.REPAYMENT), "bounced")
    known = {day: db.session.execute(positions(FIRST_DUE, day)).one().balance for day in (FIRST_DUE, tomorrow)}
    assert known == {FIRST_DUE: 1_105_381, tomorrow: 1_200_000}
    assert db.session.execute(positions(tomorrow)).one().days_past_due == 1


def test_the_receipt_number_is_free_again(company: Company):
    loan = company.lend()
    first = repay(loan, 500, START, "R1")
    reverse(last_journal(loan, JournalKind.REPAYMENT), "wrong amount")
    second = repay(loan, 700, START, "R1")
    assert (first.code, first.reversed_on) == (f"R1~{first.id}", START)
    assert (second.code, second.reversed_on, second.id == first.id) == ("R1", None, False)


def test_bookings_are_undone_last_first(company: Company):
    loan = company.lend()
    repay(loan, 500, START, "R1")
    first = last_journal(loan, JournalKind.REPAYMENT)
    repay(loan, 600, START, "R2")
    second = last_journal(loan, JournalKind.REPAYMENT)
    with pytest.raises(Refused, match="the latest one first"):
        reverse(first, "wrong")
    reversal = reverse(second, "wrong")
    with pytest.raises(Refused, match="reversed already"):
        reverse(second, "wrong")
    with pytest.raises(Refused, match="A reversal cannot be reversed"):
        reverse(reversal, "wrong")
    with pytest.raises(InvalidValues, match="reason"):
        reverse(first, "")
    reverse(first, "wrong")
    assert [line.paid_interest for line in loan.instalments][:1] == [0]


def test_an_accrual_is_left_to_the_next_month_end(company: Company):
    loan = company.lend()
    run_day_end(dt.date(2026, 1, 31))
    with pytest.raises(Refused, match="next month-end"):
        reverse(last_journal(loan, JournalKind.ACCRUAL), "wrong")


def test_reversing_the_disbursement_cancels_the_loan_and_frees_its_number(company: Company):
    loan = company.lend(code="L-1")
    run_day_end(dt.date(2026, 1, 31))
    loan = db.session.get_one(Loan, loan.id)
    reverse(last_journal(loan, JournalKind.DISBURSEMENT), "typed twice")
    assert (loan.status, loan.closed_on) == (LoanStatus.CANCELLED, dt.date(2026, 2, 1))
    assert balances(loan) == {}
    assert state_of(loan) is None
    company.lend(code="L-1")
    assert reconcile() == []


def test_a_batch_of_payments_can_be_undone_and_given_again(company: Company):
    loans = [company.lend() for _ in range(3)]
    run_day_end(dt.date(2026, 1, 31))
    rows = [Payment(loan.id, f"R-{loan.code}", 30_000, dt.date(2026, 2, 1)) for loan in loans]
    before = [balances(loan) for loan in loans]
    bulk_repay(rows, batch_id=7)
    assert undo_batch(7, "wrong file") == 3
    assert [balances(loan) for loan in loans] == before
    assert bulk_repay(rows, batch_id=8) == 3
    assert reconcile() == []


def test_a_batch_that_was_built_upon_stays(company: Company):
    loans = [company.lend() for _ in range(2)]
    bulk_repay([Payment(loan.id, f"R-{loan.code}", 30_000, START) for loan in loans], batch_id=7)
    repay(loans[1], 500, START, "later")
    before = table_sizes()
    with pytest.raises(Refused, match="was used since"):
        undo_batch(7, "wrong file")
    assert table_sizes() == before
