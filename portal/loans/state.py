"""Loan state: every open loan as it stands, kept by day-end and by each booking; and its copy at each month-end.

What a head office looks at all day is answered from here in milliseconds instead of from millions of postings. A
reconciliation proves it equal to the ledger.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship, synonym

from portal.core.db import BigId, BusinessDate, Choice, Model, Money, Rate, describe
from portal.core.fields import field
from portal.core.scope import BranchScoped
from portal.loans.classification import Category
from portal.loans.models import Loan, LoanChild

describe(
    Category,
    {
        Category.NORMAL: _("Normal"),
        Category.SPECIAL_MENTION: _("Special mention"),
        Category.SUBSTANDARD: _("Substandard"),
        Category.DOUBTFUL: _("Doubtful"),
        Category.LOSS: _("Loss"),
    },
)


class Position:
    """What is known of an open loan at the end of a business date."""

    as_of: Mapped[BusinessDate] = field(_("As at"))
    balance: Mapped[Money] = field(
        _("Balance"), bar=True, help=_("Principal that has been paid out and not repaid, without interest.")
    )
    accrued_interest: Mapped[Money] = field(_("Accrued interest"), help=_("Earned and booked, not yet paid."))
    overdue_principal: Mapped[Money] = field(
        _("Overdue principal"), help=_("Principal of instalments whose due date has passed and that are not paid.")
    )
    overdue_interest: Mapped[Money] = field(
        _("Overdue interest"), help=_("Interest of instalments whose due date has passed and that is not paid.")
    )
    days_past_due: Mapped[int] = field(
        _("Days past due"),
        help=_("Days since the oldest instalment that is not fully paid fell due; 0 when nothing is overdue."),
    )
    oldest_due_on: Mapped[BusinessDate | None] = field(_("Overdue since"))
    floor: Mapped[Category] = field(
        _("Category by days past due"),
        Choice(Category),
        default=Category.NORMAL,
        help=_("The least category that the days past due allow, under the thresholds in force (Parameters)."),
    )
    category: Mapped[Category] = field(
        _("Category"),
        Choice(Category),
        help=_("The five-category class: that of the days past due, or a worse one by review, observation or rule."),
    )
    rate: Mapped[Rate] = field(_("Annual rate"))

    @declared_attr
    def grid_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("grid.id"))


class LoanState(Position, BranchScoped, Model):
    """The loans with a balance as they stand on the open business date, today's bookings included (借据现状).

    Every row holds for the open date; its `as_of` is the day since when it has been as it is.
    """

    scope_resource = "Loan"
    __table_args__ = (
        Index("ix_loan_state_branch_category", "branch_id", "category"),
        Index("ix_loan_state_branch_manager", "branch_id", "manager_id"),
        Index("ix_loan_state_branch_days_past_due", "branch_id", "days_past_due"),
        Index("ix_loan_state_days_past_due", "days_past_due"),
        Index("ix_loan_state_balance", "balance"),
        Index("ix_loan_state_overdue_principal", "overdue_principal"),
        Index("ix_loan_state_branch_overdue_principal", "branch_id", "overdue_principal"),
    )

    loan_id: Mapped[int] = field(
        _("Loan number"), ForeignKey("loan.id"), primary_key=True, autoincrement=False, search=True
    )
    as_of: Mapped[BusinessDate] = field(_("Unchanged since"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, search=True)
    product_id: Mapped[int] = field(_("Product"), ForeignKey("product.id"))
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"))
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True)
    manager_id: Mapped[int | None] = field(_("Customer manager"), ForeignKey("staff.id"), index=True)
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the bookings that touched the loan: tells a running day-end what moved under its feet."""

    loan: Mapped[Loan] = relationship()
    customer: Mapped[Any] = relationship("Customer")
    product: Mapped[Any] = relationship("Product")
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")
    id = synonym("loan_id")


class LoanSnapshot(Position, LoanChild, Model):
    """The open loans at a month-end. Branch, team and manager are those of that day; rows are seen by today's owner.

    Who and what a loan belongs to is not declared to be a reference here: the loan and its past owners keep it from
    being deleted, and a database that looks up each reference of a million rows takes four times as long to write them.
    """

    scope_resource = "Loan"
    __table_args__ = (
        UniqueConstraint("as_of", "loan_id"),
        Index("ix_loan_snapshot_as_of_branch", "as_of", "branch_id"),
    )

    id: Mapped[BigId]
    customer_id: Mapped[int] = mapped_column(index=True)
    product_id: Mapped[int]
    branch_id: Mapped[int]
    team_id: Mapped[int | None]
    manager_id: Mapped[int | None]


Loan.state = relationship(LoanState, viewonly=True, uselist=False)
"""How an open loan stands; None once it is closed."""


def is_kept(day: date) -> ColumnElement[bool]:
    """SQL: whether there is a snapshot of a month-end.

    Asked by its least loan, which an index answers: for EXISTS or LIMIT 1 PostgreSQL expects to meet a row of the month
    soon and reads the table, where those of late months lie at the very end.
    """
    first = select(func.min(LoanSnapshot.loan_id)).where(LoanSnapshot.as_of == day)
    return first.scalar_subquery().is_not(None)
