"""Exports: exactly what a list is narrowed to and the actor may see, as CSV (streamed) or XLSX.

Text that a spreadsheet would run as a formula is written as text. Sensitive values leave masked.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xlsxwriter
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from portal.core import scope
from portal.core.db import PortalSession, db
from portal.core.fields import Field, fields_of
from portal.core.values import as_text

RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
CHUNK = 1000


def columns_for(model: type, names: Sequence[str] = ()) -> list[Field]:
    known = {n: f for n, f in fields_of(model).items() if f.export}
    return [known[n] for n in names if n in known] if names else list(known.values())


def headings(fields: Iterable[Field]) -> list[str]:
    units = {"money": " (CNY)", "rate": " (%)"}
    return [f"{f.label}{units.get(f.type, '')}" for f in fields]


def rows(model: Any, statement: Select[Any], fields: Sequence[Field]) -> Iterator[list[Any]]:
    """Rows of the export, read in chunks by key, in sessions of their own; the request's ends too soon.

    Which rows is decided now, within the request's scope; the chunks are read as the same actor doing the same.
    """
    ids = list(db.session.scalars(statement.with_only_columns(model.id)))
    return _chunks(model, ids, fields, scope.actor(), scope.task())


def _chunks(
    model: Any, ids: Sequence[int], fields: Sequence[Field], who: scope.Actor, task: tuple[str, str]
) -> Iterator[list[Any]]:
    loads = [selectinload(getattr(model, f.name)) for f in fields if f.type == "ref"]
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        with scope.acting(who, *task), _own_session() as session:
            statement = select(model).where(model.id.in_(chunk)).options(*loads)
            found: dict[int, Any] = {row.id: row for row in session.scalars(statement)}
            ready = [[_cell(f, found[i]) for f in fields] for i in chunk if i in found]
        yield from ready


def _own_session() -> Session:
    return PortalSession(db, bind=db.engine)


def _cell(field: Field, row: Any) -> Any:
    if field.sensitive:
        sealed = getattr(type(row), "__sealed__", {}).get(field.name)
        return sealed.masked(row) if sealed is not None else "•••" if getattr(row, field.name) else ""
    value = getattr(row, field.name)
    if field.type == "ref":
        return str(value) if value is not None else ""
    if field.type == "int":
        return value
    return as_text(field, value)


def safe(value: Any, field: Field | None = None) -> Any:
    """Text that begins like a formula gets an apostrophe in front; numbers are numbers."""
    if isinstance(value, str) and value.startswith(RISKY) and (field is None or not field.numeric):
        return "'" + value
    return value


def as_csv(fields: Sequence[Field], lines: Iterable[list[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # so that Excel reads it as UTF-8
    writer.writerow(headings(fields))
    for count, line in enumerate(lines, 1):
        writer.writerow([safe(value, field) for value, field in zip(line, fields, strict=True)])
        if count % CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_xlsx(fields: Sequence[Field], lines: Iterable[list[Any]]) -> Any:
    """A temporary file with the workbook, positioned at its start."""
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - sent, and then closed, by whoever asked
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    sheet.freeze_panes(1, 0)
    for column, heading in enumerate(headings(fields)):
        sheet.set_column(column, column, max(12, min(30, len(heading) * 2)))
        sheet.write_string(0, column, heading, bold)
    for number, line in enumerate(lines, 1):
        for column, (value, field) in enumerate(zip(line, fields, strict=True)):
            if value in (None, ""):
                continue
            if field.type in ("money", "rate"):
                sheet.write_number(number, column, float(value), money)  # two decimals of yuan are exact in a cell
            elif field.type == "int":
                sheet.write_number(number, column, value)
            else:
                sheet.write_string(number, column, str(value))
    book.close()
    file.seek(0)
    return file
