"""Pages of the month-end: what is to book and who booked it, the VAT of each month, and the trial balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, cast, func, select

from portal.closing import proposals
from portal.closing.figures import work_out
from portal.closing.models import EntryKind, MonthEndEntry, MonthEndProposal, ProposalState, VatLine
from portal.closing.parameters import INCOME_PARTS, books_itself, vat_rules
from portal.closing.posting import check, standing
from portal.closing.rules import last_month_end
from portal.closing.trial_balance import sums_of, trial_balance
from portal.core import scope
from portal.core.clock import business_date, month_end
from portal.core.db import db, label_of
from portal.core.errors import Forbidden, PortalError
from portal.core.help import Help
from portal.core.masks import is_clear
from portal.core.metric import dimensions, words
from portal.core.values import money_text, rate_text
from portal.loans.components import Component
from portal.loans.ledger import Posting

MONTHS = 12
"""So many month-ends the page tells of."""


def money(fen: int) -> str:
    return money_text(fen, thousands=True)


def refuse_covered() -> None:
    """Forbidden to whom amounts in the ledger are covered: sums would tell them."""
    if not is_clear(Posting, "amount"):
        raise Forbidden()


def branch_lines(kind: EntryKind, day: date) -> tuple[list[tuple[str, int, int, int]], tuple[int, int, int]]:
    """([(branch, should be, booked so far, to book)], the totals) of a month-end, by the names of the branches."""
    worked = work_out(kind, day)
    by_branch = worked.by_branch()
    names = words(dimensions["branch"], by_branch)
    return sorted((names[branch], *amounts) for branch, amounts in by_branch.items()), worked.total


class MonthEndView(BaseView):
    """`/closing/?kind=…`: what the last month-end is short of, and the proposal to book it."""

    help = Help(
        _(
            "What has to be booked for the last month-end that is closed: provisions for loan losses, the VAT in the"
            " income, interest that is not recognised. By branch: what should be, what is booked, the difference."
        ),
        _(
            "Finance looks at it after the last day of a month and proposes the entry; a second person books it. Where"
            " the parameters say so, day-end has booked it already and nothing is left to do."
        ),
    )
    route_base = "/closing"
    default_view = "index"
    resource = "MonthEndProposal"
    method_actions = {"index": "list", "propose": "add"}

    @expose("/")
    @has_access
    def index(self) -> Any:
        refuse_covered()
        self.update_redirect()
        kind, day = _kind(request.args.get("kind", "")), last_month_end(business_date())
        refusal = ""
        try:
            check(kind, day, business_date())
            lines, total = branch_lines(kind, day)
        except PortalError as error:  # a parameter is missing, or no month was closed yet
            lines, total, refusal = [], (0, 0, 0), str(error)
        return self.render_template(
            "closing/month_end.html",
            title=_("Month-end entries"),
            kinds=[(one, url_for(f"{self.endpoint}.index", kind=one.value)) for one in EntryKind],
            kind=kind,
            day=day,
            lines=lines,
            total=total,
            refusal=refusal,
            booked=standing(kind, day),
            waiting=_waiting(kind, day),
            automatic=not refusal and books_itself(kind, day),
            may_propose=scope.actor().may(self.resource, "add"),
            entries=_entries(kind),
            note=NOTES[kind],
            money=money,
            label_of=label_of,
        )

    @expose("/propose", methods=["POST"])
    @has_access
    def propose(self) -> Any:
        """Propose the entry of the last month-end."""
        kind = _kind(request.form.get("kind", ""))
        try:
            row = proposals.propose(kind, last_month_end(business_date()), request.form.get("note", ""))
        except PortalError as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for(f"{self.endpoint}.index", kind=kind.value))
        flash(gettext("The proposal awaits approval."), "success")
        return redirect(url_for("MonthEndProposalView.show", pk=row.id))


NOTES = {
    EntryKind.PROVISION: _(
        "Required by category and ratio in force, less what account 1304 holds; the difference goes to 6702."
    ),
    EntryKind.VAT: _("The tax in the month's taxable income, out of the income accounts and into 2221."),
    EntryKind.MEMO_INTEREST: _("Interest of loans too late to accrue, kept off balance on 9103 against 9903."),
}


def _kind(text: str) -> EntryKind:
    if text not in [kind.value for kind in EntryKind]:
        return EntryKind.PROVISION if not text else abort(404)
    return EntryKind(text)


def _waiting(kind: EntryKind, day: date) -> MonthEndProposal | None:
    statement = select(MonthEndProposal).where(
        MonthEndProposal.kind == kind,
        MonthEndProposal.month_end == day,
        MonthEndProposal.state == ProposalState.PROPOSED,
    )
    found: MonthEndProposal | None = db.session.scalars(statement).first()
    return found


def _entries(kind: EntryKind) -> list[tuple[MonthEndEntry, str]]:
    """The latest entries of a kind, each with its address where the reader may open it."""
    latest = select(MonthEndEntry).where(MonthEndEntry.kind == kind).order_by(MonthEndEntry.id.desc()).limit(MONTHS)
    may = scope.actor().may("MonthEndEntry", "show")
    return [(row, url_for("MonthEndEntryView.show", pk=row.id) if may else "") for row in db.session.scalars(latest)]


@dataclass
class TaxMonth:
    """The register of one month."""

    month_end: date
    rate: str
    taxed: dict[Component, int] = field(default_factory=lambda: dict.fromkeys(INCOME_PARTS, 0))
    tax: dict[Component, int] = field(default_factory=lambda: dict.fromkeys(INCOME_PARTS, 0))
    exempt: int = 0
    url: str = ""

    @property
    def all_taxed(self) -> int:
        return sum(self.taxed.values())

    @property
    def all_tax(self) -> int:
        return sum(self.tax.values())


class VatRegisterView(BaseView):
    """`/closing/vat/?year=…`: the VAT of each month of a year."""

    help = Help(
        _(
            "The VAT register: for each month the taxable income with the tax in it, interest, fees and penalty"
            " interest apart, the exempt income, and the output VAT that was booked."
        ),
        _(
            "Finance declares VAT from it. A month appears once its entry is booked and stays as it was declared: a"
            " correction is a line of the month in which it is booked."
        ),
    )
    route_base = "/closing/vat"
    default_view = "index"
    resource = "VatLine"
    method_actions = {"index": "list"}

    @expose("/")
    @has_access
    def index(self) -> Any:
        refuse_covered()
        self.update_redirect()
        months = _tax_months()
        years = sorted({month.month_end.year for month in months}, reverse=True)
        asked = request.args.get("year", "")
        year = int(asked) if asked.isdigit() and int(asked) in years else next(iter(years), business_date().year)
        shown = [month for month in months if month.month_end.year == year]
        whole = TaxMonth(date(year, 12, 31), "")
        for month in shown:
            whole.exempt += month.exempt
            for part in INCOME_PARTS:
                whole.taxed[part] += month.taxed[part]
                whole.tax[part] += month.tax[part]
        return self.render_template(
            "closing/vat.html",
            title=_("VAT register"),
            months=shown,
            whole=whole,
            year=year,
            years=[(one, url_for(f"{self.endpoint}.index", year=one)) for one in years],
            parts=INCOME_PARTS,
            money=money,
            label_of=label_of,
        )


def _tax_months() -> list[TaxMonth]:
    sums = [cast(func.sum(column), BigInteger) for column in (VatLine.taxed, VatLine.exempt, VatLine.tax)]
    statement = (
        select(VatLine.month_end, VatLine.component, *sums)
        .group_by(VatLine.month_end, VatLine.component)
        .order_by(VatLine.month_end)
    )
    found: dict[date, TaxMonth] = {}
    with scope.doing("VatLine", "list"):
        rows: list[Any] = list(db.session.execute(statement))
    for day, component, taxed, exempt, tax in rows:
        if day not in found:
            rate = rate_text(int(vat_rules(day).rate * 1_000_000))
            narrowed: dict[str, Any] = dict.fromkeys(("f.month_end.ge", "f.month_end.le"), day.isoformat())
            url = url_for("VatLineView.list", **narrowed)
            found[day] = TaxMonth(day, rate, url=url)
        month = found[day]
        month.taxed[component], month.tax[component] = int(taxed), int(tax)
        month.exempt += int(exempt)
    return list(found.values())


class TrialBalanceView(BaseView):
    """`/closing/trial-balance/?month=2026-05`: every account over a month."""

    help = Help(
        _(
            "Every account over a month: balance before, debits, credits, balance after; the journals of loans, held"
            " receipts and the entries of month-ends together. On balance and off balance each add up to zero."
        ),
        _(
            "Finance carries the balances over to the general ledger and audit checks them. It counts by booking date,"
            " and reaches as far as the loans you may see."
        ),
    )
    route_base = "/closing/trial-balance"
    default_view = "index"
    resource = "TrialBalance"
    method_actions = {"index": "list"}

    @expose("/")
    @has_access
    def index(self) -> Any:
        refuse_covered()
        self.update_redirect()
        today = business_date()
        months = list(_months_back(today, MONTHS * 2))
        asked = request.args.get("month", "")
        first = next((day for day in months if f"{day:%Y-%m}" == asked), months[0])
        last = min(month_end(first), today)
        with scope.doing("", "list"):
            lines = trial_balance(first, last)
        sides = [
            (on, [line for line in lines if line.account.on_balance is on], sums_of(lines, on)) for on in (True, False)
        ]
        return self.render_template(
            "closing/trial_balance.html",
            title=_("Trial balance"),
            first=first,
            last=last,
            months=[f"{day:%Y-%m}" for day in months],
            sides=sides,
            balanced=all(sums.balanced for _on, _lines, sums in sides),
            money=money,
        )


def _months_back(today: date, count: int) -> Iterable[date]:
    """First days of this month and of those before it."""
    day = today.replace(day=1)
    for _place in range(count):
        yield day
        day = (day - timedelta(days=1)).replace(day=1)
