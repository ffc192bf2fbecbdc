"""Empty files to fill in: headings in the reader's language, one example row, and notes on every column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import xlsxwriter
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.db import label_of
from portal.core.fields import Field
from portal.imports.kinds import Kind
from portal.imports.mapping import heading

FORMS = {
    "money": _("Yuan, at most two decimals."),
    "rate": _("Percent a year, at most four decimals."),
    "int": _("A whole number."),
    "date": _("A date such as 2026-06-30."),
    "bool": _("Yes or no."),
}
"""What a cell of each type holds, in words."""


def csv_template(kind: Kind) -> bytes:
    """Headings and the example row, in UTF-8 with the mark by which spreadsheets know it."""
    text = io.StringIO()
    fields = kind.fields.values()
    csv.writer(text).writerows([[heading(field) for field in fields], [str(example(field)) for field in fields]])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_template(kind: Kind) -> bytes:
    """A sheet to fill in, with cells formatted as what they hold, and a sheet of notes."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "bg_color": "#E9EEFC", "border": 1, "border_color": "#CFD4DD"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        _fill_in(book, str(kind.label), list(kind.fields.values()), bold)
        notes = book.add_worksheet(gettext("Notes"))
        rows = [[gettext("Column"), gettext("Needed"), gettext("What it is")], *_notes(kind)]
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                notes.write_string(number, column, text, wrapped if number else bold)
        notes.set_column(0, 1, 24)
        notes.set_column(2, 2, 80)
    return file.getvalue()


def _fill_in(book: Any, name: str, fields: list[Field], bold: Any) -> None:
    formats = {"money": "#,##0.00", "rate": "0.00", "int": "0", "date": "yyyy-mm-dd"}
    sheet = book.add_worksheet(name[:31])
    sheet.freeze_panes(1, 0)
    for column, field in enumerate(fields):
        shown = book.add_format({"num_format": formats.get(field.type, "@")})  # @ keeps 0012 and long numbers as text
        sheet.set_column(column, column, max(12, 2 * len(str(field.label))), shown)
        sheet.write_string(0, column, heading(field), bold)
        value = example(field)
        if field.type in ("money", "rate", "int"):
            sheet.write_number(1, column, float(value), shown)
        elif field.type == "date":
            sheet.write_datetime(1, column, value, shown)
        else:
            sheet.write_string(1, column, value, shown)


def example(field: Field) -> Any:
    """What the example row shows: of the right form, and nobody's."""
    if field.choices is not None:
        return str(label_of(next(iter(field.choices))))
    match field.type:
        case "money":
            return "10000.00"
        case "rate":
            return "12.61"
        case "int":
            return str(max(field.minimum or 0, 1))
        case "date":
            return business_date()
        case "bool":
            return gettext("Yes")
        case "ref":
            return gettext("Code of: %(what)s", what=field.label)
    return gettext("Example") if field.required else ""


def _notes(kind: Kind) -> Iterator[list[str]]:
    """(heading, needed, meaning) of each column."""
    for field in kind.fields.values():
        needed = gettext("Yes") if field.required else gettext("No")
        parts = [str(field.help)] if field.help else []
        if field.choices is not None:
            parts.append(
                gettext("One of: %(words)s.", words=gettext(", ").join(str(label_of(c)) for c in field.choices))
            )
        elif field.type == "ref":
            parts.append(gettext("The code of a record that exists already (or comes in the same file)."))
        elif field.type in FORMS:
            parts.append(str(FORMS[field.type]))
        yield [heading(field), needed, " ".join(parts)]
