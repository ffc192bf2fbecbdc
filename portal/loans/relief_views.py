"""Screens of reliefs: the list, and the pages on which one is proposed and decided on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.fields import Field
from portal.core.help import Help
from portal.core.scope import actor
from portal.core.values import UNITS, money_text
from portal.core.views import PortalView, ScopedInterface
from portal.loans.booking import account_of
from portal.loans.books import Books
from portal.loans.components import Component
from portal.loans.deeds import AMOUNT, REASON, VALUE_DATE, Deed, Preview, page, shares_of
from portal.loans.granting import approve, check_relief, granted, limit, propose, refuse, take_relief, waivable
from portal.loans.models import Loan
from portal.loans.reliefs import Relief, ReliefState

MENU = ("lending", _("Lending"))


def _preview(loan: Loan, values: dict[str, Any]) -> Preview:
    account, today = account_of(loan, lock=False), business_date()
    component, amount, on = values["component"], values["amount"], values["value_date"]
    check_relief(account, component, amount, on, values["reason"], today)
    owed = sum(part for _line, part in waivable(account, component, on))
    before = {line.number: line.unpaid(component) for line in account.lines}
    running = {line.number: part for line, part in account.penalties(on)} if component is Component.PENALTY else {}
    take_relief(Books(today), account, component, amount, on, "preview")
    parts = [
        (line.number, component, before[line.number] + running.get(line.number, 0) - line.unpaid(component))
        for line in account.lines
    ]
    preview = Preview(shares=shares_of(account.lines, [part for part in parts if part[2]]))
    preview.figure(_("Owed of it on that day"), owed)
    preview.figure(_("Owed afterwards"), owed - amount)
    already = granted(loan, today)
    if already:
        preview.figure(_("Let go or proposed within a year"), already)
    if amount + already > limit(today):
        most = money_text(limit(today), thousands=True)
        sentence = gettext(
            "Beyond %(most)s yuan within a year somebody else has to approve: this is proposed.", most=most
        )
        preview.notices.append(sentence)
    return preview


def _book(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    relief = propose(loan, values["component"], values["amount"], values["value_date"], values["reason"])
    booked = relief.state is ReliefState.BOOKED
    sentence = gettext("The relief is booked.") if booked else gettext("The relief awaits approval.")
    return sentence, url_for("ReliefView.show", pk=relief.id)


PROPOSE = Deed(
    key="propose",
    title=_("Relief"),
    icon="fa-percent",
    note=_("Penalty, interest, fees or costs that are owed are let go, the oldest first, with a reason."),
    resource="Relief",
    action="add",
    fields=(
        Field(_("Component"), name="component", type="choice", choices=Component, required=True),
        AMOUNT,
        replace(VALUE_DATE, help=_("The day from which it is not owed any more.")),
        REASON,
    ),
    preview=_preview,
    book=_book,
    start=lambda _loan: {"component": Component.PENALTY},
)


def of_relief(row: Relief) -> list[tuple[Any, str]]:
    """What is to be decided."""
    amount = f"{money_text(row.amount, thousands=True)} {UNITS['money']}"
    return [
        (_("Loan"), row.loan.code),
        (_("Component"), str(label_of(row.component))),
        (_("Amount"), amount),
        (_("Proposed by"), row.proposed_by),
    ]


def _is_waiting(row: Relief) -> bool:
    return row.state is ReliefState.PROPOSED and row.proposed_by != actor().name


def _approve(row: Relief, _values: dict[str, Any]) -> tuple[str, str]:
    approve(row)
    return gettext("The relief is booked."), url_for("ReliefView.show", pk=row.id)


def _preview_approval(row: Relief, _values: dict[str, Any]) -> Preview:
    account, preview = account_of(row.loan, lock=False), Preview()
    check_relief(account, row.component, row.amount, row.value_date, row.reason, business_date())
    preview.figure(_("Let go"), row.amount)
    preview.notices.append(row.reason)
    return preview


APPROVE = Deed(
    key="approve",
    title=_("Approve the relief"),
    icon="fa-check",
    note=_("The relief is booked with your name beside that of whoever proposed it."),
    resource="Relief",
    action="approve",
    fields=(),
    preview=_preview_approval,
    book=_approve,
    model=Relief,
    above=of_relief,
    fits=_is_waiting,
)


def _refuse(row: Relief, values: dict[str, Any]) -> tuple[str, str]:
    refuse(row, values["reason"])
    return gettext("The relief is refused."), url_for("ReliefView.show", pk=row.id)


REFUSE = Deed(
    key="refuse",
    title=_("Refuse the relief"),
    icon="fa-ban",
    note=_("Nothing is booked; the reason stands in the audit trail."),
    resource="Relief",
    action="approve",
    fields=(REASON,),
    preview=lambda row, _values: Preview(notices=[row.reason]),
    book=_refuse,
    model=Relief,
    above=of_relief,
    fits=_is_waiting,
)


class ReliefView(PortalView):
    """What was let go."""

    help = Help(
        _("Penalty, interest, fees and costs that were let go or are proposed to be, with who decided and why."),
        _(
            "Finance and collections propose; up to a yearly limit for each loan (Parameters) a relief is booked at"
            " once, beyond it a branch head or approver decides."
        ),
    )
    datamodel = ScopedInterface(Relief)
    menu, icon = MENU, "fa-percent"
    list_title, show_title = _("Reliefs"), _("Relief")
    empty_text = _("Reliefs are proposed on the record of a loan.")
    list_columns = ["loan", "component", "amount", "value_date", "state", "proposed_by", "decided_by", "reason"]
    quick_filters = ("state",)
    summary_columns = ("loan", "component", "amount", "state")
    order_by = ("amount", "value_date")
    show_template = "loans/held_receipt.html"
    can_add = can_edit = can_delete = False

    def deeds(self, row: Relief) -> list[tuple[Deed, str]]:
        """What can be decided about it now, with the addresses."""
        return [(d, url_for(f"GrantingView.{d.key}", pk=row.id)) for d in (APPROVE, REFUSE) if d.offered(row)]


class GrantingView(BaseView):
    """`/granting/propose/<loan>`, `/granting/approve/<relief>`, `/granting/refuse/<relief>`."""

    help = Help(
        _("A relief is proposed for a loan, or decided on by a second person."),
        _("The page shows what would be let go, of which instalment, and whether somebody else has to approve."),
    )
    route_base = "/granting"
    default_view = "propose"
    resource = "Relief"
    method_actions = {deed.key: deed.action for deed in (PROPOSE, APPROVE, REFUSE)}

    @expose("/propose/<pk>", methods=["GET", "POST"])
    @has_access
    def propose(self, pk: str) -> Any:
        return page(self, PROPOSE, pk, url_for("LoanView.show", pk=pk))

    @expose("/approve/<pk>", methods=["GET", "POST"])
    @has_access
    def approve(self, pk: str) -> Any:
        return page(self, APPROVE, pk, url_for("ReliefView.show", pk=pk))

    @expose("/refuse/<pk>", methods=["GET", "POST"])
    @has_access
    def refuse(self, pk: str) -> Any:
        return page(self, REFUSE, pk, url_for("ReliefView.show", pk=pk))
