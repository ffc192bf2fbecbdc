"""An import that is killed at any moment has written all of its file or nothing of it."""

from __future__ import annotations

import csv
import os
import random
import select as polling
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text

from portal.core.scope import unscoped

ROOT = Path(__file__).parents[3]
ROWS = 200
KILLS = 20

NURSERY = """
import os, sys
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.imports.command import import_file
app = create_app()
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        with app.app_context(), acting(SYSTEM):
            print("running", os.getpid(), flush=True)
            import_file.main(["opening-positions", line.strip(), "--map", sys.argv[1]], standalone_mode=False)
        os._exit(0)
    os.waitpid(child, 0)
    print("over", flush=True)
"""

MAPPING = """
kind = "opening-positions"
cut_over = 2026-05-31
[fields]
code = "code"
customer = "customer"
product = { constant = "LEVEL" }
branch = { constant = "HO" }
amount = "amount"
rate = { constant = "12" }
count = { constant = "36" }
disbursed_on = { constant = "2026-01-15" }
paid_principal = "paid"
status = { constant = "active" }
[[create]]
kind = "branches"
fields = { code = { constant = "HO" }, name = { constant = "Head office" }, kind = { constant = "head_office" } }
[[create]]
kind = "products"
[create.fields]
code = { constant = "LEVEL" }
name = { constant = "Level loan" }
purpose = { constant = "consumer" }
channel = { constant = "online" }
rate_min = { constant = "1" }
rate_max = { constant = "24" }
term_min = { constant = "1" }
term_max = { constant = "60" }
method = { constant = "level" }
day_count = { constant = "30/360" }
rounding = { constant = "half-up" }
holiday_rule = { constant = "none" }
[[create]]
kind = "customers"
fields = { code = "customer", name = "customer", type = { constant = "unidentified" }, branch = { constant = "HO" } }
"""

SUMS = """
SELECT (SELECT count(*) FROM loan),
       (SELECT count(*) FROM customer),
       (SELECT count(*) FROM import_batch WHERE state = 'done'),
       (SELECT coalesce(sum(amount), 0) FROM posting WHERE account = '1303'),
       (SELECT coalesce(sum(amount), 0) FROM posting)
"""


def write_file(path: Path, number: int) -> int:
    """A ledger of its own; returns its balance in fen."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "customer", "amount", "paid"])
        writer.writerows([f"F{number}-{n}", f"C{number}-{n}", 1000 + n, 100] for n in range(ROWS))
    return sum((900 + n) * 100 for n in range(ROWS))


def test_a_killed_import_leaves_nothing_or_the_whole_file(
    migrated_url: str, environment: Callable[[str], dict[str, str]], tmp_path: Path
):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    engine = create_engine(migrated_url)
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(mapping)],
        cwd=ROOT,
        env={**os.environ, **environment(migrated_url), "PYTHONPATH": str(ROOT), "PORTAL_LOG_LEVEL": "ERROR"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None

    def read() -> list[str]:
        while True:
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line, "the nursery died"
            if (words := line.split()) and words[0] in ("ready", "running", "over"):
                return words

    def run(path: Path, kill_after: float | None) -> None:
        process.stdin.write(f"{path}\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        number = int(read()[1])
        if kill_after is not None:
            polling.select([process.stdout], [], [], kill_after)
            os.kill(number, signal.SIGKILL)
        while read()[0] != "over":
            pass

    def sums() -> tuple[int, ...]:
        with unscoped("a test"), engine.connect() as connection:
            return tuple(int(value) for value in connection.execute(text(SUMS)).one())

    try:
        assert read() == ["ready"]
        files = [tmp_path / f"{number}.csv" for number in range(KILLS + 1)]
        balances = [write_file(path, number) for number, path in enumerate(files)]
        started = time.monotonic()
        run(files[0], None)
        takes = time.monotonic() - started
        held, dice, written = sums(), random.Random(11), {0}
        assert held == (ROWS, ROWS, 1, balances[0], 0)
        for number in range(1, KILLS + 1):
            run(files[number], dice.uniform(0, takes))
            time.sleep(
                0.05 if engine.dialect.name == "postgresql" else 0
            )  # its server may still finish the last command
            now = sums()
            if now[0] != held[0]:
                written.add(number)
            assert now == (len(written) * ROWS, len(written) * ROWS, len(written), sum(balances[n] for n in written), 0)
            held = now
        rest = [number for number in range(KILLS + 1) if number not in written]
        for number in [*rest, max(written)]:  # once more in peace: the rest comes in, what is there is not doubled
            run(files[number], None)
        assert sums()[:2] == ((KILLS + 1) * ROWS, (KILLS + 1) * ROWS)
        assert sums()[3:] == (sum(balances), 0)
    finally:
        process.kill()
        process.communicate()
        engine.dispose()
