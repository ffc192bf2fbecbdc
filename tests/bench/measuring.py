"""Stop-watch, statement counter, and the table the figures stand in."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Figure:
    """One measured line."""

    name: str
    value: float
    unit: str
    target: float | None = None
    """At most this much is wanted; None for figures that only inform."""
    note: str = ""

    @property
    def missed(self) -> bool:
        return self.target is not None and self.value > self.target


def median_ms(act: Callable[[], Any], times: int = 7) -> float:
    """Milliseconds of the middle run, after one that warms up."""
    act()
    taken = []
    for _run in range(times):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def own_ms(act: Callable[[], Any], times: int = 7) -> float:
    """Milliseconds of processor that this thread took for the middle run: on a busy machine what says more."""
    taken = []
    for _run in range(times):
        started = time.thread_time()
        act()
        taken.append(time.thread_time() - started)
    return statistics.median(taken) * 1000


def seconds(act: Callable[[], Any]) -> float:
    """One run, for what changes the database or takes long."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile; beginning a transaction is none."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def peak_memory() -> float:
    """The most this process has held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> Figure:
    """How fast the machine is now, so that figures of different days can be compared: the best of three."""
    return Figure("The machine: ten million additions in Python", min(seconds(_add) for _time in range(3)), "s")


def _add() -> None:
    total = 0
    for number in range(10_000_000):
        total += number


def table(figures: list[Figure]) -> str:
    """The figures as Markdown."""
    lines = ["| What | Measured | Target | |", "|---|---:|---:|---|"]
    for figure in figures:
        target = "" if figure.target is None else f"{figure.target:,g} {figure.unit}"
        verdict = "**missed**" if figure.missed else ""
        digits = 0 if figure.value >= 100 or figure.value == int(figure.value) else 1
        note = " ".join(filter(None, (verdict, figure.note)))
        lines.append(f"| {figure.name} | {figure.value:,.{digits}f} {figure.unit} | {target} | {note} |")
    return "\n".join(lines)
