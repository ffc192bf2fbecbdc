"""What tests need of the machine: marked tests are skipped where it is missing, and the last lines of a run name them.

PORTAL_TEST_REQUIRE lists needs (comma-separated) that must be met: the run fails if a test with one of them did not
run, or if there was none.
"""

import ctypes
import functools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
POSTGRESQL_URL = os.environ.get("PORTAL_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("PORTAL_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


def postgresql_dsn() -> str:
    """The server's URL as psycopg wants it: without SQLAlchemy's driver name."""
    return POSTGRESQL_URL.replace("+psycopg", "", 1)


def _postgresql() -> str | None:
    try:
        with psycopg.connect(postgresql_dsn(), connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError as error:
        return f"no PostgreSQL server: {str(error).splitlines()[0]}"
    return None if row and row[0] else "the PostgreSQL user may not create databases"


def _redis() -> str | None:
    try:
        with redis.Redis.from_url(REDIS_URL, socket_connect_timeout=3) as client:
            client.ping()
    except redis.RedisError as error:
        return f"no Redis server: {error}"
    return None


def chromium_path() -> str | None:
    """A Chromium that tests can drive; PORTAL_TEST_CHROMIUM names another one."""
    named = os.environ.get("PORTAL_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _browser() -> str | None:
    return None if chromium_path() else "no Chromium"


def _pdf() -> str | None:
    lacking = [program for program in ("qpdf", "pdftotext") if not shutil.which(program)]
    for library in ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0"):
        try:
            ctypes.CDLL(library)
        except OSError:
            lacking.append(library)
    return f"missing: {', '.join(lacking)}" if lacking else None


def _shared() -> str | None:
    return None if SHARED_DATA.is_dir() else f"no folder {SHARED_DATA}"


PROBES: dict[str, Callable[[], str | None]] = {
    "postgresql": _postgresql,
    "redis": _redis,
    "browser": _browser,
    "pdf": _pdf,
    "shared": _shared,
}


@functools.cache
def missing(need: str) -> str | None:
    """Why the machine cannot meet this need; None when it can."""
    return PROBES[need]()


class NotRun:
    """Counts, over all worker processes, which tests with a need ran and which did not."""

    def __init__(self, required: str) -> None:
        self.required = {need.strip() for need in required.split(",") if need.strip()}
        if unknown := self.required - PROBES.keys():
            raise pytest.UsageError(f"PORTAL_TEST_REQUIRE names unknown needs: {', '.join(sorted(unknown))}")
        self.ran: Counter[str] = Counter()
        self.skipped: Counter[tuple[str, str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        needs = [str(value) for name, value in report.user_properties if name == "need"]
        if report.skipped and not hasattr(report, "wasxfail"):
            lacking = [str(value) for name, value in report.user_properties if name == "lacking"] or needs or ["other"]
            self.skipped.update((need, _reason(report)) for need in lacking)
        elif report.when == "call":
            self.ran.update(needs)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped["other", _reason(report)] += 1

    def unmet(self) -> list[str]:
        """Required needs of which a test, or every test, did not run."""
        skipped = {need for need, _ in self.skipped}
        return sorted(need for need in self.required if need in skipped or not self.ran[need])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unmet() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for (need, reason), count in sorted(self.skipped.items()):
            terminalreporter.write_line(f"NOT RUN: {count} {need} test{'s' * (count > 1)} ({reason})", yellow=True)
        if unmet := self.unmet():
            terminalreporter.write_line(f"FAILED: these had to run, all of them: {', '.join(unmet)}", red=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "no reason given"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(NotRun(os.environ.get("PORTAL_TEST_REQUIRE", "")), "not-run")


def pytest_itemcollected(item: pytest.Item) -> None:
    item.user_properties += [("need", need) for need in PROBES if item.get_closest_marker(need)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = [str(value) for name, value in item.user_properties if name == "need"]
    lacking = {need: reason for need in needs if (reason := missing(need))}
    if lacking:
        item.user_properties += [("lacking", need) for need in lacking]
        pytest.skip("; ".join(lacking.values()))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; for tests marked `browser`."""
    path = chromium_path()
    assert path, "a test that uses this fixture is marked `browser`"
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The reference data beside the checkout; for tests marked `shared`."""
    return SHARED_DATA
