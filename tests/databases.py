"""Databases for tests: each test gets its own, on both engines, and every one is dropped again.

Building a database (migrations, the demo company) happens once per engine and run, shared by all worker processes;
tests get copies of it. Names carry the time they were made: leftovers of a run that was killed go after a day.
"""

import fcntl
import itertools
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy.engine import make_url
from xdist.workermanage import WorkerController

from config import Settings
from tests.needs import REDIS_URL, missing, postgresql_dsn

ROOT = Path(__file__).parents[1]
RUN = pytest.StashKey[str]()
PREFIX = "gridlend_test"
DAY = 24 * 60 * 60


class Engine(Protocol):
    """Makes and drops databases on one engine; databases are named by their SQLAlchemy URL."""

    name: str

    def create(self, template: str | None = None) -> str: ...

    def drop(self, url: str) -> None: ...


class Sqlite:
    """Databases as files in the run's temporary folder."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    def create(self, template: str | None = None) -> str:
        path = self.folder / f"{next(self.numbers)}.db"
        if template:
            with sqlite3.connect(make_url(template).database or "") as source, sqlite3.connect(path) as copy:
                source.backup(copy)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        path = Path(make_url(url).database or "")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


class Postgresql:
    """Databases on the test server."""

    name = "postgresql"

    def __init__(self, run: str, worker: str) -> None:
        self.owner = f"{run}_{worker}"
        self.numbers = itertools.count(1)

    def create(self, template: str | None = None) -> str:
        name = f"{PREFIX}_{int(time.time())}_{self.owner}_{next(self.numbers)}"
        source = make_url(template).database if template else "template0"
        with psycopg.connect(postgresql_dsn(), autocommit=True) as server:
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(source or "template0")
                )
            )
        url = make_url(postgresql_dsn()).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        drop_postgresql(make_url(url).database or "")


def drop_postgresql(name: str) -> None:
    with psycopg.connect(postgresql_dsn(), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_leftovers(run: str) -> None:
    """Drop what this run made and did not drop, and what runs before yesterday left."""
    with psycopg.connect(postgresql_dsn()) as server:
        rows = server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [PREFIX + r"\_%"]).fetchall()
    for (name,) in rows:
        match = re.fullmatch(PREFIX + r"_(\d+)_([0-9a-f]+)_.*", name)
        if match and (match[2] == run or int(match[1]) < time.time() - DAY):
            drop_postgresql(name)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = getattr(config, "workerinput", {}).get("portal_run") or secrets.token_hex(4)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["portal_run"] = node.config.stash[RUN]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput") and missing("postgresql") is None:
        drop_leftovers(session.config.stash[RUN])


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder shared by all worker processes of this run."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Engine:
    """The database engine: a test that uses a database runs once per engine."""
    if request.param == "sqlite":
        return Sqlite(tmp_path_factory.mktemp("sqlite"))
    return Postgresql(request.config.stash[RUN], worker_id)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """`environment(url)`: what a portal on that database is told. The keys are fixed, so that they fit every copy."""

    def environment(url: str) -> dict[str, str]:
        return {
            "PORTAL_MODE": "test",
            "PORTAL_DATABASE_URL": url,
            "PORTAL_INSTANCE": str(tmp_path_factory.mktemp("instance")),
            "PORTAL_SECRET_KEY": "only for tests",
            "PORTAL_MASTER_KEY": "7e" * 32,
        }

    return environment


@pytest.fixture(scope="session")
def settings(environment: Callable[[str], dict[str, str]]) -> Callable[[str], Settings]:
    """`settings(url)`: what `create_app` wants for a portal on that database."""
    return lambda url: Settings.from_env(environment(url))


@pytest.fixture(scope="session")
def portal_command(environment: Callable[[str], dict[str, str]]) -> Callable[..., str]:
    """`portal_command(url, "metric", …)`: run the command line on that database, as an operator would; its output."""

    def run(url: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "portal.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment(url)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"portal {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


class Templates:
    """Databases that are built once per run and only copied from then on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, kind: str, engine: Engine, build: Callable[[], str]) -> str:
        """The URL of the template; whoever comes first builds it, the other worker processes wait."""
        note = self.folder / f"{kind}-{engine.name}.url"
        with note.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not note.exists():
                note.write_text(build())
        return note.read_text()


@pytest.fixture(scope="session")
def templates(run_folder: Path) -> Templates:
    return Templates(run_folder)


@pytest.fixture(scope="session")
def migrated_template(engine: Engine, templates: Templates, portal_command: Callable[..., str]) -> str:
    def build() -> str:
        url = engine.create()
        portal_command(url, "db", "upgrade")
        return url

    return templates.get("migrated", engine, build)


@pytest.fixture(scope="session")
def seeded_template(
    engine: Engine, templates: Templates, migrated_template: str, portal_command: Callable[..., str]
) -> str:
    def build() -> str:
        url = engine.create(migrated_template)
        portal_command(url, "seed")
        return url

    return templates.get("seeded", engine, build)


@pytest.fixture
def engine_url(engine: Engine) -> Iterator[str]:
    """An empty database of the test's own."""
    url = engine.create()
    yield url
    engine.drop(url)


@pytest.fixture
def migrated_url(engine: Engine, migrated_template: str) -> Iterator[str]:
    """A database of the test's own with all tables and no company in it."""
    url = engine.create(migrated_template)
    yield url
    engine.drop(url)


@pytest.fixture
def seeded_url(engine: Engine, seeded_template: str) -> Iterator[str]:
    """The demo company in a database of the test's own."""
    url = engine.create(seeded_template)
    yield url
    engine.drop(url)


@pytest.fixture(scope="session")
def demo_url(engine: Engine, seeded_template: str) -> Iterator[str]:
    """The demo company for tests that only read: one database for all of them."""
    url = engine.create(seeded_template)
    yield url
    engine.drop(url)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The Redis server; for tests marked `redis`. Use only keys that start with `redis_prefix`."""
    return REDIS_URL


@pytest.fixture
def redis_prefix(pytestconfig: pytest.Config) -> Iterator[str]:
    """A key prefix of the test's own; its keys are deleted afterwards (huey puts its own name before the prefix)."""
    prefix = f"{PREFIX}_{pytestconfig.stash[RUN]}_{secrets.token_hex(4)}"
    yield prefix
    with redis.Redis.from_url(REDIS_URL) as client:
        for key in client.scan_iter(f"*{prefix}*"):
            client.delete(key)
