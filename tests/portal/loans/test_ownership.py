"""Loans change hands; figures stay with whoever had them."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope
from portal.core.scope import NOBODY, acting
from portal.loans.accounts import Owner
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Journal
from portal.loans.models import Loan, PastOwner
from portal.loans.ownership import hand_over
from portal.loans.positions import positions
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.state import LoanSnapshot
from tests.portal.loans.conftest import START, Company, state_of

JANUARY = dt.date(2026, 1, 31)


def test_a_transfer_in_february_leaves_januarys_figures_with_the_old_manager(company: Company):
    loan = company.lend()
    old = loan.manager_id
    run_day_end(dt.date(2026, 2, 9))
    new = company.owner("B2-M2")
    assert hand_over([db.session.get_one(Loan, loan.id)], new) == 1
    run_day_end(dt.date(2026, 3, 1))
    snapshots = dict(db.session.execute(select(LoanSnapshot.as_of, LoanSnapshot.manager_id)).all())
    assert snapshots == {JANUARY: old, dt.date(2026, 2, 28): new.manager_id}
    by_day = {day: db.session.execute(positions(day)).one().manager_id for day in map(dt.date.fromisoformat, (
        "2026-01-05", "2026-02-09", "2026-02-10", "2026-03-02"
    ))}  # fmt: skip
    assert list(by_day.values()) == [old, old, new.manager_id, new.manager_id]
    state = state_of(loan)
    assert state and Owner(state.branch_id, state.team_id, state.manager_id) == new
    assert reconcile([JANUARY, dt.date(2026, 2, 28)]) == []


def test_journals_carry_the_owner_of_their_day(company: Company):
    loan = company.lend()
    old, new = loan.manager_id, company.owner("B2-M2")
    repay(loan, 500, START, "R1")
    hand_over([loan], new)
    repay(loan, 500, START, "R2")
    managers = db.session.scalars(select(Journal.manager_id).where(Journal.kind == "repayment").order_by(Journal.id))
    assert list(managers) == [old, new.manager_id]


def test_twice_on_one_day_leaves_one_owner_before(company: Company):
    loan = company.lend()
    run_day_end(START)
    loan = db.session.get_one(Loan, loan.id)
    for manager in ("B2-M2", "B1-M2", "B1-M2"):
        hand_over([loan], company.owner(manager))
    rows = db.session.execute(select(PastOwner.first_day, PastOwner.day_after)).all()
    assert rows == [(START, START + dt.timedelta(days=1))]
    assert loan.manager_id == company.owner("B1-M2").manager_id


def test_team_and_manager_must_belong_to_the_branch(company: Company):
    loan = company.lend()
    one, two = company.owner("B1-M1"), company.owner("B2-M1")
    with pytest.raises(InvalidValues, match="team"):
        hand_over([loan], Owner(one.branch_id, two.team_id, None))
    with pytest.raises(InvalidValues, match="manager"):
        hand_over([loan], Owner(one.branch_id, one.team_id, two.manager_id))
    assert hand_over([loan], Owner(two.branch_id, None, None)) == 1


def test_nobody_hands_over_what_he_cannot_see(company: Company):
    loan = company.lend()
    owner = company.owner("B1-M2")
    number = loan.id
    with acting(NOBODY), pytest.raises((OutOfScope, InvalidValues)):
        hand_over([loan], owner)
    db.session.expire_all()
    assert db.session.get_one(Loan, number).manager_id != owner.manager_id
