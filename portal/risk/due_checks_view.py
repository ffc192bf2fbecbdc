"""Loans to be checked: a page with all of them, and cards of the home page with the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from portal.core import scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.help import Help
from portal.core.home import LINES, HomeCard, Line, Tone, Waiting, register_card
from portal.core.masks import derived, is_clear, told
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.risk.checking import ahead_days
from portal.risk.checks import PostLoanCheck
from portal.risk.due_checks import due_checks, kind_due

PAGE = 50
LAST_PAGE = 10_000
LOADED = (joinedload(LoanState.customer), joinedload(LoanState.loan), joinedload(LoanState.manager))
MADE_OF = (
    (PostLoanCheck, ("checked_on", "next_check_on", "use")),
    (LoanState, ("category",)),
    (Loan, ("disbursed_on",)),
)
"""What the day of a check is worked out from: it is covered where one of these is."""


@dataclass(frozen=True)
class DueCheck:
    """A loan to be checked, as page and cards show it."""

    customer: str
    loan: str
    manager: str
    category: str
    chip: str
    """What draws the category; empty where it is covered."""
    kind: str
    due: str
    days: str
    late: bool
    last: str
    url: str
    record: str
    """Address of the form that records the check, if the reader may."""


def to_check(day: date, late: bool, first: int = 0, most: int = PAGE) -> tuple[list[DueCheck], int]:
    """Some of the loans whose check is overdue, or with `late` off also due soon, the longest overdue first; and how
    many there are.

    All are worked out before the first is known, so that the same statement counts them.
    """
    asked = _asked(day, late)
    found = db.session.execute(asked.add_columns(func.count().over().label("all")).offset(first).limit(most)).all()
    wanted = select(LoanState).where(LoanState.loan_id.in_([row.loan_id for row in found])).options(*LOADED)
    states = {state.loan_id: state for state in db.session.scalars(wanted)}
    return [_shown(states[row.loan_id], row, day) for row in found if row.loan_id in states], found[
        0
    ].all if found else 0


def _asked(day: date, late: bool) -> Select[Any]:
    return due_checks(day, day - timedelta(1) if late else day + timedelta(ahead_days(day)))


def _shown(state: LoanState, row: Any, day: date) -> DueCheck:
    late, kind = (day - row.due_on).days, kind_due(row.of_use)
    return DueCheck(
        customer=told(state, "customer"),
        loan=told(state, "loan"),
        manager=told(state, "manager"),
        category=told(state, "category"),
        chip=state.category.value if is_clear(LoanState, "category") else "",
        kind=derived(PostLoanCheck, ("use",), str(kind.label)),
        due=_covered(row.due_on.isoformat()),
        days=_covered(_days(late)),
        late=late > 0,
        last=derived(PostLoanCheck, ("checked_on",), row.checked_on.isoformat()) if row.checked_on else "",
        url=url_for("LoanView.show", pk=state.loan_id) if scope.actor().may("Loan", "show") else "",
        record=_form(state, kind.value),
    )


def _covered(text: str) -> str:
    for model, names in MADE_OF:
        text = derived(model, names, text)
    return text


def _days(late: int) -> str:
    if late > 0:
        return str(ngettext("%(num)s day overdue", "%(num)s days overdue", late))
    return str(ngettext("in %(num)s day", "in %(num)s days", -late)) if late else str(gettext("today"))


def _form(state: LoanState, kind: str) -> str:
    if not scope.actor().may("PostLoanCheck", "add"):
        return ""
    return url_for("PostLoanCheckView.add", loan=state.loan_id, kind=kind)


def _lines(found: Sequence[DueCheck]) -> list[Line]:
    tone: dict[bool, Tone] = {True: "danger", False: "warn"}
    return [
        Line(one.customer or one.loan, f"{one.loan} · {one.kind}", one.days, one.record or one.url, tone[one.late])
        for one in found
    ]


def checks_due() -> Waiting:
    """The first checks of the reader's own area that are due."""
    found, count = to_check(business_date(), late=False, most=LINES)
    return Waiting(
        _lines(found),
        count=f"{count:,}" if count else "",
        url=url_for("DueChecksView.list"),
    )


def checks_overdue() -> Waiting:
    """How many checks are overdue, and the longest overdue."""
    found, count = to_check(business_date(), late=True, most=LINES)
    return Waiting(
        _lines(found),
        count=f"{count:,}" if count else "",
        url=url_for("DueChecksView.list", late=1),
    )


register_card(
    HomeCard(
        "checks_due",
        _("Post-loan checks due"),
        "PostLoanCheck",
        "list",
        {"customer_manager": 14, "team_lead": 24, "branch_head": 44},
        checks_due,
        _("No loan is to be checked now."),
        "fa-check-square-o",
        quiet=True,
        later=True,
    )
)
register_card(
    HomeCard(
        "checks_overdue",
        _("Post-loan checks overdue"),
        "PostLoanCheck",
        "list",
        {"risk": 28},
        checks_overdue,
        _("No post-loan check is overdue."),
        "fa-check-square-o",
        quiet=True,
        later=True,
    )
)


class DueChecksView(BaseView):
    """`/checks/due/`: the loans whose post-loan check is due or overdue."""

    route_base = "/checks/due"
    default_view = "list"
    resource = "PostLoanCheck"
    help = Help(
        _(
            "Open loans whose post-loan check is overdue or due soon, the longest overdue first: some days after the"
            " payout the use of the funds, then the regular check by the category of the loan."
        ),
        _(
            "Customer managers record the check from here. The last check sets the day of the next one; when the"
            " category becomes worse, its shorter interval counts at once, from the last check on. Loans that were"
            " taken over from an old ledger are first checked one interval after the day they were taken over."
        ),
    )

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        day, late = business_date(), "late" in request.args
        number = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
        first = (number - 1) * PAGE
        with scope.doing("", "list"):
            rows, count = to_check(day, late, first)
            if not rows and first:  # nothing is left of this page
                number, first = 1, 0
                rows, count = to_check(day, late)

        def address(page: int, late: bool = late) -> str:
            return url_for("DueChecksView.list", late=1 if late else None, page=page if page > 1 else None)

        return self.render_template(
            "risk/due_checks.html",
            title=_("Post-loan checks due"),
            rows=rows,
            count=count,
            first=first + 1,
            ahead=ahead_days(day),
            choices=[(_("Overdue or due soon"), address(1, False), not late), (_("Overdue"), address(1, True), late)],
            previous=address(number - 1) if number > 1 else "",
            next=address(number + 1) if first + len(rows) < count else "",
        )
