"""What a payment settles, books and leaves."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import OutOfScope, Refused
from portal.core.scope import NOBODY, acting
from portal.loans.classification import Category
from portal.loans.models import Loan, LoanStatus
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, bulk_repay, payoff, repay, settle_early
from portal.loans.services import RowsRefused
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, on_database, open_on, state_of, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
SECOND_DUE = dt.date(2026, 3, 5)


def test_an_instalment_paid_on_time_settles_interest_and_principal(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_619, FIRST_DUE, "R1")
    first = loan.instalments[0]
    assert (first.paid_interest, first.paid_principal, first.settled_on) == (12_000, 94_619, FIRST_DUE)
    assert balances(loan) == {
        "LOANS principal": 1_105_381,
        "CASH principal": -1_105_381,
        "CASH interest": 12_000,
        "INTEREST_INCOME interest": -12_000,
    }
    state = state_of(loan)
    assert state and (state.balance, state.days_past_due) == (1_105_381, 0)


def test_the_loan_is_settled_when_nothing_is_left(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=100_000, count=2)
    open_on(SECOND_DUE)
    repay(loan, 1_000, FIRST_DUE, "R1")
    repay(loan, 101_000, SECOND_DUE, "R2")
    assert (loan.status, loan.closed_on) == (LoanStatus.SETTLED, SECOND_DUE)
    assert state_of(loan) is None
    assert balances(loan) == {"CASH interest": 2_000, "INTEREST_INCOME interest": -2_000}


def test_a_late_payment_settles_interest_then_principal_then_the_penalty_it_brings(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)  # 10,100 yuan due on 5 February
    on = FIRST_DUE + dt.timedelta(days=30)
    open_on(on)
    # 10,100 yuan x 12 % x 1.5 x 30 / 360 = 151.50 yuan
    repay(loan, 1_010_000, on, "R1")
    only = loan.instalments[0]
    assert (only.penalty, only.paid_penalty, only.settled_on, loan.status) == (15_150, 0, on, LoanStatus.ACTIVE)
    assert state_of(loan) is None, "nothing is left of the balance"
    repay(loan, 15_150, on, "R2")
    assert loan.status is LoanStatus.SETTLED
    assert balances(loan)["PENALTY_INCOME penalty"] == -15_150


def test_penalty_interest_runs_on_what_was_left_after_a_part_payment(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(FIRST_DUE + dt.timedelta(days=60))
    repay(loan, 510_000, FIRST_DUE + dt.timedelta(days=30), "R1")  # leaves 500,000 of principal
    repay(loan, 500_000, FIRST_DUE + dt.timedelta(days=60), "R2")
    assert loan.instalments[0].penalty == 15_150 + 7_500


def test_what_goes_beyond_the_due_pays_the_coming_instalments_in_full(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 2 * 106_619 + 500, FIRST_DUE, "R1")
    paid = [(line.paid_interest, line.paid_principal) for line in loan.instalments[:4]]
    assert paid == [(12_000, 94_619), (11_054, 95_565), (500, 0), (0, 0)]
    assert balances(loan).get("INTEREST_RECEIVABLE interest") is None


def test_the_debtor_may_name_the_instalment_he_pays(company: Company):
    loan = company.lend()
    open_on(SECOND_DUE)
    repay(loan, 106_619, SECOND_DUE, "R1", instalments=[2])
    assert [line.settled_on for line in loan.instalments[:2]] == [None, SECOND_DUE]
    with pytest.raises(Refused, match="nothing is owed"):
        repay(loan, 1, SECOND_DUE, "R2", instalments=[2])


def test_nonsense_is_refused_and_nothing_changes(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    before = table_sizes()
    for amount, on, code, sentence in (
        (0, FIRST_DUE, "R1", "more than zero"),
        (-5, FIRST_DUE, "R1", "more than zero"),
        (99_999_999, FIRST_DUE, "R1", r"987,205\.76 yuan more than is owed"),
        (100, FIRST_DUE + dt.timedelta(days=1), "R1", "has not happened yet"),
        (100, START - dt.timedelta(days=1), "R1", "only disbursed on"),
        (100, FIRST_DUE, " ", "receipt number"),
    ):
        with pytest.raises(Refused, match=sentence):
            repay(loan, amount, on, code)
    assert table_sizes() == before


def test_a_payment_cannot_precede_a_later_one(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 100, FIRST_DUE, "R1")
    with pytest.raises(Refused, match="later booking of 2026-02-05"):
        repay(loan, 100, FIRST_DUE - dt.timedelta(days=1), "R2")


def test_a_closed_loan_takes_no_payment(company: Company):
    loan = company.lend(Method.BULLET, amount=100, count=1)
    open_on(FIRST_DUE)
    repay(loan, 101, FIRST_DUE, "R1")
    with pytest.raises(Refused, match="is closed"):
        repay(loan, 1, FIRST_DUE, "R2")


def test_the_same_receipt_again_changes_nothing(company: Company):
    loan, other = company.lend(), company.lend()
    open_on(FIRST_DUE)
    first = repay(loan, 500, FIRST_DUE, "R1").id
    before = table_sizes()
    assert repay(loan, 500, FIRST_DUE, "R1").id == first
    assert table_sizes() == before
    for lent, amount, on in ((loan, 501, FIRST_DUE), (loan, 500, START), (other, 500, FIRST_DUE)):
        with pytest.raises(Refused, match="belongs to another payment"):
            repay(lent, amount, on, "R1")


def test_a_payment_leaves_one_audit_entry_that_names_it(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 500, FIRST_DUE, "R1")
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry and (entry.verb, entry.resource, entry.subject_id) == ("loans.repay", "Loan", loan.id)
    assert entry.changes == {"receipt": "R1", "amount": 500, "value_date": "2026-02-05"}


def test_a_loan_out_of_scope_cannot_be_paid_on(company: Company):
    loan = company.lend()
    with acting(NOBODY), pytest.raises(OutOfScope):
        repay(loan, 500, START, "R1")


def test_settling_early_costs_interest_for_the_actual_days_only(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=12)  # 120,000 of interest over 365 days
    on = START + dt.timedelta(days=73)
    open_on(on)
    assert payoff(loan, on) == 1_000_000 + 24_000
    settle_early(loan, on, "R1", 1_024_000)
    only = loan.instalments[0]
    assert (only.interest, only.paid_interest, loan.status, loan.closed_on) == (24_000, 24_000, LoanStatus.SETTLED, on)
    assert balances(loan) == {"CASH interest": 24_000, "INTEREST_INCOME interest": -24_000}
    assert payoff(loan, on) == 0


def test_settling_early_takes_arrears_and_penalty_along(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)  # 10,000 a month
    on = FIRST_DUE + dt.timedelta(days=14)  # half of February's 28 days
    open_on(on)
    penalty = 70  # 10,000 x 18 % x 14 / 360
    assert payoff(loan, on) == 1_000_000 + 10_000 + penalty + 5_000
    with pytest.raises(Refused, match=r"takes 10,150.70 yuan"):
        settle_early(loan, on, "R1", 1_010_070)
    settle_early(loan, on, "R1")
    assert [line.interest for line in loan.instalments] == [10_000, 5_000, 0]
    assert {line.settled_on for line in loan.instalments} == {on}
    assert loan.status is LoanStatus.SETTLED


def test_interest_that_was_paid_ahead_stays_paid_when_the_loan_is_settled_early(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    open_on(START)
    repay(loan, 25_000, START, "R1")  # two and a half months of interest on the first day
    assert payoff(loan, START) == 1_000_000
    settle_early(loan, START, "R2")
    assert [line.interest for line in loan.instalments] == [10_000, 10_000, 5_000]


def test_a_loan_one_day_late_is_special_mention(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repay(loan, 106_618, FIRST_DUE, "R1")  # one fen short
    state = state_of(loan)
    assert state and (state.days_past_due, state.category) == (0, Category.NORMAL)
    open_on(FIRST_DUE + dt.timedelta(days=1))
    repay(loan, 1, FIRST_DUE, "R2")  # in time by value, though booked a day later
    state = state_of(loan)
    assert state and (state.days_past_due, state.category) == (0, Category.NORMAL)
    open_on(SECOND_DUE + dt.timedelta(days=1))
    repay(loan, 1, SECOND_DUE, "R3")
    state = state_of(loan)
    assert state and (state.days_past_due, state.category) == (1, Category.SPECIAL_MENTION)
    assert (state.overdue_principal, state.overdue_interest) == (95_565, 11_053)


def test_bulk_payments_say_which_rows_are_wrong_and_book_none(company: Company):
    loans = [company.lend() for _ in range(3)]
    open_on(FIRST_DUE)
    before = table_sizes()
    rows = [
        Payment(loans[0].id, "R1", 500, FIRST_DUE),
        Payment(loans[1].id, "R2", 99_999_999, FIRST_DUE),
        Payment(loans[2].id, "R3", 500, FIRST_DUE + dt.timedelta(days=9)),
        Payment(loans[0].id, "R4", 500, FIRST_DUE),
        Payment(loans[0].id, "R4", 500, FIRST_DUE),
    ]
    with pytest.raises(RowsRefused) as refused:
        bulk_repay(rows)
    assert [place for place, _problem in refused.value.problems] == [1, 2, 3]
    assert table_sizes() == before


def test_a_file_of_payments_given_twice_is_booked_once(company: Company):
    loans = [company.lend() for _ in range(3)]
    open_on(SECOND_DUE)
    rows = [Payment(loan.id, f"{loan.code}/{on}", 106_619, on) for on in (SECOND_DUE, FIRST_DUE) for loan in loans]
    assert bulk_repay(rows, batch_id=7) == 6
    before = table_sizes()
    assert bulk_repay(rows, batch_id=8) == 0
    assert table_sizes() | {"AuditEntry": 0} == before | {"AuditEntry": 0}
    assert reconcile() == []


def test_eight_writers_paying_on_one_loan_lose_nothing(company: Company):
    loan = company.lend(amount=10_000_000)
    open_on(FIRST_DUE)
    number = loan.id
    db.session.remove()

    def pay(writer: int) -> None:
        with on_database(company.url):
            for turn in range(6):
                repay(db.session.get_one(Loan, number), 1_000 + writer, FIRST_DUE, f"R{writer}-{turn}")

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(pay, range(8)))
    paid = sum(6 * (1_000 + writer) for writer in range(8))
    loan = db.session.get_one(Loan, number)
    assert sum(line.paid_interest + line.paid_principal for line in loan.instalments) == paid
    assert sum(amount for account, amount in balances(loan).items() if account.startswith("CASH")) == paid - 10_000_000
    assert db.session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.verb == "loans.repay")) == 48
    assert reconcile() == []
