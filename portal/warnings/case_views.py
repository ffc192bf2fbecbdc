"""Screens of warnings: the list, the record with what is to be done next, the steps that were taken."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.db import label_of
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.masks import derived, told
from portal.core.scope import actor
from portal.core.views import PortalView, ScopedInterface
from portal.risk.checks import CheckKind
from portal.warnings import cases
from portal.warnings.board import MENU
from portal.warnings.models import Measure, WarningCase, WarningCondition, WarningStep
from portal.warnings.rules import AFTER, State, Step

DECISIONS = (Step.CLOSE, Step.SEND_BACK)
"""What takes a second person."""


def condition_words(condition: WarningCondition) -> str:
    """A condition as a sentence, covered where one of its fields is."""
    return derived(WarningCondition, ("indicator", "window", "comparison", "threshold", "category"), condition.words)


class WarningCaseView(PortalView):
    """Warnings."""

    help = Help(
        _(
            "Loans that a warning rule hit: why, with whom the warning is, what was decided and what came of it, from "
            "the first hit to its end. A warning whose rule no longer hits stays open and says so."
        ),
        _(
            "Whoever it is with acknowledges it in time, decides a measure and reports the result; one person proposes "
            "to close it, another one does. What nobody acknowledges in time goes to the next in line at day-end."
        ),
    )
    datamodel = ScopedInterface(WarningCase)
    menu, icon = MENU, "fa-bell-o"
    list_title, show_title = _("Warnings"), _("Warning")
    empty_text = _("No loan is warned of: rules open warnings at day-end and after each booking.")
    list_columns = [
        "loan",
        "customer",
        "rule",
        "level",
        "state",
        "owner",
        "acknowledge_by",
        "opened_on",
        "days_past_due",
        "cleared_on",
    ]
    order = ("opened_on", "desc")
    order_by = ("opened_on", "acknowledge_by", "days_past_due")
    quick_filters = ("state", "level")
    summary_columns = ("loan", "customer", "level", "state", "owner", "opened_on", "cleared_on")
    related = (("WarningStepView", "case"),)
    show_template = "warnings/case.html"
    can_add = can_edit = can_delete = False
    method_actions = {"step": "run", "decide": "approve"}

    # ---- what the record shows besides its fields -----------------------------------------------------------------

    def next_steps(self, row: WarningCase) -> list[Step]:
        """What the present login may do now."""
        steps = [after for state, after in AFTER if state is row.state and after is not Step.ESCALATE]
        allowed = {"run": self._may_here(row, "run"), "approve": self._may_here(row, "approve")}
        return [
            step
            for step in steps
            if allowed["approve" if step in DECISIONS else "run"] and not cases.problem(row, step)
        ]

    def waits_for(self, row: WarningCase) -> str:
        """Why the present login can do nothing, where the case is not over."""
        if row.state is State.CLOSED:
            return ""
        step = Step.CLOSE if row.state is State.TO_CLOSE else Step.ACKNOWLEDGE
        if row.state is State.TO_CLOSE and cases.problem(row, step):
            return str(cases.problem(row, step))
        return str(gettext("It is with: %(owner)s.", owner=label_of(row.owner)))

    def check_url(self, row: WarningCase) -> str:
        """Where the measure "step up post-loan checks" is carried out, if the reader may."""
        decided = row.measure is Measure.CHECKS and row.state in (State.DECIDED, State.RESULT)
        if not decided or not actor().may("PostLoanCheck", "add"):
            return ""
        return url_for("PostLoanCheckView.add", loan=row.loan_id, kind=CheckKind.SPECIAL.value)

    def measures(self) -> Any:
        return [(measure.value, label_of(measure)) for measure in Measure]

    def why(self, row: WarningCase) -> str:
        """The rule and what it asks, in words."""
        asked = gettext(", ").join(condition_words(condition) for condition in row.rule.conditions)
        return f"{told(row, 'rule')}: {asked}"

    def _may_here(self, row: WarningCase, action: str) -> bool:
        return bool(self.may(action)) and self._reaches(row, action)

    # ---- steps ----------------------------------------------------------------------------------------------------

    @expose("/step/<pk>", methods=["POST"])
    @has_access
    def step(self, pk: str) -> Any:
        """Acknowledge, decide a measure, report its result, propose to close."""
        chosen = request.form.get("measure", "")
        measure = Measure(chosen) if chosen in [m.value for m in Measure] else None
        verbs = {
            Step.ACKNOWLEDGE: lambda number, note: cases.acknowledge(number, note),
            Step.DECIDE: lambda number, note: cases.decide(number, measure, note),
            Step.REPORT: lambda number, note: cases.report(number, note),
            Step.PROPOSE: lambda number, note: cases.propose(number, note),
        }
        return self._done(pk, verbs, measure=chosen or None)

    @expose("/decide/<pk>", methods=["POST"])
    @has_access
    def decide(self, pk: str) -> Any:
        """Close what somebody else proposed to close, or send it back."""
        return self._done(pk, {Step.CLOSE: cases.close, Step.SEND_BACK: cases.send_back})

    def _done(self, pk: str, verbs: Any, **kept: Any) -> Any:
        self.find(pk)
        wanted, note = request.form.get("do", ""), request.form.get("note", "")
        if wanted not in [step.value for step in verbs]:
            abort(400)
        try:
            case = verbs[Step(wanted)](int(pk), note)
        except InvalidValues as error:
            return self._again(pk, " ".join(str(text) for texts in error.fields.values() for text in texts), note, kept)
        except PortalError as refusal:
            return self._again(pk, str(refusal), note, kept)
        flash(gettext("The warning is now: %(state)s.", state=label_of(case.state)), "success")
        return redirect(url_for("WarningCaseView.show", pk=pk))

    def _again(self, pk: str, problem: str, note: str, kept: dict[str, Any]) -> Any:
        """The record with what was typed, and why it was not taken."""
        flash(problem, "danger")
        return redirect(url_for("WarningCaseView.show", pk=pk, note=note[:400] or None, **kept))


class WarningStepView(PortalView):
    """Steps of warnings."""

    help = Help(
        _("What was done about warnings: who took which step when, with which note."),
        _("Written by the steps on a warning's record; nobody types in it."),
    )
    datamodel = ScopedInterface(WarningStep)
    resource = "WarningCase"
    menu, icon = MENU, "fa-list-ol"
    list_title, show_title = _("Steps of warnings"), _("Step of a warning")
    empty_text = _("Nothing was done about a warning yet.")
    list_columns = ["case", "step", "measure", "note", "done_on", "done_by"]
    order = ("done_on", "desc")
    quick_filters = ("step",)
    summary_columns = ("case", "step", "done_on", "done_by")
    has_timeline = False
    can_add = can_edit = can_delete = False
