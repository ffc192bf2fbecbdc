"""What day-end writes down of its runs, and that a day computed again comes to the same."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans import day_end, following, proofs, runs
from portal.loans.day_end import run_day_end
from portal.loans.groups import LoanGroup
from portal.loans.ledger import Journal
from portal.loans.models import Loan
from portal.loans.move_groups import LoanMove
from portal.loans.repayments import repay
from portal.loans.runs import DayEndRun, RunKind, RunState
from portal.loans.state import LoanSnapshot, LoanState
from tests.portal.loans.conftest import START, Company, on_database

JANUARY, FEBRUARY = dt.date(2026, 1, 31), dt.date(2026, 2, 28)
FIRST_DUE = dt.date(2026, 2, 5)


def all_runs() -> list[DayEndRun]:
    db.session.expire_all()
    return list(db.session.scalars(select(DayEndRun).order_by(DayEndRun.id)))


def run_of(number: int) -> DayEndRun:
    db.session.expire_all()
    return db.session.get_one(DayEndRun, number)


def test_a_run_tells_its_days_its_loans_and_what_they_add_up_to(company: Company):
    company.lend()
    company.lend(amount=500_000)
    run_day_end(FIRST_DUE)
    january, february = all_runs()
    assert (january.kind, january.state, january.started_by) == (RunKind.CLOSE, RunState.DONE, "system")
    assert (january.first_day, january.last_day, january.loans, january.journals) == (START, JANUARY, 2, 2)
    assert sorted(january.figures) == [START.isoformat(), JANUARY.isoformat()]
    assert january.figures[START.isoformat()]["balance"] == 1_700_000
    assert january.figures[START.isoformat()]["accrued_interest"] == 0
    # 12 % of 12,000 and of 5,000 yuan are 120.00 and 50.00 a month; 26 of the 31 days to 5 February have passed
    assert january.figures[JANUARY.isoformat()]["accrued_interest"] == 12_000 * 26 // 31 + 5_000 * 26 // 31
    assert (february.first_day, february.last_day, february.journals) == (dt.date(2026, 2, 1), FIRST_DUE, 0)
    assert january.seconds is not None


def test_a_past_day_computed_again_comes_to_the_same(company: Company):
    loan = company.lend()
    company.lend(amount=500_000)
    run_day_end(dt.date(2026, 2, 9))
    run_day_end()  # the 10th alone: its figures are kept
    repay(db.session.get_one(Loan, loan.id), 50_000, dt.date(2026, 2, 8), "R1")  # backdated, booked on the 11th
    run_day_end(FEBRUARY)
    journals = list(db.session.scalars(select(Journal.id)))
    for day in (START, JANUARY, dt.date(2026, 2, 10), FEBRUARY):
        run = run_of(proofs.prove(day))
        assert (run.kind, run.first_day, run.differences, run.told) == (RunKind.PROOF, day, 0, []), day
        assert run.figures["anew"] == run.figures["kept"]
    between = run_of(proofs.prove(dt.date(2026, 1, 20)))
    assert (between.differences, between.figures["kept"]) == (None, None), "closed with later days: nothing was kept"
    assert between.figures["anew"]["loans"] == 2
    assert list(db.session.scalars(select(Journal.id))) == journals, "a proof books nothing"


def test_a_proof_finds_a_snapshot_that_was_tampered_with_and_leaves_it(company: Company):
    loan = company.lend()
    run_day_end(FEBRUARY)
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(LoanSnapshot).where(LoanSnapshot.as_of == JANUARY).values(balance=1))
    run = run_of(proofs.prove(JANUARY))
    assert run.differences == 2, "what is stored is not in the ledger, what is in the ledger is not stored"
    assert {(check, number) for check, number, _detail in run.told} == {("snapshot", loan.id)}
    kept = select(LoanSnapshot.balance).where(LoanSnapshot.as_of == JANUARY)
    assert db.session.scalars(kept).one() == 1, "never rewritten silently"
    assert run_of(proofs.prove(FEBRUARY)).differences == 0


def test_the_checksum_tells_two_loans_that_swapped_their_figures(company: Company):
    first, second = company.lend(amount=1_000_000), company.lend(amount=2_000_000)
    run_day_end(JANUARY)
    before = all_runs()[0].figures[JANUARY.isoformat()]
    with unit_of_work("tests.damage"), unscoped("damage"):
        for loan, balance in ((first, 2_000_000), (second, 1_000_000)):
            db.session.execute(update(LoanSnapshot).where(LoanSnapshot.loan_id == loan.id).values(balance=balance))
    after = runs.read_figures(db.session(), LoanSnapshot, LoanSnapshot.as_of == JANUARY)
    assert runs.differing(before, after) == ["checksum"]


def test_a_day_that_is_not_over_cannot_be_computed_again(company: Company):
    company.lend()
    with pytest.raises(Refused, match="not closed yet"):
        proofs.prove(START)


def test_a_reconciliation_writes_down_what_it_found(company: Company):
    loan = company.lend()
    run_day_end(JANUARY)
    run = run_of(proofs.reconcile_now())
    assert (run.kind, run.differences, run.loans) == (RunKind.RECONCILIATION, 0, 1)
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(LoanSnapshot).values(days_past_due=7))
    run = run_of(proofs.reconcile_now())
    assert run.differences
    assert [loan.id] == sorted({number for check, number, _detail in run.told if check == "snapshot"})


def test_each_month_end_is_added_up_again_within_as_many_nights_as_there_are(company: Company):
    company.lend()
    run_day_end(dt.date(2026, 4, 30))
    with unit_of_work("tests.damage"), unscoped("damage"):
        february = dt.date(2026, 2, 28)
        db.session.execute(update(LoanGroup).where(LoanGroup.as_of == february).values(balance=7))
        db.session.execute(update(LoanMove).where(LoanMove.closed_on == february).values(loans=7))
    nights = []
    for _night in range(4):
        nights.append({check for check, _loan, _detail in run_of(proofs.reconcile_now()).told})
        run_day_end()
    assert sorted(map(sorted, nights)) == [[], [], [], ["groups", "moves"]]


def test_each_night_whoever_runs_day_end_is_told_of_differences(company: Company, monkeypatch: pytest.MonkeyPatch):
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(proofs, "notify", lambda *told_to, **words: told.append((told_to[1:], words)))
    monkeypatch.setattr(proofs.role_store, "allowed", lambda _permission: [])
    company.lend()
    proofs.reconcile_nightly()
    assert told == []
    with unit_of_work("tests.damage"), unscoped("damage"):
        db.session.execute(update(LoanState).values(balance=7))
    proofs.reconcile_nightly()
    number = all_runs()[-1].id
    assert told == [((proofs.DIFFERENCES.key, f"/day-end/run/{number}"), {"count": all_runs()[-1].differences})]


def hold(url: str, ready: Any) -> None:
    """A process that begins a day-end and never ends it."""

    def stop(*_args: Any) -> None:
        ready.set()
        signal.pause()

    day_end._fill = stop  # type: ignore[assignment]
    with on_database(url):
        run_day_end()


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, "it never came true"
        db.session.rollback()
        time.sleep(0.05)


def test_a_killed_one_lets_go_and_its_run_is_closed_as_failed(company: Company):
    company.lend()
    db.session.remove()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=hold, args=(company.url, ready))
    other.start()
    try:
        assert ready.wait(60)
        assert runs.is_held()
        held = runs.running()
        assert held is not None
        assert held.first_day == START
        with pytest.raises(Refused, match=r"^Day-end of 2026-01-05 is being run by system since \d\d:\d\d; wait"):
            run_day_end()
        assert business_date() == START
    finally:
        os.kill(other.pid or 0, signal.SIGKILL)
        other.join()
    wait_until(lambda: not runs.is_held())  # the server takes a moment to see that its client is gone
    assert runs.running() is None, "nobody works on it, whatever its row says"
    run_day_end()
    dead, done = all_runs()
    assert (dead.state, dead.message) == (RunState.FAILED, "stopped")
    assert done.state is RunState.DONE
    assert business_date() == START + dt.timedelta(days=1)


def test_what_follows_day_end_may_fail_and_is_told_by_name(company: Company, monkeypatch: pytest.MonkeyPatch):
    """Every day is closed all the same, and whoever else follows does so."""
    seen: list[dt.date] = []

    def fail(_day: dt.date) -> None:
        db.session.execute(text("SELECT * FROM no_such_table"))

    company.lend()
    monkeypatch.setattr(following, "closed", {"broken": fail, "other": seen.append})
    monkeypatch.setattr(following, "opened", {"last": seen.append})
    done = run_day_end(FEBRUARY)
    assert done.opened == business_date() == FEBRUARY + dt.timedelta(days=1)
    assert seen == [JANUARY, FEBRUARY, done.opened]
    assert done.unfollowed == ("broken", "broken")
    with pytest.raises(Refused, match=r"The days are closed, but what follows them failed \(broken\); see the log\."):
        done.check()
    monkeypatch.setattr(following, "closed", {"other": seen.append})
    run_day_end().check()
