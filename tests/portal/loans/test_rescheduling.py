"""Extensions and restructurings: what is put off, what it costs, who decides, what the books say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import SYSTEM, acting
from portal.loans.backdating import repay_backdated
from portal.loans.booking import account_of
from portal.loans.classification import Category
from portal.loans.day_end import run_day_end
from portal.loans.extending import ExtensionRules, approve, extended_by, propose, refuse
from portal.loans.ledger import Journal, JournalKind
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Charge, Loan, LoanStatus, RepaymentKind
from portal.loans.prepayment import prepay
from portal.loans.quotes import quote
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, repay, settle_early
from portal.loans.reversals import reverse
from portal.loans.terms import Rescheduling, ReschedulingKind, ReschedulingState, TermsChange
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, open_on, state_of

ONE, OTHER = replace(SYSTEM, name="one"), replace(SYSTEM, name="other")
EXTENSION, RESTRUCTURING = ReschedulingKind.EXTENSION, ReschedulingKind.RESTRUCTURING


def decided(loan: Loan, kind: ReschedulingKind, months: int, on: dt.date, **more: Any) -> Rescheduling:
    """Proposed by one, approved by another."""
    with acting(ONE):
        row = propose(loan, kind, months, on, "the harvest was late", **more)
    with acting(OTHER):
        return approve(row)


def schedule(loan: Loan) -> list[tuple[str, int, int]]:
    """(due date, principal, interest) of what asks for something, by due date."""
    db.session.expire_all()
    lines = sorted(loan.instalments, key=lambda line: (line.due_date, line.number))
    return [
        (line.due_date.isoformat(), line.principal, line.interest) for line in lines if line.principal + line.interest
    ]


def test_the_legal_lengths():
    rules = ExtensionRules(12, 60, Fraction(100), Fraction(50), 36)
    assert [rules.longest(term) for term in (1, 12, 13, 36, 60, 61, 120)] == [1, 12, 6, 18, 30, 36, 36]


def test_an_interest_only_loan_is_extended_by_two_months(company: Company):
    """10,000.00 at 12 %, three months: 100.00 a month; two more months bear 100.00 each, the principal comes last."""
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    open_on(dt.date(2026, 3, 20))
    row = decided(loan, EXTENSION, 2, dt.date(2026, 3, 20))
    assert row.state is ReschedulingState.BOOKED
    assert schedule(loan) == [
        ("2026-02-05", 0, 10_000),
        ("2026-03-05", 0, 10_000),
        ("2026-04-05", 0, 10_000),
        ("2026-05-05", 0, 10_000),
        ("2026-06-05", 1_000_000, 10_000),
    ]
    assert loan.matures_on == dt.date(2026, 6, 5)
    assert extended_by(loan) == 2
    assert reconcile() == []


def test_a_bullet_keeps_its_interest_on_the_old_day(company: Company):
    """10,000.00 at 12 % over three months: 300.00 on 5 April; three more months bear another 300.00."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=3)
    open_on(dt.date(2026, 4, 1))
    decided(loan, EXTENSION, 3, dt.date(2026, 4, 1))
    assert schedule(loan) == [("2026-04-05", 0, 30_000), ("2026-07-05", 1_000_000, 30_000)]
    run_day_end(dt.date(2026, 4, 30))
    assert balances(loan)["INTEREST_RECEIVABLE interest"] == 30_000 + 30_000 * 25 // 91
    assert reconcile([dt.date(2026, 4, 30)]) == []


def test_equal_principal_is_spread_anew_and_another_rate_holds_from_the_day_on(company: Company):
    """12,000.00 over 12 months, 12 %: 1,000.00 a month. After the first is paid, 11,000.00 are spread over 11 + 11
    months: 500.00 each; at 6 % from 5 February: 11,000.00 x 6 % / 12 = 55.00 at first, 2.50 less each month."""
    loan = company.lend(Method.EQUAL_PRINCIPAL)
    open_on(dt.date(2026, 2, 5))
    repay(loan, 112_000, dt.date(2026, 2, 5), "R1")
    decided(loan, EXTENSION, 11, dt.date(2026, 2, 5), rate=60_000)
    found = schedule(loan)
    assert len(found) == 23
    assert found[:3] == [("2026-02-05", 100_000, 12_000), ("2026-03-05", 50_000, 5_500), ("2026-04-05", 50_000, 5_250)]
    assert found[-1] == ("2027-12-05", 50_000, 250)
    assert loan.rate == 60_000
    assert reconcile() == []


def test_a_level_loan_stays_level(company: Company):
    """9,000.00 at 12 %, three months. Not paid on 5 February, extended by three months on 10 February: what is late
    stays late, what is to come is spread over 2 + 3 months. The running period keeps its interest."""
    loan = company.lend(Method.LEVEL, amount=900_000, count=3)
    first = loan.instalments[0].principal
    open_on(dt.date(2026, 2, 10))
    decided(loan, EXTENSION, 3, dt.date(2026, 2, 10))
    found = schedule(loan)
    assert found[0] == ("2026-02-05", first, 9_000)
    rest = 900_000 - first
    assert sum(principal for _due, principal, _interest in found[1:]) == rest
    assert found[1][2] == (rest * 12 // 100 * 30 + 180) // 360
    totals = [principal + interest for _due, principal, interest in found[1:]]
    assert len(totals) == 5
    assert max(totals[:-1]) == min(totals[:-1])
    assert abs(totals[-1] - totals[0]) < 10
    penalty = loan.instalments[0].penalty
    assert penalty == round((first + 9_000) * 0.18 * 5 / 360)
    assert reconcile() == []


def test_an_extended_loan_is_special_mention_and_observed_for_a_year(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    open_on(dt.date(2026, 1, 20))
    decided(loan, EXTENSION, 3, dt.date(2026, 1, 20))
    state = state_of(loan)
    assert state is not None
    assert (state.floor, state.category) == (Category.NORMAL, Category.SPECIAL_MENTION)
    minimum = db.session.scalars(select(CategoryMinimum)).one()
    assert (minimum.ground, minimum.first_day, minimum.day_after) == (Ground.EXTENDED, dt.date(2026, 1, 20), None)


def test_observation_ends_after_the_dated_months(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=24)
    decided(loan, EXTENSION, 3, START)
    run_day_end(dt.date(2026, 12, 31))
    state = state_of(loan)
    assert state is not None
    assert state.category is Category.SPECIAL_MENTION
    run_day_end(dt.date(2027, 1, 31))
    state = state_of(loan)
    assert state is not None
    assert state.category is Category.NORMAL
    assert reconcile([dt.date(2027, 1, 31)]) == []


def test_extensions_stay_within_the_legal_length_in_all(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    decided(loan, EXTENSION, 2, START)
    with pytest.raises(InvalidValues, match="3 months in all; it was extended by 2"):
        propose(loan, EXTENSION, 2, START, "again")
    decided(loan, EXTENSION, 1, START)
    assert extended_by(loan) == 3


def test_whoever_proposed_does_not_decide_and_nobody_decides_twice(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=3)
    with acting(ONE):
        row = propose(loan, EXTENSION, 1, START, "late harvest")
        with pytest.raises(Refused, match="Somebody else"):
            approve(row)
        with pytest.raises(Refused, match="awaits approval already"):
            propose(loan, EXTENSION, 1, START, "late harvest")
    with acting(OTHER):
        refuse(row, "no plan how to repay")
        with pytest.raises(Refused, match="decided on already"):
            approve(row)
    assert schedule(loan) == [("2026-04-05", 1_000_000, 30_000)]
    assert db.session.scalars(select(TermsChange)).all() == []


@pytest.mark.parametrize(
    ("kind", "months", "more", "field"),
    [
        (EXTENSION, 0, {}, "months"),
        (EXTENSION, -1, {}, "months"),
        (EXTENSION, 601, {}, "months"),
        (EXTENSION, 4, {}, "months"),
        (RESTRUCTURING, 0, {}, "months"),
        (EXTENSION, 1, {"rate": 240_001}, "rate"),
        (EXTENSION, 1, {"rate": -1}, "rate"),
        (EXTENSION, 1, {"reason": " "}, "reason"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(company: Company, kind, months, more, field):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=3)
    with pytest.raises(InvalidValues) as refused:
        propose(loan, kind, months, START, **({"reason": "why"} | more))
    assert list(refused.value.fields) == [field]


def test_after_the_last_due_date_a_loan_is_not_extended(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(dt.date(2026, 2, 6))
    with pytest.raises(Refused, match="before the last due date"):
        propose(loan, EXTENSION, 1, dt.date(2026, 2, 6), "too late")


def test_a_reversal_brings_the_old_schedule_back(company: Company):
    loan = company.lend(Method.LEVEL, amount=900_000, count=3)
    before = schedule(loan)
    open_on(dt.date(2026, 1, 20))
    row = decided(loan, EXTENSION, 3, dt.date(2026, 1, 20), rate=90_000)
    assert schedule(loan) != before
    assert row.journal is not None
    reverse(row.journal, "the committee had said no")
    assert schedule(loan) == before
    assert (loan.rate, loan.matures_on, extended_by(loan)) == (120_000, dt.date(2026, 4, 5), 0)
    assert [(line.period_start, line.period_end) for line in loan.instalments[:3]] == [
        (dt.date(2026, 1, 5), dt.date(2026, 2, 5)),
        (dt.date(2026, 2, 5), dt.date(2026, 3, 5)),
        (dt.date(2026, 3, 5), dt.date(2026, 4, 5)),
    ]
    state = state_of(loan)
    assert state is not None
    assert state.category is Category.NORMAL
    assert reconcile() == []
    settle_early(loan, dt.date(2026, 1, 20), "R1")
    assert db.session.get_one(Loan, loan.id).status is LoanStatus.SETTLED


def test_a_rate_that_changes_within_a_period_cuts_it(company: Company):
    """10,000.00 at 12 %: 100.00 for 5 January to 5 February. On 20 January, after 15 of 31 days, 48.38 are earned; at
    6 % the 16 days left bear 50.00 x 16 / 31 = 25.81. Both are due on 5 February."""
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=2)
    open_on(dt.date(2026, 1, 20))
    decided(loan, EXTENSION, 1, dt.date(2026, 1, 20), rate=60_000)
    assert schedule(loan) == [
        ("2026-02-05", 0, 2_581),
        ("2026-02-05", 0, 4_838),
        ("2026-03-05", 0, 5_000),
        ("2026-04-05", 1_000_000, 5_000),
    ]
    account = account_of(loan, lock=False)
    assert account.earned(dt.date(2026, 1, 20)) == 4_838
    assert account.earned(dt.date(2026, 1, 28)) == 4_838 + 2_581 * 8 // 16
    run_day_end(dt.date(2026, 1, 31))
    assert balances(loan)["INTEREST_RECEIVABLE interest"] == 4_838 + 2_581 * 11 // 16
    assert reconcile([dt.date(2026, 1, 31)]) == []
    assert quote(loan, dt.date(2026, 2, 1)).total == 1_000_000 + 4_838 + 2_581 * 12 // 16


def test_a_restructured_loan_takes_in_what_is_late(company: Company):
    """Two of three instalments of 9,000.00 (equal principal, 12 %) are late on 10 March: 6,000.00 of principal and
    90.00 + 60.00 of interest. With two more months, 9,000.00 are spread over 1 + 2 instalments; the 150.00 are due with
    the first, bearing nothing. The running period had earned 5/31 of 30.00 = 4.83; over the rest of it 9,000.00 bear
    90.00 x 26 / 31 = 75.48."""
    loan = company.lend(Method.EQUAL_PRINCIPAL, amount=900_000, count=3)
    open_on(dt.date(2026, 3, 10))
    decided(loan, RESTRUCTURING, 2, dt.date(2026, 3, 10))
    assert schedule(loan) == [
        ("2026-04-05", 300_000, 7_548),
        ("2026-04-05", 0, 15_000),
        ("2026-04-05", 0, 483),
        ("2026-05-05", 300_000, 6_000),
        ("2026-06-05", 300_000, 3_000),
    ]
    state = state_of(loan)
    assert state is not None
    assert (state.days_past_due, state.category) == (0, Category.SPECIAL_MENTION)
    assert loan.instalments[0].settled_on == dt.date(2026, 3, 10)
    assert loan.instalments[0].penalty == 5_099  # 3,090.00 x 18 % x 33 / 360 = 50.985
    assert reconcile() == []


def test_a_restructured_loan_is_no_better_than_it_was(company: Company):
    loan = company.lend(Method.EQUAL_PRINCIPAL, amount=900_000, count=3)
    run_day_end(dt.date(2026, 11, 30))  # 270 days and more
    state = state_of(loan)
    assert state is not None
    assert state.category is Category.DOUBTFUL
    decided(loan, RESTRUCTURING, 12, dt.date(2026, 12, 1))
    state = state_of(loan)
    assert state is not None
    assert (state.days_past_due, state.floor, state.category) == (0, Category.NORMAL, Category.DOUBTFUL)
    grounds = {row.ground: row.category for row in db.session.scalars(select(CategoryMinimum))}
    assert grounds == {Ground.RESTRUCTURED: Category.DOUBTFUL, Ground.CURE: Category.SUBSTANDARD}
    run_day_end(dt.date(2026, 12, 31))
    assert reconcile([dt.date(2026, 11, 30), dt.date(2026, 12, 31)]) == []


def test_a_payment_told_late_books_the_extension_anew(company: Company):
    """900.00 paid ahead of the extension: it is taken on its day, and 8,100.00 are spread over the months."""
    loan = company.lend(Method.EQUAL_PRINCIPAL, amount=900_000, count=3)
    open_on(dt.date(2026, 2, 20))
    row = decided(loan, EXTENSION, 2, dt.date(2026, 2, 20))
    assert row.journal is not None
    charges = len(db.session.scalars(select(Charge)).all())
    repay_backdated(loan, Payment(loan.id, "R1", 309_000, dt.date(2026, 2, 5)), "the bank told it late")
    assert loan.instalments[0].settled_on == dt.date(2026, 2, 5)
    assert schedule(loan) == [
        ("2026-02-05", 300_000, 9_000),
        ("2026-03-05", 150_000, 6_000),
        ("2026-04-05", 150_000, 4_500),
        ("2026-05-05", 150_000, 3_000),
        ("2026-06-05", 150_000, 1_500),
    ]
    assert extended_by(loan) == 2
    assert len(db.session.scalars(select(Charge)).all()) > charges
    kinds = [journal.kind for journal in db.session.scalars(select(Journal).where(Journal.reverses_id.is_(None)))]
    assert kinds.count(JournalKind.EXTENSION) == 2
    assert reconcile() == []


def test_after_a_reversal_an_early_repayment_keeps_to_the_old_term(company: Company):
    """What the reversed extension had added gets nothing: the last instalment stays that of 5 April."""
    loan = company.lend(Method.EQUAL_PRINCIPAL, amount=900_000, count=3)
    open_on(dt.date(2026, 1, 5))
    row = decided(loan, EXTENSION, 3, START)
    assert row.journal is not None
    reverse(row.journal, "the committee had said no")
    open_on(dt.date(2026, 1, 6))
    prepay(loan, 300_000, dt.date(2026, 1, 6), "R1", RepaymentKind.LOWER)
    assert loan.matures_on == dt.date(2026, 4, 5)
    assert [line[0] for line in schedule(loan)] == ["2026-01-06", "2026-02-05", "2026-03-05", "2026-04-05"]
    assert reconcile() == []
