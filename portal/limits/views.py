"""Screens of this area: limits, the company's figures, insiders, the daily measure and the register."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

import portal.limits.defaults  # noqa: F401 - fills an empty database
from portal.core.application import add_page, add_screens
from portal.core.help import Help
from portal.core.views import PortalView, ScopedInterface
from portal.limits.borrowings import Borrowing
from portal.limits.models import CompanyFigure, Insider, LendingLimit, LimitBreach, LimitUsage
from portal.limits.pages import LimitCheckView, LimitsView

MENU = ("risk", _("Risk"))


class LendingLimitView(PortalView):
    """Limits as dated data."""

    help = Help(
        _(
            "The limits that regulation and the company set: for one borrower, a group, a product, an industry, a"
            " branch, and for the company's own borrowing; each with the days it holds, its bound and its source."
        ),
        _(
            "Risk enters them and compliance checks them. End a limit and let a new one follow, so that past days keep"
            " theirs. A loan that would break an enforced limit is not paid out."
        ),
    )
    datamodel = ScopedInterface(LendingLimit)
    menu, icon = MENU, "fa-tachometer"
    list_title, show_title, add_title, edit_title = (
        _("Limits"),
        _("Limit"),
        _("Add a limit"),
        _("Edit limit"),
    )
    empty_text = _("Add what may be lent at most to one borrower, group, product, industry or branch.")
    list_columns = [
        "code",
        "kind",
        "product",
        "industry",
        "of_branch",
        "measure",
        "share",
        "amount",
        "enforced",
        "valid_from",
        "valid_until",
    ]
    quick_filters = ("kind",)
    order = ("code", "asc")
    order_by = ("code", "valid_from")
    summary_columns = ("kind", "measure", "share", "amount")
    related = (("LimitBreachView", "limit"), ("LimitUsageView", "limit"))


class CompanyFigureView(PortalView):
    """Figures of the company by date."""

    help = Help(
        _(
            "Net assets, borrowing and the allowance by date, as the general ledger has them. Exposures are measured"
            " against the net assets of the year-end before; without them limits are unavailable."
        ),
        _(
            "Finance enters them after each closing, or imports them, with the accounts they come from. Enter 0 where"
            " there is none: nothing is guessed for a figure that is missing."
        ),
    )
    datamodel = ScopedInterface(CompanyFigure)
    menu, icon = MENU, "fa-balance-scale"
    list_title, show_title, add_title, edit_title = (
        _("Company figures"),
        _("Company figure"),
        _("Add a company figure"),
        _("Edit company figure"),
    )
    empty_text = _("Enter the net assets of the last year-end first: limits are measured against them.")
    list_columns = ["code", "kind", "on_day", "amount", "account", "source"]
    quick_filters = ("kind",)
    order = ("on_day", "desc")
    order_by = ("on_day", "amount")
    summary_columns = ("kind", "on_day", "amount")


class BorrowingView(PortalView):
    """What the company has borrowed."""

    help = Help(
        _(
            "The company's own borrowings with what is outstanding and when it must be repaid. The cash dashboard holds"
            " them against what borrowers are to pay by month; without them its gap is unavailable."
        ),
        _(
            "Finance enters them when they are drawn, or imports them, and brings the outstanding amount up to date"
            " after each repayment. What is repaid stays, with 0 outstanding."
        ),
    )
    datamodel = ScopedInterface(Borrowing)
    menu, icon = MENU, "fa-university"
    list_title, show_title, add_title, edit_title = (
        _("Own borrowings"),
        _("Own borrowing"),
        _("Add a borrowing"),
        _("Edit borrowing"),
    )
    empty_text = _("Enter what the company has borrowed: the cash dashboard shows when it must be repaid.")
    list_columns = ["code", "kind", "lender", "amount", "outstanding", "rate", "drawn_on", "matures_on"]
    quick_filters = ("kind",)
    order = ("matures_on", "asc")
    order_by = ("matures_on", "drawn_on", "outstanding", "rate")
    summary_columns = ("kind", "lender", "outstanding", "matures_on")


class InsiderView(PortalView):
    """Shareholders and staff among the borrowers."""

    help = Help(
        _(
            "Customers who are shareholders, directors or staff of ours, or close to one. Their loans are marked"
            " wherever limits are shown, and may have a limit of their own."
        ),
        _("Compliance and risk keep the list, from the register of shareholders, contracts and declarations."),
    )
    datamodel = ScopedInterface(Insider)
    menu, icon = MENU, "fa-id-badge"
    list_title, show_title, add_title, edit_title = (
        _("Shareholders and staff"),
        _("Shareholder or member of staff"),
        _("Add a shareholder or member of staff"),
        _("Edit shareholder or member of staff"),
    )
    empty_text = _("Add the customers who are shareholders or staff of ours, or close to one.")
    list_columns = ["code", "customer", "kind", "valid_from", "valid_until", "source"]
    quick_filters = ("kind",)
    summary_columns = ("customer", "kind", "valid_from", "valid_until")


class LimitUsageView(PortalView):
    """What was used of limits, day by day."""

    help = Help(
        _(
            "What was used of each limit at the end of every day: the largest users, and all that were near the limit"
            " or beyond it."
        ),
        _("Written by day-end; nobody types in it. Risk and compliance look up how a limit stood on a past day."),
    )
    datamodel = ScopedInterface(LimitUsage)
    menu, icon = MENU, "fa-calendar-check-o"
    list_title, show_title = _("Limits by day"), _("Limit on a day")
    empty_text = _("No day has been closed since limits are measured.")
    list_columns = [
        "on_day",
        "limit",
        "customer",
        "members",
        "insider",
        "used",
        "of_base",
        "free",
        "standing",
    ]
    quick_filters = ("standing",)
    order = ("on_day", "desc")
    order_by = ("on_day", "used", "of_base")
    summary_columns = ("limit", "customer", "used", "free", "standing")
    has_timeline = False
    can_add = can_edit = can_delete = False


class LimitBreachView(PortalView):
    """The register of limits that were near or broken."""

    help = Help(
        _(
            "Each time a limit was near its bound or beyond it: from when until when, for whom, and the most that was"
            " used. Loans that would break a limit are refused; what was taken over, or what net assets that shrank"
            " brought about, ends up here."
        ),
        _("Day-end writes it. Risk enters the reason and the remedy; compliance and the committee follow it up."),
    )
    datamodel = ScopedInterface(LimitBreach)
    menu, icon = MENU, "fa-exclamation-triangle"
    list_title, show_title, edit_title = (
        _("Register of limits broken"),
        _("Limit near or broken"),
        _("Reason and remedy"),
    )
    empty_text = _("No limit was near its bound, or beyond it.")
    list_columns = [
        "limit",
        "customer",
        "level",
        "first_day",
        "ended_on",
        "highest",
        "highest_share",
        "highest_on",
        "note",
    ]
    quick_filters = ("level",)
    order = ("first_day", "desc")
    order_by = ("first_day", "ended_on", "highest")
    summary_columns = ("limit", "customer", "level", "first_day", "ended_on")
    exclude_route_methods = {"bulk_edit"}
    can_add = can_delete = False


def register(builder: Any) -> None:
    add_page(builder, LimitsView, _("Limits: used and free"), MENU, "fa-tasks")
    add_page(builder, LimitCheckView, _("Room for a loan"), MENU, "fa-question-circle-o")
    add_screens(
        builder, LimitBreachView, LimitUsageView, LendingLimitView, CompanyFigureView, BorrowingView, InsiderView
    )
