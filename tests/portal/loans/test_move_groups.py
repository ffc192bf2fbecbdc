"""Groups of moves follow every booking: after each they say what the loans say, and so do the steps of vintages."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from portal.core.db import db
from portal.loans.cohorts import Step, VintageStep
from portal.loans.day_end import rebuild_snapshots, run_day_end
from portal.loans.ledger import Journal, JournalKind
from portal.loans.models import Loan
from portal.loans.move_groups import LoanMove, kept_pairs, pairs_before
from portal.loans.ownership import hand_over
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.reversals import reverse
from portal.loans.write_offs import recover, write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company

JANUARY, FEBRUARY = dt.date(2026, 1, 31), dt.date(2026, 2, 28)
TODAY = dt.date(2026, 3, 10)


def ways(opened: dt.date, closed: dt.date | None) -> dict[str, int]:
    """Loans that went each way, as kept; what has come to nothing is left out."""
    same = LoanMove.closed_on.is_(None) if closed is None else LoanMove.closed_on == closed
    statement = select(LoanMove.way, func.sum(LoanMove.loans)).where(LoanMove.opened_on == opened, same)
    return {way.value: int(loans) for way, loans in db.session.execute(statement.group_by(LoanMove.way)) if loans}


def journal(loan: Loan, kind: JournalKind) -> Journal:
    return db.session.scalars(
        select(Journal).where(Journal.loan_id == loan.id, Journal.kind == kind).order_by(Journal.id.desc())
    ).first()


def test_the_pairs_that_are_kept_are_those_of_the_months_and_of_the_year():
    december, june = dt.date(2025, 12, 31), dt.date(2026, 6, 30)
    assert pairs_before(JANUARY) == [december]
    assert pairs_before(FEBRUARY) == [JANUARY, december]
    assert pairs_before(june) == [dt.date(2026, 5, 31), december]
    assert pairs_before(dt.date(2026, 1, 15)) == [december]


def test_moves_follow_every_booking_of_the_open_day(company: Company):
    first, second, third = (company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=6) for _n in range(3))
    numbers = [loan.id for loan in (first, second, third)]
    run_day_end(TODAY - dt.timedelta(days=1))
    assert kept_pairs(db.session()) == [(JANUARY, FEBRUARY), (FEBRUARY, None)]
    assert ways(JANUARY, FEBRUARY) == {"held": 3}
    assert ways(FEBRUARY, None) == {"held": 3}
    assert reconcile([JANUARY, FEBRUARY]) == []

    first, second, third = (db.session.get_one(Loan, number) for number in numbers)
    write_off(first, TODAY, "gone")
    assert ways(FEBRUARY, None) == {"held": 2, "written_off": 1}
    assert reconcile([JANUARY, FEBRUARY]) == []

    recover(first, 50_000, TODAY, "R0")
    assert ways(FEBRUARY, None) == {"held": 2, "written_off": 1}
    settle_early(second, TODAY, "R1")
    assert ways(FEBRUARY, None) == {"held": 1, "written_off": 1, "settled": 1}
    assert reconcile([JANUARY, FEBRUARY]) == []

    reverse(journal(second, JournalKind.REPAYMENT), "wrong loan")
    assert ways(FEBRUARY, None) == {"held": 2, "written_off": 1}
    company.lend(Method.INTEREST_ONLY, amount=2_000_000, count=3)
    assert ways(FEBRUARY, None) == {"held": 2, "written_off": 1, "lent": 1}
    assert reconcile([JANUARY, FEBRUARY]) == []

    hand_over([third], company.owner("B2-M2"))
    assert ways(FEBRUARY, None) == {"held": 2, "written_off": 1, "lent": 1}
    assert ways(JANUARY, FEBRUARY) == {"held": 3}
    assert reconcile([JANUARY, FEBRUARY]) == []


def test_a_part_payment_makes_the_balance_fall(company: Company):
    loan = company.lend(Method.LEVEL, amount=1_000_000, count=6)
    run_day_end(FEBRUARY)
    loan = db.session.get_one(Loan, loan.id)
    repay(loan, 400_000, FEBRUARY + dt.timedelta(days=1), "R1")
    assert ways(FEBRUARY, None) == {"fell": 1}
    assert reconcile([JANUARY, FEBRUARY]) == []


def test_steps_tell_when_a_loan_was_first_late_and_how_far_it_is_overdue(company: Company):
    """Lent on 5 January, never paid: 23 days late at the end of February, 54 of March, 84 of April; then paid."""
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=12)
    run_day_end(dt.date(2026, 4, 30))
    expected = {
        (JANUARY, Step.LENT, 0, 1_000_000),
        (FEBRUARY, Step.OVERDUE, 1, 1_000_000),
        (dt.date(2026, 3, 31), Step.EVER_30, 2, 1_000_000),
        (dt.date(2026, 4, 30), Step.EVER_60, 3, 1_000_000),
    }

    def steps() -> set[tuple[object, ...]]:
        columns = (VintageStep.as_of, VintageStep.step, VintageStep.on_book, VintageStep.amount)
        return set(map(tuple, db.session.execute(select(*columns))))

    assert steps() == expected
    settle_early(db.session.get_one(Loan, loan.id), dt.date(2026, 5, 1), "R1")
    run_day_end(dt.date(2026, 5, 31))
    after = {*expected, (dt.date(2026, 5, 31), Step.OVERDUE, 4, -1_000_000)}
    assert steps() == after
    rebuild_snapshots([FEBRUARY])
    assert steps() == after
    assert START < JANUARY
