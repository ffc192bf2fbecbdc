"""Reconciliation finds what is not as it must be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import delete, insert, select, update

from portal.core.db import db
from portal.core.scope import SYSTEM, acting, unscoped
from portal.core.work import unit_of_work
from portal.loans import reconciliation
from portal.loans.day_end import run_day_end
from portal.loans.due_groups import DueGroup
from portal.loans.groups import LoanGroup
from portal.loans.ledger import Journal, JournalKind, Posting
from portal.loans.models import Instalment, Loan, LoanStatus, Repayment
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.state import LoanSnapshot, LoanState
from tests.portal.loans.conftest import START, Company

JANUARY = dt.date(2026, 1, 31)


def one_sided(loan: int) -> Any:
    journal = db.session.scalars(select(Journal.id).where(Journal.loan_id == loan)).first()
    return insert(Posting).values(
        loan_id=loan,
        journal_id=journal,
        kind=JournalKind.ACCRUAL,
        account="1002",
        component="interest",
        amount=1,
        value_date=START,
        booking_date=START,
    )


class Undone(Exception):
    """Ends a unit of work that must leave nothing."""


def test_each_kind_of_damage_is_found(company: Company):
    loan = company.lend()
    repay(loan, 5_000, START, "R1")
    number = loan.id
    run_day_end(JANUARY)
    assert reconcile([JANUARY]) == []
    for damage, check in (
        (one_sided(number), "trial_balance"),
        (update(Instalment).where(Instalment.number == 1).values(paid_interest=4_999), "paid"),
        (update(Instalment).where(Instalment.number == 9).values(principal=1), "balance dues"),
        (update(Loan).values(status=LoanStatus.SETTLED), "status"),
        (update(LoanState).values(days_past_due=7), "state groups moves"),
        (delete(LoanState), "state groups moves"),
        (update(LoanSnapshot).values(balance=7), "snapshot groups moves"),
        (delete(LoanSnapshot), "snapshot groups"),
        (update(LoanGroup).where(LoanGroup.as_of.is_(None)).values(balance=7), "groups"),
        (delete(LoanGroup).where(LoanGroup.as_of == JANUARY), "groups"),
        (update(DueGroup).where(DueGroup.months_after == 0).values(due_interest=7), "dues"),
        (delete(DueGroup), "dues"),
    ):
        with pytest.raises(Undone), unit_of_work("tests.damage"), unscoped("damage"):
            db.session.connection().execute(damage)
            found = reconcile([JANUARY])
            assert {difference.check for difference in found} == set(check.split())
            assert {difference.loan_id for difference in found} <= {number, None}
            raise Undone
    assert reconcile([JANUARY]) == []


def test_what_is_booked_meanwhile_is_no_difference(company: Company, monkeypatch: pytest.MonkeyPatch):
    loan, app, paid = company.lend().id, current_app._get_current_object(), reconciliation._paid  # type: ignore[attr-defined]

    def book() -> None:
        with app.app_context(), acting(SYSTEM):
            repay(db.session.get_one(Loan, loan), 50_000, START, "R1")
            db.session.remove()

    def paid_after_a_booking() -> Iterator[reconciliation.Difference]:
        with ThreadPoolExecutor(1) as other:
            other.submit(book).result()
        return paid()

    monkeypatch.setattr(reconciliation, "_paid", paid_after_a_booking)
    assert reconcile() == []
    db.session.rollback()
    assert db.session.scalars(select(Repayment.code)).all() == ["R1"], "it was booked"
    monkeypatch.undo()
    assert reconcile() == []
