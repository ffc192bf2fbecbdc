"""VAT split from the income of a month, worked by hand: exempt farm households, the ceiling, parts, corrections."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from portal.closing import posting
from portal.closing.models import EntryKind, MonthEndPosting, VatLine
from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType
from portal.loans.components import Component
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Account, Posting
from portal.parameters.services import set_parameter
from portal.products.terms import Method
from tests.portal.loans.conftest import Company

JANUARY, FEBRUARY = dt.date(2026, 1, 31), dt.date(2026, 2, 28)
CEILING = 100_000_00


def is_individual(company: Company, code: str) -> Customer:
    with unit_of_work("tests.type"):
        company.customer(code).type = CustomerType.INDIVIDUAL
    return company.customer(code)


def income_of(loan_ids: list[int]) -> int:
    booked = select(func.sum(Posting.amount)).where(
        Posting.loan_id.in_(loan_ids), Posting.account == Account.INTEREST_INCOME
    )
    return -int(db.session.scalar(booked))


def on(account: Account) -> int:
    found = select(func.coalesce(func.sum(MonthEndPosting.amount), 0)).where(MonthEndPosting.account == account)
    return int(db.session.scalar(found))


def test_a_month_worked_by_hand(company: Company):
    """12,000 yuan at 12 % over a year, 30/360, paid out on 5 January: the first instalment bears 12,000 fen.

    By 31 January 26 of its 31 days have passed: 12,000 * 26 // 31 = 10,064 fen, twice. The farm household's is exempt.
    The wage earner's is taxed: 10,064 * 6 / 106 = 569.66, rounded 570 fen.
    """
    company.lend(customer=company.customer("C0"))
    company.lend(customer=is_individual(company, "C1"))
    run_day_end(JANUARY)
    found = evaluate(["income_taxable", "income_exempt", "output_vat"], as_of=JANUARY).total
    assert found == {"income_taxable": 10_064, "income_exempt": 10_064, "output_vat": 570}
    entry = posting.standing(EntryKind.VAT, JANUARY)
    assert entry is not None and (entry.amount, entry.booking_date) == (570, JANUARY)
    assert (on(Account.INTEREST_INCOME), on(Account.TAX_PAYABLE)) == (570, -570)
    lines = db.session.scalars(select(VatLine)).all()
    assert sorted((row.taxed, row.exempt, row.tax) for row in lines) == [(0, 10_064, 0), (10_064, 0, 570)]
    assert {row.component for row in lines} == {Component.INTEREST}


def test_the_ceiling_counts_itself_and_all_that_a_household_owes(company: Company):
    """Of exactly 100,000 yuan: exempt. A fen more, or two loans that are more together: taxed."""
    exempt = company.lend(Method.BULLET, CEILING, customer=company.customer("C2"))
    taxed = [
        company.lend(Method.BULLET, CEILING + 1, customer=company.customer("C3")),
        company.lend(Method.BULLET, 60_000_00, customer=company.customer("C4")),
        company.lend(Method.BULLET, 40_000_01, customer=company.customer("C4")),
    ]
    run_day_end(JANUARY)
    found = evaluate(["income_taxable", "income_exempt"], as_of=JANUARY).total
    assert found["income_exempt"] == income_of([exempt.id]) > 0
    assert found["income_taxable"] == income_of([loan.id for loan in taxed]) > 0


def test_the_exemption_ends_on_its_last_day(company: Company):
    company.lend(customer=company.customer("C0"))
    set_parameter("vat.exempt_until", "2026-01-31", dt.date(2026, 1, 1), "Announcement of the year")
    run_day_end(FEBRUARY)
    january, february = (evaluate(["income_exempt", "income_taxable"], as_of=day).total for day in (JANUARY, FEBRUARY))
    assert (january["income_exempt"], january["income_taxable"]) == (10_064, 0)
    assert february["income_exempt"] == 0
    assert february["income_taxable"] > 0


def test_a_wrong_month_is_taken_back_and_booked_anew_in_the_open_month(company: Company):
    company.lend(customer=is_individual(company, "C1"))
    run_day_end(FEBRUARY)
    old = posting.standing(EntryKind.VAT, JANUARY)
    assert old is not None
    posting.reverse(old.id, "The customer is a farm household")
    with unit_of_work("tests.type"):
        company.customer("C1").type = CustomerType.FARMER
    set_parameter("vat.exempt_up_to", "500000", dt.date(2026, 1, 1), "Until then")  # the loan is of 12,000 yuan
    again = posting.post(EntryKind.VAT, JANUARY)
    assert again is not None
    assert (again.key, again.amount, again.booking_date) == ("vat/20260131/2", 570, dt.date(2026, 3, 1))
    assert posting.post(EntryKind.VAT, JANUARY) == again
    of_january = select(func.sum(VatLine.taxed), func.sum(VatLine.tax)).where(VatLine.month_end == JANUARY)
    assert tuple(map(int, db.session.execute(of_january).one())) == (10_064, 570)
