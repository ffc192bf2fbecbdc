"""The pages on which finance services one loan: each deed has its address under `/servicing/`."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core.help import Help
from portal.loans.deeds import Deed, page
from portal.loans.models import Loan
from portal.loans.paying import COST, PAY
from portal.loans.repaying_early import PREPAY, SETTLE

DEEDS: tuple[Deed, ...] = (PAY, PREPAY, SETTLE, COST)
"""In the order of the menu on a loan's record."""


class ServicingView(BaseView):
    """`/servicing/pay/<loan>` and its like."""

    help = Help(
        _("What finance books for one loan: payments, early repayments, costs of enforcement."),
        _(
            "Each page shows what would be booked before it is: which instalments are settled, what is held, what stays"
            " overdue. Nothing is netted and nothing overwritten; a mistake is reversed."
        ),
    )
    route_base = "/servicing"
    default_view = "pay"
    resource = "Repayment"
    method_actions = {deed.key: deed.action for deed in DEEDS}

    @expose("/pay/<pk>", methods=["GET", "POST"])
    @has_access
    def pay(self, pk: str) -> Any:
        return self._deed(PAY, pk)

    @expose("/prepay/<pk>", methods=["GET", "POST"])
    @has_access
    def prepay(self, pk: str) -> Any:
        return self._deed(PREPAY, pk)

    @expose("/settle/<pk>", methods=["GET", "POST"])
    @has_access
    def settle(self, pk: str) -> Any:
        return self._deed(SETTLE, pk)

    @expose("/cost/<pk>", methods=["GET", "POST"])
    @has_access
    def cost(self, pk: str) -> Any:
        return self._deed(COST, pk)

    def _deed(self, deed: Deed, pk: str) -> Any:
        return page(self, deed, pk, url_for("LoanView.show", pk=pk))


def offered(loan: Loan) -> list[tuple[Deed, str]]:
    """What the actor may do to a loan now, with the addresses."""
    return [(deed, url_for(f"ServicingView.{deed.key}", pk=loan.id)) for deed in DEEDS if deed.offered(loan)]
