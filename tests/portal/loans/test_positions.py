"""Positions of any date, and who sees them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from portal.core.db import db
from portal.core.scope import ALL, BRANCH, NOBODY, SELF, TEAM, Actor, acting
from portal.loans.disbursement import bulk_disburse
from portal.loans.models import Loan
from portal.loans.positions import COLUMNS, DESCRIBED_BY, positions
from portal.loans.repayments import Payment, bulk_repay, repay
from portal.loans.state import LoanState
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, open_on, state_of

FIRST_DUE = dt.date(2026, 2, 5)


def lend_to_all(company: Company) -> None:
    """Eight loans paid on a bit: two with each of four managers, in two teams of two branches."""
    managers = [company.owner(f"B{branch}-M{number}") for branch in (1, 2) for number in (1, 2)]
    bulk_disburse([company.new_loan(f"L{n}", owner=managers[n % 4]) for n in range(8)])
    loans = db.session.scalars(select(Loan.id)).all()
    bulk_repay([Payment(loan, f"R{loan}", 1_000 + loan, START) for loan in loans])
    open_on(FIRST_DUE + dt.timedelta(days=1))


def test_an_actor_gets_the_positions_of_his_loans_only(company: Company):
    lend_to_all(company)
    me = company.owner("B1-M1")
    around = select(func.sum(positions(FIRST_DUE).subquery().c.balance)).execution_options(described_by=DESCRIBED_BY)
    for scope, seen in {ALL: 8, BRANCH: 4, TEAM: 4, SELF: 2}.items():
        actor = Actor(
            "somebody",
            staff_id=me.manager_id or 0,
            home=me.branch_id,
            branches=frozenset({me.branch_id}),
            teams=frozenset({me.team_id or 0}),
            grants={("Loan", "list"): scope},
        )
        with acting(actor):
            rows = db.session.execute(positions(FIRST_DUE)).all()
            assert sum(row.balance for row in rows) == db.session.scalar(around)
        assert len(rows) == seen
        assert scope != SELF or {row.manager_id for row in rows} == {me.manager_id}


def test_nobody_gets_none(company: Company):
    company.lend()
    with acting(NOBODY):
        assert db.session.execute(positions(START)).all() == []


def test_what_was_booked_later_was_not_known(company: Company):
    loan = company.lend()
    later = FIRST_DUE + dt.timedelta(days=10)
    open_on(later)
    repay(loan, 106_619, FIRST_DUE, "R1")
    then = db.session.execute(positions(FIRST_DUE + dt.timedelta(days=5))).one()
    now = db.session.execute(positions(FIRST_DUE + dt.timedelta(days=5), later)).one()
    assert (then.days_past_due, then.balance, then.overdue_interest) == (5, 1_200_000, 12_000)
    assert (now.days_past_due, now.balance, now.overdue_interest) == (0, 1_105_381, 0)


def test_the_open_date_is_the_same_standing_and_replayed(company: Company):
    lend_to_all(company)
    day = FIRST_DUE + dt.timedelta(days=1)
    standing = db.session.execute(positions(day, standing=True).order_by("loan_id")).all()
    assert standing == db.session.execute(positions(day).order_by("loan_id")).all()
    assert len(standing) == 8
    some = [row.loan_id for row in standing[2:4]]
    assert db.session.execute(positions(day, loans=some).order_by("loan_id")).all() == standing[2:4]


def test_the_columns_are_those_of_the_stored_positions(company: Company):
    company.lend()
    assert tuple(column.key for column in positions(START).selected_columns) == COLUMNS
    assert set(COLUMNS) <= set(LoanState.__table__.columns.keys())


def test_days_past_due_count_from_the_oldest_instalment_in_arrears(company: Company):
    loan = company.lend(Method.EQUAL_PRINCIPAL)
    open_on(dt.date(2026, 4, 6))
    repay(loan, 112_000, dt.date(2026, 4, 6), "R1", instalments=[1])
    state = state_of(loan)
    assert state and (state.oldest_due_on, state.days_past_due) == (dt.date(2026, 3, 5), 32)
    assert state.overdue_principal == 200_000
