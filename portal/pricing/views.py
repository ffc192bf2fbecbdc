"""Screens of this area: the fee catalogue and the parts of prices."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.application import add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.pricing.models import FeeItem, PricePart

MENU = ("lending", _("Lending"))


class FeeItemView(PortalView):
    """The fee catalogue."""

    help = Help(
        _(
            "The catalogue of fees: every item that may be charged for a loan, who gets it, how much and when. What is "
            "not in it, or not in force on the day of the contract, cannot be charged."
        ),
        _(
            "The product manager keeps it, compliance checks it against the price list. An item that changes is ended, "
            "and a new one follows it: loans keep what was agreed."
        ),
    )
    datamodel = ScopedInterface(FeeItem)
    menu, icon = MENU, "fa-list-alt"
    list_title, show_title, add_title, edit_title = (
        _("Fee catalogue"),
        _("Fee item"),
        _("Add a fee item"),
        _("Edit fee item"),
    )
    empty_text = _("Add what may be charged; until then no loan has fees.")
    list_columns = [
        "code",
        "name",
        "payee",
        "charged",
        "basis",
        "amount",
        "share",
        "counted",
        "valid_from",
        "valid_until",
    ]
    order = ("code", "asc")
    summary_columns = ("payee", "charged", "basis", "valid_from")


class PricePartView(PortalView):
    """Parts of prices."""

    help = Help(
        _(
            "What a price is made of, over the one-year LPR: funding cost, operating cost, a risk premium for each "
            "grade, points for a group of customers. The price is the sum, within the rates of the product."
        ),
        _(
            "The product manager keeps it; the all-in cost calculator shows the price that follows. The LPR is a "
            "parameter."
        ),
    )
    datamodel = ScopedInterface(PricePart)
    menu, icon = MENU, "fa-sliders"
    list_title, show_title, add_title, edit_title = (
        _("Parts of prices"),
        _("Part of prices"),
        _("Add a part of prices"),
        _("Edit part of prices"),
    )
    empty_text = _("Add the funding cost first, then a risk premium for each grade.")
    list_columns = ["code", "kind", "product", "grade", "customer_type", "rate", "valid_from", "valid_until"]
    order = ("code", "asc")
    summary_columns = ("kind", "rate", "valid_from")


def register(builder: Any) -> None:
    add_screens(builder, FeeItemView, PricePartView)
