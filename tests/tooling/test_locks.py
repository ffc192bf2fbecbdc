"""The locks fit pyproject.toml and say nothing about where packages were taken from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements-setup.txt", "requirements.txt", "requirements-dev.txt", "requirements-security.txt"]


def locked(name: str) -> dict[str, set[str]]:
    """Package -> its locked versions (several when they depend on the Python version)."""
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE):
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_names_no_host(name):
    text = (ROOT / name).read_text()
    pins = re.findall(r"^[A-Za-z0-9._-]+==.*$", text, re.MULTILINE)
    assert pins
    assert all(pin.endswith("\\") for pin in pins)
    assert "://" not in text
    assert "--index" not in text and "--find-links" not in text


def test_every_declared_dependency_is_locked_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = locked("requirements-dev.txt")
    for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        wanted = Requirement(line)
        found = versions.get(canonicalize_name(wanted.name), set())
        assert found, f"{wanted.name} is not locked: run bin/lock"
        assert all(version in wanted.specifier for version in found), f"{line} against {found}: run bin/lock"


def test_tests_run_with_the_versions_that_are_shipped():
    development = locked("requirements-dev.txt")
    assert {name: found for name, found in locked("requirements.txt").items() if development.get(name) != found} == {}
