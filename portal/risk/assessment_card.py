"""The home card of risk assessments: what waits, what is overdue, and the level of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import format_date, gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Tone, Waiting, list_url, register_card
from portal.core.masks import is_clear, told
from portal.core.scope import actor
from portal.risk.assessment_reading import CONFIRMED, Standing, open_measures, standings
from portal.risk.assessments import RiskAssessment
from portal.risk.levels import RiskLevel, is_overdue
from portal.risk.models import ReviewState

TONES: dict[RiskLevel, Tone] = {RiskLevel.HIGH: "warn", RiskLevel.VERY_HIGH: "danger"}


def assessments() -> Waiting:
    """First what waits for a decision and whose measures are late, then each kind of risk of the company."""
    if not all(is_clear(RiskAssessment, name) for name in ("kind", "level", "as_of", "due_on", "state")):
        return Waiting()
    today = business_date()
    lines = [*_waiting(), *_late(open_measures(everywhere=True))]
    found = standings(None, today)
    if not lines and not any(one.now for one in found):
        return Waiting()
    return Waiting([*lines, *(_line(one) for one in found)], url=url_for("RiskMatrixView.index"))


def _waiting() -> list[Line]:
    if not actor().may("RiskAssessment", "approve"):
        return []
    number = db.session.scalar(
        select(func.count()).select_from(RiskAssessment).where(RiskAssessment.state == ReviewState.PROPOSED)
    )
    if not number:
        return []
    words = ngettext(
        "%(num)s assessment waits for a second person", "%(num)s assessments wait for a second person", number
    )
    return [Line(words, url=list_url("RiskAssessmentView", {"f.state.in": ReviewState.PROPOSED.value}), tone="warn")]


def _late(rows: Sequence[RiskAssessment]) -> list[Line]:
    late = [row for row in rows if is_overdue(row.due_on, business_date())]
    if not late:
        return []
    words = ngettext(
        "Measures of %(num)s assessment are overdue", "Measures of %(num)s assessments are overdue", len(late)
    )
    states = ",".join(state.value for state in CONFIRMED)
    arguments = {"f.state.in": states, "f.measures_state.in": "open", "f.due_on.lt": business_date()}
    return [
        Line(
            words, value=str(gettext("Measures overdue")), url=list_url("RiskAssessmentView", arguments), tone="danger"
        )
    ]


def _line(one: Standing) -> Line:
    kind = str(label_of(one.kind))
    if one.now is None:
        value = str(gettext("Assessment overdue")) if one.overdue else ""
        return Line(kind, str(gettext("Not assessed yet")), value, tone="warn" if one.overdue else "")
    tone: Tone = TONES.get(one.now.level, "warn" if one.overdue else "")
    note = gettext("as of %(day)s", day=format_date(one.now.as_of, "medium"))
    if one.overdue and one.due:
        note += " · " + gettext("was to be assessed again by %(day)s", day=format_date(one.due, "medium"))
    return Line(kind, note, told(one.now, "level"), record_url(one.now), tone)


register_card(
    HomeCard(
        "risk_assessments",
        _("Risk assessments"),
        "RiskAssessment",
        "list",
        {"risk": 30, "committee": 35, "committee_office": 40},
        assessments,
        _("No risk has been assessed yet."),
        "fa-crosshairs",
        quiet=True,
        later=True,
    )
)
