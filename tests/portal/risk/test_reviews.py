"""Judgements on categories: who can make them, what they do to the loan, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.scope import Actor, acting
from portal.loans.classification import Category
from portal.loans.day_end import run_day_end
from portal.loans.minima import CategoryMinimum, Ground
from portal.loans.models import Loan
from portal.loans.move_groups import LoanMove
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.products.terms import Method
from portal.risk import reviews
from portal.risk.models import CategoryReview, ReviewKind, ReviewState
from tests.portal.loans.conftest import START, Company, state_of

ONE, OTHER = Actor("one", everything=True), Actor("other", everything=True)
FIRST_DUE = dt.date(2026, 2, 5)
SPECIAL, SUBSTANDARD, DOUBTFUL = Category.SPECIAL_MENTION, Category.SUBSTANDARD, Category.DOUBTFUL


def judge(loan: Loan, category: Category, who: Actor = ONE, **values: Any) -> CategoryReview:
    given = {"loan": loan.id, "category": category, "reason": "The workshop is shut", "evidence": "Visit of 3 May"}
    with acting(who):
        return reviews.review(given | values)


def decide(review: CategoryReview, who: Actor, approve: bool = True, note: str = "") -> CategoryReview:
    with acting(who):
        return reviews.decide(review.id, approve, note)


def standing(loan: Loan) -> tuple[Category, Category]:
    state = state_of(loan)
    assert state
    return state.floor, state.category


def states() -> list[ReviewState]:
    return list(db.session.scalars(select(CategoryReview.state).order_by(CategoryReview.id)))


def problem(loan: Loan, category: Category, **values: Any) -> dict[str, list[Any]]:
    with pytest.raises(InvalidValues) as refusal:
        judge(loan, category, **values)
    return refusal.value.fields


def test_one_person_makes_it_worse_at_once_and_it_stays_so(company: Company):
    loan = company.lend()
    review = judge(loan, SUBSTANDARD)
    assert (review.state, review.before, review.floor) == (ReviewState.IN_FORCE, Category.NORMAL, Category.NORMAL)
    assert review.next_review_on == dt.date(2027, 1, 5), "a year later"
    assert standing(loan) == (Category.NORMAL, SUBSTANDARD)
    run_day_end(dt.date(2026, 2, 10))
    assert standing(loan) == (SPECIAL, SUBSTANDARD), "the floor moves, the judgement holds"
    run_day_end(FIRST_DUE + dt.timedelta(days=270))
    assert standing(loan) == (DOUBTFUL, DOUBTFUL), "the floor overtakes it"
    assert reconcile([dt.date(2026, 1, 31), dt.date(2026, 9, 30)]) == []


def test_a_judgement_within_a_month_moves_the_loan_in_the_migration_of_the_month(company: Company):
    loan = company.lend()
    run_day_end(dt.date(2026, 1, 31))
    judge(loan, SUBSTANDARD)
    moved = select(LoanMove.category_before, LoanMove.category_after).where(LoanMove.closed_on.is_(None))
    summed = moved.group_by(LoanMove.category_before, LoanMove.category_after).having(func.sum(LoanMove.loans) != 0)
    assert [tuple(row) for row in db.session.execute(summed)] == [(Category.NORMAL, SUBSTANDARD)]
    assert reconcile() == []


def test_the_way_back_waits_for_somebody_else(company: Company):
    loan = company.lend()
    judge(loan, SPECIAL)
    back = judge(loan, Category.NORMAL)
    assert back.state is ReviewState.PROPOSED
    assert standing(loan) == (Category.NORMAL, SPECIAL), "nothing has changed yet"
    with pytest.raises(Refused, match="You proposed this"):
        decide(back, ONE)
    decide(back, OTHER)
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    assert states() == [ReviewState.ENDED, ReviewState.IN_FORCE]
    with pytest.raises(Refused, match="decided already"):
        decide(back, OTHER)
    assert reconcile() == []


def test_better_than_the_floor_is_impossible(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=90))
    fields = problem(loan, SPECIAL)
    assert fields == {"category": ["With 91 days past due the category is at least “Substandard”; none better."]}
    assert states() == []


def test_a_floor_that_has_sunk_since_the_proposal_refuses_its_approval(company: Company):
    loan = company.lend()
    judge(loan, SUBSTANDARD)
    loan = db.session.get_one(Loan, loan.id)
    with acting(ONE):
        row = reviews.review({"loan": loan.id, "category": SUBSTANDARD, "reason": "same", "evidence": "same"})
    assert row.state is ReviewState.IN_FORCE, "as bad as now is a confirmation"
    judge(loan, DOUBTFUL)
    back = judge(loan, SUBSTANDARD)
    run_day_end(FIRST_DUE + dt.timedelta(days=271))
    with pytest.raises(Refused, match="at least “Doubtful”"):
        decide(back, OTHER)
    assert db.session.get_one(CategoryReview, back.id).state is ReviewState.PROPOSED, "it still waits"
    with pytest.raises(InvalidValues, match="Say why it is refused"):
        decide(back, OTHER, approve=False)
    decide(back, OTHER, approve=False, note="Too late")
    assert db.session.get_one(CategoryReview, back.id).state is ReviewState.REFUSED


def test_a_judgement_needs_its_reason_and_its_evidence(company: Company):
    loan = company.lend()
    fields = problem(loan, SUBSTANDARD, reason="  ", evidence="")
    assert set(fields) == {"reason", "evidence"}
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)


def test_one_proposal_at_a_time(company: Company):
    loan = company.lend()
    judge(loan, DOUBTFUL)
    waiting = judge(loan, SUBSTANDARD)
    assert "waits for a second person" in problem(loan, SUBSTANDARD, reason="again")["loan"][0]
    with acting(OTHER), pytest.raises(Refused, match="one proposed oneself"):
        reviews.withdraw(waiting.id)
    with acting(ONE):
        reviews.withdraw(waiting.id)
    assert judge(loan, SUBSTANDARD).state is ReviewState.PROPOSED


def test_what_was_judged_non_performing_is_observed_before_its_upgrade(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=24)
    judge(loan, SUBSTANDARD)
    fields = problem(loan, Category.NORMAL)
    assert fields["category"][0].endswith("counted from 2026-01-05: not before 2026-07-05.")
    for month in range(2, 8):
        on = dt.date(2026, month, 5)
        run_day_end(on - dt.timedelta(days=1))
        repay(db.session.get_one(Loan, loan.id), 10_000, on, f"R{month}")
    back = judge(loan, Category.NORMAL)  # on 5 July
    decide(back, OTHER)
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)


def test_observation_cannot_be_judged_away(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=94))
    loan = db.session.get_one(Loan, loan.id)
    due = sum(line.unpaid for line in loan.instalments if line.due_date <= dt.date(2026, 5, 11))
    repay(loan, due + 50_000, dt.date(2026, 5, 11), "R1")
    assert standing(loan) == (Category.NORMAL, SUBSTANDARD)
    fields = problem(loan, SPECIAL)
    assert fields == {"category": ["The category is at least “Substandard” for now: Observed after arrears."]}


def test_technical_lateness_is_for_a_few_days_and_takes_two(company: Company):
    loan = company.lend()
    run_day_end(FIRST_DUE + dt.timedelta(days=2))
    review = judge(loan, DOUBTFUL, kind=ReviewKind.TECHNICAL)
    assert (review.state, review.category) == (ReviewState.PROPOSED, Category.NORMAL)
    assert standing(loan) == (SPECIAL, SPECIAL)
    decide(review, OTHER)
    assert standing(loan) == (Category.NORMAL, Category.NORMAL)
    held = db.session.scalars(select(CategoryMinimum)).one()
    assert (held.ground, held.day_after) == (Ground.TECHNICAL, FIRST_DUE + dt.timedelta(days=8))
    run_day_end(FIRST_DUE + dt.timedelta(days=7))
    assert standing(loan) == (SPECIAL, SPECIAL), "eight days are no technicality"
    assert "1 to 7 days past due; this one has 8" in problem(loan, SPECIAL, kind=ReviewKind.TECHNICAL)["kind"][0]


def test_a_closed_loan_is_not_judged(company: Company):
    loan = company.lend(Method.BULLET, amount=100, count=1, rate=0)
    repay(loan, 100, START, "R1")
    assert problem(loan, SUBSTANDARD)["loan"] == [f"The loan {loan.code} is closed."]
