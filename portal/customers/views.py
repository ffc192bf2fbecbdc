"""Screens of this area: Customers."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.customers.consents import Consent
from portal.customers.facts import CustomerFact
from portal.customers.models import Customer, RelatedParty
from portal.customers.statements import FinancialStatement


class CustomerView(PortalView):
    """Customers."""

    help = Help(
        _(
            "Every person and enterprise we lend to, or mean to lend to: who they are, how to reach them, where "
            "they live or trade, and who looks after them."
        ),
        _(
            "Customer managers keep their own customers here; team leads and branch heads those of their people. "
            "Search by a part of the name or by a whole ID or phone number: those are encrypted and shown masked."
        ),
    )
    datamodel = ScopedInterface(Customer)
    menu, icon = ("customers", _("Customers")), "fa-address-book"
    list_title, show_title, add_title, edit_title = (
        _("Customers"),
        _("Customer"),
        _("Add a customer"),
        _("Edit customer"),
    )
    empty_text = _("Add the first customer, or import a list of customers (Imports).")
    list_columns = ["code", "name", "type", "phone", "industry", "grid", "branch", "manager"]
    bulk_fields = ("manager",)
    order = ("id", "desc")
    order_by = ("code", "name")
    summary_columns = ("type", "phone", "manager")
    summary_metrics = ("loan_balance", "loan_count", "days_past_due", "overdue_principal")
    summary_dimension = "customer"
    related = (
        ("LoanView", "customer"),
        ("WarningCaseView", "customer"),
        ("FinancialStatementView", "customer"),
        ("RelatedPartyView", "customer"),
        ("ConsentView", "customer"),
        ("CustomerFactView", "customer"),
        ("PersonRequestView", "customer"),
    )


class RelatedPartyView(PortalView):
    """Who is tied to a customer."""

    help = Help(
        _(
            "Who is tied to a customer: spouse and kin, controllers and shareholders, firms under common control,"
            " people who guarantee each other. Loans to people so tied are one risk and count together."
        ),
        _(
            "Enter ties when a customer is taken on and again before each loan is decided. Choose the customer if"
            " the party is one of ours; write the name only if it is not."
        ),
    )
    datamodel = ScopedInterface(RelatedParty)
    menu, icon = ("customers", _("Customers")), "fa-share-alt"
    list_title, show_title, add_title, edit_title = (
        _("Related parties"),
        _("Related party"),
        _("Add a related party"),
        _("Edit related party"),
    )
    list_columns = ["code", "customer", "related", "name", "tie", "share", "note"]
    empty_text = _("Add the people and firms that are tied to a customer, with the kind of tie.")


class ConsentView(PortalView):
    """What customers agreed to."""

    help = Help(
        _(
            "What each customer agreed to have done with the personal data: credit enquiries, sensitive data,"
            " sharing, marketing. Without a consent that still holds, it must not be done."
        ),
        _(
            "Enter a consent when it is signed, with where the paper or recording is kept. When it is withdrawn,"
            " enter the day and who withdrew it; do not delete it."
        ),
    )
    datamodel = ScopedInterface(Consent)
    menu, icon = ("customers", _("Customers")), "fa-handshake-o"
    list_title, show_title, add_title, edit_title = (
        _("Consents"),
        _("Consent"),
        _("Add a consent"),
        _("Edit consent"),
    )
    list_columns = ["code", "customer", "purpose", "given_on", "valid_until", "source", "withdrawn_on"]
    quick_filters = ("source",)
    summary_columns = ("customer", "purpose", "given_on", "withdrawn_on")
    empty_text = _("Add what customers have agreed to, with the evidence.")


class CustomerFactView(PortalView):
    """What was found out about customers."""

    help = Help(
        _(
            "Basic, credit, financial and business information beyond the master data: what was found, how it was"
            " collected, who verified it and under which consent."
        ),
        _(
            "Customer managers enter what they are told or see; whoever checks it by phone, on site or with an"
            " agency enters that. The content is encrypted and shown on request, with a reason."
        ),
    )
    datamodel = ScopedInterface(CustomerFact)
    menu, icon = ("customers", _("Customers")), "fa-id-card-o"
    list_title, show_title, add_title, edit_title = (
        _("Customer information"),
        _("Piece of information"),
        _("Add information"),
        _("Edit information"),
    )
    list_columns = ["code", "customer", "kind", "item", "source", "collected_on", "verifier", "verified_on"]
    summary_columns = ("customer", "kind", "item", "source")
    empty_text = _("Add what was found out about customers, with its source.")


class FinancialStatementView(PortalView):
    """What customers own, owe and earn."""

    help = Help(
        _(
            "What a borrower owns, owes, turns over and earns, period by period. Early warning reads the debt ratio,"
            " the change of turnover and how old the last statement is from here."
        ),
        _(
            "Customer managers enter a statement when it is handed in or written down on a visit, at least once a"
            " year; households and traders have a simple one, too. It counts from the day it was collected. Liabilities"
            " above the assets are entered as they are."
        ),
    )
    datamodel = ScopedInterface(FinancialStatement)
    menu, icon = ("customers", _("Customers")), "fa-balance-scale"
    list_title, show_title, add_title, edit_title = (
        _("Financial statements"),
        _("Financial statement"),
        _("Add a financial statement"),
        _("Edit financial statement"),
    )
    list_columns = [
        "customer",
        "period_end",
        "months",
        "total_assets",
        "total_liabilities",
        "debt_ratio",
        "turnover",
        "net_profit",
        "source",
    ]
    order = ("period_end", "desc")
    quick_filters = ("source",)
    summary_columns = ("customer", "period_end", "debt_ratio", "turnover", "source")
    empty_text = _("Add what a customer owns, owes, turns over and earns, with its source.")


def register(builder: Any) -> None:
    add_screens(builder, CustomerView, RelatedPartyView, ConsentView, CustomerFactView, FinancialStatementView)
