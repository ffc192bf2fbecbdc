"""What early warning adds: evaluation after bookings and day-end, words in timelines, search, home pages."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session, joinedload

from portal.core import scope, timeline
from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import derived, told
from portal.core.search import records
from portal.loans import following
from portal.warnings import history as history
from portal.warnings.evaluation import evaluate_all, evaluate_changed
from portal.warnings.models import RuleState, WarningCase, WarningRule
from portal.warnings.rules import Level, Owner, State

timeline.call("warnings.acknowledge", _("Warning acknowledged"))
timeline.call("warnings.decide_measure", _("Measure decided"))
timeline.call("warnings.report_result", _("Result reported"))
timeline.call("warnings.propose_to_close", _("Proposed to close"))
timeline.call("warnings.close_case", _("Warning closed"))
timeline.call("warnings.send_back", _("Warning kept open"))
timeline.call("warnings.switch_on", _("Warning rule proposed or switched on"))
timeline.call("warnings.approve_rule", _("Warning rule approved"))
timeline.call("warnings.reject_rule", _("Warning rule back to a draft"))
timeline.call("warnings.switch_off", _("Warning rule switched off"))

records(
    "warning_rules",
    _("Warning rules"),
    "WarningRuleView",
    lambda row: (told(row, "level"), told(row, "state")),
)
records(
    "warning_cases",
    _("Warnings"),
    "WarningCaseView",
    lambda row: (told(row, "rule"), told(row, "state")),
    ("rule", "loan"),
)


def _after_day_end(_day: date) -> None:
    with scope.acting(scope.SYSTEM):
        evaluate_all()


def _after_booking(session: Session, day: date, loans: Collection[int]) -> None:
    evaluate_changed(session, day, loans)


following.opened.register("warnings", _after_day_end)
following.changed.register("warnings", _after_booking)

SERIOUS = {level.value: place for place, level in enumerate(reversed(Level))}


def waiting() -> Waiting:
    """Warnings to acknowledge that are with the reader's roles, and those that wait to be closed; the worst first."""
    who, today = scope.actor(), business_date()
    mine = [owner for owner in Owner if owner.value in who.templates]
    wanted: list[Any] = [(WarningCase.state == State.OPEN) & WarningCase.owner.in_(mine)]
    if who.may("WarningCase", "approve"):
        wanted.append(WarningCase.state == State.TO_CLOSE)
    statement = (
        select(WarningCase)
        .where(or_(*wanted))
        .order_by(case(SERIOUS, value=WarningCase.level), WarningCase.acknowledge_by, WarningCase.id)
        .options(joinedload(WarningCase.loan), joinedload(WarningCase.rule))
    )
    found, count = waiting_rows(statement)
    lines = [
        Line(
            told(row, "loan"),
            f"{told(row, 'level')} · {told(row, 'rule')}",
            _until(row),
            record_url(row),
            "danger" if row.state is State.OPEN and row.acknowledge_by < today else "warn",
        )
        for (row,) in found
    ]
    states = f"{State.OPEN.value},{State.TO_CLOSE.value}"
    return Waiting(lines, count=count, url=list_url("WarningCaseView", {"f.state.in": states}))


def _until(row: WarningCase) -> str:
    if row.state is State.TO_CLOSE:
        return str(label_of(State.TO_CLOSE))
    words = gettext("by %(day)s", day=format_date(row.acknowledge_by, "medium"))
    return derived(WarningCase, ("acknowledge_by",), words)


def rules_waiting() -> Waiting:
    """Rules that somebody proposed to switch on."""
    statement = select(WarningRule).where(WarningRule.state == RuleState.WAITING).order_by(WarningRule.code)
    found, count = waiting_rows(statement)
    lines = [
        Line(told(row, "name"), told(row, "code"), told(row, "level"), record_url(row), "warn") for (row,) in found
    ]
    return Waiting(lines, count=count, url=list_url("WarningRuleView", {"f.state.in": RuleState.WAITING.value}))


register_card(
    HomeCard(
        "warnings_waiting",
        _("Warnings waiting"),
        "WarningCase",
        "run",
        {"customer_manager": 12, "team_lead": 12, "branch_head": 22, "risk": 12},
        waiting,
        _("No warning waits for you."),
        "fa-bell-o",
        quiet=True,
        later=True,
    )
)
register_card(
    HomeCard(
        "warning_rules_waiting",
        _("Warning rules to approve"),
        "WarningRule",
        "approve",
        {"risk": 17, "administrator": 40},
        rules_waiting,
        _("No warning rule waits for a second person."),
        "fa-sliders",
        quiet=True,
        later=True,
    )
)
