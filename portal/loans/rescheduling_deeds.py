"""What is done about the terms of one loan: extended or restructured by two people, misuse decided on; its pages."""

from __future__ import annotations

from copy import deepcopy
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
from portal.core.values import money_text, rate_text
from portal.loans.accounts import Line, LoanAccount
from portal.loans.booking import account_of
from portal.loans.books import Books
from portal.loans.deeds import REASON, VALUE_DATE, Deed, Preview, page
from portal.loans.extending import approve, check, day_of, extended_by, extension_rules, propose, refuse, terms_wanted
from portal.loans.misuse import check_misuse, decide_misuse, take_misuse
from portal.loans.models import Loan
from portal.loans.rescheduling import NewTerms, take_terms
from portal.loans.terms import Rescheduling, ReschedulingKind, ReschedulingState

RESOURCE = "Rescheduling"

MONTHS = Field(
    _("Put off by (months)"),
    name="months",
    type="int",
    required=True,
    help=_("So many monthly instalments are added after the last one; of a bullet, its due date moves."),
)
RATE = Field(
    _("Rate from then on"), name="rate", type="rate", help=_("A year, on what is not due yet; empty: as it is.")
)
FROM = Field(
    _("In force from"),
    name="value_date",
    type="date",
    required=True,
    help=_("Not before the last booking of the loan; if something is booked before the decision, that day counts."),
)


def _compared(preview: Preview, account: LoanAccount, new: NewTerms) -> None:
    """Work the new terms out in memory and show both schedules."""
    before, rate, matured_on = deepcopy(account.lines), account.rate, account.matures_on
    take_terms(Books(business_date()), account, new, "preview")
    by_number = {line.number: line for line in before}
    after = sorted(account.lines, key=lambda line: (line.due_date, line.number))
    preview.added = _("New")
    preview.schedule = [
        (line, by_number.get(line.number))
        for line in after
        if line.due_date > new.on or _changed(line, by_number.get(line.number))
    ]
    preview.before_after = [
        (_("Matures on"), str(matured_on or ""), str(account.matures_on or "")),
        (_("Annual rate (%)"), rate_text(rate), rate_text(account.rate)),
        (_("Interest over the whole term"), _interest(before), _interest(account.lines)),
    ]
    penalty = sum(line.penalty for line in account.lines) - sum(line.penalty for line in before)
    if penalty:
        preview.figure(_("Penalty interest up to that day"), penalty)


def _changed(line: Line, before: Line | None) -> bool:
    return before is None or (line.principal, line.interest) != (before.principal, before.interest)


def _interest(lines: list[Line]) -> str:
    return money_text(sum(line.interest for line in lines), thousands=True)


def _previewer(kind: ReschedulingKind) -> Any:
    def preview(loan: Loan, values: dict[str, Any]) -> Preview:
        account, today, shown = account_of(loan, lock=False), business_date(), Preview()
        months, on = values["months"], values["value_date"]
        rate = account.rate if values["rate"] is None else values["rate"]
        check(loan, account, kind, months, rate, on, values["reason"], today)
        shown.figure(_("Principal"), account.balance)
        _compared(shown, account, terms_wanted(account, kind, months, rate, on))
        if kind is ReschedulingKind.EXTENSION:
            longest, already = extension_rules(today).longest(loan.count), extended_by(loan)
            sentence = gettext(
                "Extended by %(months)s of %(longest)s months that the law allows in all.",
                months=str(months + already),
                longest=str(longest),
            )
            shown.notices.append(sentence)
        shown.notices.append(
            gettext("Somebody else has to approve. From then on the loan is at least special mention and observed.")
        )
        return shown

    return preview


def _booker(kind: ReschedulingKind) -> Any:
    def book(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
        row = propose(loan, kind, values["months"], values["value_date"], values["reason"], values["rate"])
        return gettext("The proposal awaits approval."), url_for("ReschedulingView.show", pk=row.id)

    return book


EXTEND = Deed(
    key="extend",
    title=_("Extension"),
    icon="fa-calendar-plus-o",
    note=_(
        "What is not due yet is put off, within the legal length; what is late stays late. A second person decides."
    ),
    resource=RESOURCE,
    action="add",
    fields=(MONTHS, RATE, FROM, REASON),
    preview=_previewer(ReschedulingKind.EXTENSION),
    book=_booker(ReschedulingKind.EXTENSION),
)
RESTRUCTURE = Deed(
    key="restructure",
    title=_("Restructuring"),
    icon="fa-random",
    note=_(
        "What is late and what is to come is spread anew because the borrower is in difficulty. Late interest is due"
        " with the next instalment and bears none. A second person decides; the category is no better than before."
    ),
    resource=RESOURCE,
    action="add",
    fields=(MONTHS, RATE, FROM, REASON),
    preview=_previewer(ReschedulingKind.RESTRUCTURING),
    book=_booker(ReschedulingKind.RESTRUCTURING),
)


def of_proposal(row: Rescheduling) -> list[tuple[Any, str]]:
    """What is to be decided."""
    return [
        (_("Loan"), row.loan.code),
        (_("Kind"), str(label_of(row.kind))),
        (_("Put off by (months)"), str(row.months)),
        (_("Proposed by"), row.proposed_by),
    ]


def _is_waiting(row: Rescheduling) -> bool:
    return row.state is ReschedulingState.PROPOSED and row.proposed_by != actor().name


def _preview_approval(row: Rescheduling, _values: dict[str, Any]) -> Preview:
    account, preview = account_of(row.loan, lock=False), Preview()
    on = day_of(row, account)
    check(row.loan, account, row.kind, row.months, row.rate, on, row.reason, business_date())
    preview.figure(_("Principal"), account.balance)
    _compared(preview, account, terms_wanted(account, row.kind, row.months, row.rate, on))
    preview.notices.append(row.reason)
    if on != row.value_date:
        preview.notices.append(gettext("Something was booked meanwhile: it holds from %(day)s.", day=on))
    return preview


def _approve(row: Rescheduling, _values: dict[str, Any]) -> tuple[str, str]:
    approve(row)
    return gettext("The new terms are booked."), url_for("ReschedulingView.show", pk=row.id)


APPROVE = Deed(
    key="approve",
    title=_("Approve the new terms"),
    icon="fa-check",
    note=_("The new terms are booked with your name beside that of whoever proposed them."),
    resource=RESOURCE,
    action="approve",
    fields=(),
    preview=_preview_approval,
    book=_approve,
    model=Rescheduling,
    above=of_proposal,
    fits=_is_waiting,
)


def _refuse(row: Rescheduling, values: dict[str, Any]) -> tuple[str, str]:
    refuse(row, values["reason"])
    return gettext("The proposal is refused."), url_for("ReschedulingView.show", pk=row.id)


REFUSE = Deed(
    key="refuse",
    title=_("Refuse the new terms"),
    icon="fa-ban",
    note=_("Nothing is booked; the reason stands in the audit trail."),
    resource=RESOURCE,
    action="approve",
    fields=(REASON,),
    preview=lambda row, _values: Preview(notices=[row.reason]),
    book=_refuse,
    model=Rescheduling,
    above=of_proposal,
    fits=_is_waiting,
)


def _preview_misuse(loan: Loan, values: dict[str, Any]) -> Preview:
    account, today, preview = account_of(loan, lock=False), business_date(), Preview()
    check_misuse(account, values["markup"], values["value_date"], values["reason"], today)
    before = sum(line.penalty for line in account.lines)
    marked = account.misuse_markup or 0
    take_misuse(Books(today), account, values["markup"], values["value_date"])
    preview.figure(_("Penalty interest up to that day"), sum(line.penalty for line in account.lines) - before)
    preview.before_after = [
        (_("Penalty mark-up for misuse (%)"), rate_text(marked), rate_text(account.misuse_markup or 0)),
        (_("Penalty mark-up when late (%)"), rate_text(account.markup), rate_text(account.markup)),
    ]
    preview.notices.append(gettext("What is overdue bears the higher of both mark-ups, never the two together."))
    return preview


def _book_misuse(loan: Loan, values: dict[str, Any]) -> tuple[str, str]:
    decide_misuse(loan, values["markup"], values["value_date"], values["reason"])
    return gettext("The decision is booked."), url_for("LoanView.show", pk=loan.id)


MISUSE = Deed(
    key="misuse",
    title=_("Misuse of funds"),
    icon="fa-exclamation-triangle",
    note=_(
        "The funds were used for something else than agreed: penalty interest at this mark-up runs from the day on, on"
        " all of the principal, within the limit on all charges."
    ),
    resource=RESOURCE,
    action="approve",
    fields=(
        Field(
            _("Penalty mark-up for misuse"),
            name="markup",
            type="rate",
            required=True,
            help=_("Share of the contract rate, within the dated range (Parameters); 0 ends it."),
        ),
        VALUE_DATE,
        REASON,
    ),
    preview=_preview_misuse,
    book=_book_misuse,
)

PROPOSING = (EXTEND, RESTRUCTURE, MISUSE)
"""In the order of the menu on a loan's record."""


class NewTermsView(BaseView):
    """`/rescheduling/extend/<loan>`, `/rescheduling/approve/<proposal>` and their like."""

    help = Help(
        _("New terms are proposed for a loan, or decided on by a second person."),
        _("The page shows the schedule before and after, and what the law allows. Nothing is overwritten."),
    )
    route_base = "/rescheduling"
    default_view = "extend"
    resource = RESOURCE
    method_actions = {deed.key: deed.action for deed in (EXTEND, RESTRUCTURE, MISUSE, APPROVE, REFUSE)}

    @expose("/extend/<pk>", methods=["GET", "POST"])
    @has_access
    def extend(self, pk: str) -> Any:
        return page(self, EXTEND, pk, url_for("LoanView.show", pk=pk))

    @expose("/restructure/<pk>", methods=["GET", "POST"])
    @has_access
    def restructure(self, pk: str) -> Any:
        return page(self, RESTRUCTURE, pk, url_for("LoanView.show", pk=pk))

    @expose("/misuse/<pk>", methods=["GET", "POST"])
    @has_access
    def misuse(self, pk: str) -> Any:
        return page(self, MISUSE, pk, url_for("LoanView.show", pk=pk))

    @expose("/approve/<pk>", methods=["GET", "POST"])
    @has_access
    def approve(self, pk: str) -> Any:
        return page(self, APPROVE, pk, url_for("ReschedulingView.show", pk=pk))

    @expose("/refuse/<pk>", methods=["GET", "POST"])
    @has_access
    def refuse(self, pk: str) -> Any:
        return page(self, REFUSE, pk, url_for("ReschedulingView.show", pk=pk))


def proposable(loan: Loan) -> list[tuple[Deed, str]]:
    """What the actor may ask for or decide on a loan now, with the addresses."""
    return [(d, url_for(f"NewTermsView.{d.key}", pk=loan.id)) for d in PROPOSING if d.offered(loan)]
