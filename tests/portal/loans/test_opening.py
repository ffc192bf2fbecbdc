"""Loans that come without their history: what they amount to, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.core.clock import BusinessDay, business_date
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.work import unit_of_work
from portal.loans import flows
from portal.loans.accounts import Owner
from portal.loans.booking import RowsRefused
from portal.loans.classification import Category
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Loan, LoanStatus
from portal.loans.opening import OpeningPosition, bulk_open_positions, open_position, problems_of
from portal.loans.positions import positions
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.reversals import undo_batch
from portal.loans.write_offs import recover
from tests.portal.loans.conftest import START, Company, balances, state_of, table_sizes, trial_balance

CUT_OVER = dt.date(2025, 12, 31)


@pytest.fixture
def unopened(company: Company) -> Company:
    """The company before its books were opened."""
    with unit_of_work("tests.unopened"):
        db.session.delete(db.session.get_one(BusinessDay, 1))
    return company


def position(company: Company, code: str = "L1", **values: Any) -> OpeningPosition:
    """12,000 yuan lent on 10 June, 4,000 paid back."""
    given = {
        "customer_id": company.customer().id,
        "product_id": company.product().id,
        "owner": company.owner("B1-M1"),
        "amount": 1_200_000,
        "rate": 120_000,
        "count": 12,
        "disbursed_on": dt.date(2025, 6, 10),
        "paid_principal": 400_000,
        "paid_interest": 50_000,
        "paid_fees": 700,
        "paid_penalty": 300,
    }
    return OpeningPosition(code=code, **(given | values))


def flow(what: flows.Flow) -> int:
    return int(db.session.scalar(select(func.sum(what.amount())).select_from(Posting)) or 0)


def test_the_balance_is_what_is_left_of_the_amount(unopened: Company):
    loan = open_position(position(unopened), CUT_OVER)
    assert balances(loan) == {
        "LOANS principal": 800_000,
        "CLEARING principal": -800_000,
        "CLEARING interest": 50_000,
        "PRIOR_INCOME interest": -50_000,
        "CLEARING fee": 700,
        "PRIOR_INCOME fee": -700,
        "CLEARING penalty": 300,
        "PRIOR_INCOME penalty": -300,
    }
    assert trial_balance() == {True: 0, False: 0}
    assert (loan.status, loan.cut_over_on, loan.matures_on) == (LoanStatus.ACTIVE, CUT_OVER, dt.date(2026, 6, 10))
    state = state_of(loan)
    assert state and (state.balance, state.days_past_due, state.category) == (800_000, 0, Category.NORMAL)


def test_the_flows_of_the_past_count_without_a_special_case(unopened: Company):
    bulk_open_positions([position(unopened, "L1"), position(unopened, "L2", written_off=800_000)], CUT_OVER)
    assert flow(flows.DISBURSED) == 2_400_000
    assert flow(flows.COLLECTED_PRINCIPAL) == 800_000
    assert flow(flows.COLLECTED_INTEREST) == 100_000
    assert flow(flows.COLLECTED_FEES) == 1_400
    assert flow(flows.COLLECTED_PENALTY) == 600
    assert flow(flows.WRITTEN_OFF) == 800_000


def test_the_first_opening_position_opens_the_books_at_the_cut_over_date(unopened: Company):
    open_position(position(unopened), CUT_OVER)
    assert business_date() == CUT_OVER
    dates = db.session.execute(select(Journal.value_date, Journal.booking_date).order_by(Journal.id)).all()
    assert dates == [(dt.date(2025, 6, 10), CUT_OVER), (CUT_OVER, CUT_OVER)]


def test_into_open_books_a_position_enters_on_their_business_date(company: Company):
    open_position(position(company), CUT_OVER)
    assert db.session.execute(positions(CUT_OVER)).all() == [], "nobody knew of it then"
    assert db.session.execute(positions(CUT_OVER, START)).one().balance == 800_000
    assert db.session.execute(positions(START)).one().balance == 800_000


def test_a_loan_is_as_late_at_the_cut_over_as_the_old_ledger_says(unopened: Company):
    lateness = {
        0: Category.NORMAL,
        1: Category.SPECIAL_MENTION,
        90: Category.SPECIAL_MENTION,
        91: Category.SUBSTANDARD,
        271: Category.DOUBTFUL,
        361: Category.LOSS,
    }
    bulk_open_positions([position(unopened, f"{days}", days_late=days) for days in lateness], CUT_OVER)
    for loan in db.session.scalars(select(Loan)):
        state = state_of(loan)
        assert state and (state.days_past_due, state.category) == (int(loan.code), lateness[int(loan.code)])
        assert state.overdue_principal == (800_000 if state.days_past_due else 0), "arrears are not known: all counts"


def test_a_loan_past_its_maturity_that_is_not_called_late_is_not_late(unopened: Company):
    loan = open_position(position(unopened, disbursed_on=dt.date(2020, 1, 1)), CUT_OVER)
    state = state_of(loan)
    assert state and state.days_past_due == 0


def test_the_states_follow_from_the_figures(unopened: Company):
    rows = {
        "settled": position(unopened, "A", paid_principal=1_200_000, status=LoanStatus.SETTLED),
        "called active, but nothing is left": position(unopened, "B", paid_principal=1_200_000),
        "written off": position(unopened, "C", written_off=800_000, status=LoanStatus.WRITTEN_OFF, days_late=200),
        "written off in part": position(unopened, "D", written_off=300_000),
    }
    bulk_open_positions(list(rows.values()), CUT_OVER)
    found = {loan.code: (loan.status, loan.closed_on) for loan in db.session.scalars(select(Loan))}
    assert found == {
        "A": (LoanStatus.SETTLED, CUT_OVER),
        "B": (LoanStatus.SETTLED, CUT_OVER),
        "C": (LoanStatus.WRITTEN_OFF, CUT_OVER),
        "D": (LoanStatus.ACTIVE, None),
    }
    open_loans = db.session.execute(positions(CUT_OVER)).all()
    assert [row.balance for row in open_loans] == [500_000]
    assert reconcile() == []


def test_life_goes_on_after_the_cut_over(unopened: Company):
    rows = [
        position(unopened, "A", days_late=30),
        position(unopened, "B", written_off=800_000, status=LoanStatus.WRITTEN_OFF),
    ]
    bulk_open_positions(rows, CUT_OVER)
    run_day_end(CUT_OVER)
    late, lost = db.session.scalars(select(Loan).order_by(Loan.code))
    new_year = dt.date(2026, 1, 1)
    repay(late, 800_000, new_year, "R1")
    recover(lost, 100_000, new_year, "R2")
    # 8,000 yuan, one day at 12 % x 1.5: what ran up before the cut-over is in the old ledger's figures
    assert late.instalments[0].penalty == 400
    assert balances(lost)["WRITTEN_OFF principal"] == 700_000
    assert reconcile([CUT_OVER]) == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("code", {"code": ""}),
        ("amount", {"amount": 0}),
        ("amount", {"amount": 10**16}),
        ("rate", {"rate": -1}),
        ("count", {"count": 0}),
        ("disbursed_on", {"disbursed_on": dt.date(2026, 1, 1)}),
        ("paid_principal", {"paid_principal": -1}),
        ("paid_principal", {"paid_principal": 1_200_001}),
        ("paid_principal", {"written_off": 800_001}),
        ("paid_interest", {"paid_interest": -1}),
        ("paid_fees", {"paid_fees": -1}),
        ("days_late", {"days_late": -1}),
        ("days_late", {"days_late": 36_501}),
        ("status", {"status": LoanStatus.SETTLED}),
        ("status", {"status": LoanStatus.WRITTEN_OFF, "written_off": 100}),
        ("status", {"status": LoanStatus.CANCELLED}),
    ],
)
def test_nonsense_is_told_by_field(field: str, changes: dict[str, Any], words: Flask):
    row = OpeningPosition("L1", 1, 1, Owner(1, 1, 1), 1_200_000, 120_000, 12, CUT_OVER, paid_principal=400_000)
    assert problems_of(row, CUT_OVER, CUT_OVER) == {}
    assert list(problems_of(replace(row, **changes), CUT_OVER, CUT_OVER)) == [field]


def test_a_position_with_a_problem_is_not_taken_over(unopened: Company):
    with pytest.raises(InvalidValues) as refused:
        open_position(position(unopened, paid_principal=1_200_001), CUT_OVER)
    assert list(refused.value.fields) == ["paid_principal"]


def test_a_cut_over_to_come_is_refused(company: Company):
    with pytest.raises(InvalidValues, match="has not happened yet"):
        open_position(position(company), START + dt.timedelta(days=1))


def test_rows_that_are_wrong_are_named_and_nothing_is_booked(unopened: Company):
    open_position(position(unopened, "L0"), CUT_OVER)
    before = table_sizes()
    rows = [
        position(unopened, "L1"),
        position(unopened, "L0"),
        position(unopened, "L2", amount=0),
        position(unopened, "L3"),
        position(unopened, "L3"),
    ]
    with pytest.raises(RowsRefused) as refused:
        bulk_open_positions(rows, CUT_OVER)
    assert [place for place, _problem in refused.value.problems] == [1, 2, 3, 4]
    assert table_sizes() == before


def test_many_at_once_is_the_same_as_one_by_one(unopened: Company):
    rows = [
        position(unopened, "A"),
        position(unopened, "B", days_late=100),
        position(unopened, "C", paid_principal=1_200_000),
        position(unopened, "D", written_off=800_000, paid_interest=0, paid_fees=0, paid_penalty=0),
    ]
    for row in rows:
        open_position(row, CUT_OVER)
    bulk_open_positions([replace(row, code=f"{row.code}-many") for row in rows], CUT_OVER)
    found = {loan.code: (balances(loan), loan.status, loan.closed_on) for loan in db.session.scalars(select(Loan))}
    lines = {
        loan.code: [(line.due_date, line.principal, line.period_end) for line in loan.instalments]
        for loan in db.session.scalars(select(Loan))
    }
    for row in rows:
        assert found[row.code] == found[f"{row.code}-many"]
        assert lines[row.code] == lines[f"{row.code}-many"]


def test_an_import_can_be_undone_and_given_again(unopened: Company):
    rows = [position(unopened, "A"), position(unopened, "B", written_off=800_000), position(unopened, "C", days_late=9)]
    bulk_open_positions(rows, CUT_OVER, batch_id=3)
    run_day_end(CUT_OVER)
    assert undo_batch(3, "wrong file") == 3
    assert db.session.execute(positions(business_date())).all() == []
    assert {loan.status for loan in db.session.scalars(select(Loan))} == {LoanStatus.CANCELLED}
    bulk_open_positions(rows, CUT_OVER, batch_id=4)
    assert sum(row.balance for row in db.session.execute(positions(business_date()))) == 1_600_000
    assert reconcile([CUT_OVER]) == []


def test_thousands_of_positions_balance(unopened: Company):
    one = position(unopened)
    rows = [replace(one, code=f"L{n}", paid_principal=n, days_late=n % 150) for n in range(2_000)]
    bulk_open_positions(rows, CUT_OVER)
    assert db.session.execute(select(func.count(), func.sum(positions(CUT_OVER).subquery().c.balance))).one() == (
        2_000,
        2_400_000_000 - sum(range(2_000)),
    )
    assert reconcile() == []
