"""The life of a case: acknowledged, a measure decided, its result, proposed to close, closed by somebody else."""

from __future__ import annotations

from flask_babel import gettext

from portal.core import records, scope
from portal.core.clock import business_date, now
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues, Refused
from portal.core.notifications import notify
from portal.core.work import current_unit, verb
from portal.warnings.models import Measure, WarningCase, WarningStep
from portal.warnings.rules import AFTER, Step

LONGEST = 400
"""Characters of a note."""


@verb("warnings.acknowledge")
def acknowledge(case_id: int, note: str = "") -> WarningCase:
    """Take note of a warning. Refused for whom it is not with, and twice."""
    case = _step(case_id, Step.ACKNOWLEDGE, note)
    case.acknowledged_on = business_date()
    return _done(case)


@verb("warnings.decide_measure")
def decide(case_id: int, measure: Measure | None, note: str = "") -> WarningCase:
    """Decide what is done. InvalidValues without a measure, and for none without a reason."""
    if measure is None:
        raise InvalidValues({"measure": [gettext("Choose a measure.")]})
    if measure is Measure.NONE and not note.strip():
        raise InvalidValues({"note": [gettext("Say why nothing is done.")]})
    case = _step(case_id, Step.DECIDE, note, measure)
    case.measure, case.result = measure, None
    return _done(case)


@verb("warnings.report_result")
def report(case_id: int, note: str) -> WarningCase:
    """Tell what came of the measure. InvalidValues without words."""
    if not note.strip():
        raise InvalidValues({"note": [gettext("Say what came of it.")]})
    case = _step(case_id, Step.REPORT, note)
    case.result = _kept(note)
    return _done(case)


@verb("warnings.propose_to_close")
def propose(case_id: int, note: str = "") -> WarningCase:
    """Propose to close a case; somebody else closes it."""
    case = _step(case_id, Step.PROPOSE, note)
    case.proposed_by_id = scope.actor().user_id
    return _done(case)


@verb("warnings.close_case")
def close(case_id: int, note: str = "") -> WarningCase:
    """Close what somebody else proposed to close."""
    case = _step(case_id, Step.CLOSE, note)
    case.closed_on = business_date()
    return _done(case)


@verb("warnings.send_back")
def send_back(case_id: int, note: str) -> WarningCase:
    """Let a case stay open that somebody else proposed to close. InvalidValues without a reason."""
    if not note.strip():
        raise InvalidValues({"note": [gettext("Say why it stays open.")]})
    case = _step(case_id, Step.SEND_BACK, note)
    notify([case.proposed_by_id], "warnings.sent_back", f"/warningcaseview/show/{case.id}", code=case.code)
    case.proposed_by_id = None
    return _done(case)


def problem(case: WarningCase, step: Step) -> str | None:
    """Why the present login cannot take this step now; None when it can, as far as its role's scope goes."""
    if (case.state, step) not in AFTER:
        return str(gettext("This step does not follow on “%(state)s”.", state=label_of(case.state)))
    who = scope.actor()
    if step in (Step.CLOSE, Step.SEND_BACK):
        if case.proposed_by_id is not None and who.acts_for(case.proposed_by_id):
            return str(gettext("You proposed to close this: somebody else decides on it."))
        return None
    if not who.everything and not case.owner.is_among(who.templates):
        owner = label_of(case.owner)
        return str(gettext("This warning is with another role now: %(owner)s.", owner=owner))
    return None


def _step(case_id: int, step: Step, note: str, measure: Measure | None = None) -> WarningCase:
    case: WarningCase = records.load(WarningCase, case_id)
    refusal = problem(case, step)
    if refusal is not None:
        raise Refused(refusal)
    case.state = AFTER[case.state, step]
    number = scope.actor().staff_id
    db.session.add(
        WarningStep(
            loan_id=case.loan_id,
            case_id=case.id,
            step=step,
            measure=measure,
            note=_kept(note),
            done_on=business_date(),
            done_at=now(),
            done_by_id=number if number > 0 else None,
        )
    )
    return case


def _kept(note: str) -> str | None:
    return note.strip()[:LONGEST] or None


def _done(case: WarningCase) -> WarningCase:
    db.session.flush()
    unit = current_unit()
    unit.about(case)
    unit.note(state=case.state.value)
    return case
