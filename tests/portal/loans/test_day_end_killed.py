"""A day-end that is killed at any moment has done all of its work or none of it."""

from __future__ import annotations

import datetime as dt
import os
import random
import select as polling
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from portal.core.clock import business_date, month_end
from portal.core.db import db
from portal.loans.day_end import run_day_end
from portal.loans.history import Life, Paid, bulk_history
from portal.loans.ledger import Journal, Posting
from portal.loans.positions import COLUMNS
from portal.loans.reconciliation import reconcile
from portal.loans.state import LoanSnapshot, LoanState
from portal.products.terms import Method
from tests.databases import Engine
from tests.portal.loans.conftest import Company, on_database, open_on, trial_balance

ROOT = Path(__file__).parents[3]
LOANS = 150
KILLS = 20
OPENED = dt.date(2026, 2, 1)

NURSERY = """
import datetime as dt, os, sys
from tests.portal.loans.conftest import on_database
from portal.loans.day_end import run_day_end
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        with on_database(sys.argv[1]):
            print("running", os.getpid(), flush=True)
            run_day_end(dt.date.fromisoformat(line.strip()))
        os._exit(0)
    os.waitpid(child, 0)
    print("over", flush=True)
"""
"""Everything is imported once; each day-end then runs in a fork, whose start takes no time."""


class Nursery:
    """Runs day-ends in processes that can be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def read(self) -> list[str]:
        """The next line that is not a log line."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, "the nursery died"
            words = line.split()
            if words and words[0] in ("ready", "running", "over"):
                return words

    def run(self, until: dt.date, kill_after: float | None) -> None:
        """Run the day-end; send SIGKILL after so many seconds, if it is not over by then."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{until}\n")
        self.process.stdin.flush()
        number = int(self.read()[1])
        if kill_after is not None and not polling.select([self.process.stdout], [], [], kill_after)[0]:
            os.kill(number, signal.SIGKILL)
        assert self.read() == ["over"]


@contextmanager
def nursery(url: str) -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        opened = Nursery(process)
        assert opened.read() == ["ready"]
        yield opened
    finally:
        process.kill()
        process.communicate()


def contents() -> dict[str, Any]:
    """Everything a day-end writes."""
    kept = {
        model.__name__: db.session.execute(
            select(*(getattr(model, name) for name in COLUMNS)).order_by(model.as_of, model.loan_id)
        ).all()
        for model in (LoanState, LoanSnapshot)
    }
    journals = select(
        Journal.loan_id, Journal.kind, Journal.value_date, func.count(Posting.id), func.max(Posting.amount)
    )
    journals = journals.join(Posting).group_by(Journal.id).order_by(Journal.value_date, Journal.loan_id, Journal.id)
    return kept | {"Journal": db.session.execute(journals).all(), "date": business_date()}


def wait_for_the_dead(engine: Engine) -> None:
    """PostgreSQL may still be finishing what the killed process had sent."""
    if engine.name == "postgresql":
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        while db.session.scalar(others):
            db.session.rollback()
    db.session.rollback()


def lend(company: Company) -> None:
    """Loans of three years, half of which are paid on."""
    open_on(OPENED)
    methods = (Method.LEVEL, Method.INTEREST_ONLY)
    bulk_history(
        Life(
            company.new_loan(f"L{n}", methods[n % 2], count=36, amount=100_000 + n),
            [Paid(dt.date(2026, 1, 20), f"R{n}", 5_000)] if n % 2 else [],
        )
        for n in range(LOANS)
    )


def test_a_killed_day_end_leaves_the_old_state_or_the_new_one(company: Company, engine: Engine, company_template: str):
    lend(company)
    undisturbed = engine.create(company_template)
    try:
        with nursery(company.url) as opened:
            rng, outcomes = random.Random(7), {"old": 0, "new": 0}
            started = time.monotonic()
            opened.run(month_end(OPENED), None)
            takes = time.monotonic() - started
            for _ in range(KILLS):
                wait_for_the_dead(engine)
                old, day = contents(), business_date()
                opened.run(month_end(day), rng.uniform(0, takes))
                wait_for_the_dead(engine)
                new = contents()
                moved = new["date"] != day
                outcomes["new" if moved else "old"] += 1
                if moved:
                    assert new["date"] == month_end(day) + dt.timedelta(days=1)
                    assert len(new["LoanSnapshot"]) == len(old["LoanSnapshot"]) + LOANS
                else:
                    assert new == old
                assert trial_balance() == {True: 0, False: 0}
        assert outcomes["old"], "no kill came in time to prevent anything"
        end = month_end(business_date())
        run_day_end(end)
        survived = contents()
        assert reconcile([month_end(OPENED), end]) == []
        db.session.remove()
        with on_database(undisturbed):
            lend(Company(undisturbed))
            run_day_end(end)
            assert contents() == survived
    finally:
        engine.drop(undisturbed)
