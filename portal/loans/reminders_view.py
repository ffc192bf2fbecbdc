"""Whom to remind today: a card of the home page with the first of them, and a page with all.

Both are worked out from the loans as they stand (`reminding.py`), as far as the reader looks after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.help import Help
from portal.core.home import COUNTED, LINES, HomeCard, Line, Waiting, register_card, short_day, yuan
from portal.core.masks import derived, told
from portal.loans.contacted import marks_of
from portal.loans.models import Instalment
from portal.loans.reminding import cadence, due_today, late_today
from portal.loans.state import LoanState

SHOWN = 200
"""Loans of either kind on the page; what is left out is said."""
LOADED = (joinedload(LoanState.customer), joinedload(LoanState.loan))
OWED = ("principal", "interest", "paid_principal", "paid_interest")


@dataclass(frozen=True)
class Call:
    """Somebody to remind, as page and card show it."""

    whom: str
    loan: str
    about: str
    amount: str
    url: str
    late: bool
    loan_id: int


def late_calls(day: date, most: int) -> list[Call]:
    """The first of the late loans to remind of."""
    found = db.session.scalars(late_today(day).order_by(LoanState.loan_id).options(*LOADED).limit(most))
    return [
        Call(
            told(row, "customer") or told(row, "loan"),
            told(row, "loan"),
            derived(LoanState, ("days_past_due",), _days_late(row.days_past_due)),
            derived(
                LoanState, ("overdue_principal", "overdue_interest"), yuan(row.overdue_principal + row.overdue_interest)
            ),
            _record(row),
            True,
            row.loan_id,
        )
        for row in found
    ]


def due_calls(day: date, most: int) -> list[Call]:
    """The first of the loans to remind of before something is due."""
    found = db.session.execute(due_today(day).options(*LOADED).limit(most))
    return [
        Call(
            told(row, "customer") or told(row, "loan"),
            told(row, "loan"),
            derived(Instalment, ("due_date",), gettext("due on %(day)s", day=short_day(instalment.due_date))),
            derived(Instalment, OWED, yuan(instalment.unpaid)),
            _record(row),
            False,
            row.loan_id,
        )
        for row, instalment in found
    ]


def _days_late(days: int) -> str:
    return str(ngettext("%(num)s day late", "%(num)s days late", days))


def _record(row: LoanState) -> str:
    return url_for("LoanView.show", pk=row.loan_id) if scope.actor().may("Loan", "show") else ""


def to_remind() -> Waiting:
    """The first calls of the day, the late ones before the others."""
    day = business_date()
    calls = late_calls(day, COUNTED + 1)
    if len(calls) <= COUNTED:
        calls += due_calls(day, COUNTED + 1 - len(calls))
    lines = [
        Line(one.whom, f"{one.loan} · {one.about}", one.amount, one.url, "danger" if one.late else "warn")
        for one in calls[:LINES]
    ]
    count = f"{COUNTED}+" if len(calls) > COUNTED else str(len(calls)) if calls else ""
    return Waiting(lines, count=count, url=url_for("RemindersView.list"))


register_card(
    HomeCard(
        "loans_to_remind",
        _("To remind today"),
        "Reminder",
        "list",
        {"customer_manager": 8, "collections": 8},
        to_remind,
        _("Nobody is to be reminded today."),
        "fa-phone",
        later=True,
    )
)


class RemindersView(BaseView):
    """`/reminders/`: whom to remind today."""

    route_base = "/reminders"
    default_view = "list"
    resource = "Reminder"
    help = Help(
        _(
            "Whom to remind today: instalments that fall due in some days, and late loans, more often at first and then"
            " regularly. Whoever has paid is not on the list any more."
        ),
        _(
            "Customer managers and collections call or write to those on the list each morning. The days are"
            " parameters (reminders); a loan that is late is not reminded of its next instalment as well."
        ),
    )

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        day = business_date()
        rule = cadence(day)
        with scope.doing("", "list"):
            kinds = [
                (_("Late"), late_calls(day, SHOWN), _count(late_today(day), LoanState.loan_id)),
                (_("Falling due"), due_calls(day, SHOWN), _count(due_today(day), Instalment.id)),
            ]
            marks = marks_of({one.loan_id for _words, calls, _number in kinds for one in calls}, day)
        return self.render_template(
            "loans/reminders.html",
            title=_("To remind today"),
            day=day,
            kinds=kinds,
            marks=marks,
            coming=[short_day(day + timedelta(days=ahead)) for ahead in sorted(rule.before)],
            late_days=sorted(rule.late),
            every=rule.every,
        )


def _count(statement: Select[Any], key: Any) -> int:
    rows = statement.with_only_columns(key, maintain_column_froms=True).order_by(None).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0
