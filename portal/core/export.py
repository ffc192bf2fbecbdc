"""Exports: exactly what a list is narrowed to and the actor may see, as CSV (streamed) or XLSX.

Text that a spreadsheet would run as a formula is written as text. Sensitive values leave masked.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import xlsxwriter
from sqlalchemy import Select, inspect, select
from sqlalchemy.orm import Session

from portal.core import scope
from portal.core.db import PortalSession, db
from portal.core.fields import Field, fields_of
from portal.core.masks import COVER, covered, mask_of
from portal.core.role_store import CLEAR, HIDDEN
from portal.core.sealed import Ciphers
from portal.core.values import as_text

RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
CHUNK = 1000


def columns_for(model: type, names: Sequence[str] = ()) -> list[Field]:
    known = {n: f for n, f in fields_of(model).items() if f.export and mask_of(model, f) != HIDDEN}
    return [known[n] for n in names if n in known] if names else list(known.values())


def headings(fields: Iterable[Field]) -> list[str]:
    units = {"money": " (CNY)", "rate": " (%)"}
    return [f"{f.label}{units.get(f.type, '')}" for f in fields]


def rows(model: Any, statement: Select[Any], fields: Sequence[Field]) -> Iterator[list[Any]]:
    """Rows of the export, read in chunks by key, in sessions of their own; the request's ends too soon.

    Which rows is decided now, within the request's scope; the chunks are read as the same actor doing the same.
    """
    ids = list(db.session.scalars(statement.with_only_columns(model.id)))
    return _chunks(model, ids, [_Column(model, field) for field in fields], scope.actor(), scope.task())


def _chunks(
    model: Any, ids: Sequence[int], columns: Sequence[_Column], who: scope.Actor, task: tuple[str, str]
) -> Iterator[list[Any]]:
    places = {key: place for place, key in enumerate(dict.fromkeys(k for c in columns for k in c.keys), 1)}
    wanted = select(model.id, *(getattr(model, key) for key in places))
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        with scope.acting(who, *task), _own_session() as session:
            found = {row[0]: row for row in session.execute(wanted.where(model.id.in_(chunk)))}
            held = [found[i] for i in chunk if i in found]
            ciphers = Ciphers()
            cells = [c.cells(session, ciphers, [[row[places[k]] for row in held] for k in c.keys]) for c in columns]
        yield from map(list, zip(*cells, strict=True))


def _own_session() -> Session:
    return PortalSession(db, bind=db.engine)


class _Column:
    """One column of an export: the attributes it reads, and how a chunk of their values becomes cells."""

    def __init__(self, model: Any, field: Field) -> None:
        self.field = field
        self.sealed = getattr(model, "__sealed__", {}).get(field.name)
        self.masked = mask_of(model, field) != CLEAR
        self.texts: dict[Any, str] = {None: ""}
        """What referred rows are called, by id: each is read once, and only if the actor may see it."""
        if self.sealed is not None:
            self.keys: tuple[str, ...] = (f"{field.name}_sealed", "data_key")
        elif field.type == "ref":
            mapper = inspect(model)
            self.keys = (mapper.get_property_by_column(next(iter(mapper.relationships[field.name].local_columns))).key,)
        else:
            self.keys = (field.name,)

    def cells(self, session: Session, ciphers: Ciphers, values: Sequence[Sequence[Any]]) -> list[Any]:
        if self.sealed is not None:
            return [self.sealed.masked_of(sealed, ciphers[key]) for sealed, key in zip(*values, strict=True)]
        held = values[0]
        if self.masked:
            return [covered(self.field, value) for value in held]
        if self.field.type == "ref":
            return self._called(session, held)
        if self.field.type == "int":
            return list(held)
        write = partial(as_text, self.field)
        return [write(value) for value in held]

    def _called(self, session: Session, ids: Sequence[Any]) -> list[str]:
        target: Any = self.field.target
        if unread := set(ids) - self.texts.keys():
            self.texts |= dict.fromkeys(unread, "")
            key = inspect(target).primary_key[0]
            for row in session.scalars(select(target).where(key.in_(unread))):
                self.texts[getattr(row, key.key)] = str(row)
        return [self.texts[i] for i in ids]


def safe(value: Any) -> Any:
    """Text that begins like a formula gets an apostrophe in front."""
    return "'" + value if isinstance(value, str) and value.startswith(RISKY) else value


def as_csv(fields: Sequence[Field], lines: Iterable[list[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # so that Excel reads it as UTF-8
    writer.writerow(headings(fields))
    numeric = [field.numeric for field in fields]  # a number may begin with a sign
    for count, line in enumerate(lines, 1):
        writer.writerow([value if known else safe(value) for value, known in zip(line, numeric, strict=True)])
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
            if value == COVER:
                sheet.write_string(number, column, value)
            elif field.type in ("money", "rate"):
                sheet.write_number(number, column, float(value), money)  # two decimals of yuan are exact in a cell
            elif field.type == "int":
                sheet.write_number(number, column, value)
            else:
                sheet.write_string(number, column, str(value))
    book.close()
    file.seek(0)
    return file
