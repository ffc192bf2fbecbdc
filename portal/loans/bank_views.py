"""Screens of the bank statement: its lines, and the reconciliation of bank and books."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.application import add_page, add_screens
from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.help import Help
from portal.core.scope import actor
from portal.core.values import is_whole
from portal.core.views import PortalView, ScopedInterface
from portal.loans.bank_lines import BankLine, LineState
from portal.loans.deciding import BOOK, HOLD, IGNORE
from portal.loans.deeds import Deed, money, page, row_of
from portal.loans.matching import Proposal, proposals
from portal.loans.models import Repayment
from portal.loans.receipts import HeldReceipt
from portal.loans.statement import match, reopen

MENU = ("lending", _("Lending"))
PAGE = 25
"""Lines on a page."""
DECISIONS = (BOOK, HOLD, IGNORE)


class BankLineView(PortalView):
    """Lines of bank statements."""

    help = Help(
        _("Every line of the bank statements that were brought in, with what it was found to be."),
        _(
            "Statements are brought in under Imports and decided on under Reconciliation. Nothing is typed here, and a"
            " line never disappears."
        ),
    )
    datamodel = ScopedInterface(BankLine)
    menu, icon = MENU, "fa-list-alt"
    list_title, show_title = _("Bank statement lines"), _("Line of a bank statement")
    empty_text = _("Bring in a bank statement (Imports); its lines appear here.")
    list_columns = ["code", "value_date", "amount", "payer", "remark", "state", "repayment", "held", "reason"]
    quick_filters = ("state",)
    summary_columns = ("amount", "value_date", "payer", "state")
    order_by = ("code", "value_date", "amount")
    order = ("value_date", "desc")
    has_timeline = False
    can_add = can_edit = can_delete = False


class ReconciliationView(BaseView):
    """`/reconciliation/`: what of the bank statement is still to be decided, with what it may be."""

    help = Help(
        _(
            "Bank and books side by side: lines of the statement that are matched, those still to be decided with what"
            " they probably are, and those left alone for a reason."
        ),
        _(
            "Finance brings in the statement each morning and works the list down to nothing. A line is booked under"
            " the bank's reference, so that the same money is never booked twice."
        ),
    )
    route_base = "/reconciliation"
    default_view = "index"
    resource = "BankLine"
    method_actions = {
        "index": "list",
        "match": "run",
        "reopen": "undo",
        **{deed.key: deed.action for deed in DECISIONS},
    }

    @expose("/")
    @has_access
    def index(self) -> Any:
        self.update_redirect()
        state = request.args.get("state", "")
        chosen = LineState(state) if state in {s.value for s in LineState} else LineState.OPEN
        asked = request.args.get("page", "")
        number = max(int(asked), 1) if is_whole(asked) else 1
        own = select(BankLine).where(BankLine.state == chosen)
        newest = own.order_by(BankLine.value_date.desc(), BankLine.id.desc())
        lines = list(db.session.scalars(newest.offset((number - 1) * PAGE).limit(PAGE + 1)))
        found: dict[int, list[Proposal]] = proposals(lines[:PAGE]) if chosen is LineState.OPEN else {}
        return self.render_template(
            "loans/reconciliation.html",
            title=_("Bank reconciliation"),
            chosen=chosen,
            totals=_totals(),
            lines=lines[:PAGE],
            proposals=found,
            number=number,
            more=len(lines) > PAGE,
            may_run=actor().may(self.resource, "run"),
            may_reopen=actor().may(self.resource, "undo"),
            imports=url_for("ImportView.new", kind="bank_lines") if actor().may("ImportBatch", "add") else "",
            money=money,
        )

    @expose("/match/<pk>", methods=["POST"])
    @has_access
    def match(self, pk: str) -> Any:
        """The line is a booking that is there already."""
        line = row_of(BankLine, pk)
        repayment = row_of(Repayment, request.form["repayment"]) if "repayment" in request.form else None
        held = row_of(HeldReceipt, request.form["held"]) if "held" in request.form else None
        return self._done(lambda: match(line, repayment, held), gettext("The line is matched."))

    @expose("/reopen/<pk>", methods=["POST"])
    @has_access
    def reopen(self, pk: str) -> Any:
        line = row_of(BankLine, pk)
        return self._done(lambda: reopen(line), gettext("The line is to be decided again."))

    def _done(self, verb: Any, sentence: str) -> Any:
        try:
            verb()
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(sentence, "success")
        return redirect(url_for("ReconciliationView.index", state=request.form.get("state") or None))

    @expose("/book/<pk>", methods=["GET", "POST"])
    @has_access
    def book(self, pk: str) -> Any:
        return self._deed(BOOK, pk)

    @expose("/hold/<pk>", methods=["GET", "POST"])
    @has_access
    def hold(self, pk: str) -> Any:
        return self._deed(HOLD, pk)

    @expose("/ignore/<pk>", methods=["GET", "POST"])
    @has_access
    def ignore(self, pk: str) -> Any:
        return self._deed(IGNORE, pk)

    def _deed(self, deed: Deed, pk: str) -> Any:
        return page(self, deed, pk, url_for("ReconciliationView.index"))


def _totals() -> list[tuple[LineState, int, int, int]]:
    """Per state: how many lines, what came in and what went out."""
    came_in = func.sum(BankLine.amount).filter(BankLine.amount > 0)
    went_out = func.sum(-BankLine.amount).filter(BankLine.amount < 0)
    rows = db.session.execute(select(BankLine.state, func.count(), came_in, went_out).group_by(BankLine.state))
    found = {state: (int(count), int(incoming or 0), int(outgoing or 0)) for state, count, incoming, outgoing in rows}
    return [(state, *found.get(state, (0, 0, 0))) for state in LineState]


def register(builder: Any) -> None:
    add_page(builder, ReconciliationView, _("Bank reconciliation"), MENU, "fa-balance-scale")
    add_screens(builder, BankLineView)
