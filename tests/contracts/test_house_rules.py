"""The rules of the house that no linter knows, checked on the source itself."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import config

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("portal", "dashboards", "reports", "seed")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)

#: Files that may name a table behind its model, where row scope does not reach, and why.
MAY_NAME_TABLES = {
    "portal/core/audit.py": "writes an entry and its rows in one statement; entries have no row scope",
    "portal/core/bulk.py": "names where rows that were selected within the scope are put",
    "portal/organization/users.py": "describes the columns of Flask-AppBuilder's own user table",
}
#: Files that may ask the machine what time it is, and why.
MAY_ASK_THE_CLOCK = {
    "portal/core/clock.py": "the one place for it",
}
LONGEST_FILE = 400

CLOCK_CALLS = {"now", "utcnow", "today", "fromtimestamp", "localtime", "gmtime", "current_date", "current_timestamp"}


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))


def sample(folder: Path, source: str) -> Path:
    path = folder / "sample.py"
    path.write_text(source)
    return path


def named_tables(path: Path) -> list[int]:
    """Uses of Model.__table__ for anything but its name."""
    attributes = [node for node in nodes(path) if isinstance(node, ast.Attribute)]
    only_the_name = {id(node.value) for node in attributes if node.attr == "name"}
    return [node.lineno for node in attributes if node.attr == "__table__" and id(node) not in only_the_name]


def clock_readings(path: Path) -> list[int]:
    """Calls like date.today(), dt.datetime.now(dt.UTC), time.time(), func.now()."""
    lines = []
    for node in nodes(path):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        owner_name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if owner_name in {"date", "datetime", "func", "time"} and node.func.attr in CLOCK_CALLS | {"time"}:
            lines.append(node.lineno)
    return lines


def test_only_listed_files_name_a_table_behind_its_model():
    """A select from the table bypasses row scope: select from the model, or list the file with its reason."""
    found = {str(path): lines for path in SOURCES if (lines := named_tables(path))}
    assert {path: lines for path, lines in found.items() if path not in MAY_NAME_TABLES} == {}


def test_only_the_clock_asks_what_day_it_is():
    found = {str(path): lines for path in SOURCES if (lines := clock_readings(path))}
    assert {path: lines for path, lines in found.items() if path not in MAY_ASK_THE_CLOCK} == {}


def test_a_file_is_short_and_named_after_what_it_holds():
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}
    assert [path for path in SOURCES if path.stem in {"utils", "util", "helpers", "helper", "common", "misc"}] == []


def test_a_listed_exception_is_still_needed():
    for path in map(Path, MAY_NAME_TABLES):
        assert named_tables(path), f"{path} names no table any more: take it off the list"
    for path in map(Path, MAY_ASK_THE_CLOCK):
        assert clock_readings(path), f"{path} asks no clock any more: take it off the list"


def test_the_import_contract_lists_every_area_in_its_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["type"] == "layers")["layers"]
    areas = [floor.removeprefix("portal.") for floor in floors if floor.startswith("portal.")]
    assert areas == ["metrics", *reversed(config.AREAS), "core"]


def test_no_test_measures_time():
    """It would fail on a busy machine: `make bench` measures, as medians."""
    stopwatches = {"perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "thread_time"}
    tests = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py") if "bench" not in path.parts]
    measuring = {
        str(path)
        for path in tests
        for node in nodes(path)
        if getattr(node, "attr", getattr(node, "id", "")) in stopwatches
    }
    assert measuring == set()


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("import datetime as dt\ndt.date.today()", True),
        ("from datetime import datetime\ndatetime.now()", True),
        ("from sqlalchemy import func\nfunc.now()", True),
        ("import time\ntime.time()", True),
        ("import time\ntime.monotonic()", False),
        ("from portal.core import clock\nclock.now()", False),
    ],
)
def test_the_clock_rule_knows_a_clock_when_it_sees_one(tmp_path, source, caught):
    assert bool(clock_readings(sample(tmp_path, source))) is caught


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("select(Loan.__table__)", True),
        ("select(Loan.__table__.c.name)", True),
        ("Loan.__table__.name", False),
        ("select(Loan)", False),
    ],
)
def test_the_table_rule_lets_only_the_name_pass(tmp_path, source, caught):
    assert bool(named_tables(sample(tmp_path, source))) is caught
