"""Assessments of risk: how likely, how grave, what was found and what is done about it."""

from __future__ import annotations

from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Id, Model, Money, Text, Versioned, label_of
from portal.core.fields import field
from portal.core.masks import derived, told
from portal.core.scope import BranchOrCompany
from portal.risk.assessment_words import Impact, Likelihood, MeasureState, Response, RiskKind
from portal.risk.levels import RiskLevel
from portal.risk.models import Decided, ReviewState

ASSESSMENT, FINDINGS, RESPONSE = _("Assessment"), _("Findings"), _("Response to the risk")
LONG = 1_000
"""Characters of what was found, what of it, and what is done."""


def _one_in(state: ReviewState) -> tuple[Index, Index]:
    """At most one in this state for each kind, of the company and of each branch (blanks differ in an index)."""
    of_company = text(f"state = '{state.value}' AND branch_id IS NULL")
    of_branch = text(f"state = '{state.value}'")
    name = f"uq_risk_assessment_{state.value}"
    return (
        Index(name, "kind", unique=True, postgresql_where=of_company, sqlite_where=of_company),
        Index(f"{name}_branch", "kind", "branch_id", unique=True, postgresql_where=of_branch, sqlite_where=of_branch),
    )


class RiskAssessment(Decided, BranchOrCompany, Model, Versioned):
    """What one kind of risk came to on a day, for the company or a branch (定期风险评估)."""

    __table_args__ = (
        *_one_in(ReviewState.PROPOSED),
        *_one_in(ReviewState.IN_FORCE),
        Index("ix_risk_assessment_measures", "measures_state", "due_on"),
        CheckConstraint("(done_on IS NULL) = (measures_state <> 'done')", name="done_on_a_day"),
    )

    id: Mapped[Id]
    kind: Mapped[RiskKind] = field(_("Kind of risk"), Choice(RiskKind), section=ASSESSMENT)
    branch_id: Mapped[int | None] = field(
        _("Branch"), ForeignKey("branch.id"), index=True, section=ASSESSMENT, help=_("Blank: the whole company.")
    )
    as_of: Mapped[BusinessDate] = field(
        _("Assessed as of"),
        section=ASSESSMENT,
        help=_("The day on whose figures the assessment rests; the end of a quarter as a rule."),
    )
    likelihood: Mapped[Likelihood] = field(
        _("Likelihood"), Choice(Likelihood), section=ASSESSMENT, help=_("What each step means stands below the form.")
    )
    impact: Mapped[Impact] = field(
        _("Impact"), Choice(Impact), section=ASSESSMENT, help=_("How grave it would be, if it happens.")
    )
    level: Mapped[RiskLevel] = field(
        _("Risk level"),
        Choice(RiskLevel),
        readonly=True,
        section=ASSESSMENT,
        help=_("Likelihood times impact, by the scores in force on the day of the assessment."),
    )
    findings: Mapped[str] = field(
        _("What was found"),
        String(LONG),
        search=True,
        section=FINDINGS,
        help=_("Facts and figures, with their source."),
    )
    consequences: Mapped[str] = field(
        _("What it may lead to"), String(LONG), section=FINDINGS, help=_("Whom it hits, and how hard.")
    )
    estimated_loss: Mapped[Money | None] = field(
        _("Estimated loss"), section=FINDINGS, help=_("In yuan, where it can be estimated.")
    )
    response: Mapped[Response] = field(
        _("Response"),
        Choice(Response),
        section=RESPONSE,
        help=_("A risk is avoided, reduced, transferred (insurance, guarantor), or borne knowingly."),
    )
    measures: Mapped[str | None] = field(
        _("Measures"),
        String(LONG),
        section=RESPONSE,
        help=_("What is to be done. Only a risk that is borne needs none."),
    )
    responsible_id: Mapped[int | None] = field(
        _("Responsible"), ForeignKey("staff.id"), index=True, section=RESPONSE, help=_("Who sees to the measures.")
    )
    due_on: Mapped[BusinessDate | None] = field(_("To be done by"), section=RESPONSE)
    measures_state: Mapped[MeasureState] = field(
        _("State of the measures"), Choice(MeasureState), readonly=True, section=RESPONSE
    )
    done_on: Mapped[BusinessDate | None] = field(_("Finished on"), readonly=True, section=RESPONSE)
    done_note: Mapped[Text | None] = field(_("What was done"), readonly=True, section=RESPONSE)
    state: Mapped[ReviewState] = field(_("State"), Choice(ReviewState), readonly=True, section=_("Decision"))
    figures: Mapped[dict[str, str | None] | None] = mapped_column(JSON)
    """The registered figures of the day, exact, as they were when it was confirmed; see assessment_figures.py."""

    branch: Mapped[Any] = relationship("Branch")
    responsible: Mapped[Any] = relationship("Staff", foreign_keys="RiskAssessment.responsible_id")
    proposed_by: Mapped[Any] = relationship("Staff", foreign_keys="RiskAssessment.proposed_by_id")
    decided_by: Mapped[Any] = relationship("Staff", foreign_keys="RiskAssessment.decided_by_id")

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A day that has come; measures with who and until when, unless the risk is borne."""
        found: dict[str, list[str]] = {}
        as_of, due = values.get("as_of"), values.get("due_on")
        if as_of and as_of > business_date():
            found["as_of"] = [gettext("This day has not come yet.")]
        if as_of and due and due < as_of:
            found["due_on"] = [gettext("This is before the day of the assessment.")]
        asked = (
            ("measures", gettext("Say what is to be done; only a risk that is borne needs no measures.")),
            ("responsible", gettext("Say who sees to the measures.")),
            ("due_on", gettext("Say by when the measures are done.")),
        )
        if values.get("response") != Response.BEAR or any(values.get(name) for name, _problem in asked):
            for name, problem in asked:
                if not values.get(name):
                    found.setdefault(name, []).append(problem)
        return found

    @property
    def score(self) -> int:
        """Likelihood times impact."""
        return int(self.likelihood) * int(self.impact)

    @property
    def place(self) -> str:
        """The branch, or that it is about the whole company."""
        if self.branch_id is None:
            return derived(RiskAssessment, ("branch",), str(gettext("Whole company")))
        return told(self, "branch")

    def __str__(self) -> str:
        day = derived(RiskAssessment, ("as_of",), format_date(self.as_of, "medium"))
        return f"{told(self, 'kind')} · {self.place} · {day}"


def level_words(level: RiskLevel) -> str:
    """The level where the reader is shown it."""
    return derived(RiskAssessment, ("level",), str(label_of(level)))
