"""Set-up: what it says when it cannot go on, and that it does nothing twice."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def setup(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run set-up in a copy of the checkout, not as root, with `programs` (name: script) in front of the real ones."""
    for name in ("bin", "requirements.txt", "requirements-dev.txt", "requirements-setup.txt", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "portal").mkdir()
    fakes = tmp_path / "fakes"
    fakes.mkdir()

    def setup(programs: dict[str, str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for name, script in {"id": "echo 1000", **programs}.items():
            (fakes / name).write_text(f"#!/bin/sh\n{script}\n")
            (fakes / name).chmod(0o755)
        environment = {**os.environ, "PATH": f"{fakes}{os.pathsep}{os.environ['PATH']}", **variables}
        return subprocess.run(
            ["bin/setup", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return setup


def test_an_old_python_is_one_clear_sentence(setup):
    done = setup({"old": "exit 1"}, PYTHON="old")
    assert done.returncode == 1
    assert done.stderr == (
        "Gridlend needs Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python3.11\n"
    )


def test_without_root_a_missing_venv_package_is_one_line_to_type(setup):
    without_venv = 'case "$2" in *ensurepip*) exit 1;; esac; exec python3 "$@"'
    done = setup({"bare": without_venv}, PYTHON="bare")
    assert done.returncode == 1
    assert done.stderr == ("Python cannot make virtual environments here; type: sudo apt-get install python3-venv\n")


LIBRARIES = "echo libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz-subset.so.0"


def finish_environment(folder: Path, kind: str = "run") -> Path:
    """Make it look as if set-up had run here; returns its note of what it installed."""
    lock = "requirements-dev.txt" if kind == "dev" else "requirements.txt"
    files = ["requirements-setup.txt", lock, "pyproject.toml"]
    sums = subprocess.run(["cksum", *files], cwd=folder, capture_output=True, text=True).stdout
    (folder / ".venv").mkdir()
    note = folder / ".venv" / "installed"
    note.write_text(f"{folder} {kind}\n{sums}")
    return note


def test_a_finished_environment_is_left_alone(setup, tmp_path):
    note = finish_environment(tmp_path)
    done = setup({"none": "exit 1"}, PYTHON="none")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / ".venv").iterdir()) == [note]


def test_a_changed_lock_is_noticed(setup, tmp_path):
    finish_environment(tmp_path)
    with (tmp_path / "requirements.txt").open("a") as lock:
        lock.write("# changed\n")
    assert setup({"none": "exit 1"}, PYTHON="none").returncode == 1


def test_a_moved_checkout_gets_a_new_environment(setup, tmp_path):
    note = finish_environment(tmp_path)
    note.write_text(note.read_text().replace(str(tmp_path), "/elsewhere", 1))
    assert setup({"none": "exit 1"}, PYTHON="none").returncode == 1


def test_without_pango_and_without_root_the_packages_are_named_and_set_up_goes_on(setup, tmp_path):
    finish_environment(tmp_path)
    done = setup({"ldconfig": "exit 0"})
    assert done.returncode == 0
    assert done.stdout == (
        "PDF reports need Pango; type: sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0\n"
    )


def test_a_missing_chinese_font_is_named_and_set_up_goes_on(setup, tmp_path):
    finish_environment(tmp_path, "dev")
    there = {"chromium": "exit 0", "qpdf": "exit 0", "pdftotext": "exit 0", "ldconfig": LIBRARIES}
    done = setup({**there, "fc-list": "exit 0"}, "--dev")
    assert done.stdout == "Pictures of screens need a Chinese font; type: sudo apt-get install fonts-noto-cjk\n"
    assert setup({**there, "fc-list": "echo some.ttf"}, "--dev").stdout == ""
