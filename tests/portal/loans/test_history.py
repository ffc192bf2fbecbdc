"""Whole lives written at once are what the verbs and day-end would have made of them day by day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import inspect, select

from portal.core.clock import BusinessDay, month_end
from portal.core.db import db
from portal.core.errors import Refused
from portal.customers.models import Customer
from portal.loans.day_end import rebuild_snapshots, run_day_end
from portal.loans.disbursement import NewLoan, bulk_disburse
from portal.loans.history import HandedOver, Life, Paid, Recovered, SettledEarly, WrittenOff, bulk_history
from portal.loans.ledger import Journal, Posting
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner, Repayment
from portal.loans.ownership import hand_over
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.services import disburse, recover, write_off
from portal.loans.state import LoanSnapshot, LoanState
from portal.products.models import Product
from portal.products.terms import Method
from tests.databases import Engine
from tests.portal.loans.conftest import Company, on_database, open_on

UNTIL = dt.date(2026, 9, 15)


def day(month: int, number: int) -> dt.date:
    return dt.date(2026, month, number)


def lives(company: Company) -> list[Life]:
    """One of each fate."""
    level, bullet, interest = Method.LEVEL, Method.BULLET, Method.INTEREST_ONLY
    owner = company.owner("B2-M1")
    return [
        Life(
            company.new_loan("paying", level, count=6),
            [
                *(Paid(day(month, 5), f"paying/{month}", 207_059) for month in range(2, 7)),
                Paid(day(7, 5), "paying/7", 207_053),
            ],
        ),
        Life(
            company.new_loan("late", level, count=12),
            [
                Paid(day(2, 5), "late/1", 106_619),
                Paid(day(4, 20), "late/2", 150_000),
                Paid(day(9, 1), "late/3", 300_000),
            ],
        ),
        Life(
            company.new_loan("moved", interest, count=12),
            [
                Paid(day(2, 5), "moved/1", 12_000),
                HandedOver(day(3, 10), owner),
                Paid(day(3, 31), "moved/2", 12_000),
                SettledEarly(day(5, 31), "moved/3"),
            ],
        ),
        Life(
            company.new_loan("lost", bullet, count=1, disbursed_on=day(1, 31)),
            [Paid(day(3, 15), "lost/1", 5_000), WrittenOff(day(6, 30)), Recovered(day(8, 8), "lost/2", 40_000)],
        ),
        Life(company.new_loan("untouched", bullet, count=9, disbursed_on=day(2, 28)), []),
        Life(
            company.new_loan("ahead", Method.EQUAL_PRINCIPAL, count=6),
            [Paid(day(1, 20), "ahead/1", 400_000), Paid(day(6, 10), "ahead/2", 300_000, instalments=(5,))],
        ),
    ]


def live(company: Company, stories: list[Life]) -> None:
    """The same through the verbs, a day-end each day something happens."""
    happenings: list[tuple[dt.date, int, Any]] = []
    for story in stories:
        happenings.append((story.loan.disbursed_on, len(happenings), story.loan))
        happenings += [(event.on, len(happenings), (story.loan.code, event)) for event in story.events]
    for on, _place, what in sorted(happenings, key=lambda happening: happening[:2]):
        if on > db.session.get_one(BusinessDay, 1).open_date:
            run_day_end(on - dt.timedelta(days=1))
        if isinstance(what, NewLoan):
            terms = (what.amount, what.rate, what.count, what.disbursed_on)
            customer = db.session.get_one(Customer, what.customer_id)
            disburse(what.code, customer, db.session.get_one(Product, what.product_id), *terms, owner=what.owner)
            continue
        code, event = what
        loan = loan_called(code)
        match event:
            case Paid():
                repay(loan, event.amount, on, event.code, event.instalments)
            case SettledEarly():
                settle_early(loan, on, event.code)
            case WrittenOff():
                write_off(loan, on, "gone")
            case Recovered():
                recover(loan, event.amount, on, event.code)
            case HandedOver():
                hand_over([loan], event.owner)
    run_day_end(UNTIL - dt.timedelta(days=1))


def contents() -> dict[str, list[Any]]:
    """Everything the ledger holds, with codes in place of numbers."""
    loans = dict(db.session.execute(select(Loan.id, Loan.code)).all())
    lines = {row.id: (loans[row.loan_id], row.number) for row in db.session.scalars(select(Instalment))}
    receipts = dict(db.session.execute(select(Repayment.id, Repayment.code)).all())
    journals = {
        row.id: (loans[row.loan_id], row.kind, row.value_date, row.key.endswith("/accrual"))
        for row in db.session.scalars(select(Journal))
    }
    words = {"loan_id": loans, "instalment_id": lines, "repayment_id": receipts, "journal_id": journals}
    left_out = {"id", "posted_at", "key", "version", "revision", "purpose"}

    def row_of(row: Any) -> tuple[Any, ...]:
        columns = [column.key for column in inspect(type(row)).column_attrs if column.key not in left_out]
        values = ((name, getattr(row, name)) for name in columns)
        return tuple((name, words[name].get(value) if name in words else value) for name, value in values)

    found = {}
    for model in (Loan, Instalment, Repayment, Allocation, Charge, PastOwner, Journal, Posting, LoanSnapshot):
        found[model.__name__] = sorted((row_of(row) for row in db.session.scalars(select(model))), key=repr)
    states = [dict(row_of(row)) for row in db.session.scalars(select(LoanState))]
    found["LoanState"] = sorted((sorted((state | {"as_of": None}).items(), key=repr) for state in states), key=repr)
    return found


def test_history_written_at_once_is_what_the_verbs_and_day_end_make_of_it(
    company: Company, engine: Engine, company_template: str
):
    stories = lives(company)
    live(company, stories)
    expected = contents()
    db.session.remove()
    other = engine.create(company_template)
    try:
        with on_database(other):
            open_on(UNTIL)
            assert bulk_history(stories) == len(stories)
            rebuild_snapshots(month_end(day(month, 1)) for month in range(1, 9))
            found = contents()
            assert reconcile([month_end(day(month, 1)) for month in range(1, 9)]) == []
    finally:
        engine.drop(other)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert len(expected["LoanSnapshot"]) > 20, "the story is not empty"


def test_a_story_that_cannot_have_happened_leaves_nothing(company: Company):
    open_on(UNTIL)
    stories = [*lives(company), Life(company.new_loan("wrong"), [Paid(day(3, 1), "wrong/1", 99_999_999)])]
    with pytest.raises(Refused, match="more than is owed"):
        bulk_history(stories)
    assert db.session.scalars(select(Loan)).all() == []


def test_many_disbursements_are_what_single_ones_are(company: Company):
    rows = [company.new_loan(f"many-{method.value}", method, count=6) for method in Method]
    bulk_disburse(rows)
    for method in Method:
        company.lend(method, code=f"one-{method.value}", count=6)
    for method in Method:
        one, many = (loan_called(f"{how}-{method.value}") for how in ("one", "many"))
        columns = [column.key for column in inspect(Loan).column_attrs if column.key not in {"id", "code", "version"}]
        assert [getattr(one, name) for name in columns] == [getattr(many, name) for name in columns]
        assert [(line.due_date, line.principal, line.interest) for line in one.instalments] == [
            (line.due_date, line.principal, line.interest) for line in many.instalments
        ]


def loan_called(code: str) -> Loan:
    return db.session.scalars(select(Loan).where(Loan.code == code)).one()
