"""Screens of this area: entries of month-ends with their lines, proposals to book them, the VAT register."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, cast, func, select

from portal.closing import posting, proposals
from portal.closing.models import (
    MonthEndEntry,
    MonthEndPosting,
    MonthEndProposal,
    ProposalState,
    VatLine,
)
from portal.closing.pages import MonthEndView, TrialBalanceView, VatRegisterView, branch_lines, money
from portal.core.application import add_page, add_screens
from portal.core.db import db
from portal.core.errors import InvalidValues, PortalError
from portal.core.help import Help
from portal.core.masks import derived
from portal.core.metric import dimensions, words
from portal.core.views import PortalView, ScopedInterface
from portal.loans.ledger import Account
from portal.risk.decided_view import DecidedView

MENU = ("lending", _("Lending"))


class MonthEndEntryView(PortalView):
    """What was booked of month-ends."""

    help = Help(
        _(
            "What was booked of each month-end for groups of loans rather than for one: provisions, VAT, interest kept"
            " off balance. Every entry balances for each branch, team, manager and product."
        ),
        _(
            "Finance and auditors trace account 1304, 6702, 2221 and 9103 back to here. Entries are never changed; a"
            " wrong one is taken back by a new entry in the open month, with the reason."
        ),
    )
    datamodel = ScopedInterface(MonthEndEntry)
    menu, icon = MENU, "fa-calendar-check-o"
    list_title, show_title = _("Booked month-ends"), _("Month-end entry")
    empty_text = _("Nothing was booked yet: entries are booked once a month is closed.")
    list_columns = ["key", "kind", "month_end", "booking_date", "amount", "posted_by", "reason"]
    quick_filters = ("kind",)
    order = ("month_end", "desc")
    order_by = ("month_end", "booking_date", "amount")
    summary_columns = ("kind", "month_end", "booking_date", "amount")
    show_template = "closing/entry.html"
    method_actions = {"reverse": "undo"}
    related = (("MonthEndPostingView", "entry"),)
    has_timeline = False
    can_add = can_edit = can_delete = False

    def by_account(self, row: MonthEndEntry) -> list[tuple[str, Account, int]]:
        """(branch, account, amount) of the lines that the reader may see."""
        amount = cast(func.sum(MonthEndPosting.amount), BigInteger)
        statement = (
            select(MonthEndPosting.branch_id, MonthEndPosting.account, amount)
            .where(MonthEndPosting.entry_id == row.id)
            .group_by(MonthEndPosting.branch_id, MonthEndPosting.account)
        )
        found = db.session.execute(statement).all()
        names = words(dimensions["branch"], {line[0] for line in found})
        return sorted((names[branch], account, int(fen)) for branch, account, fen in found)

    def money(self, fen: int) -> str:
        return derived(MonthEndPosting, ("amount",), money(fen))

    def may_reverse(self, row: MonthEndEntry) -> bool:
        """Whether the reader may take this entry back, and it still stands."""
        last = posting.standing(row.kind, row.month_end)
        return bool(self.may("undo")) and last is not None and last.id == row.id

    @expose("/reverse/<pk>", methods=["POST"])
    @has_access
    def reverse(self, pk: str) -> Any:
        """Take the entry back."""
        row = self.find(pk)
        try:
            row = posting.reverse(row.id, request.form.get("reason", ""))
        except InvalidValues as error:
            flash(" ".join(str(text) for texts in error.fields.values() for text in texts), "danger")
        except PortalError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(gettext("The entry is taken back."), "success")
        return redirect(url_for(f"{self.endpoint}.show", pk=row.id))


class MonthEndPostingView(PortalView):
    """Lines of month-end entries."""

    help = Help(
        _("The lines of month-end entries: account, amount, branch, team, customer manager and product."),
        _("You come here from an entry, or from a figure that rests on it. You see the lines of loans you may see."),
    )
    datamodel = ScopedInterface(MonthEndPosting)
    resource = "Loan"
    icon = "fa-list"
    list_title, show_title = _("Lines of month-ends"), _("Line of a month-end")
    empty_text = _("Nothing was booked yet: entries are booked once a month is closed.")
    list_columns = ["value_date", "kind", "account", "component", "amount", "branch", "manager", "product"]
    quick_filters = ("kind",)
    order = ("value_date", "desc")
    order_by = ("value_date", "amount")
    summary_columns = ("kind", "account", "amount", "value_date")
    has_timeline = False
    can_add = can_edit = can_delete = False


class MonthEndProposalView(DecidedView):
    """Proposals to book month-ends."""

    help = Help(
        _(
            "Entries of month-ends that were proposed, what they would book by branch, and the decision. Approval books"
            " the entry at once."
        ),
        _("Finance proposes under Month-end entries; somebody else of finance, or an approver, decides."),
    )
    datamodel = ScopedInterface(MonthEndProposal)
    menu, icon = MENU, "fa-balance-scale"
    list_title, show_title = _("Proposed month-ends"), _("Proposal for a month-end")
    empty_text = _("Nothing was proposed yet: finance does it under Month-end entries.")
    list_columns = ["kind", "month_end", "wanted", "held", "difference", "state", "proposed_on", "proposed_by"]
    quick_filters = ("state",)
    order = ("month_end", "desc")
    order_by = ("month_end", "difference")
    summary_columns = ("kind", "month_end", "wanted", "held", "difference", "state")
    show_template = "closing/proposal.html"
    waiting = ProposalState.PROPOSED
    can_add = False

    def lines(self, row: MonthEndProposal) -> list[tuple[str, int, int, int]]:
        """What it would book by branch, while it waits."""
        return branch_lines(row.kind, row.month_end)[0] if row.state is ProposalState.PROPOSED else []

    def money(self, fen: int) -> str:
        return derived(MonthEndProposal, ("wanted", "held", "difference"), money(fen))

    def decided_by(self, pk: int, approve: bool, note: str) -> Any:
        return proposals.decide(pk, approve, note)

    def taken_back(self, pk: int) -> Any:
        return proposals.withdraw(pk)


class VatLineView(PortalView):
    """The VAT register line by line."""

    help = Help(
        _("The lines of the VAT register: taxable and exempt income and output VAT of a month, by group and part."),
        _("Written with the entry that books the tax, and never changed. Finance exports a month for the declaration."),
    )
    datamodel = ScopedInterface(VatLine)
    icon = "fa-list"
    list_title, show_title = _("VAT by group"), _("Line of the VAT register")
    empty_text = _("Nothing was booked yet: entries are booked once a month is closed.")
    list_columns = ["month_end", "component", "taxed", "exempt", "tax", "branch", "team", "manager", "product"]
    quick_filters = ("component",)
    order = ("month_end", "desc")
    order_by = ("month_end", "taxed", "exempt", "tax")
    summary_columns = ("month_end", "component", "taxed", "exempt", "tax")
    has_timeline = False
    can_add = can_edit = can_delete = False


def register(builder: Any) -> None:
    add_page(builder, MonthEndView, _("Month-end entries"), MENU, "fa-calendar-o")
    add_screens(builder, MonthEndProposalView, MonthEndEntryView, MonthEndPostingView, VatLineView)
    add_page(builder, VatRegisterView, _("VAT register"), MENU, "fa-percent")
    add_page(builder, TrialBalanceView, _("Trial balance"), MENU, "fa-balance-scale")
