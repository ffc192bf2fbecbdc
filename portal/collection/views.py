"""Screens of collection: contacts, and the work list."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.collection import services, working
from portal.collection.models import CollectionContact
from portal.collection.working import Case, Chip
from portal.core import scope
from portal.core.application import add_page, add_screens
from portal.core.clock import business_date, calendar_date, now
from portal.core.db import label_of
from portal.core.help import Help
from portal.core.masks import derived, told
from portal.core.paging import clamped
from portal.core.values import CHINA, money_text
from portal.core.views import PortalView, ScopedInterface
from portal.loans.state import LoanState

MENU = ("collection", _("Debt collection"))


class CollectionContactView(PortalView):
    """Contacts with debtors."""

    help = Help(
        _(
            "What was done to have late and written-off loans paid: each call, message, visit and letter, who was"
            " contacted, what came of it, and what was promised. What became of a promise follows from the payments."
        ),
        _(
            "Collections and customer managers enter each contact on its day. Only the borrower and guarantors of the"
            " loan are contacted, at the hours and as often as the parameters (collection) allow; third persons such"
            " as family, neighbours and employers never. A promise is not rewritten later: enter the next contact."
        ),
    )
    datamodel = ScopedInterface(CollectionContact)
    menu, icon = MENU, "fa-comments-o"
    list_title, show_title, add_title, edit_title = (
        _("Contacts with debtors"),
        _("Collection contact"),
        _("Add a contact"),
        _("Edit contact"),
    )
    empty_text = _("Add what was done about late and written-off loans.")
    list_columns = [
        "done_on",
        "done_time",
        "loan",
        "channel",
        "whom",
        "outcome",
        "promised_amount",
        "promised_on",
        "promise",
        "made_by",
    ]
    add_columns = [
        "loan",
        "done_on",
        "done_time",
        "channel",
        "whom",
        "guarantor",
        "outcome",
        "promised_amount",
        "promised_on",
        "note",
        "evidence",
        "is_demand",
    ]
    edit_columns = add_columns[1:]
    quick_filters = ("promise", "channel")
    order = ("done_on", "desc")
    order_by = ("done_on", "promised_on", "promised_amount")
    summary_columns = ("loan", "done_on", "channel", "outcome", "promise")
    can_delete = False

    def add_verb(self, values: dict[str, Any]) -> Any:
        return services.add(values)

    def change_verb(self, row_id: int, values: dict[str, Any], version_seen: int | None) -> Any:
        return services.change(row_id, values, version_seen)

    def _defaults(self, given: dict[str, str]) -> dict[str, Any]:
        """Today, and now where the books are at today."""
        found = super()._defaults(given) | {"done_on": business_date()}
        if business_date() == calendar_date():
            found["done_time"] = f"{now().astimezone(CHINA):%H:%M}"
        return found


class CollectionView(BaseView):
    """`/collection/`: whom to see to next."""

    route_base = "/collection"
    default_view = "list"
    resource = "CollectionContact"
    help = Help(
        _(
            "Late and written-off loans with days past due, what is overdue, the last contact, the newest promise and"
            " what to do next. The latest loans come first, written-off ones at the end."
        ),
        _(
            "Collections and customer managers work down it each day: first what was promised for today and the broken"
            " promises, then whoever was not contacted lately. It shows the loans that you look after."
        ),
    )

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        today, chosen = business_date(), request.args.get("show", "")
        chip = Chip(chosen) if chosen in list(Chip) else None
        with scope.doing("", "list"):
            count, capped = working.counted(chip, today)
            pages = max(1, -(-count // working.PAGE))
            number = clamped(request.args.get("page"), 1, 1, pages)
            shown = working.page_of(chip, today, number)
        return self.render_template(
            "collection/list.html",
            title=_("Work list"),
            today=today,
            cases=[self._row(case) for case in shown],
            count=f"{count:,}{'+' if capped else ''}",
            chips=[(one, label_of(one), one is chip) for one in Chip],
            chip=chip,
            page=number,
            pages=pages,
            size=working.PAGE,
            contact_days=working.contact_days(today),
        )

    def _row(self, case: Case) -> dict[str, Any]:
        """A loan in words, covered where the reader's role covers it."""
        loan, last, promised, may = case.loan, case.last, case.promised, scope.actor().may
        owed = money_text(case.owed, thousands=True)
        return {
            "case": case,
            "code": told(loan, "code"),
            "url": url_for("LoanView.show", pk=loan.id) if may("Loan", "show") else "",
            "whom": told(loan, "customer") or told(loan, "code"),
            "days": derived(LoanState, ("days_past_due",), str(case.days)),
            "owed": derived(LoanState, ("overdue_principal", "overdue_interest"), owed),
            "manager": told(loan, "manager"),
            "last_on": told(last, "done_on") if last else "",
            "last": f"{told(last, 'channel')} · {told(last, 'outcome')}" if last else "",
            "promise": told(promised, "promise") if promised else "",
            "promise_state": promised.promise if promised else None,
            "promised_on": told(promised, "promised_on") if promised else "",
            "promised": _amount(promised),
            "step": label_of(case.step),
            "add": url_for("CollectionContactView.add", loan=loan.id) if may("CollectionContact", "add") else "",
        }


def _amount(promised: CollectionContact | None) -> str:
    if promised is None or promised.promised_amount is None:
        return ""
    return derived(CollectionContact, ("promised_amount",), money_text(promised.promised_amount, thousands=True))


def register(builder: Any) -> None:
    add_page(builder, CollectionView, _("Work list"), MENU, "fa-tasks")
    add_screens(builder, CollectionContactView)
