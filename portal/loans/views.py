"""Screens of loans, their schedules, repayments and journals. What moves money is a service verb, not a form."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal.core.application import add_screens
from portal.core.fields import Field, fields_of
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
    order = ("days_past_due", "desc")
    can_add = can_edit = can_delete = False


class InstalmentView(PortalView):
    """What falls due and what was paid of it."""

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
    order = ("due_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False


class RepaymentView(PortalView):
    """Money received."""

    datamodel = ScopedInterface(Repayment)
    menu, icon = MENU, "fa-sign-in"
    list_title, show_title = _("Repayments"), _("Repayment")
    empty_text = _("Repayments come from an import (Imports), or from the ledger with its loans.")
    list_columns = ["code", "loan", "amount", "value_date", "booking_date", "note"]
    order = ("value_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False


class JournalView(PortalView):
    """Booked events."""

    datamodel = ScopedInterface(Journal)
    menu, icon = MENU, "fa-book"
    list_title, show_title = _("Journals"), _("Journal")
    empty_text = _("Entries are booked when loans are disbursed, repaid, written off or closed for the day.")
    list_columns = ["key", "kind", "loan", "value_date", "booking_date", "opening"]
    has_timeline = False
    can_add = can_edit = can_delete = False


def register(builder: Any) -> None:
    add_screens(builder, LoanView, LoanStateView, InstalmentView, RepaymentView, JournalView)
