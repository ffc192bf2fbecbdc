"""Warning rules with their conditions, the cases they open, and what back-tests said."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import (
    BigId,
    BigKey,
    BusinessDate,
    Choice,
    Code,
    Id,
    Labelled,
    Model,
    Moment,
    Money,
    Name,
    Text,
    Versioned,
    label_of,
)
from portal.core.fields import field
from portal.core.masks import told
from portal.core.values import UNITS
from portal.loans.classification import Category
from portal.loans.models import Loan, LoanChild
from portal.warnings import words as words
from portal.warnings.rules import (
    GAUGES,
    WINDOWED,
    BadThreshold,
    Comparison,
    Indicator,
    Joined,
    Level,
    Owner,
    Score,
    State,
    Step,
    Unit,
    threshold_of,
)

COUNTED = tuple(unit for unit in Unit if unit is not Unit.CATEGORY)


class RuleState(Labelled):
    """Whether a rule opens cases."""

    DRAFT = "draft", _("Draft")
    WAITING = "pending", _("Waits for a second person")
    ON = "enabled", _("Switched on")
    OFF = "disabled", _("Switched off")


class WarningRule(Model, Versioned):
    """When a loan is warned of, how seriously, and who has to look into it (预警规则)."""

    __table_args__ = (
        CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="period"),
        CheckConstraint("acknowledge_days >= 0", name="days_not_negative"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Rule code"), unique=True, search=True, section=_("Rule"))
    name: Mapped[Name] = field(_("Rule"), search=True, section=_("Rule"))
    level: Mapped[Level] = field(_("Warning level"), Choice(Level), section=_("Rule"))
    joined: Mapped[Joined] = field(
        _("It hits when"), Choice(Joined), default=Joined.ALL, section=_("Rule"), help=_("Conditions are added below.")
    )
    owner: Mapped[Owner] = field(
        _("Case goes to"), Choice(Owner), section=_("Case"), help=_("Whoever of this role looks after the loan.")
    )
    acknowledge_days: Mapped[int] = field(
        _("Days to acknowledge"),
        minimum=0,
        maximum=365,
        default=3,
        section=_("Case"),
        help=_("Calendar days; after them the case goes to the next in line."),
    )
    valid_from: Mapped[BusinessDate] = field(_("In force from"), section=_("In force"))
    valid_until: Mapped[BusinessDate | None] = field(
        _("In force until"), section=_("In force"), help=_("The last day; blank: open.")
    )
    reason: Mapped[Text | None] = field(
        _("Meant to see"), section=_("In force"), help=_("What the rule sees early, and where that is known from.")
    )
    state: Mapped[RuleState] = field(
        _("State"), Choice(RuleState), default=RuleState.DRAFT, readonly=True, section=_("In force")
    )
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    """Who proposed to switch it on, or switched it on alone."""
    override: Mapped[Text | None] = field(
        _("Reason to switch it on all the same"), readonly=True, section=_("In force")
    )
    evaluated_on: Mapped[BusinessDate | None] = field(_("Last evaluated on"), readonly=True, section=_("In force"))

    conditions: Mapped[list[WarningCondition]] = relationship(
        back_populates="rule", order_by="WarningCondition.id", cascade="all, delete-orphan"
    )
    limits: Mapped[list[WarningLimit]] = relationship(
        back_populates="rule", order_by="WarningLimit.id", cascade="all, delete-orphan"
    )

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A period that ends after it begins."""
        first, last = values.get("valid_from"), values.get("valid_until")
        if first and last and last < first:
            return {"valid_until": [gettext("This is before the first day.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "name")


class RulePart:
    """What belongs to a rule: whoever sees rules sees it, and whoever keeps rules keeps it."""

    @classmethod
    def resource_name(cls) -> str:
        return "WarningRule"


class WarningCondition(RulePart, Model, Versioned):
    """One thing that a rule asks of a loan."""

    __table_args__ = (CheckConstraint("threshold IS NOT NULL OR category IS NOT NULL", name="against_something"),)

    id: Mapped[Id]
    rule_id: Mapped[int] = field(_("Rule"), ForeignKey("warning_rule.id", ondelete="CASCADE"), index=True)
    indicator: Mapped[Indicator] = field(_("Indicator"), Choice(Indicator))
    window: Mapped[int | None] = field(
        _("Within the last days"), minimum=1, maximum=1_095, only_if=("indicator", WINDOWED)
    )
    comparison: Mapped[Comparison] = field(_("Compared how"), Choice(Comparison))
    unit: Mapped[Unit] = field(_("Unit"), Choice(Unit), help=_("As the indicator has it."))
    threshold: Mapped[str | None] = field(_("Threshold"), String(30), only_if=("unit", COUNTED))
    category: Mapped[Category | None] = field(
        _("Compared with category"), Choice(Category), only_if=("unit", (Unit.CATEGORY,))
    )

    rule: Mapped[WarningRule] = relationship(back_populates="conditions")

    @property
    def value(self) -> int:
        """The threshold in what its unit is kept in (rules.threshold_of)."""
        if self.category is not None:
            return self.category.severity
        return threshold_of(self.threshold or "", self.unit, GAUGES[self.indicator].signed)

    @property
    def words(self) -> str:
        """The condition as a sentence: `Days past due at least 30 days`."""
        about = str(label_of(self.indicator))
        if self.window is not None:
            about = gettext("%(what)s (%(days)s days)", what=about, days=self.window)
        if self.category is not None:
            limit = str(label_of(self.category))
        elif self.unit is Unit.NUMBER:
            limit = str(self.threshold)
        elif self.unit is Unit.PERCENT:
            limit = f"{self.threshold}%"
        else:
            limit = f"{self.threshold} {UNITS['money'] if self.unit is Unit.YUAN else label_of(self.unit)}"
        return f"{about} {label_of(self.comparison)} {limit}"

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A threshold that can be read in the indicator's unit."""
        gauge = GAUGES[Indicator(values["indicator"])]
        if values.get("unit") != gauge.unit:
            unit = label_of(gauge.unit)
            return {"unit": [gettext("This indicator is measured in: %(unit)s.", unit=unit)]}
        if gauge.windowed and not values.get("window"):
            return {"window": [gettext("Say over how many days it is counted.")]}
        if gauge.unit is Unit.CATEGORY:
            return {} if values.get("category") else {"category": [gettext("Choose the category it is compared with.")]}
        if not str(values.get("threshold") or "").strip():
            return {"threshold": [gettext("Say with what it is compared.")]}
        try:
            threshold_of(str(values["threshold"]), gauge.unit, gauge.signed)
        except BadThreshold as problem:
            return {"threshold": [gettext(str(problem))]}
        return {}

    def __str__(self) -> str:
        limit = told(self, "category") or told(self, "threshold")
        return f"{told(self, 'indicator')} {told(self, 'comparison')} {limit}"


class WarningLimit(RulePart, Model, Versioned):
    """A product or a branch (with all below it) that a rule is limited to; none of a kind = no limit by it."""

    __table_args__ = (
        UniqueConstraint("rule_id", "product_id"),
        UniqueConstraint("rule_id", "branch_id"),
        CheckConstraint("(product_id IS NULL) <> (branch_id IS NULL)", name="one_of_the_two"),
    )

    id: Mapped[Id]
    rule_id: Mapped[int] = field(_("Rule"), ForeignKey("warning_rule.id", ondelete="CASCADE"), index=True)
    product_id: Mapped[int | None] = field(_("Product"), ForeignKey("product.id"), index=True)
    branch_id: Mapped[int | None] = field(
        _("Branch"), ForeignKey("branch.id"), index=True, help=_("With every office below it.")
    )

    rule: Mapped[WarningRule] = relationship(back_populates="limits")
    product: Mapped[Any] = relationship("Product")
    branch: Mapped[Any] = relationship("Branch")

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Either a product or a branch."""
        if bool(values.get("product")) == bool(values.get("branch")):
            return {"product": [gettext("Give either a product or a branch.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "product") if self.product_id else told(self, "branch")


class BackTest(RulePart, Model):
    """What a rule would have been worth on past month-ends (回测)."""

    id: Mapped[Id]
    rule_id: Mapped[int] = field(_("Rule"), ForeignKey("warning_rule.id", ondelete="CASCADE"), index=True)
    run_on: Mapped[BusinessDate] = field(_("Run on"))
    months: Mapped[int] = field(_("Month-ends"), help=_("How many month-ends it was tried on."))
    first_day: Mapped[BusinessDate | None] = field(_("From"))
    last_day: Mapped[BusinessDate | None] = field(_("To"))
    horizon: Mapped[int] = field(_("Months looked ahead"))
    loans: Mapped[int] = field(_("Loans looked at"), help=_("Not non-performing at one of the month-ends."))
    hits: Mapped[int] = field(_("Loans hit"), help=_("Before they were non-performing; each counted once."))
    confirmed: Mapped[int] = field(_("Of them right"), help=_("Non-performing within the months looked ahead."))
    missed: Mapped[int] = field(_("Missed"), help=_("Became non-performing without a hit before."))
    leads: Mapped[Any] = mapped_column(JSON, default=list)
    """[[days between hit and non-performing, loans], …]"""
    lead_days: Mapped[int | None] = field(
        _("Days ahead"), help=_("Median of the days between the hit and the month-end it was non-performing.")
    )
    unknown: Mapped[Any] = mapped_column(JSON, default=list)
    """Indicators that no month-end tells; the test left their conditions unmet."""

    rule: Mapped[WarningRule] = relationship()

    @property
    def score(self) -> Score:
        return Score(self.hits, self.confirmed, self.missed, tuple((days, loans) for days, loans in self.leads))

    @property
    def precision(self) -> Fraction | None:
        return self.score.precision

    @property
    def recall(self) -> Fraction | None:
        return self.score.recall

    @property
    def unknown_words(self) -> list[str]:
        return [str(label_of(Indicator(name))) for name in self.unknown]

    def __str__(self) -> str:
        return f"{told(self, 'rule')} · {told(self, 'run_on')}"


class Measure(Labelled):
    """What is done about a warned loan (C34, C86)."""

    CHECKS = "step_up_checks", _("Step up post-loan checks")
    GUARANTEE = "further_guarantee", _("Ask for a further guarantee")
    LOWER_LIMIT = "lower_limit", _("Lower the limit")
    CALL_IN = "call_in", _("Call the loan in")
    NONE = "no_measure", _("No measure")


OPEN = text("state <> 'warning_closed'")


class WarningCase(LoanChild, Model, Versioned):
    """A loan that a rule hit, from the first hit to the day somebody else closes it (预警)."""

    __table_args__ = (
        Index("uq_warning_case_open", "rule_id", "loan_id", unique=True, postgresql_where=OPEN, sqlite_where=OPEN),
        Index("ix_warning_case_rule_loan", "rule_id", "loan_id"),
        Index("ix_warning_case_state_owner", "state", "owner"),
    )

    id: Mapped[BigId]
    code: Mapped[Code] = field(_("Warning number"), unique=True, search=True, section=_("Warning"))
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, search=True, section=_("Warning"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Warning"))
    rule_id: Mapped[int] = field(_("Rule"), ForeignKey("warning_rule.id"), section=_("Warning"))
    level: Mapped[Level] = field(_("Warning level"), Choice(Level), section=_("Warning"))
    opened_on: Mapped[BusinessDate] = field(_("Warned on"), index=True, section=_("When it was opened"))
    balance: Mapped[Money] = field(_("Balance"), section=_("When it was opened"))
    days_past_due: Mapped[int] = field(_("Days past due"), section=_("When it was opened"))
    category: Mapped[Category] = field(_("Category"), Choice(Category), section=_("When it was opened"))
    cleared_on: Mapped[BusinessDate | None] = field(
        _("No longer hits since"), section=_("Warning"), help=_("Empty while the rule still hits the loan.")
    )
    state: Mapped[State] = field(_("State"), Choice(State), section=_("Handling"))
    owner: Mapped[Owner] = field(_("With"), Choice(Owner), section=_("Handling"))
    acknowledge_by: Mapped[BusinessDate] = field(_("Acknowledge by"), section=_("Handling"))
    acknowledged_on: Mapped[BusinessDate | None] = field(_("Acknowledged on"), section=_("Handling"))
    escalated: Mapped[int] = field(_("Times passed on"), default=0, section=_("Handling"))
    measure: Mapped[Measure | None] = field(_("Measure"), Choice(Measure), section=_("Handling"))
    result: Mapped[Text | None] = field(_("Result"), section=_("Handling"))
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    """Who proposed to close it: somebody else closes."""
    closed_on: Mapped[BusinessDate | None] = field(_("Warning closed on"), section=_("Handling"))

    loan: Mapped[Loan] = relationship()
    customer: Mapped[Any] = relationship("Customer")
    rule: Mapped[WarningRule] = relationship()
    steps: Mapped[list[WarningStep]] = relationship(back_populates="case", order_by="WarningStep.id")

    def __str__(self) -> str:
        return f"{told(self, 'rule')} · {told(self, 'loan')}"


class WarningStep(LoanChild, Model):
    """One step of a case: who did what, when, with which note. Never changed."""

    scope_resource = "WarningCase"

    id: Mapped[BigId]
    loan_id: Mapped[int] = mapped_column(ForeignKey("loan.id"), index=True)
    case_id: Mapped[int] = field(_("Warning"), BigKey, ForeignKey("warning_case.id"), index=True)
    step: Mapped[Step] = field(_("Step"), Choice(Step))
    measure: Mapped[Measure | None] = field(_("Measure"), Choice(Measure))
    note: Mapped[Text | None] = field(_("Note"))
    done_on: Mapped[BusinessDate] = field(_("Business date"))
    done_at: Mapped[Moment] = field(_("At"))
    done_by_id: Mapped[int | None] = field(_("By"), ForeignKey("staff.id", ondelete="SET NULL"))

    loan: Mapped[Loan] = relationship()
    case: Mapped[WarningCase] = relationship(back_populates="steps")
    done_by: Mapped[Any] = relationship("Staff")

    def __str__(self) -> str:
        return str(label_of(self.step))
