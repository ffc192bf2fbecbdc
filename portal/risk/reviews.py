"""Reviews of categories: worse by one person at once, back towards the floor by a second one, never better than it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from portal.core import records, scope
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues, Refused
from portal.core.work import current_unit, verb
from portal.loans.booking import open_date
from portal.loans.classification import Category, is_cured
from portal.loans.judging import Standing, keep_down, let_go, standing_of
from portal.loans.minima import Ground
from portal.loans.models import Instalment, Loan
from portal.loans.periods import add_months
from portal.loans.thresholds import lateness_rules, observation_rules
from portal.parameters.services import parameter
from portal.risk.deciding import decide_on, proposal
from portal.risk.models import CategoryReview, ReviewKind, ReviewState
from portal.risk.rules import Way, way_of


@verb("risk.review")
def review(values: Mapping[str, Any]) -> CategoryReview:
    """Judge the category of a loan. In force at once, or proposed to a second person; see `rules.way_of`.

    Raises InvalidValues by field: without reason or evidence, for a closed loan, for a category that is not possible.
    """
    given = {"kind": ReviewKind.CATEGORY, **values}
    if given["kind"] == ReviewKind.TECHNICAL:
        given["category"] = Category.NORMAL
    wrong = records.problems(CategoryReview, given)
    for name, problem in (("reason", gettext("Say why.")), ("evidence", gettext("Say which papers show it."))):
        if not str(given.get(name) or "").strip():
            wrong[name] = [problem]
    if wrong:
        raise InvalidValues(wrong)
    day, loan = open_date(), records.load(Loan, given["loan"])
    stands = standing_of(loan, day)
    if stands is None:
        raise InvalidValues({"loan": [gettext("The loan %(code)s is closed.", code=loan.code)]})
    at_once = _check(loan, stands, given["kind"], given["category"], day)
    if _waiting(loan):
        raise InvalidValues(
            {"loan": [gettext("A judgement on this loan waits for a second person: decide that first.")]}
        )
    row = CategoryReview(
        loan_id=loan.id,
        kind=given["kind"],
        category=given["category"],
        reason=str(given["reason"]).strip(),
        evidence=str(given["evidence"]).strip(),
        floor=stands.floor,
        before=stands.category,
        state=ReviewState.PROPOSED,
        **proposal(day),
    )
    db.session.add(row)
    db.session.flush()
    if at_once:
        _apply(row, loan, stands, day)
    current_unit().about(loan)
    current_unit().note(review=row.id, category=row.category.value, state=row.state.value)
    return row


@verb("risk.decide_review")
def decide(review_id: int, approve: bool, note: str) -> CategoryReview:
    """Approve or refuse what somebody else proposed; a refusal says why. The rules are asked again, as of now."""
    row: CategoryReview = records.load(CategoryReview, review_id)
    day, loan = open_date(), row.loan
    if row.state is not ReviewState.PROPOSED:
        raise Refused(gettext("This has been decided already."))
    decide_on(row, approve, note, day)
    if approve:
        stands = standing_of(loan, day)
        if stands is None:
            raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
        try:
            _check(loan, stands, row.kind, row.category, day)
        except InvalidValues as error:
            raise Refused(" ".join(str(text) for texts in error.fields.values() for text in texts)) from None
        _apply(row, loan, stands, day)
    else:
        row.state = ReviewState.REFUSED
    db.session.flush()
    current_unit().about(loan)
    current_unit().note(review=row.id, category=row.category.value, state=row.state.value)
    return row


@verb("risk.withdraw_review")
def withdraw(review_id: int) -> CategoryReview:
    """Take back what one proposed oneself."""
    row: CategoryReview = records.load(CategoryReview, review_id)
    if row.state is not ReviewState.PROPOSED or row.proposer != scope.actor().name:
        raise Refused(gettext("Only what one proposed oneself, and nobody has decided on, can be taken back."))
    row.state, row.decided_on = ReviewState.WITHDRAWN, open_date()
    db.session.flush()
    current_unit().about(row.loan)
    return row


def _check(loan: Loan, stands: Standing, kind: ReviewKind, wanted: Category, day: date) -> bool:
    """Whether a judgement is in force at once. InvalidValues when it is not possible."""
    if kind is ReviewKind.TECHNICAL:
        _check_technical(stands, day)
        return False
    words = {"floor": label_of(stands.floor), "days": stands.days_past_due}
    match way_of(wanted, stands.floor, stands.category, stands.least()):
        case Way.BELOW_FLOOR:
            text = gettext("With %(days)s days past due the category is at least “%(floor)s”; none better.", **words)
            raise InvalidValues({"category": [text]})
        case Way.KEPT_DOWN:
            grounds = gettext(", ").join(
                str(label_of(row.ground)) for row in stands.minima if row.ground is not Ground.REVIEW
            )
            text = gettext(
                "The category is at least “%(least)s” for now: %(grounds)s.",
                least=label_of(stands.least()),
                grounds=grounds,
            )
            raise InvalidValues({"category": [text]})
        case Way.SECOND:
            _check_observed(loan, stands, wanted, day)
            return False
    return True


def _check_technical(stands: Standing, day: date) -> None:
    most = lateness_rules(day).technical_days
    if stands.floor is Category.NORMAL or stands.days_past_due > most:
        text = gettext(
            "Technical lateness is for loans of 1 to %(most)s days past due; this one has %(days)s.",
            most=most,
            days=stands.days_past_due,
        )
        raise InvalidValues({"kind": [text]})


def _check_observed(loan: Loan, stands: Standing, wanted: Category, day: date) -> None:
    """A loan that people judged non-performing is observed like one that was so by its days."""
    held = stands.review()
    if held is None or not held.category.non_performing or wanted.non_performing:
        return
    rules = observation_rules(day)
    lines = db.session.execute(
        select(Instalment.due_date, Instalment.settled_on).where(
            Instalment.loan_id == loan.id, Instalment.due_date < day
        )
    ).all()
    since = max([held.first_day, *(settled for due, settled in lines if settled and settled > due)])
    if stands.days_past_due or not is_cured(since, day, rules.months, (due for due, _s in lines), rules.instalments):
        text = gettext(
            "An upgrade from NPL needs %(months)s months and %(instalments)s instalments without arrears, counted from"
            " %(since)s: not before %(earliest)s.",
            months=rules.months,
            instalments=rules.instalments,
            since=since,
            earliest=add_months(since, rules.months),
        )
        raise InvalidValues({"category": [text]})


def _waiting(loan: Loan) -> bool:
    waiting = select(CategoryReview.id).where(
        CategoryReview.loan_id == loan.id, CategoryReview.state == ReviewState.PROPOSED
    )
    return db.session.scalar(waiting) is not None


def _apply(row: CategoryReview, loan: Loan, stands: Standing, day: date) -> None:
    """Let a judgement come into force: it takes the place of the one before."""
    if row.kind is ReviewKind.TECHNICAL:
        assert stands.oldest_due_on is not None  # it is past due
        helps = (day - stands.oldest_due_on).days  # of the days that technical lateness may have
        last = lateness_rules(day).technical_days - helps
        until = date.fromordinal(day.toordinal() + last + 1)
        row.minimum_id = keep_down(loan, Ground.TECHNICAL, Category.NORMAL, day, until).id
        row.state = ReviewState.IN_FORCE
        db.session.flush()
        return
    earlier = db.session.scalars(
        select(CategoryReview).where(
            CategoryReview.loan_id == loan.id,
            CategoryReview.kind == ReviewKind.CATEGORY,
            CategoryReview.state == ReviewState.IN_FORCE,
        )
    ).all()
    for other in earlier:
        other.state = ReviewState.ENDED
    row.state = ReviewState.IN_FORCE
    row.next_review_on = add_months(day, int(parameter("review.months", day).value))
    db.session.flush()
    held = stands.review()
    if row.category > stands.floor:
        row.minimum_id = keep_down(loan, Ground.REVIEW, row.category, day).id
        db.session.flush()
    if held is not None:
        let_go(loan, held, day)
