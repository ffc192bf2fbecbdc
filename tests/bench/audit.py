"""What the audit trail costs: on a write, on an import, with eight writers; how fast it is sealed and verified."""

from __future__ import annotations

import csv
import multiprocessing
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.core import audit, records, work
from portal.core.audit import AuditEntry, canonical, digest_of
from portal.core.bulk import insert_rows
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.imports.checks import checked_file, kind_called
from portal.imports.services import run_import, undo_import
from portal.organization.models import Branch, Team
from portal.trail import sealing
from portal.trail.verifying import verify
from tests.bench.measuring import Figure, seconds

WRITES = 300
WRITERS, TURNS = 8, 150
ENTRIES = 200_000
IMPORTED = 20_000


def measure(app: Flask, folder: Path) -> list[Figure]:
    with app.app_context(), acting(SYSTEM):
        branch = db.session.scalars(select(Branch).limit(1)).one()
        team = _team(branch.id)
        found = [*_write(team), *_import(branch.code, folder)]
        if db.engine.dialect.name == "postgresql":
            found.append(_writers(app, branch.id))
        return [*found, *_chain()]


def _team(branch_id: int, code: str = "BENCH-T") -> int:
    held = db.session.scalar(select(Team.id).where(Team.code == code))
    if held is not None:
        return held
    return int(records.add(Team, {"code": code, "name": code, "branch": branch_id}).id)


@contextmanager
def _without_audit() -> Any:
    """Units of work that leave no entry."""
    collect, take = audit.collect, audit.take_collected
    audit.collect = lambda _session: None
    audit.take_collected = lambda _session: []
    try:
        yield
    finally:
        audit.collect, audit.take_collected = collect, take


def _change(team: int, number: int) -> None:
    with work.unit_of_work("records.change"):
        db.session.get_one(Team, team).name = f"name {number}"


def _write(team: int) -> list[Figure]:
    """Writes with and without their entry, in turns, so that the machine's moods fall on both."""
    taken = {True: 0.0, False: 0.0}
    for number in range(2 * WRITES):
        audited = number % 2 == 0
        act = partial(_change, team, number)
        if audited:
            taken[True] += seconds(act)
        else:
            with _without_audit():
                taken[False] += seconds(act)
    plain, cost = (1000 * t / WRITES for t in (taken[False], taken[True] - taken[False]))
    return [Figure("Audit: what an entry adds to a write", cost, "ms", 1, f"the write itself takes {plain:.1f} ms")]


def _import(branch: str, folder: Path) -> list[Figure]:
    path = folder / "audited.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Customer code", "Name", "Customer group", "Branch"])
        writer.writerows([f"AUDIT{n:06}", "王秀英", "farmer", branch] for n in range(IMPORTED))

    def run() -> None:
        with checked_file(path, kind_called("customers")) as checked:
            done.append(run_import(checked).id)

    taken = {}
    for audited in (False, True, False, True):
        done: list[int] = []
        if audited:
            took = seconds(run)
        else:
            with _without_audit():
                took = seconds(run)
        taken[audited] = min(taken.get(audited, took), took)
        undo_import(done[0])
    share = 100 * (taken[True] / taken[False] - 1)
    note = f"{taken[False]:.1f} s without, {taken[True]:.1f} s with"
    return [Figure(f"Audit: what it adds to an import of {IMPORTED:,} rows", share, "%", 15, note)]


def _writers(app: Flask, branch_id: int) -> Figure:
    """Eight processes, each changing a row of its own."""
    teams = [_team(branch_id, f"BENCH-T{n}") for n in range(WRITERS)]
    db.session.remove()
    db.engine.dispose()
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(WRITERS + 1)
    workers = [context.Process(target=_writer, args=(app, team, ready)) for team in teams]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    for worker in workers:
        worker.join()
    rate = WRITERS * TURNS / (time.perf_counter() - started)
    failed = sum(worker.exitcode != 0 for worker in workers)
    note = f"at least 500 are wanted{'; **missed**' if rate < 500 else ''}{f'; {failed} failed' if failed else ''}"
    return Figure(f"Audit: transactions a second, {WRITERS} writers", rate, "/s", None, note)


def _writer(app: Flask, team: int, ready: Any) -> None:
    with app.app_context(), acting(SYSTEM):
        _change(team, -1)
        ready.wait()
        for number in range(TURNS):
            _change(team, number)
        db.session.remove()


def _chain() -> list[Figure]:
    """Entries as an ordinary change leaves them, sealed and verified."""
    with work.unit_of_work("seed.bulk"):
        _fill(db.session(), ENTRIES)
    db.session.rollback()
    return [_rate("sealed", sealing.seal), _rate("verified", verify)]


def _rate(name: str, act: Callable[[], Any]) -> Figure:
    took = seconds(act)
    count = db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0
    db.session.rollback()
    count = ENTRIES if name == "sealed" else count
    least = 100_000 if name == "verified" else None
    note = f"at least {least:,} are wanted" if least else ""
    return Figure(f"Audit: entries {name} a second", count / took, "/s", None, note)


def _fill(session: Session, count: int) -> None:
    changes = {"rows": [{"fields": {"name": ["before", "after"]}, "id": 1, "resource": "Team", "what": "changed"}]}
    first, day, text = (session.scalar(select(func.max(AuditEntry.id))) or 0) + 1, business_date(), canonical(changes)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.setval(func.pg_get_serial_sequence("audit_entry", "id"), first + count)))
    rows = []
    for number in range(count):
        values = (now(), day, "bench", 1, "records.change", "Team", 1, f"{number:016x}")
        row = dict(zip(audit.CONTENT, values, strict=True)) | {"id": first + number, "changes": changes}
        rows.append(row | {"digest": digest_of(map(audit.plain, values), text)})
    insert_rows(session, AuditEntry, rows)
