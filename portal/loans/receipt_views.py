"""Screens of held receipts, and the pages on which they are entered, cleared, given back and reversed."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core import records
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.customers.models import Customer
from portal.loans.deeds import Deed, page
from portal.loans.holding import CANCEL, CLEAR, RETURN, REVERSE
from portal.loans.ledger import Journal
from portal.loans.receipts import HeldReceipt
from portal.loans.suspense import receive

MENU = ("lending", _("Lending"))
HELD = (CLEAR, RETURN, CANCEL)


class HeldReceiptView(PortalView):
    """Money that belongs to no loan yet, or no longer."""

    help = Help(
        _(
            "Money that came in and has not been allotted to a loan, and what customers paid beyond what they owed. It "
            "stands on the suspense account until it is cleared or given back."
        ),
        _(
            "Finance enters what nobody has explained yet and clears it as soon as it is known for which loan it is. "
            "The list should be short: whatever stays here belongs to somebody."
        ),
    )
    datamodel = ScopedInterface(HeldReceipt)
    menu, icon = MENU, "fa-inbox"
    list_title, show_title, add_title = _("Held receipts"), _("Held receipt"), _("Enter a receipt")
    empty_text = _("Money that nobody has explained yet, and overpayments, appear here.")
    list_columns = ["code", "customer", "payer", "amount", "rest", "value_date", "booking_date"]
    add_columns = ["code", "amount", "value_date", "customer", "payer", "note"]
    summary_columns = ("amount", "rest", "value_date", "customer")
    order_by = ("code", "value_date", "rest")
    order = ("value_date", "desc")
    show_template = "loans/held_receipt.html"
    can_edit = can_delete = False

    def add_verb(self, values: dict[str, Any]) -> HeldReceipt:
        if problems := records.problems(HeldReceipt, values):
            raise InvalidValues(problems)
        customer = db.session.get(Customer, values["customer"]) if values.get("customer") else None
        return receive(
            values["code"],
            values["amount"],
            values["value_date"],
            customer,
            values.get("payer") or "",
            values.get("note") or "",
        )

    def deeds(self, row: HeldReceipt) -> list[tuple[Deed, str]]:
        """What can be done with it now, with the addresses."""
        return [(deed, url_for(f"ClearingView.{deed.key}", pk=row.id)) for deed in HELD if deed.offered(row)]


class ClearingView(BaseView):
    """`/clearing/clear/<receipt>` and its like."""

    help = Help(
        _("Held money is cleared to a loan or given back, and a receipt that was entered by mistake reversed."),
        _("Each page shows what would be booked before it is."),
    )
    route_base = "/clearing"
    default_view = "clear"
    resource = "HeldReceipt"
    method_actions = {deed.key: deed.action for deed in HELD}

    @expose("/clear/<pk>", methods=["GET", "POST"])
    @has_access
    def clear(self, pk: str) -> Any:
        return self._deed(CLEAR, pk)

    @expose("/give_back/<pk>", methods=["GET", "POST"])
    @has_access
    def give_back(self, pk: str) -> Any:
        return self._deed(RETURN, pk)

    @expose("/cancel/<pk>", methods=["GET", "POST"])
    @has_access
    def cancel(self, pk: str) -> Any:
        return self._deed(CANCEL, pk)

    def _deed(self, deed: Deed, pk: str) -> Any:
        return page(self, deed, pk, url_for("HeldReceiptView.show", pk=pk))


class ReversalView(BaseView):
    """`/reversals/reverse/<journal>`: undo one booking of a loan."""

    help = Help(
        _("A booking that was wrong is undone by a journal of its own, with the signs turned and a reason."),
        _("Finance reverses the latest booking of a loan first; what rests on it must go before it."),
    )
    route_base = "/reversals"
    default_view = "reverse"
    resource = "Journal"
    method_actions = {"reverse": "undo"}

    @expose("/reverse/<pk>", methods=["GET", "POST"])
    @has_access
    def reverse(self, pk: str) -> Any:
        return page(self, REVERSE, pk, url_for("JournalView.show", pk=pk))


def reversal_of(journal: Journal | None) -> str:
    """Where a booking is reversed, if the actor may."""
    if journal is None or not REVERSE.offered(journal):
        return ""
    return url_for("ReversalView.reverse", pk=journal.id)
