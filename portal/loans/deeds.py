"""Deeds: what finance does to a loan on a page of its own: type, look at what would be booked, confirm.

A deed names its fields, works out what it would do without booking anything, and books it. One template shows them all;
nothing typed is lost on the way, and what a verb says against it stands at the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import flash, redirect, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import NotFound

from portal.core import forms
from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues, PortalError
from portal.core.fields import Field
from portal.core.masks import derived
from portal.core.scope import actor
from portal.core.values import UNITS, is_whole, money_text
from portal.loans.accounts import Line
from portal.loans.booking import account_of
from portal.loans.components import Component
from portal.loans.models import Loan, LoanStatus
from portal.loans.state import LoanState

LOOKUP = "RepaymentView.lookup"
"""Where a page's references are looked up: repayments name loans."""

SHOWN = (Component.COST, Component.INTEREST, Component.PRINCIPAL, Component.FEE, Component.PENALTY)
"""Components in the order of the columns."""

RECEIPT = Field(
    _("Receipt number"),
    name="code",
    type="code",
    required=True,
    max_length=40,
    help=_("From the bank or the counter; the same number is never booked twice."),
)
VALUE_DATE = Field(
    _("Value date"),
    name="value_date",
    type="date",
    required=True,
    help=_("The day on which the money was there: it decides for interest and lateness."),
)
AMOUNT = Field(_("Amount"), name="amount", type="money", required=True)
REASON = Field(_("Reason"), name="reason", type="text", required=True, max_length=400)


@dataclass(frozen=True)
class Share:
    """One line of an allocation: of which instalment, due when, how much by component."""

    number: int
    due_date: date
    amounts: Mapping[Component, int]

    @property
    def total(self) -> int:
        return sum(self.amounts.values())


@dataclass
class Preview:
    """What a deed would book, for the eyes."""

    figures: list[tuple[Any, str]] = field(default_factory=list)
    """(label, text), the most important first."""
    shares: list[Share] = field(default_factory=list)
    before_after: list[tuple[Any, str, str]] = field(default_factory=list)
    """(label, before, after)."""
    schedule: list[tuple[Line, Line | None]] = field(default_factory=list)
    """Instalments as they would be, each with what it is now (None: it is new)."""
    added: Any = None
    """What an instalment is called that was not there before."""
    notices: list[Any] = field(default_factory=list)

    @property
    def components(self) -> list[tuple[Component, Any]]:
        """Those that occur in the shares, with their words."""
        used = {component for share in self.shares for component, amount in share.amounts.items() if amount}
        return [(component, label_of(component)) for component in SHOWN if component in used]

    def total_of(self, component: Component) -> int:
        return sum(share.amounts.get(component, 0) for share in self.shares)

    def figure(self, label: Any, fen: int) -> None:
        self.figures.append((label, money_text(fen, thousands=True)))


def shares_of(lines: Iterable[Line], parts: Iterable[tuple[int, Component, int]]) -> list[Share]:
    """Parts (instalment, component, amount) gathered by instalment, the earliest due first."""
    by_number: dict[int, dict[Component, int]] = {}
    for number, component, amount in parts:
        amounts = by_number.setdefault(number, {})
        amounts[component] = amounts.get(component, 0) + amount
    due = {line.number: line.due_date for line in lines}
    found = [Share(number, due[number], amounts) for number, amounts in by_number.items()]
    return sorted(found, key=lambda share: (share.due_date, share.number))


def of_loan(loan: Loan) -> list[tuple[Any, str]]:
    """What stands above the form: whose loan it is and how it stands."""
    if loan.status is LoanStatus.WRITTEN_OFF:
        left = f"{money(account_of(loan, lock=False).written_off)} {UNITS['money']}"
        off_balance = (_("Written off, not recovered"), derived(LoanState, ("balance",), left))
        return [(_("Customer"), str(loan.customer)), (_("Written off on"), str(loan.closed_on)), off_balance]
    state = loan.state
    fen = f"{money(state.balance if state else 0)} {UNITS['money']}"
    balance = derived(LoanState, ("balance",), fen)
    days = derived(LoanState, ("days_past_due",), str(state.days_past_due if state else 0))
    return [(_("Customer"), str(loan.customer)), (_("Balance"), balance), (_("Days past due"), days)]


@dataclass(frozen=True)
class Deed:
    """Something that is done to one row. `preview` and `book` get the row and the values by field name."""

    key: str
    title: Any
    icon: str
    note: Any
    """What it does, in a sentence."""
    resource: str
    action: str
    fields: Sequence[Field]
    preview: Callable[[Any, dict[str, Any]], Preview]
    book: Callable[[Any, dict[str, Any]], tuple[str, str]]
    """Books it; returns a sentence and the address to go on to."""
    start: Callable[[Any], dict[str, Any]] = lambda _row: {}
    """What the fields hold at first."""
    model: Any = Loan
    above: Callable[[Any], list[tuple[Any, str]]] = of_loan
    fits: Callable[[Any], bool] = lambda loan: loan.status is LoanStatus.ACTIVE
    """Whether it makes sense for this row now."""

    def offered(self, row: Any) -> bool:
        return actor().may(self.resource, self.action) and self.fits(row)


def row_of(model: Any, pk: str) -> Any:
    """The row of an address; 404 when there is none or it lies outside the scope."""
    row = db.session.get(model, int(pk)) if is_whole(pk) else None
    if row is None:
        raise NotFound()
    return row


def page(view: Any, deed: Deed, pk: str, back: str) -> Any:
    """Show a deed's form, its preview, or book it and go on."""
    row, form_class = row_of(deed.model, pk), forms.form_of(deed.fields, LOOKUP)
    if request.method == "GET":
        held = {"value_date": business_date()} | deed.start(row)
        given = {f.name: held[f.name] for f in deed.fields if f.name in held}
        return _shown(view, deed, row, form_class(data=given), back, 200)
    form, preview = form_class(), None
    if request.form.get("step") == "change":
        return _shown(view, deed, row, form, back, 200)
    if form.parsed() and not _lacking(form, deed):
        try:
            if request.form.get("step") == "book":
                sentence, address = deed.book(row, form.values())
                flash(sentence, "success")
                return redirect(address)
            preview = deed.preview(row, form.values())
        except InvalidValues as error:
            _at_fields(form, error.fields)
        except PortalError as refusal:
            flash(str(refusal), "danger")
        row = row_of(deed.model, pk)  # what was read before a refusal is old by now
    return _shown(view, deed, row, form, back, 200 if preview else 422, preview)


def _lacking(form: Any, deed: Deed) -> bool:
    """Whether something needed is missing; it is said at the field."""
    lacking = False
    for described in deed.fields:
        value = form._fields[described.name].data
        if described.required and (value is None or value == ""):
            form._fields[described.name].errors = [gettext("This is needed.")]
            lacking = True
    return lacking


def _at_fields(form: Any, problems: Mapping[str, Sequence[Any]]) -> None:
    for name, texts in problems.items():
        if name in form._fields:
            form._fields[name].errors = [*form._fields[name].errors, *map(str, texts)]
        else:
            flash(" ".join(map(str, texts)), "danger")


def _shown(view: Any, deed: Deed, row: Any, form: Any, back: str, status: int, preview: Preview | None = None) -> Any:
    html = view.render_template(
        "loans/deed.html",
        title=deed.title,
        deed=deed,
        row=row,
        form=form,
        back=back,
        preview=preview,
        above=deed.above(row),
        money=money,
    )
    return html, status


def money(fen: int) -> str:
    """An amount as the pages show it."""
    return money_text(fen, thousands=True)
