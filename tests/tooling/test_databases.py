"""Tests get databases of their own, and nothing of them stays."""

import time

import psycopg
import pytest
import sqlalchemy as sa

from portal.core.scope import unscoped
from tests.databases import PREFIX, drop_leftovers
from tests.needs import postgresql_dsn

SUITE = """
    from pathlib import Path

    import sqlalchemy as sa

    from tests.databases import RUN

    def tables(url):
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            found = sa.inspect(connection).get_table_names()
        engine.dispose()
        return found

    def leave_something_behind(url):
        assert tables(url) == []
        sa.create_engine(url).connect().execute(sa.text("CREATE TABLE left_behind (id int)")).connection.commit()
        assert tables(url) == ["left_behind"]

    def test_first(engine_url, pytestconfig):
        Path("run.txt").write_text(pytestconfig.stash[RUN])
        leave_something_behind(engine_url)

    def test_second(engine_url):
        leave_something_behind(engine_url)

    def test_that_fails(engine_url):
        assert engine_url == ""

    def test_copies(engine, templates, engine_url):
        def build():
            url = engine.create()
            database = sa.create_engine(url)
            with database.begin() as connection:
                connection.execute(sa.text("CREATE TABLE built (id int)"))
            database.dispose()
            return url
        template = templates.get("probe", engine, build)
        assert templates.get("probe", engine, lambda: 1 / 0) == template
        copy = engine.create(template)
        assert copy != template
        assert tables(copy) == ["built"]
"""


def existing() -> set[str]:
    with psycopg.connect(postgresql_dsn()) as server:
        rows = server.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [PREFIX + "%"]).fetchall()
    return {name for (name,) in rows}


@pytest.mark.postgresql
def test_each_test_gets_an_empty_database_and_all_are_dropped_even_after_failures(pytester, monkeypatch, pytestconfig):
    markers = "\n    ".join(pytestconfig.getini("markers"))
    pytester.makeini(f"[pytest]\naddopts = -p no:dash\nmarkers =\n    {markers}\n")
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    monkeypatch.delenv("PORTAL_TEST_REQUIRE", raising=False)

    result = pytester.runpytest_subprocess("-p", "tests.needs", "-p", "tests.databases", "-n", "2")

    result.assert_outcomes(passed=6, failed=2)
    run = (pytester.path / "run.txt").read_text()
    assert [name for name in existing() if run in name] == []


@pytest.mark.postgresql
def test_leftovers_of_yesterday_go_and_those_of_a_run_beside_this_one_stay():
    def create(age: int) -> str:
        name = f"{PREFIX}_{int(time.time()) - age}_ffffffff_gw0_1"
        with psycopg.connect(postgresql_dsn(), autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
        return name

    day = 24 * 60 * 60
    yesterday, today = create(age=day + 60), create(age=day - 60)
    drop_leftovers(run="00000000")
    left = existing()
    drop_leftovers(run="ffffffff")
    assert yesterday not in left
    assert today in left
    assert today not in existing()


def test_a_migrated_database_is_a_copy_of_its_own_with_every_table_and_no_company(migrated_url, migrated_template):
    assert migrated_url != migrated_template
    database = sa.create_engine(migrated_url)
    with database.connect() as connection, unscoped("a test counts rows"):
        assert {"branch", "customer", "loan", "journal", "ab_user"} <= set(sa.inspect(connection).get_table_names())
        assert connection.scalar(sa.text("SELECT count(*) FROM loan")) == 0
    database.dispose()
