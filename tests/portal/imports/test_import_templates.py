"""Downloadable templates: what is filled in by example is read back, in both languages."""

from __future__ import annotations

import openpyxl
import pytest
from flask_babel import force_locale

from portal.imports.kinds import kinds
from portal.imports.mapping import suggest
from portal.imports.reading import open_table
from portal.imports.templates import csv_template, xlsx_template
from tests.portal.imports.conftest import problems_of


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_every_template_is_a_table_whose_columns_are_known(company, tmp_path, locale):
    for key, kind in kinds.items():
        for suffix, make in ((".csv", csv_template), (".xlsx", xlsx_template)):
            path = tmp_path / f"{key}{suffix}"
            with force_locale(locale):
                path.write_bytes(make(kind))
                table = open_table(path)
            assert list(suggest(kind.fields, table.headings)) == list(kind.fields), (key, suffix)
            (rows,) = [frame.height for frame in table.chunks()]
            assert rows == 1


def test_the_example_row_of_the_branch_template_can_be_imported_but_for_its_reference(company, tmp_path):
    path = tmp_path / "branches.xlsx"
    path.write_bytes(xlsx_template(kinds["branches"]))
    ((line, column, _reason),) = problems_of(path, "branches")
    assert (line, column) == (2, "Parent branch")


def test_notes_tell_what_each_column_means(company, tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_bytes(xlsx_template(kinds["branches"]))
    notes = openpyxl.load_workbook(path)["Notes"]
    rows = {row[0].value: (row[1].value, row[2].value) for row in notes.iter_rows(min_row=2)}
    assert rows["Branch code"][0] == "Yes"
    assert rows["Kind"][1] == "One of: Head office, Branch, Outlet."
    assert "2026-06-30" in rows["Opened on"][1]
