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
from portal.loans.models import Loan
from portal.loans.reconciliation import reconcile
from portal.loans.services import disburse
from portal.products.models import Product
from portal.products.terms import Method
from tests.databases import Engine
from tests.portal.loans.conftest import Company, on_database, open_on
from tests.portal.loans.living import contents, happen, loan_called

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
        happen(loan_called(code), event)
    run_day_end(UNTIL - dt.timedelta(days=1))


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
