"""Minima: what keeps a loan's category down beside its days past due, each from a day on and until one.

The category of a loan is the worst of the floor by days and of the minima in force. Each row has its ground: a review
by people (portal/risk), observation after arrears of a non-performing loan, restructuring, extension, contagion from
other loans of the same enterprise. Technical lateness is the one ground that helps: it lets a few days past due pass.

Rows begin and end on the open business date or at the month-end that is being closed, never before: what was known on a
past date is told by the two days alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ColumnElement, Index, Select, case, func, literal, or_, select
from sqlalchemy.orm import Mapped, relationship

from portal.core.db import BigId, BusinessDate, Choice, Labelled, Model
from portal.core.fields import field
from portal.core.masks import told
from portal.loans.classification import Category
from portal.loans.models import Loan, LoanChild


class Ground(Labelled):
    """Why a loan is kept down."""

    REVIEW = "review", _("Review")
    CURE = "cure", _("Observed after arrears")
    RESTRUCTURED = "restructured", _("Restructured")
    EXTENDED = "extended", _("Extended")
    CONTAGION = "contagion", _("Other loans of the enterprise")
    TECHNICAL = "technical", _("Technical lateness")


class CategoryMinimum(LoanChild, Model):
    """A least category of a loan, apart from its days past due (分类下限). Never deleted: it ends."""

    scope_resource = "Loan"

    __table_args__ = (
        CheckConstraint("day_after IS NULL OR day_after >= first_day", name="ends_after_it_begins"),
        Index("ix_category_minimum_open", "ground", "day_after"),
    )

    id: Mapped[BigId]
    ground: Mapped[Ground] = field(_("Ground"), Choice(Ground))
    category: Mapped[Category] = field(_("Least category"), Choice(Category))
    first_day: Mapped[BusinessDate] = field(_("From"))
    day_after: Mapped[BusinessDate | None] = field(_("Until"), help=_("The first day on which it no longer holds."))

    loan: Mapped[Loan] = relationship()

    def __str__(self) -> str:
        return f"{told(self, 'loan')} · {told(self, 'ground')}"


SEVERITIES = {category: category.severity for category in Category}


def severity_of(column: Any) -> ColumnElement[int]:
    """SQL of `Category.severity`."""
    return case(SEVERITIES, value=column)


def of_severity(severity: Any) -> ColumnElement[Category]:
    """SQL: the category of a severity."""
    kind = Choice(Category)
    found = {number: literal(category, kind) for category, number in SEVERITIES.items() if number}
    return case(found, value=severity, else_=literal(Category.NORMAL, kind))


def in_force(on: date) -> ColumnElement[bool]:
    """Which rows hold on a date."""
    ends = or_(CategoryMinimum.day_after.is_(None), CategoryMinimum.day_after > on)
    return (CategoryMinimum.first_day <= on) & ends


def minima(on: date, loans: Collection[int] | Select[Any] | None = None) -> Any:
    """Per loan that is kept down on a date: the worst severity, and whether its lateness is technical (1 or 0)."""
    technical = case((CategoryMinimum.ground == Ground.TECHNICAL, 1), else_=0)
    statement = (
        select(
            CategoryMinimum.loan_id,
            func.max(severity_of(CategoryMinimum.category)).label("severity"),
            func.max(technical).label("technical"),
        )
        .where(in_force(on))
        .group_by(CategoryMinimum.loan_id)
    )
    return statement if loans is None else statement.where(CategoryMinimum.loan_id.in_(loans))
