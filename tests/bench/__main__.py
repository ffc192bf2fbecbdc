"""`python -m tests.bench`: build or open the company on an engine, measure, print the table."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from portal.core.db import db
from tests.bench import audit, batches, browser, dashboard, pages, people, risk, serving
from tests.bench.company import opened, small_of
from tests.bench.measuring import Figure, machine, peak_memory, table

ROOT = Path(__file__).parents[2]
PARTS = ("pages", "risk", "processes", "load", "batches", "audit")
"""The trail last: it is filled for it."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("url", nargs="*", help="databases; an SQLite file under instance/bench if none is given")
    parser.add_argument("--size", type=int, default=1_000_000, help="customers and loans of a database that is empty")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--minutes", type=float, default=5, help="of fifty people at work")
    parser.add_argument("--fill-only", action="store_true", help="fill the databases that are empty, measure nothing")
    asked = parser.parse_args(arguments)
    folder = ROOT / "instance" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    parts = asked.only or PARTS
    for url in asked.url or [f"sqlite:///{folder / f'{asked.size}.db'}"]:
        started = time.perf_counter()
        app = opened(url, asked.size, folder)
        built = time.perf_counter() - started
        if asked.fill_only:
            continue
        figures = [
            machine(),
            Figure("Start, or filling an empty database", built, "s"),
            Figure("Memory of a process that is ready", peak_memory(), "MB", 300),
        ]
        if "pages" in parts:
            figures += pages.measure(app, opened(small_of(url, pages.SMALL, folder), pages.SMALL, folder))
            figures += [*dashboard.measure(app), *people.measure(app)]
        if "risk" in parts:
            figures += risk.measure(app)
        if "processes" in parts:
            figures += [*serving.starting(url, folder), *browser.measure(url, folder)]
        if "load" in parts:
            figures += serving.fifty_people(url, folder, asked.minutes)
        if "batches" in parts:
            figures += _batches(app, folder)
        if "audit" in parts:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                figures += audit.measure(app, Path(scratch))
        print(
            f"\n### {url.partition(':')[0]}, {platform.machine()}, {os.cpu_count()} cores\n\n{table(figures)}",
            flush=True,
        )


def _batches(app: Flask, folder: Path) -> list[Figure]:
    found = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        found += batches.exports(app)
        found += batches.imports(app, Path(scratch))
    found += batches.day_end(app)
    with app.app_context():
        db.engine.dispose()
    return found


if __name__ == "__main__":
    main()
