"""Verbs of assessments: one person assesses, another confirms; what is in force is followed, not edited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.core import records, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.work import current_unit, verb
from portal.risk.assessment_figures import freeze
from portal.risk.assessment_parameters import cutoffs
from portal.risk.assessment_words import MeasureState, RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.deciding import decide_on, proposal
from portal.risk.models import ReviewState

PLACE = ("kind", "branch", "as_of")
"""What decides which assessment it follows."""


@verb("risk.assess")
def assess(values: Mapping[str, Any]) -> RiskAssessment:
    """Assess a risk; somebody else confirms it. InvalidValues by field for what is missing or does not follow."""
    given = dict(values)
    wrong = records.problems(RiskAssessment, given) or _unfit(given["kind"], given.get("branch"), given["as_of"])
    if wrong:
        raise InvalidValues(wrong)
    row = RiskAssessment(state=ReviewState.PROPOSED, **proposal(business_date()))
    with db.session.no_autoflush:
        records.assign(row, {name: value for name, value in given.items() if value is not None})
        _derive(row)
    db.session.add(row)
    _flush()
    _tell(row)
    return row


@verb("risk.revise_assessment")
def revise(row_id: int, values: Mapping[str, Any], version_seen: int | None = None) -> RiskAssessment:
    """Change what one assessed oneself while nobody has decided on it. Refused for anything else."""
    row: RiskAssessment = records.load(RiskAssessment, row_id)
    if row.state is not ReviewState.PROPOSED:
        raise Refused(gettext("This has been decided already: let a new assessment follow it."))
    if row.proposer != scope.actor().name:
        raise Refused(gettext("Somebody else assessed this. You may confirm or refuse it."))
    given = dict(values)
    if any(name in given for name in PLACE):
        held = {"kind": row.kind, "branch": row.branch_id, "as_of": row.as_of} | given
        if all(held[name] for name in ("kind", "as_of")):
            wrong = _unfit(held["kind"], held["branch"], held["as_of"], row.id)
            if wrong:
                raise InvalidValues(wrong)
    row = records.change(RiskAssessment, row_id, given, version_seen)
    _derive(row)
    _flush()
    _tell(row)
    return row


@verb("risk.decide_assessment")
def decide(row_id: int, approve: bool, note: str) -> RiskAssessment:
    """Confirm or refuse what somebody else assessed; a refusal says why. The figures of the day are kept with it."""
    row: RiskAssessment = records.load(RiskAssessment, row_id)
    if row.state is not ReviewState.PROPOSED:
        raise Refused(gettext("This has been decided already."))
    decide_on(row, approve, note, business_date())
    if approve:
        wrong = _unfit(row.kind, row.branch_id, row.as_of, row.id)
        if wrong:
            raise Refused(" ".join(text for texts in wrong.values() for text in texts))
        before = _one(row.kind, row.branch_id, ReviewState.IN_FORCE)
        if before is not None:
            before.state = ReviewState.ENDED
            db.session.flush()  # there is at most one in force
        row.figures = freeze(row)
        row.state = ReviewState.IN_FORCE
    else:
        row.state = ReviewState.REFUSED
    _flush()
    _tell(row)
    return row


@verb("risk.withdraw_assessment")
def withdraw(row_id: int) -> RiskAssessment:
    """Take back what one assessed oneself."""
    row: RiskAssessment = records.load(RiskAssessment, row_id)
    if row.state is not ReviewState.PROPOSED or row.proposer != scope.actor().name:
        raise Refused(gettext("Only what one proposed oneself, and nobody has decided on, can be taken back."))
    row.state, row.decided_on = ReviewState.WITHDRAWN, business_date()
    db.session.flush()
    _tell(row)
    return row


@verb("risk.finish_measures")
def finish_measures(row_id: int, done_on: date | None, note: str) -> RiskAssessment:
    """Note that the measures of a confirmed assessment are done: when, and what was done. InvalidValues by field."""
    row: RiskAssessment = records.load(RiskAssessment, row_id)
    if row.state not in (ReviewState.IN_FORCE, ReviewState.ENDED) or row.measures_state is not MeasureState.OPEN:
        raise Refused(gettext("No measures of this assessment are open."))
    wrong: dict[str, list[Any]] = {}
    if done_on is None:
        wrong["done_on"] = [gettext("Say on which day they were done.")]
    elif done_on > business_date():
        wrong["done_on"] = [gettext("This day has not come yet.")]
    elif done_on < row.as_of:
        wrong["done_on"] = [gettext("This is before the day of the assessment.")]
    if not note.strip():
        wrong["note"] = [gettext("Say what was done.")]
    if wrong:
        raise InvalidValues(wrong)
    row.measures_state, row.done_on, row.done_note = MeasureState.DONE, done_on, note.strip()[:400]
    db.session.flush()
    _tell(row)
    return row


def _derive(row: RiskAssessment) -> None:
    """What follows from what was typed."""
    row.level = cutoffs(row.as_of).level(int(row.likelihood), int(row.impact))
    row.measures_state = MeasureState.OPEN if row.measures else MeasureState.NOTHING


def _unfit(kind: RiskKind, branch_id: int | None, as_of: date, own_id: int | None = None) -> dict[str, list[Any]]:
    """Why an assessment of this day cannot follow those there are, by field; empty when it can."""
    waiting = _one(kind, branch_id, ReviewState.PROPOSED)
    if waiting is not None and waiting.id != own_id:
        return {"kind": [gettext("An assessment of this risk waits for a second person: decide on that first.")]}
    held = _one(kind, branch_id, ReviewState.IN_FORCE)
    if held is not None and as_of <= held.as_of:
        text = gettext("The assessment of %(day)s is in force; one that follows it has a later day.", day=held.as_of)
        return {"as_of": [text]}
    return {}


def _one(kind: RiskKind, branch_id: int | None, state: ReviewState) -> RiskAssessment | None:
    """The one assessment in this state of a kind and a place, if the present task reaches it."""
    statement = select(RiskAssessment).where(
        RiskAssessment.kind == kind, RiskAssessment.branch_id == branch_id, RiskAssessment.state == state
    )
    found: RiskAssessment | None = db.session.scalars(statement).first()
    return found


def _flush() -> None:
    """Refused when somebody else was quicker: there is one of each kind and place that waits, and one in force."""
    try:
        db.session.flush()
    except IntegrityError:
        raise Refused(gettext("These values contradict other records.")) from None


def _tell(row: RiskAssessment) -> None:
    current_unit().about(row)
    current_unit().note(kind=row.kind.value, level=row.level.value, state=row.state.value)
