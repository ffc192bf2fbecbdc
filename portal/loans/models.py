"""Loans: what was lent, to whom and on what terms; what falls due; what was paid."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from portal.core.db import (
    BigId,
    BigKey,
    BusinessDate,
    Choice,
    Code,
    Id,
    Labelled,
    Model,
    Money,
    Rate,
    Text,
    Versioned,
    code_point,
    describe,
)
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import BranchScoped, ScopedThrough
from portal.customers.models import Customer
from portal.loans.components import Component
from portal.products.models import Product
from portal.products.terms import ClaimsOrder, DayCount, Method, ResetRule, Rounding

describe(
    Component,
    {
        Component.PRINCIPAL: _("Principal"),
        Component.INTEREST: _("Interest"),
        Component.FEE: _("Fee"),
        Component.PENALTY: _("Penalty interest"),
        Component.COST: _("Costs of enforcement"),
    },
)


class LoanStatus(Labelled):
    """Whether a loan still runs, and if not, why not."""

    ACTIVE = "active", _("Active")
    SETTLED = "settled", _("Settled")
    WRITTEN_OFF = "written_off", _("Written off")
    CANCELLED = "cancelled", _("Cancelled")


class Guarantee(Labelled):
    """What secures a loan."""

    CREDIT = "credit", _("Unsecured")
    GUARANTOR = "guarantor", _("Guaranteed")
    MORTGAGE = "mortgage", _("Mortgaged")
    PLEDGE = "pledge", _("Pledged")


class RepaymentKind(Labelled):
    """What a payment was for."""

    ORDINARY = "ordinary", _("Regular repayment")
    SETTLEMENT = "settlement", _("Settlement before time")
    SHORTEN = "shorten", _("Early repayment, shorter term")
    LOWER = "lower", _("Early repayment, lower instalments")
    RECOVERY = "recovery", _("Recovery after write-off")


class Loan(BranchScoped, Model, Versioned):
    """A disbursed loan contract (借据). Its balance is a metric, never a column."""

    __table_args__ = (
        CheckConstraint("principal > 0", name="principal_positive"),
        CheckConstraint("rate >= 0", name="rate_not_negative"),
        Index("ix_loan_branch_manager", "branch_id", "manager_id"),
        Index("ix_loan_branch_team", "branch_id", "team_id"),
        Index("ix_loan_status_disbursed_on", "status", "disbursed_on"),
        Index("ix_loan_principal", "principal"),
        Index(
            "ix_loan_reset",
            "next_reset_on",
            postgresql_where=text("next_reset_on IS NOT NULL"),
            sqlite_where=text("next_reset_on IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Loan number"), code_point(40), unique=True, search=True, section=_("Contract"))
    customer_id: Mapped[int] = field(
        _("Customer"), ForeignKey("customer.id"), index=True, search=True, section=_("Contract")
    )
    product_id: Mapped[int] = field(_("Product"), ForeignKey("product.id"), index=True, section=_("Contract"))
    status: Mapped[LoanStatus] = field(
        _("Status"), Choice(LoanStatus), default=LoanStatus.ACTIVE, readonly=True, section=_("Contract")
    )
    principal: Mapped[Money] = field(
        _("Amount"), section=_("Terms"), help=_("What was paid out is the principal: fees are never netted.")
    )
    rate: Mapped[Rate] = field(_("Annual rate"), section=_("Terms"))
    count: Mapped[int] = field(_("Term (months)"), minimum=1, maximum=600, section=_("Terms"))
    method: Mapped[Method] = field(_("Repayment method"), Choice(Method), section=_("Terms"))
    day_count: Mapped[DayCount] = field(_("Day count"), Choice(DayCount), section=_("Terms"))
    rounding: Mapped[Rounding] = field(_("Rounding"), Choice(Rounding), section=_("Terms"))
    grace: Mapped[int | None] = field(
        _("Months without principal"),
        section=_("Terms"),
        help=_("At the beginning only interest is due, as agreed at the payout; empty: none."),
    )
    disbursed_on: Mapped[BusinessDate] = field(_("Disbursed on"), index=True, section=_("Dates"))
    first_due_on: Mapped[BusinessDate | None] = field(_("First due date"), section=_("Dates"))
    matures_on: Mapped[BusinessDate] = field(_("Matures on"), index=True, section=_("Dates"))
    closed_on: Mapped[BusinessDate | None] = field(_("Closed on"), readonly=True, section=_("Dates"))
    guarantee: Mapped[Guarantee] = field(
        _("Guarantee"), Choice(Guarantee), default=Guarantee.CREDIT, section=_("Contract")
    )
    prepayment_fee: Mapped[Rate | None] = field(
        _("Fee on early repayment"),
        section=_("Terms"),
        help=_("Share of the principal repaid before its time, as agreed and disclosed; empty: none."),
    )
    claims_order: Mapped[ClaimsOrder | None] = field(
        _("Order of allotment"),
        Choice(ClaimsOrder),
        section=_("Terms"),
        help=_("What a payment settles first, as agreed at the payout; empty: the order of the law (Parameters)."),
    )
    reset_rule: Mapped[ResetRule | None] = field(
        _("Rate follows the LPR"),
        Choice(ResetRule),
        section=_("Terms"),
        help=_("When the rate is set anew; empty: the rate is fixed."),
    )
    spread: Mapped[Rate | None] = field(
        _("Spread over the LPR"), readonly=True, section=_("Terms"), help=_("Agreed at the payout: rate less LPR then.")
    )
    next_reset_on: Mapped[BusinessDate | None] = field(_("Next rate reset"), readonly=True, section=_("Dates"))
    misuse_markup: Mapped[Rate | None] = field(
        _("Penalty mark-up for misuse"),
        readonly=True,
        section=_("Terms"),
        help=_("Decided when the funds were used for something else; runs on what is not due yet, too."),
    )
    purpose: Mapped[Text | None] = field(_("Use of funds"), section=_("Contract"))
    all_in_cost: Mapped[Rate | None] = field(
        _("All-in cost a year (IRR)"),
        readonly=True,
        section=_("Cost"),
        help=_("Interest and all fees that are part of the cost, as agreed: internal rate of return, compound."),
    )
    simple_cost: Mapped[Rate | None] = field(
        _("All-in cost a year (simple)"),
        readonly=True,
        section=_("Cost"),
        help=_("The same by simple interest on what is still owed."),
    )
    above_limit: Mapped[bool | None] = field(
        _("Beyond the cost limit"),
        readonly=True,
        section=_("Cost"),
        help=_("More than the limit on the day of the contract: new loans are refused, loans taken over are marked."),
    )
    cut_over_on: Mapped[BusinessDate | None] = field(
        _("Taken over on"),
        readonly=True,
        section=_("Dates"),
        help=_("The cut-over date of a loan that came without its history."),
    )
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True, section=_("Ownership"))
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True, section=_("Ownership"))
    manager_id: Mapped[int | None] = field(
        _("Customer manager"), ForeignKey("staff.id"), index=True, section=_("Ownership")
    )

    customer: Mapped[Customer] = relationship(backref="loans")
    product: Mapped[Product] = relationship()
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")
    instalments: Mapped[list[Instalment]] = relationship(back_populates="loan", order_by="Instalment.number")
    repayments: Mapped[list[Repayment]] = relationship(back_populates="loan", order_by="Repayment.value_date")

    def __str__(self) -> str:
        return told(self, "code")


class LoanChild(ScopedThrough):
    """Rows that belong to a loan and are seen by whoever sees it."""

    scope_parent = Loan
    scope_key = "loan_id"

    @declared_attr
    def loan_id(cls) -> Mapped[int]:
        return field(_("Loan number"), ForeignKey("loan.id"), index=True, search=True)  # type: ignore[no-any-return]


class Instalment(LoanChild, Model):
    """One line of a loan's schedule and what was paid of it.

    The `paid_*` amounts and `settled_on` are kept by the repayment service in the transaction that writes the
    allocations; a nightly check proves them equal to those.
    """

    scope_resource = "Instalment"

    __table_args__ = (
        UniqueConstraint("loan_id", "number"),
        CheckConstraint("principal >= 0 AND interest >= 0 AND fee >= 0 AND penalty >= 0", name="not_negative"),
        CheckConstraint(
            "paid_principal BETWEEN 0 AND principal AND paid_interest BETWEEN 0 AND interest"
            " AND paid_fee BETWEEN 0 AND fee AND paid_penalty BETWEEN 0 AND penalty",
            name="paid_within_due",
        ),
        CheckConstraint("paid_cost BETWEEN 0 AND cost", name="paid_cost_within_due"),
        Index(
            "ix_instalment_open",
            "loan_id",
            "due_date",
            postgresql_where=text("settled_on IS NULL"),
            sqlite_where=text("settled_on IS NULL"),
        ),
    )

    id: Mapped[BigId]
    number: Mapped[int] = field(_("Instalment no."))
    period_start: Mapped[BusinessDate] = field(_("Interest from"))
    period_end: Mapped[BusinessDate] = field(_("Interest to"))
    due_date: Mapped[BusinessDate] = field(
        _("Due date"),
        index=True,
        help=_("The day by which the instalment must be paid; from the next day on it is overdue."),
    )
    principal: Mapped[Money] = field(_("Principal due"), default=0)
    interest: Mapped[Money] = field(_("Interest due"), default=0)
    fee: Mapped[Money] = field(_("Fee due"), default=0)
    penalty: Mapped[Money] = field(_("Penalty due"), default=0)
    paid_principal: Mapped[Money] = field(_("Principal paid"), default=0, readonly=True)
    paid_interest: Mapped[Money] = field(_("Interest paid"), default=0, readonly=True)
    paid_fee: Mapped[Money] = field(_("Fee paid"), default=0, readonly=True)
    paid_penalty: Mapped[Money] = field(_("Penalty paid"), default=0, readonly=True)
    cost: Mapped[Money] = field(
        _("Costs due"), default=0, help=_("Costs of enforcing the claim that the lender paid: court, lawyer, delivery.")
    )
    paid_cost: Mapped[Money] = field(_("Costs paid"), default=0, readonly=True)
    settled_on: Mapped[BusinessDate | None] = field(
        _("Paid in full on"), readonly=True, help=_("When the last of principal and contractual interest was paid.")
    )

    loan: Mapped[Loan] = relationship(back_populates="instalments")

    @property
    def unpaid(self) -> int:
        """Principal and contractual interest still owed; what ages a loan."""
        return self.principal - self.paid_principal + self.interest - self.paid_interest

    def __str__(self) -> str:
        return f"{self.loan_id}/{told(self, 'number')}"


class Repayment(LoanChild, Model):
    """Money received from or for a borrower (还款). Immutable; a mistake is reversed by a new journal."""

    scope_resource = "Repayment"

    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[BigId]
    code: Mapped[Code] = field(_("Receipt number"), unique=True, search=True)
    amount: Mapped[Money] = field(_("Amount"))
    value_date: Mapped[BusinessDate] = field(
        _("Value date"), index=True, help=_("When it counts for interest and lateness.")
    )
    booking_date: Mapped[BusinessDate] = field(_("Booking date"), help=_("When it entered the books."))
    reversed_on: Mapped[BusinessDate | None] = field(
        _("Reversed on"), readonly=True, help=_("When it was undone; its allocations then cancel each other out.")
    )
    note: Mapped[Text | None] = field(_("Note"))
    kind: Mapped[RepaymentKind] = field(
        _("Paid for"), Choice(RepaymentKind), default=RepaymentKind.ORDINARY, server_default="ordinary"
    )
    designated: Mapped[str | None] = field(
        _("Named by the debtor"),
        String(200),
        help=_("Numbers of the instalments that the debtor said the money is for; empty: what is due, oldest first."),
    )
    designation: Mapped[str | None] = field(
        _("Said by the debtor"),
        String(200),
        help=_(
            "In the debtor's words, which debt the money is for (民法典 560): this loan, and perhaps its instalments."
        ),
    )
    held_id: Mapped[int | None] = mapped_column(BigKey, index=True)
    """The held receipt that the money was taken from; no foreign key, since SQLite could not take it away again."""

    loan: Mapped[Loan] = relationship(back_populates="repayments")
    allocations: Mapped[list[Allocation]] = relationship(back_populates="repayment", order_by="Allocation.id")

    def __str__(self) -> str:
        return told(self, "code")


class Allocation(LoanChild, Model):
    """What a repayment settled, by contract: the legal allocation. The books keep their own, in the journal.

    A reversal adds the same rows with the sign turned, the same value date and its own booking date.
    """

    scope_resource = "Loan"

    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    id: Mapped[BigId]
    repayment_id: Mapped[int] = mapped_column(BigKey, ForeignKey("repayment.id"), index=True)
    instalment_id: Mapped[int] = mapped_column(BigKey, ForeignKey("instalment.id"), index=True)
    component: Mapped[Component] = field(_("Component"), Choice(Component))
    amount: Mapped[Money] = field(_("Amount"))
    value_date: Mapped[BusinessDate] = field(_("Value date"))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"))

    repayment: Mapped[Repayment] = relationship(back_populates="allocations")
    instalment: Mapped[Instalment] = relationship()


class Charge(LoanChild, Model):
    """What an instalment asks for more, or less, than the schedule once said (应收调整).

    Penalty interest assessed at a payment adds to it; interest not earned because of an early settlement is taken off;
    an early repayment of part of the principal, costs of enforcement and reliefs change it, too.
    The instalment holds the sum; these rows say since when, so any past date can be told as it was known then.
    """

    scope_resource = "Loan"

    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    id: Mapped[BigId]
    instalment_id: Mapped[int] = mapped_column(BigKey, ForeignKey("instalment.id"), index=True)
    repayment_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("repayment.id"), index=True)
    journal_id: Mapped[int | None] = mapped_column(BigKey, ForeignKey("journal.id"), index=True)
    """The event without a payment that changed it: costs, a relief."""
    component: Mapped[Component] = field(_("Component"), Choice(Component))
    amount: Mapped[Money] = field(_("Amount"), help=_("Above 0: added to the instalment; below 0: taken off."))
    value_date: Mapped[BusinessDate] = field(_("Value date"))
    booking_date: Mapped[BusinessDate] = field(_("Booking date"))

    instalment: Mapped[Instalment] = relationship()


class PastOwner(LoanChild, Model):
    """Who owned a loan before: written when it changes hands, so old figures stay with the old owner (历史归属)."""

    scope_resource = "Loan"

    __table_args__ = (CheckConstraint("first_day < day_after", name="at_least_a_day"),)

    id: Mapped[BigId]
    first_day: Mapped[BusinessDate] = field(_("Owner from"))
    day_after: Mapped[BusinessDate] = field(_("Owner until"), help=_("The first day of the next owner."))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
