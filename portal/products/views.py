"""Screens of this area: The product catalogue."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.products.models import Product


class ProductView(PortalView):
    """The product catalogue."""

    help = Help(
        _(
            "The catalogue of loan products: for whom, through which channel, at what rates, terms and repayment "
            "methods."
        ),
        _(
            "The business department keeps it. A change applies to new loans only: each loan keeps the terms it "
            "was paid out on."
        ),
    )
    datamodel = ScopedInterface(Product)
    menu, icon = ("lending", _("Lending")), "fa-tags"
    list_title, show_title, add_title, edit_title = (
        _("Loan products"),
        _("Loan product"),
        _("Add a product"),
        _("Edit product"),
    )
    empty_text = _("Add the first product; loans need one.")
    list_columns = [
        "code",
        "name",
        "purpose",
        "channel",
        "method",
        "rate_min",
        "rate_max",
        "term_min",
        "term_max",
        "active",
    ]
    order = ("code", "asc")
    summary_columns = ("purpose", "channel", "active")
    summary_metrics, summary_dimension = ("loan_balance", "loan_count", "average_rate", "par_30"), "product"
    related = (("LoanView", "product"),)


def register(builder: Any) -> None:
    add_screens(builder, ProductView)
