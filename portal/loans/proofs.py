"""Proofs: a past day computed again from the ledger as it was known then, and everything reconciled.

Both compare and write nothing but the run that tells of it: a closed month is never rewritten silently. What is wrong
is put right by reversals in the open month, or by rebuilding what is kept for speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core import role_store
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.errors import Forbidden, Refused
from portal.core.jobs import Report, job
from portal.core.notifications import Message, notify, register_message
from portal.core.scope import actor, unscoped
from portal.core.work import current_unit, unit_of_work
from portal.loans.day_end import run_day_end
from portal.loans.move_groups import kept_days
from portal.loans.positions import positions
from portal.loans.reconciliation import Difference, reconcile, snapshot_differences
from portal.loans.runs import MOST_TOLD, DayEndRun, RunKind, differing, figures_kept, read_figures, record
from portal.loans.state import LoanSnapshot, LoanState, is_kept

DIFFERENCES = register_message(
    Message(
        "ledger.differences",
        _("Reconciliation found %(count)s differences between the ledger and what is kept of it."),
        "danger",
    )
)
CLOSE, PROVE, RECONCILE = "loans.day_end", "loans.prove_day", "loans.reconcile"
"""Jobs."""


def prove(day: date) -> int:
    """Compute a closed day again and compare it with what was kept of it; the number of the run.

    A month-end is compared loan by loan with its snapshot, any other day by the figures of its run. A day that nothing
    was kept of (it was closed together with later ones) has no differences: None. Refused for a day that is not closed.
    """
    if day >= business_date():
        raise Refused(gettext("%(day)s is not closed yet.", day=day))
    started = now()
    found: Sequence[Difference] = ()
    with unscoped("a past day is computed again"):
        anew = read_figures(db.session(), positions(day).subquery("replayed"))
        kept, _at = figures_kept(day)
        held = select(is_kept(day))
        snapshot = bool(db.session.scalar(held))
        if snapshot:
            found = list(snapshot_differences(day))
            if kept is None:
                kept = read_figures(db.session(), LoanSnapshot, LoanSnapshot.as_of == day)
    wrong = differing(kept, anew) if kept is not None else []
    told = [*(["figures", None, name] for name in wrong), *_told(found)]
    differences = None if kept is None else len(wrong) + len(found)
    figures = {"anew": anew, "kept": kept}
    with unit_of_work("ledger.prove_day") as unit, unscoped("a run is written down"):
        number = record(
            db.session(),
            RunKind.PROOF,
            day,
            started,
            loans=anew["loans"],
            differences=differences,
            figures=figures,
            told=told[:MOST_TOLD],
        )
        unit.note(day=day.isoformat(), differences=differences)
    return number


def reconcile_now() -> int:
    """Reconcile the ledger with everything that is kept for speed; the run's number.

    Of the month-ends the last one is replayed, and one of the others is added up anew, in turn: so each is looked at
    every few weeks, and a night takes no longer for all the years that are kept.
    """
    started, today = now(), business_date()
    kept = kept_days(db.session())
    last, in_turn = kept[-1:], [kept[today.toordinal() % len(kept)]] if kept else []
    found = reconcile(last, added_up=in_turn)
    with unscoped("how many loans are open"):
        loans = db.session.scalar(select(func.count()).select_from(LoanState)) or 0
    with unit_of_work("ledger.reconcile"), unscoped("a run is written down"):
        number = record(
            db.session(),
            RunKind.RECONCILIATION,
            today,
            started,
            loans=loans,
            differences=len(found),
            told=_told(found)[:MOST_TOLD],
        )
        looked_at = sorted({day.isoformat() for day in (*last, *in_turn)})
        current_unit().note(day=today.isoformat(), differences=len(found), month_ends=looked_at)
    return number


def reconcile_nightly() -> None:
    """What the worker does each night after day-end: whoever may run day-end is told of differences."""
    number = reconcile_now()
    with unscoped("how a reconciliation ended"):
        differences = db.session.scalar(select(DayEndRun.differences).where(DayEndRun.id == number))
    if differences:
        keepers = [user.id for user in role_store.allowed(("DayEnd", "run"))]
        notify(keepers, DIFFERENCES.key, f"/day-end/run/{number}", count=differences)


def _told(found: Sequence[Difference]) -> list[list[object]]:
    return [[difference.check, difference.loan_id, difference.detail] for difference in found]


def _allowed() -> None:
    """A job runs with the rights that its owner has at that moment."""
    if not actor().may("DayEnd", "run"):
        raise Forbidden(gettext("Your role does not include day-end."))


@job(CLOSE, _("Day-end"))
def close_job(report: Report, to: str) -> None:
    """Day-end in the background, up to a date."""
    _allowed()
    report(0, 0, "")
    run_day_end(date.fromisoformat(to)).check()


@job(PROVE, _("Re-run of a past day"))
def prove_job(report: Report, day: str) -> None:
    """A proof in the background."""
    _allowed()
    report(0, 0, "")
    prove(date.fromisoformat(day))


@job(RECONCILE, _("Reconciliation"))
def reconcile_job(report: Report) -> None:
    """A reconciliation in the background."""
    _allowed()
    report(0, 0, "")
    reconcile_now()
