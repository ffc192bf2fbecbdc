"""The calendar of day-end: which days were closed when, by whom and with what result; close, re-run, reconcile."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from babel.dates import format_skeleton
from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import format_date, get_locale, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import or_, select

from portal.core import jobs, scope
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.help import Help
from portal.core.values import CHINA, is_whole, money_text
from portal.loans import proofs, runs
from portal.loans.holidays import is_workday
from portal.loans.runs import DayEndRun, RunKind, RunState
from portal.loans.thresholds import announced_days

MONEY = ("balance", "accrued_interest", "overdue_principal", "overdue_interest")
WAITING = (jobs.JobState.QUEUED, jobs.JobState.RUNNING)


@dataclass
class Day:
    """One cell of the calendar."""

    on: date
    state: str
    """closed, open, coming, or before (the books)."""
    works: bool
    """A working day in mainland China."""
    month_end: bool
    runs: list[DayEndRun] = field(default_factory=list)
    """Those that concern it, the newest first."""

    @property
    def closing(self) -> DayEndRun | None:
        """The run that closed it, as far as one is known."""
        done = (run for run in self.runs if run.kind is RunKind.CLOSE and run.state is RunState.DONE)
        return next(done, None)

    @property
    def failed(self) -> DayEndRun | None:
        """The last attempt, if it failed and none has closed the day since."""
        attempts = [run for run in self.runs if run.kind is RunKind.CLOSE]
        return attempts[0] if attempts and attempts[0].state is RunState.FAILED else None

    @property
    def proof(self) -> DayEndRun | None:
        """The newest re-run or reconciliation."""
        return next((run for run in self.runs if run.kind is not RunKind.CLOSE), None)


class DayEndView(BaseView):
    """The calendar of day-end runs."""

    route_base = "/day-end"
    default_view = "list"
    resource = "DayEnd"
    method_actions = {"run": "show", "close": "run", "prove": "run", "reconcile": "run"}
    help = Help(
        _(
            "Which business days were closed, when, by whom, how long it took and over how many loans; and whether a"
            " day computed again comes to the same."
        ),
        _(
            "Finance closes days here when the nightly run has not, computes a past day again, and reconciles the"
            " ledger. A re-run only compares: a closed month is never rewritten, a mistake is put right by a reversal"
            " in the open month."
        ),
    )

    @expose("/")
    @has_access
    def list(self) -> Any:
        """A month of days."""
        today = business_date()
        month = _month(request.args.get("month", "")) or today.replace(day=1)
        before, after = (month - timedelta(days=1)).replace(day=1), (month + timedelta(days=32)).replace(day=1)
        held = runs.running()
        return self.render_template(
            "loans/day_end.html",
            title=_("Day-end"),
            month=month,
            heading=format_skeleton("yMMMM", month, locale=get_locale()),
            weekdays=[format_date(date(2024, 1, 1) + timedelta(days=n), "EEE") for n in range(7)],
            weeks=_weeks(month, today),
            today=today,
            before=before,
            after=after if after <= today else None,
            holder=runs.held_by(held) if held is not None else "",
            waiting=_waiting(),
            may_run=scope.actor().may("DayEnd", "run"),
            clock=_clock,
            seconds=_seconds,
        )

    @expose("/run/<pk>")
    @has_access
    def run(self, pk: str) -> Any:
        """One run with its figures and differences."""
        row = db.session.get(DayEndRun, int(pk)) if is_whole(pk) else None
        if row is None:
            abort(404)
        return self.render_template(
            "loans/day_end_run.html",
            title=row.kind.label,
            row=row,
            figures=_figures(row),
            clock=_clock,
            seconds=_seconds,
            may_run=scope.actor().may("DayEnd", "run"),
            shows_loans=scope.actor().may("Loan", "show"),
        )

    @expose("/close", methods=["POST"])
    @has_access
    def close(self) -> Any:
        """Close the open business date in the background."""
        day = business_date()
        if request.form.get("day") != day.isoformat():
            flash(
                gettext("The business date has moved since this page was opened: it is %(day)s now.", day=day),
                "warning",
            )
        elif (held := runs.running()) is not None:
            flash(runs.held_by(held), "warning")
        elif proofs.CLOSE in _waiting():
            flash(gettext("Day-end waits for the worker already."), "warning")
        else:
            jobs.submit(proofs.CLOSE, to=day.isoformat())
            flash(
                gettext("Day-end of %(day)s runs in the background; the bell tells when it is done.", day=day),
                "success",
            )
        return redirect(url_for("DayEndView.list"))

    @expose("/prove/<day>", methods=["POST"])
    @has_access
    def prove(self, day: str) -> Any:
        """Compute a past day again in the background."""
        on = _day(day)
        if on is None:
            abort(404)
        if on >= business_date():
            flash(gettext("%(day)s is not closed yet.", day=on), "danger")
        else:
            jobs.submit(proofs.PROVE, day=on.isoformat())
            flash(
                gettext("%(day)s is computed again in the background; the bell tells when it is done.", day=on),
                "success",
            )
        return redirect(url_for("DayEndView.list", month=f"{on:%Y-%m}"))

    @expose("/reconcile", methods=["POST"])
    @has_access
    def reconcile(self) -> Any:
        """Reconcile the ledger in the background."""
        if proofs.RECONCILE in _waiting():
            flash(gettext("A reconciliation is under way already."), "warning")
        else:
            jobs.submit(proofs.RECONCILE)
            flash(gettext("The ledger is reconciled in the background; the bell tells when it is done."), "success")
        return redirect(url_for("DayEndView.list"))


def _waiting() -> Sequence[str]:
    """Names of the jobs of this page that wait or run."""
    names = (proofs.CLOSE, proofs.PROVE, proofs.RECONCILE)
    at_work = select(jobs.Job.name).where(jobs.Job.name.in_(names), jobs.Job.state.in_(WAITING)).distinct()
    return tuple(db.session.scalars(at_work))


def _month(text: str) -> date | None:
    return _day(f"{text}-01")


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2100 else None


def _weeks(month: date, today: date) -> list[list[Day | None]]:
    """The days of a month, Monday first; None beside them."""
    days = calendar.Calendar().monthdatescalendar(month.year, month.month)
    first, last = days[0][0], days[-1][-1]
    concerned = (
        select(DayEndRun)
        .where(or_(DayEndRun.first_day.between(first, last), DayEndRun.last_day.between(first, last)))
        .order_by(DayEndRun.id.desc())
    )
    found = db.session.scalars(concerned).all()
    announced = announced_days(today)
    return [[_cell(on, month, today, found, announced) for on in week] for week in days]


def _cell(on: date, month: date, today: date, found: Sequence[DayEndRun], announced: Mapping[date, bool]) -> Day | None:
    if on.month != month.month:
        return None
    state = "open" if on == today else "closed" if on < today else "coming"
    cell = Day(on, state, is_workday(on, announced), (on + timedelta(days=1)).month != on.month)
    cell.runs = [run for run in found if run.first_day <= on <= run.last_day]
    return cell


def _figures(row: DayEndRun) -> list[tuple[str, list[str], list[tuple[str, list[str], bool]]]]:
    """(heading, headings of columns, [(figure, values, whether they differ)]) of the tables of a run."""
    if row.kind is RunKind.PROOF:
        kept, anew = row.figures.get("kept"), row.figures["anew"]
        lines = []
        for name, label in runs.FIGURES.items():
            values = [_value(name, kept), _value(name, anew)]
            lines.append((str(label), values, kept is not None and kept.get(name) != anew.get(name)))
        return [("", [gettext("Kept"), gettext("Computed again")], lines)]
    days = sorted(row.figures)
    if not days:
        return []
    headings = [format_date(date.fromisoformat(day), "medium") for day in days]
    lines = [(str(label), [_value(n, row.figures[d]) for d in days], False) for n, label in runs.FIGURES.items()]
    return [("", headings, lines)]


def _value(name: str, figures: Mapping[str, int] | None) -> str:
    if figures is None or name not in figures:
        return "—"
    return money_text(figures[name], thousands=True) if name in MONEY else f"{figures[name]:,}"


def _clock(at: Any) -> str:
    """As clocks in China show it."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}" if at else ""


def _seconds(run: DayEndRun) -> str:
    """How long it took."""
    if run.seconds is None:
        return ""
    if run.seconds < 120:
        return str(gettext("%(number)s s", number=f"{run.seconds:.1f}"))
    return str(gettext("%(number)s min", number=f"{run.seconds / 60:.1f}"))
