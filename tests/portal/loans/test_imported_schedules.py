"""Instalments that are imported take the place of a placeholder."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.loans.booking import RowsRefused
from portal.loans.day_end import run_day_end
from portal.loans.models import Instalment, Loan
from portal.loans.opening import OpeningPosition, open_position
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.schedules import ScheduleLine, bulk_schedules
from tests.portal.loans.conftest import START, Company, balances, state_of, table_sizes

DUE = (dt.date(2025, 12, 20), dt.date(2026, 1, 20), dt.date(2026, 2, 20))


@pytest.fixture
def taken_over(company: Company) -> Loan:
    row = OpeningPosition(
        code="L1",
        customer_id=company.customer().id,
        product_id=company.product().id,
        owner=company.owner("B1-M1"),
        amount=900_000,
        rate=120_000,
        count=9,
        disbursed_on=dt.date(2025, 5, 20),
        paid_principal=600_000,
        days_late=16,
    )
    return open_position(row, START)


def lines(loan: Loan) -> list[ScheduleLine]:
    return [ScheduleLine(loan.id, n, due, 100_000, 3_100 - n, 50) for n, due in enumerate(DUE, 7)]


def test_the_imported_instalments_replace_the_placeholder(taken_over: Loan):
    loan = taken_over
    state = state_of(loan)
    assert state and state.overdue_principal == 300_000, "all of it, while arrears are not known"
    assert bulk_schedules(lines(loan), batch_id=5) == 3
    db.session.expire_all()
    assert [(line.number, line.due_date, line.principal, line.interest, line.fee) for line in loan.instalments] == [
        (7, DUE[0], 100_000, 3_093, 50),
        (8, DUE[1], 100_000, 3_092, 50),
        (9, DUE[2], 100_000, 3_091, 50),
    ]
    assert loan.matures_on == DUE[2]
    state = state_of(loan)
    assert state and (state.days_past_due, state.overdue_principal, state.overdue_interest) == (16, 100_000, 3_093)
    assert reconcile() == []


def test_interest_is_earned_and_received_by_the_imported_instalments(taken_over: Loan):
    loan = taken_over
    bulk_schedules(lines(loan))
    run_day_end(dt.date(2026, 1, 31))
    loan = db.session.get_one(Loan, loan.id)
    # the first two are over, 11 of the 31 days to 20 February have passed
    assert balances(loan)["INTEREST_RECEIVABLE interest"] == 3_093 + 3_092 + 3_091 * 11 // 31
    first = loan.instalments[0]
    repay(loan, 103_143, dt.date(2026, 2, 1), "R1")
    assert (first.paid_fee, first.paid_interest, first.paid_principal) == (50, 3_093, 100_000)
    assert balances(loan)["FEE_INCOME fee"] == -50


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows[:2], "ask for 2,000.00 yuan, the balance is 3,000.00"),
        (lambda rows: [rows[0], rows[1], ScheduleLine(rows[0].loan_id, 8, DUE[2], 100_000)], "must rise"),
        (lambda rows: [rows[1], ScheduleLine(rows[0].loan_id, 9, DUE[0], 200_000)], "must rise"),
        (lambda rows: [*rows[:2], ScheduleLine(rows[0].loan_id, 9, DUE[2], 100_000, -1)], "negative"),
        (lambda rows: [ScheduleLine(rows[0].loan_id, 1, dt.date(2025, 5, 20), 300_000)], "must rise"),
    ],
)
def test_instalments_that_do_not_fit_are_refused(taken_over: Loan, change, sentence: str):
    before = [line.number for line in taken_over.instalments]
    with pytest.raises(RowsRefused, match=sentence):
        bulk_schedules(change(lines(taken_over)))
    db.session.expire_all()
    assert [line.number for line in taken_over.instalments] == before


def test_a_schedule_that_was_paid_on_stays(taken_over: Loan):
    repay(taken_over, 500, START, "R1")
    before = table_sizes()
    with pytest.raises(RowsRefused, match="was paid on"):
        bulk_schedules(lines(taken_over))
    assert table_sizes() == before


def test_one_wrong_loan_keeps_the_others_as_they_were(taken_over: Loan, company: Company):
    other = company.lend(code="other")
    repay(other, 1_200_000, START, "R1")
    rows = [*lines(taken_over), ScheduleLine(other.id, 1, DUE[2], 5)]
    with pytest.raises(RowsRefused) as refused:
        bulk_schedules(rows)
    assert [place for place, _problem in refused.value.problems] == [3]
    found = db.session.scalars(select(Instalment.number).where(Instalment.loan_id == taken_over.id)).all()
    assert found == [1]
