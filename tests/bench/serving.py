"""A portal of its own on the loopback, started and ended here: what it takes to start, what it holds, fifty people."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measuring import Figure, median_ms

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Portal:
    """A portal that is ready."""

    address: str
    pid: int
    """Of the parent of web server and worker."""
    took: float
    """Seconds from its start to its first answer."""


@contextmanager
def portal_of(url: str, folder: Path) -> Iterator[Portal]:
    """`portal serve` over a database, as an administrator would start it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PORTAL_MODE": "test",
        "PORTAL_DATABASE_URL": url,
        "PORTAL_INSTANCE": str(folder),
        "PORTAL_MASTER_KEY": "7e" * 32,
        "PORT": str(port),
        "PORTAL_LOG_LEVEL": "ERROR",
    }
    address, started = f"http://127.0.0.1:{port}", time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], cwd=ROOT, env=environment) as portal:
        try:
            _wait_until_ready(address)
            yield Portal(address, portal.pid, time.perf_counter() - started)
        finally:
            portal.send_signal(signal.SIGINT)
            portal.wait(60)


def _wait_until_ready(address: str) -> None:
    for _attempt in range(1200):
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The portal did not get ready.")


def starting(url: str, folder: Path) -> list[Figure]:
    """Time from the start to the first answer, the second time, and what the processes hold when they wait."""
    for _start in range(2):
        with portal_of(url, folder) as portal:
            took = portal.took
            time.sleep(5)  # the worker is up a little later than the web server
            held = {
                "a web process": max(
                    (_memory(pid) for pid in _below(portal.pid) if not _runs(pid, "worker")), default=0
                ),
                "the worker": max((_memory(pid) for pid in _below(portal.pid) if _runs(pid, "worker")), default=0),
            }
            asked = median_ms(lambda at=portal.address: urllib.request.urlopen(f"{at}/healthz").read())  # type: ignore[misc]
    return [
        Figure("Start, until it answers", took, "s", 8),
        *(Figure(f"Memory of {name} that waits", memory, "MB", 300) for name, memory in held.items()),
        Figure("An answer that asks nothing (/healthz)", asked, "ms"),
    ]


def _below(pid: int) -> list[int]:
    """All processes started by this one, and by those."""
    children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in _below(child))]


def _runs(pid: int, word: str) -> bool:
    return any(word in part for part in Path(f"/proc/{pid}/cmdline").read_text().split("\0"))


def _memory(pid: int) -> float:
    """Resident megabytes, what is shared with other processes included."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def fifty_people(url: str, folder: Path, minutes: float) -> list[Figure]:
    """Fifty people at work (load.py)."""
    with portal_of(url, folder) as portal, tempfile.TemporaryDirectory(dir=folder) as scratch:
        # fmt: off
        subprocess.run(
            [sys.executable, "-m", "locust", "-f", "tests/bench/load.py", "--headless", "--only-summary",
             "-u", "50", "-r", "5", "-t", f"{int(minutes * 60)}s", "-H", portal.address,
             "--csv", f"{scratch}/load", "--exit-code-on-error", "0"],
            cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        # fmt: on
        with open(f"{scratch}/load_stats.csv", newline="", encoding="utf-8") as file:
            *asked, total = csv.DictReader(file)
    slowest = sorted(asked, key=lambda row: -float(row["95%"]))[:4]
    return [
        Figure(
            f"50 people for {minutes:g} minutes, 95 of 100 answers within",
            float(total["95%"]),
            "ms",
            500,
            f"{total['Request Count']} answers, median {total['50%']} ms; slowest: "
            + ", ".join(f"{row['Name']} {row['95%']} ({row['Request Count']})" for row in slowest),
        ),
        Figure("… answers that failed", float(total["Failure Count"]), "", 0),
    ]
