"""Reading a file safely: CSV streamed, XLSX guarded, every cell as text, each row with the line the user sees.

A file problem is one sentence about the whole file; nothing of it is imported. What is wrong with single cells is
found later, in `checking`; here a cell that holds a formula or an error is only marked as such.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
from flask_babel import lazy_gettext as _

from portal.core.errors import PortalError

LINE = "\0line"
"""Column of each chunk: the row's number as a spreadsheet shows it; the heading is row 1."""
WIDTH = "\0width"
"""Column of each chunk: cells found in the row; more or fewer than headings means a broken row."""
FORMULA = "\0formula"
CELL_ERROR = "\0error"
"""What a cell's text is replaced by when it holds a formula or an error such as #REF!."""

CHUNK = 20_000
BLANKS = " \t\r\n\v\f\u00a0\u2007\u202f\u3000\u200b\ufeff"
DELIMITERS = ",;\t"
QUOTED_BY_EXPORT = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Our own exports put an apostrophe before these, so that a spreadsheet shows them as text."""

csv.field_size_limit(1_000_000)


class FileProblem(PortalError):
    """The file as a whole cannot be imported; `str()` is one sentence that says why and what to do."""

    status = 422


@dataclass(frozen=True)
class Limits:
    """How large a file may be. The row limits are dated parameters; these are their defaults."""

    csv_rows: int = 2_000_000
    xlsx_rows: int = 200_000
    columns: int = 200
    unpacked_bytes: int = 1_000_000_000
    """Of a workbook, as its directory declares it; more is never read."""
    unpacked_ratio: int = 300
    """Unpacked to packed: text compresses up to about 100 times, a zip bomb 1,000 times."""


@dataclass
class Table:
    """An open file: its headings and its rows, which can be read more than once."""

    headings: list[str]
    source: Any
    """Gives (line, cells) pairs each time it is called."""
    notes: list[Any] = field(default_factory=list)
    """What the user should know, though nothing is wrong."""
    row_limit: int = 0
    too_long: Any = ""
    estimate: int = 0
    """About how many rows there are; for progress only."""

    def chunks(self, size: int = CHUNK) -> Iterator[pl.DataFrame]:
        """Frames of text: LINE, WIDTH and a column per heading, named by it. Blank cells are null, blank rows left out.

        Raises FileProblem at the first row beyond the limit.
        """
        rows, seen = iter(self.source()), 0
        while batch := list(islice(rows, size)):
            frame = _frame(self.headings, batch)
            seen += frame.height
            if self.row_limit and seen > self.row_limit:
                raise FileProblem(self.too_long)
            if frame.height:
                yield frame


def _frame(headings: Sequence[str], batch: Sequence[tuple[int, Sequence[str]]]) -> pl.DataFrame:
    count = len(headings)
    padded = [
        cells[:count] if len(cells) >= count else [*cells, *[""] * (count - len(cells))] for _line, cells in batch
    ]
    columns = zip(*padded, strict=True)
    frame = pl.DataFrame(
        {name: list(column) for name, column in zip(headings, columns, strict=True)},
        schema=dict.fromkeys(headings, pl.String),
    )
    text = pl.col(pl.String).str.replace_all("[\u00a0\u2007\u202f]", " ").str.strip_chars(BLANKS)
    frame = frame.with_columns(text).with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
    return frame.with_columns(
        pl.Series(LINE, [line for line, _cells in batch], dtype=pl.UInt32),
        pl.Series(WIDTH, [len(cells) for _line, cells in batch], dtype=pl.UInt32),
    ).filter(~pl.all_horizontal(pl.col(headings).is_null()) | (pl.col(WIDTH) > count))


def open_table(path: Path, limits: Limits = Limits()) -> Table:
    """Open a CSV or XLSX file by its content, whatever its name. FileProblem when it is neither, or not safe."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise FileProblem(_("The file is empty."))
    if head.startswith(b"PK\x03\x04"):
        from portal.imports import workbook  # which is built on this module

        return workbook.open_workbook(path, limits)
    _refuse_other_formats(head)
    return _open_csv(path, limits)


def checked_headings(cells: Sequence[str], limits: Limits) -> list[str]:
    """Headings without surrounding blanks; FileProblem where one is missing, doubled, or there are too many."""
    headings = [" ".join(cell.strip(BLANKS).split()) for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if not headings:
        raise FileProblem(_("The first row is empty: it must hold the headings."))
    if len(headings) > limits.columns:
        raise FileProblem(
            _("The file has %(count)s columns; at most %(most)s are read.", count=len(headings), most=limits.columns)
        )
    where: dict[str, int] = {}
    for index, heading in enumerate(headings):
        if not heading:
            raise FileProblem(_("Column %(column)s has no heading.", column=column_letters(index)))
        if heading in (FORMULA, CELL_ERROR):
            raise FileProblem(_("The heading of column %(column)s is a formula.", column=column_letters(index)))
        if heading in where:
            raise FileProblem(
                _(
                    "Columns %(first)s and %(second)s have the same heading “%(heading)s”.",
                    first=column_letters(where[heading]),
                    second=column_letters(index),
                    heading=heading[:60],
                )
            )
        where[heading] = index
    return headings


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- CSV --------------------------------------------------------------------------------------------------------------

_FOREIGN = (
    (
        b"\xd0\xcf\x11\xe0",
        _("This is an old Excel file (.xls) or a workbook with a password; save it as .xlsx without one."),
    ),
    (b"%PDF", _("This is a PDF, not a spreadsheet; save the table as .xlsx or CSV.")),
)


def _refuse_other_formats(head: bytes) -> None:
    for magic, sentence in _FOREIGN:
        if head.startswith(magic):
            raise FileProblem(sentence)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise FileProblem(_("This is a web page or XML, whatever its name says; open it and save it as .xlsx or CSV."))
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileProblem(_("This is not a spreadsheet; a CSV or .xlsx file is needed."))


def _open_csv(path: Path, limits: Limits) -> Table:
    with path.open("rb") as file:
        encoding, lines = _encoding(file)
    with path.open(encoding=encoding, newline="") as text:
        delimiter = _delimiter(text)
    rows: Any = _csv_rows(path, encoding, delimiter)
    number, first = next(rows, (1, []))
    headings = checked_headings(first if number == 1 else [], limits)
    rows.close()

    def source() -> Iterable[tuple[int, list[str]]]:
        return islice(_csv_rows(path, encoding, delimiter), 1, None)

    too_long = _("The file has more than %(most)s rows; split it.", most=f"{limits.csv_rows:,}")
    return Table(headings, source, row_limit=limits.csv_rows, too_long=too_long, estimate=lines)


def _encoding(file: BinaryIO) -> tuple[str, int]:
    """UTF-8 or GB18030, whichever all of the file's bytes are; UTF-16 only with its mark. And the number of lines."""
    head = file.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates: tuple[str, ...] = ("utf-16",)
    else:
        candidates = ("utf-8-sig", "gb18030")
    for encoding in candidates:
        file.seek(0)
        decoder, lines = codecs.getincrementaldecoder(encoding)(), 0
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
                lines += block.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, lines
    raise FileProblem(_("The characters of this file are neither UTF-8 nor GB18030; save it as CSV UTF-8."))


def _delimiter(text: Any) -> str:
    """The delimiter that occurs most in the heading, outside quotation marks."""
    heading = text.readline(1_000_000)
    if '"' in heading:
        heading = "".join(heading.split('"')[::2])
    return max(DELIMITERS, key=heading.count)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of each row; blank rows count but are not given."""
    with path.open(encoding=encoding, newline="") as text:
        reader = csv.reader(_without_nul(text), delimiter=delimiter, strict=True)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if cells:
                    yield number, [_csv_cell(cell) if cell and cell[0] in "='" else cell for cell in cells]
        except csv.Error:
            sentence = _("Row %(row)s cannot be read: a quotation mark is not closed or misplaced.", row=number + 1)
            raise FileProblem(sentence) from None


def _without_nul(text: io.TextIOBase) -> Iterator[str]:
    for line in text:
        if "\0" in line:
            raise FileProblem(_("This is not a spreadsheet; a CSV or .xlsx file is needed."))
        yield line


def _csv_cell(cell: str) -> str:
    if cell.startswith("="):
        return FORMULA
    return cell[1:] if cell[1:].startswith(QUOTED_BY_EXPORT) else cell
