"""The settlement quote of a loan: a page that prints, and the same as JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, jsonify, request
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.errors import Forbidden, PortalError
from portal.core.help import Help
from portal.core.masks import is_clear
from portal.core.values import ValueProblem, parse_date
from portal.loans.deeds import money, of_loan, row_of
from portal.loans.models import Loan
from portal.loans.paying import PAY
from portal.loans.quotes import Quote, quote
from portal.loans.repaying_early import SETTLE
from portal.loans.state import LoanState


class QuoteView(BaseView):
    """`/settlement/quote/<loan>?on=2026-06-30`."""

    help = Help(
        _("What settles a loan on a day, and of what it is made. Nothing is booked by looking at it."),
        _(
            "Finance and customer managers tell it to borrowers who want to repay everything. It holds until the end of"
            " the day it is for, if nothing is booked before."
        ),
    )
    route_base = "/settlement"
    default_view = "quote"
    resource = "Loan"
    method_actions = {"quote": "show", "as_json": "show"}

    @expose("/quote/<pk>")
    @has_access
    def quote(self, pk: str) -> Any:
        loan, on, found = _loan(pk), business_date(), None
        try:
            on = _asked()
            found = quote(loan, on)
        except (ValueProblem, PortalError) as problem:
            flash(str(problem), "warning")
        return self.render_template(
            "loans/quote.html",
            title=_("Settlement quote"),
            loan=loan,
            above=of_loan(loan),
            on=on,
            quote=found,
            settles=SETTLE.offered(loan) and PAY.offered(loan),
            money=money,
        )

    @expose("/json/<pk>")
    @has_access
    def as_json(self, pk: str) -> Any:
        """The quote for another program; 422 for a day that is none, 409 where there is nothing to settle."""
        loan = _loan(pk)
        try:
            found: Quote = quote(loan, _asked())
        except ValueProblem as problem:
            return jsonify(message=str(problem)), 422
        except PortalError as refusal:
            return jsonify(message=str(refusal)), refusal.status
        return jsonify(found.as_json(loan))


def _loan(pk: str) -> Loan:
    """The loan; Forbidden to whom the balance is covered, because a quote would tell it."""
    if not is_clear(LoanState, "balance"):
        raise Forbidden()
    loan: Loan = row_of(Loan, pk)
    return loan


def _asked() -> date:
    text = request.args.get("on", "")
    return parse_date(text) if text else business_date()
