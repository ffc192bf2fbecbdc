"""`python -m tests.bench`: build or open the company on an engine, measure, print the table."""

from __future__ import annotations

import argparse
import csv
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from portal.core.db import db
from tests.bench import batches, pages
from tests.bench.company import opened
from tests.bench.measuring import Figure, peak_memory, table

ROOT = Path(__file__).parents[2]
PORT = 8089


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("url", nargs="*", help="databases; an SQLite file under instance/bench if none is given")
    parser.add_argument("--size", type=int, default=1_000_000, help="customers and loans of a database that is empty")
    parser.add_argument("--only", choices=("pages", "batches", "load"), action="append")
    parser.add_argument("--minutes", type=float, default=5, help="of fifty people at work")
    asked = parser.parse_args(arguments)
    folder = ROOT / "instance" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    parts = asked.only or ("pages", "batches", "load")
    for url in asked.url or [f"sqlite:///{folder / f'{asked.size}.db'}"]:
        started = time.perf_counter()
        app = opened(url, asked.size, folder)
        built = time.perf_counter() - started
        figures = [
            Figure("Start, or filling an empty database", built, "s"),
            Figure("Memory of a process that is ready", peak_memory(), "MB", 300),
        ]
        if "pages" in parts:
            figures += pages.measure(app)
        if "load" in parts:
            figures += _load(url, folder, asked.minutes)
        if "batches" in parts:
            figures += _batches(app, folder)
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


def _load(url: str, folder: Path, minutes: float) -> list[Figure]:
    """Fifty people against a portal of its own on loopback, started and ended here."""
    environment = {
        **os.environ,
        "PORTAL_MODE": "test",
        "PORTAL_DATABASE_URL": url,
        "PORTAL_INSTANCE": str(folder),
        "PORTAL_MASTER_KEY": "7e" * 32,
        "PORT": str(PORT),
        "PORTAL_LOG_LEVEL": "ERROR",
    }
    with subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], cwd=ROOT, env=environment) as portal:
        try:
            _wait_until_ready()
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                # fmt: off
                subprocess.run(
                    [sys.executable, "-m", "locust", "-f", "tests/bench/load.py", "--headless", "--only-summary",
                     "-u", "50", "-r", "5", "-t", f"{int(minutes * 60)}s", "-H", f"http://127.0.0.1:{PORT}",
                     "--csv", f"{scratch}/load", "--exit-code-on-error", "0"],
                    cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
                # fmt: on
                with open(f"{scratch}/load_stats.csv", newline="", encoding="utf-8") as file:
                    total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
        finally:
            portal.send_signal(signal.SIGINT)
            portal.wait(60)
    return [
        Figure(
            f"50 people for {minutes:g} minutes, 95 of 100 answers within",
            float(total["95%"]),
            "ms",
            500,
            f"{total['Request Count']} answers, median {total['50%']} ms",
        ),
        Figure("… answers that failed", float(total["Failure Count"]), "", 0),
    ]


def _wait_until_ready() -> None:
    for _attempt in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5) as answer:
                if re.match("2", str(answer.status)):
                    return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("The portal did not get ready.")


if __name__ == "__main__":
    main()
