"""`portal import` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import PortalError
from portal.imports.command import import_file
from portal.imports.models import ImportBatch
from portal.organization.models import Team

HEADS = "Team code,Team,Branch"


@pytest.fixture
def portal_import(company, tmp_path, monkeypatch):
    """Run the command in an empty folder; give what it printed, or the sentence it ends with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(import_file, [str(a) for a in arguments])

    return run


def teams() -> int:
    return db.session.scalar(select(func.count()).select_from(Team)) or 0


def test_a_right_file_is_imported_and_summed_up(portal_import, csv_file):
    path = csv_file(HEADS, ["T7", "七队", "QX"], ["T1", "一队", "QX"])
    done = portal_import("teams", path)
    assert done.exit_code == 0
    assert done.output.splitlines() == ["file.csv: 2 rows: 1 new, 1 unchanged.", "Imported as batch 1."]
    assert teams() == 2


def test_a_dry_run_shows_the_rows_and_imports_nothing(portal_import, csv_file):
    done = portal_import("teams", csv_file(HEADS, ["T7", "七队", "QX"]), "--dry-run")
    lines = done.output.splitlines()
    assert lines[0] == "file.csv: 1 rows: 1 new."
    assert lines[1:3] == ["row\twhat\tcode\tname\tbranch", "2\tnew\tT7\t七队\tQX"]
    assert lines[-1] == "Nothing was imported: this was a dry run."
    assert teams() == 1 and db.session.scalar(select(func.count()).select_from(ImportBatch)) == 0


def test_wrong_rows_are_listed_and_written_to_a_file(portal_import, csv_file, tmp_path):
    path = csv_file(HEADS, *[["", "x", "QX"] for _row in range(30)], name="teams.csv")
    done = portal_import("teams", path)
    assert isinstance(done.exception, PortalError)
    assert str(done.exception) == ("30 rows are wrong, so nothing was imported. All errors are in teams.errors.csv.")
    listed = done.output.splitlines()
    assert listed[1] == "Row 2, Team code: This is needed."
    assert len(listed) == 21
    assert len((tmp_path / "teams.errors.csv").read_text(encoding="utf-8-sig").splitlines()) == 31
    assert teams() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cats", "file.csv"), "no kind of import called “cats”; there are: branches"),
        (("teams", "none.csv"), "There is no file none.csv"),
        (("teams", "file.csv", "--map", "none.toml"), "mapping none.toml cannot be read"),
        (("branches", "file.csv"), "no column for “Branch code”"),
    ],
)
def test_what_cannot_be_imported_ends_with_one_sentence(portal_import, csv_file, arguments, words):
    csv_file(HEADS, ["T7", "七队", "QX"])
    done = portal_import(*arguments)
    assert isinstance(done.exception, PortalError)
    assert words in str(done.exception)


def test_a_cut_over_date_that_is_none_is_refused(portal_import, csv_file):
    done = portal_import("opening-positions", csv_file(HEADS), "--cut-over", "2026-02-31")
    assert done.exit_code == 2
    assert "write it like 2026-06-30" in done.output
