"""XLSX, streamed from its XML: a row at a time, in bounded memory, whatever the file claims about itself.

Spreadsheet libraries give values only, build the whole sheet in memory and trust its cell references (calamine aborts
the process on a crafted one). An import must know more: which cells are formulas, which numbers are shown as
percentages, what is merged; and it must survive any file.
"""

from __future__ import annotations

import datetime as dt
import html
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from flask_babel import lazy_gettext as _

from portal.imports.reading import CELL_ERROR, FORMULA, FileProblem, Limits, Table, checked_headings

BLOCK = 1 << 20
SMALL_PART = 5_000_000
"""Bytes; the parts that list sheets and styles are never larger."""
LARGEST_ELEMENT = 32 << 20
"""Bytes of one row or one shared text."""
MOST_ENTRIES = 10_000
LAST_COLUMN = 16_384

_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?row\s*>)", re.DOTALL)
_USUAL_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})\d+"(?: s="(\d+)")?(?: t="(\w+)")?(?:/>|><v>([^<]*)</v></c>|>(.*?)</c>)', re.DOTALL
)
"""A cell as nearly every program writes it: attributes in this order, no prefix."""
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c\s*>)", re.DOTALL)
_NUMBERED = re.compile(rb'\br="(\d{1,7})"')
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})\d+"')
_TYPE = re.compile(rb'\bt="(\w+)"')
_STYLE = re.compile(rb'\bs="(\d+)"')
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>(.*?)</(?:\w+:)?v\s*>", re.DOTALL)
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_SHARED = re.compile(rb"<(?:\w+:)?si\b[^>]*?(?:/>|>(.*?)</(?:\w+:)?si\s*>)", re.DOTALL)
_PHONETIC = re.compile(rb"<(?:\w+:)?rPh\b.*?</(?:\w+:)?rPh\s*>", re.DOTALL)
_WORDS = re.compile(rb"<(?:\w+:)?t\b[^>]*?(?<!/)>(.*?)</(?:\w+:)?t\s*>", re.DOTALL)
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]{1,3})(\d+)(?::([A-Z]{1,3})(\d+))?"')
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_NOT_SHOWN = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.')
"""Parts of a number format that are not placeholders: literal text, colours and locales, spacing."""

EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets count days without a zone
LAST_SERIAL = 2_958_466
"""The day after 31 December 9999."""
DATE_FORMATS = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 55), 57, 58})
PERCENT_FORMATS = frozenset({9, 10})
"""Built-in number formats; those of a workbook's own are told by their placeholders."""
DATE, PERCENT = "date", "percent"

NOT_A_WORKBOOK = _("This is not a spreadsheet; a CSV or .xlsx file is needed.")
DAMAGED = _("The workbook is damaged; open it, save it again and retry.")
BOMB = _("This file unpacks to far more than it should; it is not opened.")


@dataclass
class _Book:
    """What is known of a workbook before its rows are read."""

    path: Path
    part: str
    """The sheet's file inside the workbook."""
    shown: Mapping[bytes, str]
    """Cell styles that show a number as a DATE or a PERCENT."""
    shared: list[str]
    """Texts that cells refer to by number."""


def open_workbook(path: Path, limits: Limits) -> Table:
    """The first visible sheet as a Table. FileProblem for what is no plain workbook, or not a safe one."""
    with _opened(path) as archive:
        _check_parts(archive, limits)
        sheets = _sheets(archive)
        name, part = sheets[0]
        book = _Book(path, part, _styles(archive), _shared_texts(archive))
        count = _survey(archive, part)
    rows: Any = _rows(book, width=0)
    number, first = next(rows, (1, []))
    headings = checked_headings(first if number == 1 else [], limits)
    rows.close()
    notes = [_("Only the first sheet, “%(name)s”, is read.", name=name)] if len(sheets) > 1 else []
    too_long = _("The sheet has more than %(most)s rows; save it as CSV.", most=f"{limits.xlsx_rows:,}")
    return Table(headings, lambda: _data(book, len(headings)), notes, limits.xlsx_rows, too_long, estimate=count)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; every way in which it can be broken becomes the same sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, ElementTree.ParseError):
        raise FileProblem(DAMAGED) from None
    except (NotImplementedError, EOFError, OSError, ValueError, LookupError):  # odd sizes, offsets, encodings, numbers
        raise FileProblem(DAMAGED) from None


def _check_parts(archive: zipfile.ZipFile, limits: Limits) -> None:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if len(parts) > MOST_ENTRIES:
        raise FileProblem(BOMB)
    if "xl/workbook.bin" in names:
        raise FileProblem(_("This is a binary workbook (.xlsb); save it as .xlsx."))
    if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
        raise FileProblem(NOT_A_WORKBOOK)
    if any(part.flag_bits & 1 for part in parts):
        raise FileProblem(_("The workbook has a password; save it without one."))
    unpacked = sum(part.file_size for part in parts)
    packed = max(sum(part.compress_size for part in parts), 1)
    if unpacked > limits.unpacked_bytes or (unpacked > 50_000_000 and unpacked / packed > limits.unpacked_ratio):
        raise FileProblem(BOMB)
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    if macros or b"macroenabled" in _small(archive, "[Content_Types].xml").lower():
        raise FileProblem(_("The workbook contains macros; save it as .xlsx without macros."))
    if any(name.startswith("xl/externalLinks/") for name in names):
        raise FileProblem(_("The workbook is linked to other workbooks; break the links and save it again."))
    if any(name.startswith(("xl/embeddings/", "xl/activeX/")) for name in names):
        raise FileProblem(_("The workbook contains embedded objects; save it without them."))


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    with _part(archive, name) as part:
        text = part.read(SMALL_PART + 1)
    if len(text) > SMALL_PART or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise FileProblem(DAMAGED)
    return text


def _part(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A part, never longer than the directory says: zipfile sees to that, and to its checksum at the end."""
    try:
        return archive.open(name)
    except KeyError:
        raise FileProblem(DAMAGED) from None


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """(name, part) of each visible worksheet, in order."""
    book = ElementTree.fromstring(_small(archive, "xl/workbook.xml"))
    relations = ElementTree.fromstring(_small(archive, "xl/_rels/workbook.xml.rels"))
    parts = {r.get("Id"): r.get("Target", "") for r in relations if r.get("Type", "").endswith("/worksheet")}
    found = []
    for element in book.iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "workbookPr" and element.get("date1904") in ("1", "true"):
            sentence = _("The workbook counts dates from 1904; switch that off in its options and save it again.")
            raise FileProblem(sentence)
        if tag == "sheet" and element.get("state", "visible") == "visible":
            key = next((value for name, value in element.items() if name.endswith("}id")), "")
            if key in parts:
                target = parts[key]
                part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                found.append((element.get("name", ""), part))
    if not found:
        raise FileProblem(_("The workbook has no visible sheet."))
    return found


def _styles(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """The cell styles, by number, that show dates and percentages."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    formats = dict.fromkeys(DATE_FORMATS, DATE) | dict.fromkeys(PERCENT_FORMATS, PERCENT)
    styles: list[int] = []
    for element in ElementTree.fromstring(_small(archive, "xl/styles.xml")):
        tag = element.tag.rpartition("}")[2]
        for child in element if tag == "numFmts" else ():
            code = _NOT_SHOWN.sub("", child.get("formatCode", "")).lower()
            formats[int(child.get("numFmtId", "0"))] = (
                PERCENT if "%" in code else DATE if "y" in code or "d" in code else ""
            )
        if tag == "cellXfs":
            styles = [int(style.get("numFmtId", "0")) for style in element]
    return {str(at).encode(): formats[number] for at, number in enumerate(styles) if formats.get(number)}


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to by number."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    with _part(archive, "xl/sharedStrings.xml") as part:
        return [_words(found[1] or b"") for found in _elements(part, _SHARED, b"si>")]


def _survey(archive: zipfile.ZipFile, part: str) -> int:
    """About how many rows there are. FileProblem when cells are merged, which the XML tells after all rows."""
    count, rest = 0, b""
    with _part(archive, part) as stream:
        while block := stream.read(BLOCK):
            text = rest + block
            count += block.count(b"<row ") + block.count(b":row ")
            for left, top, right, bottom in _MERGED.findall(text):
                if right and (left, top) != (right, bottom):
                    area = f"{left.decode()}{top.decode()}:{right.decode()}{bottom.decode()}"
                    _refuse_merged(area, in_heading=top == b"1")
            rest = text[-200:]
    return count


def _refuse_merged(area: str, in_heading: bool) -> None:
    if in_heading:
        raise FileProblem(_("The heading has merged cells (%(area)s); each column needs its own.", area=area))
    raise FileProblem(_("The cells %(area)s are merged; unmerge them, so that each row is complete.", area=area))


def _elements(stream: IO[bytes], pattern: re.Pattern[bytes], end: bytes) -> Iterator[re.Match[bytes]]:
    """Each element of a part that the pattern finds, read block by block. `end` occurs in every closing tag."""
    rest = b""
    while block := stream.read(BLOCK):
        text, done = rest + block, 0
        if end in block or b"/>" in block:
            for found in pattern.finditer(text):
                yield found
                done = found.end()
        rest = text[done:]
        if len(rest) > LARGEST_ELEMENT:
            raise FileProblem(DAMAGED)


def _data(book: _Book, width: int) -> Iterator[tuple[int, list[str]]]:
    rows = _rows(book, width)
    next(rows, None)  # the heading
    yield from rows


def _rows(book: _Book, width: int) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells), at least `width` of them; more where there is something beyond the last heading."""
    with _opened(book.path) as archive, _part(archive, book.part) as stream:
        number = 0
        for row in _elements(stream, _ROW, b"row>"):
            told = _NUMBERED.search(row[1])
            number = int(told[1]) if told else number + 1
            cells = _cells(book, row[2]) if row[2] else []
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells + [""] * (width - len(cells))


def _cells(book: _Book, row: bytes) -> list[str]:
    """The texts of a row; it may be shorter or longer than the heading."""
    found = _USUAL_CELL.findall(row)
    if len(found) != row.count(b"<c ") or b":c " in row:
        found = [_parts(attributes, body) for attributes, body in _CELL.findall(row)]
    cells: list[str] = []
    for letters, style, kind, value, body in found:
        at = _column_index(letters) if letters else len(cells)
        if at >= LAST_COLUMN:
            raise FileProblem(DAMAGED)
        while at > len(cells):
            cells.append("")
        text = _cell(book, style, kind, value, body) if value or body else ""
        if at == len(cells):
            cells.append(text)
        else:
            cells[at] = text
    return cells


def _parts(attributes: bytes, body: bytes) -> tuple[bytes, ...]:
    """An unusual cell as the usual ones: column, style, type, value, anything else inside."""
    told = (pattern.search(attributes) for pattern in (_REFERENCE, _STYLE, _TYPE))
    return *(found[1] if found else b"" for found in told), b"", body


@cache
def _column_index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1


def _cell(book: _Book, style: bytes, kind: bytes, value: bytes, body: bytes) -> str:
    """A cell as a person would type it; a mark in place of a formula or an error."""
    if body:
        if _FORMULA.search(body):
            return FORMULA
        if kind == b"inlineStr":
            return _words(body)
        held = _VALUE.search(body)
        if held is None:
            return ""
        value = held[1]
    if kind == b"s":
        return book.shared[int(value)]
    if kind == b"e":
        return CELL_ERROR
    if kind in (b"", b"n"):
        return _number(book, style, value)
    text = _plain_text(value)  # b: 1 or 0; str: text; d: an ISO date
    return text.removesuffix("T00:00:00").replace("T", " ") if kind == b"d" else text


def _number(book: _Book, style: bytes, value: bytes) -> str:
    """A number with the 15 digits that spreadsheets keep, as the date or the percentage it is shown as.

    Whole numbers that are longer have lost digits already: they stay in scientific notation, which no field accepts.
    """
    shown = book.shown.get(style)
    if shown is None and len(value) < 16 and value.replace(b".", b"", 1).isdigit():
        return value.decode()
    number = float(value)
    if shown == DATE and 1 <= number < LAST_SERIAL:
        return _date(number)
    return _digits(number * 100) + "%" if shown == PERCENT else _digits(number)


def _digits(value: float) -> str:
    if abs(value) < 10**15 and value == int(value):
        return str(int(value))
    text = f"{value:.15g}"
    return text if "e" not in text or abs(value) >= 1 else f"{value:.20f}".rstrip("0")


@lru_cache(20_000)
def _date(serial: float) -> str:
    """Days are counted from 1 January 1900, with a 29 February 1900 that never was."""
    moment = EPOCH + dt.timedelta(days=serial if serial >= 61 else serial + 1)
    moment = (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0)
    return moment.isoformat(" ") if moment.time() != dt.time() else moment.date().isoformat()


def _words(body: bytes) -> str:
    """The text of a shared or inline string: its runs, without readings in phonetic script."""
    if b"rPh" in body:
        body = _PHONETIC.sub(b"", body)
    return _plain_text(b"".join(_WORDS.findall(body)))


def _plain_text(raw: bytes) -> str:
    text = raw.decode()
    if "&" in text:
        text = html.unescape(text)
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
