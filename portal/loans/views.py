"""Screens of loans, their schedules, repayments and journals. What moves money is a service verb, not a form."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.core.application import add_screens
from portal.core.fields import Field, fields_of
from portal.core.help import Help
from portal.core.values import as_shown
from portal.core.views import PortalView, ScopedInterface
from portal.loans import timeline as _timeline  # noqa: F401 - contributes to timelines
from portal.loans.ledger import Journal
from portal.loans.models import Instalment, Loan, Repayment
from portal.loans.state import LoanState

MENU = ("lending", _("Lending"))
STATE_COLUMNS = ("balance", "days_past_due", "category")


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
    summary_columns = ("principal", "balance", "days_past_due", "category", "rate", "matures_on", "status")
    related = (("InstalmentView", "loan"), ("RepaymentView", "loan"), ("JournalView", "loan"))
    can_add = can_edit = can_delete = False

    def column(self, name: str) -> Field:
        """What changes from day to day is described with the loan's state."""
        return fields_of(LoanState)[name] if name in STATE_COLUMNS else super().column(name)

    def cell(self, row: Any, name: str) -> str | Markup:
        if name not in STATE_COLUMNS:
            return super().cell(row, name)
        return as_shown(self.column(name), getattr(row.state, name, None))


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
    list_columns = ["code", "loan", "amount", "value_date", "booking_date", "note"]
    order_by = ("code", "value_date")
    order = ("value_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False


class JournalView(PortalView):
    """Booked events."""

    help = Help(
        _(
            "Every event in the double-entry ledger: disbursements, accruals, repayments, write-offs, recoveries "
            "and reversals."
        ),
        _(
            "Finance and auditors trace a figure back to here. Entries can never be changed or deleted; a mistake"
            " is put right by a reversal."
        ),
    )
    datamodel = ScopedInterface(Journal)
    menu, icon = MENU, "fa-book"
    list_title, show_title = _("Journals"), _("Journal")
    empty_text = _("Entries are booked when loans are disbursed, repaid, written off or closed for the day.")
    list_columns = ["key", "kind", "loan", "value_date", "booking_date", "opening"]
    order_by = ("key", "booking_date")
    has_timeline = False
    can_add = can_edit = can_delete = False


def register(builder: Any) -> None:
    add_screens(builder, LoanView, LoanStateView, InstalmentView, RepaymentView, JournalView)
