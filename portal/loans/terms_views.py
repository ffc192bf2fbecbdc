"""Screens of terms that change: proposals to extend or restructure with the decisions on them, and the history."""

from __future__ import annotations

from flask import url_for
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.db import db
from portal.core.help import Help
from portal.core.masks import is_clear
from portal.core.scope import actor
from portal.core.views import PortalView, ScopedInterface
from portal.loans.accounts import Line
from portal.loans.components import Component
from portal.loans.deeds import Deed, money
from portal.loans.models import Charge, Instalment
from portal.loans.rescheduling_deeds import APPROVE, REFUSE, RESOURCE
from portal.loans.terms import Rescheduling, TermsChange

MENU = ("lending", _("Lending"))


class ReschedulingView(PortalView):
    """Proposals to extend or restructure loans."""

    help = Help(
        _("Extensions and restructurings that were proposed, with who decided on them and why."),
        _(
            "Customer managers and branches propose on the record of a loan; a branch head or approver decides."
            " Extended and restructured loans are at least special mention and are observed."
        ),
    )
    datamodel = ScopedInterface(Rescheduling)
    menu, icon = MENU, "fa-calendar-plus-o"
    list_title, show_title = _("Extensions and restructurings"), _("Extension or restructuring")
    empty_text = _("Extensions and restructurings are proposed on the record of a loan.")
    list_columns = [
        "loan",
        "kind",
        "months",
        "rate",
        "value_date",
        "state",
        "proposed_by",
        "decided_by",
        "reason",
    ]
    quick_filters = ("state", "kind")
    summary_columns = ("loan", "kind", "months", "state")
    order_by = ("value_date", "months")
    order = ("value_date", "desc")
    show_template = "loans/held_receipt.html"
    can_add = can_edit = can_delete = False

    def deeds(self, row: Rescheduling) -> list[tuple[Deed, str]]:
        """What can be decided about it now, with the addresses."""
        return [(d, url_for(f"NewTermsView.{d.key}", pk=row.id)) for d in (APPROVE, REFUSE) if d.offered(row)]


class TermsChangeView(PortalView):
    """What changed of the terms of loans."""

    help = Help(
        _(
            "What changed of the terms of loans, since when and by which booking: extensions, restructurings, rate"
            " resets, misuse of funds."
        ),
        _("Nobody types it: decisions and day-end write it. The record shows the instalments before and after."),
    )
    datamodel = ScopedInterface(TermsChange)
    menu, icon = MENU, "fa-history"
    resource = RESOURCE
    list_title, show_title = _("Changes of terms"), _("Change of terms")
    empty_text = _("No loan's terms have changed.")
    list_columns = [
        "loan",
        "kind",
        "reversal",
        "value_date",
        "months",
        "rate_before",
        "rate",
        "matures_on",
        "misuse_markup",
        "lpr",
    ]
    summary_columns = ("loan", "kind", "rate", "matures_on")
    order_by = ("value_date", "rate")
    order = ("value_date", "desc")
    show_template = "loans/terms_change.html"
    has_timeline = False
    can_add = can_edit = can_delete = False

    def schedule(self, row: TermsChange) -> list[tuple[Line, Line | None]]:
        """Instalments after the change, each with what it was before; nothing where amounts are covered."""
        return around(row) if is_clear(Instalment, "principal") and actor().may("Instalment", "list") else []

    def money(self, fen: int) -> str:
        return money(fen)


def around(row: TermsChange) -> list[tuple[Line, Line | None]]:
    """The instalments that a change of terms changed: as they were right after it, and before (None: it is new)."""
    lines = {
        line.id: {Component.PRINCIPAL: line.principal, Component.INTEREST: line.interest}
        for line in row.loan.instalments
    }
    charges = select(Charge.instalment_id, Charge.component, Charge.amount, Charge.journal_id).where(
        Charge.loan_id == row.loan_id, Charge.component.in_((Component.PRINCIPAL, Component.INTEREST))
    )
    own: dict[int, dict[Component, int]] = {}
    for instalment, component, amount, journal in db.session.execute(charges.order_by(Charge.id.desc())):
        if journal == row.journal_id:
            part = own.setdefault(instalment, {})
            part[component] = part.get(component, 0) + amount
        elif not own:
            lines[instalment][component] -= amount
    found = []
    for line in sorted(row.loan.instalments, key=lambda one: (one.due_date, one.number)):
        if line.id in own:
            after, change = lines[line.id], own[line.id]
            before = {component: amount - change.get(component, 0) for component, amount in after.items()}
            was = _line(line, before) if any(before.values()) else None
            found.append((_line(line, after), was))
    return found


def _line(line: Instalment, amounts: dict[Component, int]) -> Line:
    principal, interest = amounts[Component.PRINCIPAL], amounts[Component.INTEREST]
    return Line(line.number, line.period_start, line.period_end, line.due_date, principal, interest)
