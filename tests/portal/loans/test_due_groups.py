"""Groups of dues follow every booking: after each they say what a walk over instalments and payments finds."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select, update

from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans import due_groups
from portal.loans.booking import books
from portal.loans.day_end import rebuild_states, run_day_end
from portal.loans.due_groups import DueGroup, draw_together, regroup_dues
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan
from portal.loans.opening import OpeningPosition, open_position
from portal.loans.ownership import hand_over
from portal.loans.repayments import repay, settle_early
from portal.loans.reversals import reverse
from portal.loans.schedules import ScheduleLine, bulk_schedules
from portal.loans.write_offs import recover, write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company
from tests.portal.loans.dues_by_hand import kept, walked

FEBRUARY = dt.date(2026, 2, 28)
TODAY = dt.date(2026, 3, 10)


def agree() -> None:
    assert kept() == walked()


def lent(company: Company, count: int = 6) -> Loan:
    return company.lend(Method.EQUAL_PRINCIPAL, amount=600_000, count=count)


def last(loan: Loan, kind: JournalKind) -> Journal:
    held = select(Journal).where(Journal.loan_id == loan.id, Journal.kind == kind, Journal.reverses_id.is_(None))
    return db.session.scalars(held.order_by(Journal.id.desc())).first()


def test_they_follow_every_kind_of_booking(company: Company):
    first, second, third = (lent(company).id for _n in range(3))
    agree()
    run_day_end(TODAY - dt.timedelta(days=1))
    agree()

    def loan(number: int) -> Loan:
        return db.session.get_one(Loan, number)

    repay(loan(first), 103_000, TODAY, "R1")  # of the first instalment, due on 5 February: a month later
    agree()
    assert {key[5] for key in kept()} == {0, 1}
    reverse(last(loan(first), JournalKind.REPAYMENT), "wrong loan")
    agree()
    assert {key[5] for key in kept()} == {0}
    settle_early(loan(second), TODAY, "R2")
    agree()
    reverse(last(loan(second), JournalKind.REPAYMENT), "wrong loan")
    agree()
    write_off(loan(third), TODAY, "gone")
    agree()
    assert max(key[4] for key in kept() if key[6]) == 202603, "what falls due after a write-off is left out"
    recover(loan(third), 50_000, TODAY, "R3")
    agree()
    hand_over([loan(first)], company.owner("B2-M2"))
    agree()
    reverse(last(loan(second), JournalKind.DISBURSEMENT), "wrong customer")
    agree()
    rebuild_states()
    agree()


def test_a_schedule_that_is_replaced_takes_its_place(company: Company):
    place = company.owner("B1-M1")
    row = OpeningPosition("O1", company.customer().id, company.product().id, place, 500_000, 120_000, 12, START)
    loan = open_position(row, START)
    agree()
    days = [dt.date(2026, 2, 5), dt.date(2026, 3, 5)]
    bulk_schedules([ScheduleLine(loan.id, n, day, 250_000, 900) for n, day in enumerate(days, 1)])
    agree()
    assert sorted((key[4], sums[0]) for key, sums in kept().items()) == [(202602, 250_000), (202603, 250_000)]


def test_drawing_together_leaves_the_sums_and_fewer_rows(company: Company, monkeypatch: pytest.MonkeyPatch):
    loan = lent(company)
    for n in range(4):
        repay(db.session.get_one(Loan, loan.id), 10_000, START, f"R{n}")
    before, count = kept(), select(func.count()).select_from(DueGroup)
    many = db.session.scalar(count)
    with unit_of_work("tests.draw"):
        draw_together(db.session())
    assert db.session.scalar(count) == many, "so few are left as they are"
    monkeypatch.setattr(due_groups, "WORTHWHILE", 1)
    with unit_of_work("tests.draw"):
        draw_together(db.session())
    assert kept() == before == walked()
    assert db.session.scalar(count) == len(before) < many
    assert not db.session.scalar(select(func.count()).select_from(DueGroup).where(DueGroup.added))
    repay(db.session.get_one(Loan, loan.id), 10_000, START, "R9")
    agree()
    run_day_end(START)
    agree()


def test_what_is_undone_leaves_nothing(company: Company):
    loan = lent(company)
    before = kept()
    with pytest.raises(ZeroDivisionError), unit_of_work("tests.undone"):
        repay(loan, 10_000, START, "R1")
        raise ZeroDivisionError
    assert kept() == before == walked()


def test_made_anew_they_say_the_same_whatever_was_kept(company: Company):
    lent(company)
    expected = kept()
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(DueGroup).values(due_principal=1))
    assert kept() != expected
    with unit_of_work("tests.anew"):
        regroup_dues(db.session())
    assert kept() == expected == walked()


def test_a_booking_that_changes_nothing_adds_nothing(company: Company):
    lent(company)
    many = db.session.scalar(select(func.count()).select_from(DueGroup))
    with unit_of_work("tests.nothing"), books():
        pass
    assert db.session.scalar(select(func.count()).select_from(DueGroup)) == many
