"""Screens of loans, their schedules, repayments and journals. What moves money is a service verb, not a form."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _

from portal.core.application import add_page, add_screens
from portal.core.fields import Field, fields_of
from portal.core.help import Help
from portal.core.masks import is_clear
from portal.core.scope import actor
from portal.core.views import PortalView, ScopedInterface
from portal.loans import bank_views
from portal.loans import timeline as _timeline  # noqa: F401 - contributes to timelines
from portal.loans.calendar_day_view import CalendarDayView
from portal.loans.calendar_view import DayEndView
from portal.loans.deeds import Deed, Preview, money, shares_of
from portal.loans.ground_views import AgreedFeeView, CategoryMinimumView
from portal.loans.ledger_views import BackdatedView, JournalView, ManualView, RegisterView
from portal.loans.models import Instalment, Loan, Repayment
from portal.loans.quote_view import QuoteView
from portal.loans.receipt_views import ClearingView, HeldReceiptView, ReversalView, reversal_of
from portal.loans.relief_views import PROPOSE, GrantingView, ReliefView
from portal.loans.reminders_view import RemindersView
from portal.loans.rescheduling_deeds import NewTermsView, proposable
from portal.loans.reversals import booking_of
from portal.loans.servicing_view import ServicingView, offered
from portal.loans.state import LoanState
from portal.loans.terms_views import ReschedulingView, TermsChangeView

MENU = ("lending", _("Lending"))
STATE_COLUMNS = ("balance", "days_past_due", "category", "floor")


class LoanView(PortalView):
    """Loan contracts."""

    help = Help(
        _(
            "Every loan contract, open or settled, on the terms on which it was paid out. The record shows what "
            "is owed today, the schedule, the repayments and the bookings."
        ),
        _(
            "Nothing is typed here: loans come from disbursements and imports, and change only through bookings. "
            "Amounts are in yuan, the rate is per year."
        ),
    )
    datamodel = ScopedInterface(Loan)
    menu, icon = MENU, "fa-money"
    list_title, show_title = _("Loans"), _("Loan")
    empty_text = _("Loans come from an import of the ledger (Imports); nobody types them in.")
    list_columns = [
        "code",
        "customer",
        "product",
        "status",
        "principal",
        "rate",
        "count",
        "disbursed_on",
        "matures_on",
        "branch",
        "manager",
    ]
    order_by = ("code", "principal", "disbursed_on", "matures_on")
    summary_columns = (
        "principal",
        "balance",
        "days_past_due",
        "category",
        "floor",
        "matures_on",
        "status",
    )
    related = (
        ("InstalmentView", "loan"),
        ("RepaymentView", "loan"),
        ("TermsChangeView", "loan"),
        ("ReschedulingView", "loan"),
        ("AgreedFeeView", "loan"),
        ("PostLoanCheckView", "loan"),
        ("CollectionContactView", "loan"),
        ("WarningCaseView", "loan"),
        ("CategoryReviewView", "loan"),
        ("CategoryMinimumView", "loan"),
        ("WriteOffProposalView", "loan"),
        ("GuaranteeContractView", "loan"),
        ("GuarantorView", "loan"),
        ("CollateralItemView", "loan"),
        ("ClockView", "loan"),
        ("LegalActView", "loan"),
        ("LitigationView", "loan"),
        ("RepossessedAssetView", "loan"),
        ("JournalView", "loan"),
    )
    can_add = can_edit = can_delete = False
    show_template = "loans/loan.html"
    borrowed = STATE_COLUMNS

    @property
    def may_print_cost(self) -> bool:
        """Whether the statement of the all-in cost is the reader's to print."""
        return actor().may("AllInCost", "run")

    def column(self, name: str) -> Field:
        """What changes from day to day is described with the loan's state."""
        return fields_of(LoanState)[name] if name in STATE_COLUMNS else super().column(name)

    def value(self, row: Any, name: str) -> Any:
        return getattr(row.state, name, None) if name in STATE_COLUMNS else super().value(row, name)

    def deeds(self, row: Loan) -> list[tuple[Deed, str]]:
        """What can be done to the loan now, with the addresses."""
        found = offered(row)
        if PROPOSE.offered(row):
            found.append((PROPOSE, url_for("GrantingView.propose", pk=row.id)))
        return [*found, *proposable(row)]


class LoanStateView(PortalView):
    """Open loans as they stand: balance, lateness, category."""

    help = Help(
        _("The open loans as they stand today: balance, days past due and category, the latest first."),
        _(
            "Risk and collections work down this list each morning. It is written by day-end and by each booking,"
            " so it always agrees with the ledger."
        ),
    )
    datamodel = ScopedInterface(LoanState)
    menu, icon = MENU, "fa-heartbeat"
    resource, record_view = "Loan", "LoanView"
    list_title, show_title = _("Open loans"), _("Loan")
    empty_text = _("Every loan with a balance appears here as soon as it is disbursed or imported.")
    list_columns = [
        "loan",
        "customer",
        "product",
        "balance",
        "days_past_due",
        "category",
        "floor",
        "overdue_principal",
        "branch",
        "manager",
    ]
    order_by = ("balance", "days_past_due", "overdue_principal")
    order = ("days_past_due", "desc")
    can_add = can_edit = can_delete = False


class InstalmentView(PortalView):
    """What falls due and what was paid of it."""

    help = Help(
        _("What falls due on which day for each loan, and how much of it has been paid."),
        _(
            "Filter by due date to see what is expected this week. An instalment is settled when principal, "
            "interest, fees and penalty are all paid."
        ),
    )
    datamodel = ScopedInterface(Instalment)
    menu, icon = MENU, "fa-calendar"
    list_title, show_title = _("Instalments"), _("Instalment")
    empty_text = _("Instalments appear with the loan whose schedule they belong to.")
    list_columns = [
        "loan",
        "number",
        "due_date",
        "principal",
        "interest",
        "paid_principal",
        "paid_interest",
        "settled_on",
    ]
    order_by = ("due_date",)
    order = ("due_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False


class RepaymentView(PortalView):
    """Money received."""

    help = Help(
        _("Money received from customers, one line for each receipt."),
        _(
            "Finance books receipts and reverses mistaken ones; nothing is overwritten. The value date decides "
            "for interest and lateness, the booking date for the accounts."
        ),
    )
    datamodel = ScopedInterface(Repayment)
    menu, icon = MENU, "fa-sign-in"
    list_title, show_title = _("Repayments"), _("Repayment")
    empty_text = _("Repayments come from an import (Imports), or from the ledger with its loans.")
    list_columns = ["code", "loan", "amount", "kind", "value_date", "booking_date", "note"]
    order_by = ("code", "value_date")
    order = ("value_date", "desc")
    summary_columns = ("loan", "amount", "value_date", "kind")
    show_template = "loans/repayment.html"
    has_timeline = False
    can_add = can_edit = can_delete = False

    def settled(self, row: Repayment) -> Preview:
        """What the payment settled; nothing once it was reversed, or where amounts are covered."""
        if not is_clear(Repayment, "amount"):
            return Preview()
        parts = [(part.instalment, part.component, part.amount) for part in row.allocations if not row.reversed_on]
        lines = {part.instalment.number: part.instalment for part in row.allocations}
        return Preview(shares=shares_of(lines.values(), [(i.number, c, a) for i, c, a in parts]))

    def money(self, fen: int) -> str:
        return money(fen)

    def reversal(self, row: Repayment) -> str:
        """Where it is reversed, if the actor may."""
        return reversal_of(booking_of(row))


def register(builder: Any) -> None:
    add_screens(builder, LoanView, LoanStateView, InstalmentView, RepaymentView)
    add_screens(builder, AgreedFeeView, CategoryMinimumView)
    add_screens(builder, ReschedulingView, TermsChangeView)
    add_screens(builder, HeldReceiptView, ReliefView, JournalView, RegisterView)
    add_page(builder, RemindersView, _("To remind today"), MENU, "fa-phone")
    add_screens(builder, CalendarDayView, BackdatedView, ManualView)
    add_page(builder, DayEndView, _("Day-end"), MENU, "fa-moon-o")
    for page in (ServicingView, ClearingView, ReversalView, QuoteView, GrantingView, NewTermsView):
        builder.add_view_no_menu(page)
    bank_views.register(builder)
