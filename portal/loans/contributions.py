"""What loans add to search and home pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import url_for
from flask_babel import format_date, gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from portal.core import jobs
from portal.core.clock import BusinessDay, business_date, calendar_date, now
from portal.core.db import db
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, short_day, waiting_rows, yuan
from portal.core.masks import derived, told
from portal.core.metric import evaluate
from portal.core.scope import actor
from portal.core.search import records
from portal.loans.accounts import Owner
from portal.loans.models import Instalment, Loan
from portal.loans.ownership import hand_over
from portal.loans.state import LoanState
from portal.organization.holdings import Amount, Holding, holdings
from portal.organization.models import Staff

DAYS_AHEAD = 7
NEWLY = 7
"""Days past due up to which a loan is newly overdue."""
OWED = ("principal", "interest", "paid_principal", "paid_interest")
"""What an unpaid amount is made of."""
LATEST_FIRST = {"order": "days_past_due", "direction": "asc"}
LOOK_BACK = timedelta(days=7)

records(
    "loans",
    _("Loans"),
    "LoanView",
    lambda row: (told(row, "customer"), told(row, "product"), told(row, "status")),
    ("customer", "product"),
    place=20,
)


def _record(state: LoanState) -> str:
    return url_for("LoanView.show", pk=state.loan_id) if actor().may("Loan", "show") else ""


LOADED = (joinedload(LoanState.customer), joinedload(LoanState.loan))
"""With each loan that is shown."""


def due_soon() -> Waiting:
    """Instalments that fall due within a week, the first first: from the open loans, which an index of owners finds."""
    today = business_date()
    last = today + timedelta(days=DAYS_AHEAD)
    due = and_(
        Instalment.loan_id == LoanState.loan_id,
        Instalment.settled_on.is_(None),
        Instalment.due_date.between(today, last),
    )
    statement: Any = select(LoanState, Instalment).join(Instalment, due).order_by(Instalment.due_date, Instalment.id)
    statement = statement.execution_options(described_by=frozenset({Instalment}))
    found, count = waiting_rows(statement, Instalment.id, LOADED)
    lines = [
        Line(
            _whom(state),
            f"{told(state, 'loan')} · {derived(Instalment, ('due_date',), short_day(instalment.due_date))}",
            derived(Instalment, OWED, yuan(instalment.unpaid)),
            _record(state),
            "warn" if instalment.due_date == today else "",
        )
        for state, instalment in found
    ]
    arguments = {
        "f.due_date.ge": today,
        "f.due_date.le": last,
        "f.settled_on.empty": "1",
        "order": "due_date",
        "direction": "asc",
    }
    url = list_url("InstalmentView", arguments)
    return Waiting(lines, count=count, url=url)


def newly_overdue() -> Waiting:
    """Loans that became late within a week, the latest first."""
    statement = select(LoanState).where(LoanState.days_past_due.between(1, NEWLY)).order_by(LoanState.days_past_due)
    found, count = waiting_rows(statement, LoanState.loan_id, LOADED)
    arguments = {
        "f.days_past_due.ge": "1",
        "f.days_past_due.le": str(NEWLY),
        "order": "days_past_due",
        "direction": "asc",
    }
    url = list_url("LoanStateView", arguments)
    return Waiting([_overdue(state) for (state,) in found], count=count, url=url)


def largest_overdue() -> Waiting:
    """The loans with the most overdue principal."""
    late = select(LoanState).where(LoanState.overdue_principal > 0).order_by(LoanState.overdue_principal.desc())
    found, _count = waiting_rows(late, LoanState.loan_id, LOADED)
    arguments = {"f.days_past_due.ge": "1", "order": "overdue_principal", "direction": "desc"}
    url = list_url("LoanStateView", arguments)
    return Waiting([_overdue(state) for (state,) in found], url=url)


def _overdue(state: LoanState) -> Line:
    days = ngettext("%(num)s day late", "%(num)s days late", state.days_past_due)
    owed = state.overdue_principal + state.overdue_interest
    note = f"{told(state, 'loan')} · {derived(LoanState, ('days_past_due',), days)}"
    value = derived(LoanState, ("overdue_principal", "overdue_interest"), yuan(owed))
    return Line(_whom(state), note, value, _record(state), "danger")


def _whom(state: LoanState) -> str:
    """The borrower, or the loan where somebody else looks after him."""
    return told(state, "customer") or told(state, "loan")


def operations() -> Waiting:
    """Which day was closed last, and what failed in the background during the last days."""
    day = db.session.get(BusinessDay, 1)
    if day is None:
        return Waiting()
    behind = (calendar_date() - day.open_date).days if day.moves else 0
    lines = [
        Line(
            gettext("Last closed day"),
            gettext("Day-end is %(days)s days behind", days=behind) if behind > 0 else _moves(day),
            format_date(day.open_date - timedelta(days=1), "medium"),
            tone="warn" if behind > 1 else "ok",
        )
    ]
    failed = select(jobs.Job).where(jobs.Job.state == jobs.JobState.FAILED, jobs.Job.finished_at >= now() - LOOK_BACK)
    found, count = waiting_rows(failed.order_by(jobs.Job.id.desc()))
    for (row,) in found:
        lines.append(Line(jobs.label(row.name), row.reason, gettext("Failed"), tone="danger"))
    if not found:
        lines.append(Line(gettext("Background jobs"), gettext("None failed within a week"), "0", tone="ok"))
    return Waiting(lines, count=count)


def _moves(day: BusinessDay) -> str:
    return str(gettext("Closed each night") if day.moves else gettext("The date of this company is fixed"))


register_card(
    HomeCard(
        "loans_due_soon",
        _("Falling due within 7 days"),
        "Instalment",
        "list",
        {"customer_manager": 10, "team_lead": 30},
        due_soon,
        _("No instalment falls due within 7 days."),
        "fa-calendar",
    )
)
register_card(
    HomeCard(
        "loans_newly_overdue",
        _("Newly overdue"),
        "Loan",
        "list",
        {"customer_manager": 20, "team_lead": 20, "branch_head": 30, "risk": 30, "collections": 20, "approver": 20},
        newly_overdue,
        _("No loan became overdue within 7 days."),
        "fa-clock-o",
    )
)
register_card(
    HomeCard(
        "loans_largest_overdue",
        _("Largest overdue loans"),
        "Loan",
        "list",
        {
            "customer_manager": 30,
            "committee": 30,
            "branch_head": 40,
            "risk": 20,
            "collections": 10,
            "approver": 30,
            "audit": 30,
        },
        largest_overdue,
        _("No loan is overdue."),
        "fa-sort-amount-desc",
    )
)
register_card(
    HomeCard(
        "operations",
        _("Day-end and background jobs"),
        "Metrics",
        "list",
        {"administrator": 30, "finance": 20, "audit": 20},
        operations,
        _("The books are not open yet: there is no business date."),
        "fa-moon-o",
    )
)


def _amount(staff_id: int) -> Amount:
    """All loans of somebody, closed ones too; the money is the balance that the figures tell."""
    count = db.session.scalar(select(func.count()).select_from(Loan).where(Loan.manager_id == staff_id)) or 0
    if not count:
        return Amount(0, 0)
    balance = evaluate(["loan_balance"], where={"manager": [staff_id]}).total["loan_balance"]
    return Amount(count, int(balance or 0))


def _hand_over(staff_id: int, successor: Staff) -> int:
    loans = db.session.scalars(select(Loan).where(Loan.manager_id == staff_id)).all()
    return hand_over(loans, Owner(successor.branch_id, successor.team_id, successor.id)) if loans else 0


holdings.register("loans", Holding("loans", _("Loans"), _amount, _hand_over))
