"""The screen of assessments of risk."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.summary import Figure
from portal.core.values import ValueProblem, parse_date
from portal.core.views import ScopedInterface
from portal.risk import assessing, assessment_figures
from portal.risk.assessment_reading import CONFIRMED, follows
from portal.risk.assessment_words import IMPACT_HELP, LIKELIHOOD_HELP, MeasureState
from portal.risk.assessments import RiskAssessment, level_words
from portal.risk.decided_view import MENU, DecidedView
from portal.risk.deciding import may_decide
from portal.risk.models import ReviewState


class RiskAssessmentView(DecidedView):
    """Assessments of risk."""

    help = Help(
        _(
            "What each kind of risk came to on a day, for the company or a branch: how likely, how grave, what was"
            " found, what it may lead to, and what is done about it. The level follows from likelihood and impact."
        ),
        _(
            "Risk assesses each kind once a quarter; somebody else in risk, or the committee office, confirms it. What"
            " is confirmed keeps the figures of its day and is not changed: a later assessment follows it."
        ),
    )
    datamodel = ScopedInterface(RiskAssessment)
    menu, icon = MENU, "fa-crosshairs"
    list_title, show_title, add_title, edit_title = (
        _("Risk assessments"),
        _("Risk assessment"),
        _("Assess a risk"),
        _("Edit risk assessment"),
    )
    empty_text = _(
        "Assess each kind of risk at the end of a quarter: how likely, how grave, and what is done about it."
    )
    list_columns = [
        "kind",
        "branch",
        "as_of",
        "level",
        "likelihood",
        "impact",
        "state",
        "response",
        "measures_state",
        "due_on",
        "responsible",
    ]
    quick_filters = ("kind", "level")
    order = ("as_of", "desc")
    order_by = ("as_of", "due_on")
    summary_columns = ("level", "likelihood", "impact", "state", "measures_state")
    waiting = ReviewState.PROPOSED
    can_edit = True
    show_template = "risk/assessment.html"
    add_template = edit_template = "risk/assessment_form.html"
    method_actions = {**DecidedView.method_actions, "finish": "edit"}

    def add_verb(self, values: dict[str, Any]) -> Any:
        return assessing.assess(values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return assessing.revise(row_id, values, version_seen)

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        return assessing.decide(pk, approve, note)

    def taken_back(self, pk: int) -> Any:
        return assessing.withdraw(pk)

    def makes_sense(self, row: RiskAssessment, action: str) -> bool:
        return row.state is ReviewState.PROPOSED and not may_decide(row) if action == "edit" else True

    def edit_url(self, row: RiskAssessment) -> str:
        return super().edit_url(row) if self.makes_sense(row, "edit") else ""

    def written(self, row: Any, name: str) -> str | Markup:
        return row.place if name == "branch" and row.branch_id is None else super().written(row, name)

    # ---- what the pages show besides the fields -------------------------------------------------------------------

    def figures_of(self, row: RiskAssessment) -> tuple[Figure, ...]:
        return assessment_figures.figures_of(row)

    def before(self, row: RiskAssessment) -> tuple[str, str] | None:
        """(level, address) of the confirmed assessment that this one follows; None for the first."""
        earlier = follows(row)
        return (level_words(earlier.level), record_url(earlier)) if earlier is not None else None

    def tables_of_today(self) -> list[assessment_figures.Table]:
        return assessment_figures.tables_of_today()

    def steps(self) -> list[tuple[Any, list[tuple[Any, Any]]]]:
        """What each step of likelihood and impact means."""
        return [
            (self.fields["likelihood"].label, [(label_of(step), text) for step, text in LIKELIHOOD_HELP.items()]),
            (self.fields["impact"].label, [(label_of(step), text) for step, text in IMPACT_HELP.items()]),
        ]

    def may_finish(self, row: RiskAssessment) -> bool:
        """Whether the present login may note that the measures are done."""
        opened = row.state in CONFIRMED and row.measures_state is MeasureState.OPEN
        return bool(opened and self.may("edit") and self._reaches(row, "edit"))

    @expose("/finish/<pk>", methods=["POST"])
    @has_access
    def finish(self, pk: str) -> Any:
        """Note that the measures are done."""
        self.find(pk)
        day, note = request.form.get("done_on", ""), request.form.get("note", "")
        problem = ""
        try:
            assessing.finish_measures(int(pk), parse_date(day) if day.strip() else None, note)
        except InvalidValues as error:
            problem = " ".join(str(text) for texts in error.fields.values() for text in texts)
        except (PortalError, ValueProblem) as refusal:
            problem = str(refusal)
        if problem:
            flash(problem, "danger")
            kept = {"done_on": day[:10] or None, "done_note": note[:400] or None}
            return redirect(url_for(f"{self.endpoint}.show", pk=pk, **dict[str, Any](kept)))
        flash(gettext("The measures are done."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=pk))
