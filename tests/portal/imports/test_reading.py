"""Reading files: what is read, and what is refused in one sentence."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.imports.reading import CELL_ERROR, FORMULA, LINE, WIDTH, FileProblem, Limits, open_table
from portal.imports.workbook import _digits


def cells(path: Path, limits: Limits = Limits()) -> list[tuple]:  # noqa: B008 - frozen
    """(row number, cell, cell, …) of each row."""
    table = open_table(path, limits)
    frames = [frame.select(LINE, *table.headings) for frame in table.chunks()]
    return [row for frame in frames for row in frame.iter_rows()]


def refusal(path: Path, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    with pytest.raises(FileProblem) as caught:
        cells(path, limits)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_the_encodings_and_delimiters_that_chinese_systems_write(tmp_path, encoding, delimiter):
    path = tmp_path / "a.csv"
    path.write_bytes("姓名,金额\n王堃,1.50\n\n䶮,2\n".replace(",", delimiter).encode(encoding))
    assert cells(path) == [(2, "王堃", "1.50"), (4, "䶮", "2")]


def test_a_delimiter_inside_quotation_marks_does_not_count(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"a,b,c,d";e\n1;2\n')
    assert open_table(path).headings == ["a,b,c,d", "e"]


def test_blanks_of_every_kind_around_a_cell_are_dropped_and_hard_spaces_inside_become_plain(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n\u00a0 x\u00a0y\u3000,\u200b\ufeff\n")
    assert cells(path) == [(2, "x y", None)]


def test_what_our_exports_guard_with_an_apostrophe_comes_back_without_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n'=1+1,'-5,it's\n")
    assert cells(path) == [(2, "=1+1", "-5", "it's")]


def test_a_csv_cell_that_a_spreadsheet_would_run_is_marked_as_a_formula(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n=1+1,"=HYPERLINK(""x"")"\n')
    assert cells(path) == [(2, FORMULA, FORMULA)]


def test_rows_keep_the_numbers_that_a_spreadsheet_shows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,"two\nlines"\n\n2,x\n')
    assert cells(path) == [(2, "1", "two\nlines"), (4, "2", "x")]


def test_a_row_with_more_or_fewer_cells_than_headings_tells_its_width(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1\n1,2,3\n")
    (frame,) = open_table(path).chunks()
    assert frame[WIDTH].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n1,2\n", "headings"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old Excel file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a spreadsheet"),
        (b"<html><table><tr><td>a</td></tr></table></html>", "web page"),
        (b"a,b\n\xff\xff,1\n", "neither UTF-8 nor GB18030"),
        (b"a,b\n1,\0\n", "not a spreadsheet"),
        (b'a,b\n1,"never closed\n2,3\n', "Row 2"),
        (b"a,,c\n1,2,3\n", "Column B has no heading"),
        (b"a,b,a\n1,2,3\n", "A and C have the same heading"),
        (b"PK\x03\x04 something else", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(tmp_path, content, words):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert words in refusal(path)


def test_three_hundred_columns_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{n}" for n in range(300)) + "\n" + ",".join("1" * 300) + "\n")
    assert refusal(path) == "The file has 300 columns; at most 200 are read."


def test_a_csv_beyond_the_row_limit_is_refused_and_one_at_the_limit_is_not(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n" + "1\n" * 101)
    assert "more than 100 rows" in refusal(path, Limits(csv_rows=100))
    assert len(cells(path, Limits(csv_rows=101))) == 101


def test_streaming_two_hundred_thousand_rows_takes_little_memory(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("code,name,amount,date\n")
        file.writelines(f"C{n},客户{n},{n}.50,2026-06-30\n" for n in range(200_000))
    tracemalloc.start()
    rows = sum(frame.height for frame in open_table(path).chunks())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 200_000
    assert peak < 60_000_000


# --- workbooks --------------------------------------------------------------------------------------------------------


def test_a_workbook_gives_numbers_dates_and_text_as_a_person_would_type_them(xlsx_file):
    def write(book, sheet):
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["编号", "金额", "日期", "是否", "身份证", "序号"])
        sheet.write_string(2, 0, " 0012 ")
        sheet.write_number(2, 1, 27015.86)
        sheet.write_datetime(2, 2, dt.date(2026, 2, 28), day)
        sheet.write_boolean(2, 3, True)
        sheet.write_string(2, 4, "370660199001010019")
        sheet.write_number(2, 5, 43190)

    assert cells(xlsx_file(write)) == [(3, "0012", "27015.86", "2026-02-28", "1", "370660199001010019", "43190")]


def test_a_workbook_number_keeps_fifteen_digits_and_longer_ones_show_that_they_lost_some(xlsx_file):
    def write(_book, sheet):
        sheet.write_row(0, 0, ["a", "b", "c"])
        sheet.write_row(1, 0, [0.1 + 0.2, 10_000_000_000.0, 370660199001010019])

    ((_line, sum_, large, number),) = cells(xlsx_file(write))
    assert (sum_, large) == ("0.3", "10000000000")
    assert "e" in number


def test_a_percentage_is_read_as_percent_and_a_printed_percent_sign_changes_nothing(xlsx_file):
    def write(book, sheet):
        formats = ["0.00%", "[Red]0.0000%;-0.0000%", '0.00"%"', "General"]
        sheet.write_row(0, 0, ["built-in", "own", "printed", "plain"])
        for column, shown in enumerate(formats):
            sheet.write_number(1, column, 0.1261, book.add_format({"num_format": shown}))

    assert cells(xlsx_file(write)) == [(2, "12.61%", "12.61%", "0.1261", "0.1261")]


@pytest.mark.parametrize(
    "shown", ["yyyy-mm-dd", "m/d/yy", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "d-mmm-yy", "yyyy-mm-dd hh:mm"]
)
def test_a_number_shown_as_a_date_is_read_as_that_date(xlsx_file, shown):
    def write(book, sheet):
        sheet.write_row(0, 0, ["a", "b", "c", "d"])
        format_ = book.add_format({"num_format": shown})
        for column, serial in enumerate([43190, 1, 61, 43190.5]):
            sheet.write_number(1, column, serial, format_)

    assert cells(xlsx_file(write)) == [(2, "2018-03-31", "1900-01-01", "1900-03-01", "2018-03-31 12:00:00")]


@pytest.mark.parametrize("shown", ["#,##0.00", "[Red]#,##0.00", '"¥"#,##0.00_);[Red]("¥"#,##0.00)', "0.00E+00", "@"])
def test_a_number_shown_otherwise_is_not_taken_for_a_date(xlsx_file, shown):
    def write(book, sheet):
        sheet.write_row(0, 0, ["a"])
        sheet.write_number(1, 0, 43190, book.add_format({"num_format": shown}))

    assert cells(xlsx_file(write)) == [(2, "43190")]


def test_rich_text_readings_and_escaped_characters_are_read_as_their_text(plain):
    shared = (
        "<sst><si><t>a</t></si><si><r><t>王</t></r><r><rPr/><t xml:space='preserve'> &amp; 李</t></r>"
        "<rPh><t>オウ</t></rPh><t>_x0041_&#20803;</t><t/></si></sst>"
    )
    assert cells(repacked(plain, strings=shared.encode())) == [(2, "王 & 李A元")]


def test_formula_and_error_cells_are_marked_where_they_stand(xlsx_file):
    def write(_book, sheet):
        sheet.write_row(0, 0, ["a", "b", "c"])
        sheet.write_row(1, 0, [1, 2])
        sheet.write_formula(1, 2, "=A2+B2", None, 3)
        sheet.write_row(2, 0, [4])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(4, 0, "=A2", None, "")

    path = xlsx_file(write)
    assert cells(path) == [(2, "1", "2", FORMULA), (3, "4", FORMULA, None), (5, FORMULA, None, None)]


def test_an_error_that_was_pasted_as_a_value_is_marked_too(xlsx_file, tmp_path):
    path = xlsx_file(lambda _book, sheet: (sheet.write_row(0, 0, ["a"]), sheet.write_number(1, 0, 7)))
    rewritten = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(rewritten, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            target.writestr(name, text.replace(b'<c r="A2"><v>7</v>', b'<c r="A2" t="e"><v>#N/A</v>'))
    assert cells(rewritten) == [(2, CELL_ERROR)]


def test_only_the_first_visible_sheet_is_read_and_that_is_said(tmp_path):
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        hidden, first, second = (book.add_worksheet(name) for name in ("hidden", "first", "second"))
        first.activate()
        hidden.hide()
        for sheet, text in ((hidden, "h"), (first, "f"), (second, "s")):
            sheet.write_row(0, 0, ["a"])
            sheet.write_row(1, 0, [text])
    table = open_table(path)
    assert cells(path) == [(2, "f")]
    assert "first" in str(table.notes[0])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda book, sheet: sheet.merge_range(0, 0, 0, 2, "客户信息"), "A1:C1"),
        (
            lambda book, sheet: (sheet.write_row(0, 0, ["a", "b"]), sheet.merge_range(1, 1, 4, 1, "x")),
            "B2:B5 are merged",
        ),
        (lambda book, sheet: sheet.write_row(0, 0, ["a", "", "c"]), "Column B has no heading"),
        (lambda book, sheet: sheet.write_row(0, 0, ["a", " a "]), "same heading"),
        (lambda book, sheet: sheet.write_row(2, 0, ["a", "b"]), "first row is empty"),
        (lambda book, sheet: sheet.write_row(0, 0, [f"c{n}" for n in range(300)]), "300 columns"),
        (lambda book, sheet: sheet.write_formula(0, 0, '="a"&"b"', None, "ab"), "heading of column A is a formula"),
    ],
)
def test_a_workbook_that_is_no_plain_table_is_refused_in_one_sentence(xlsx_file, write, words):
    assert words in refusal(xlsx_file(write))


def test_a_cell_in_the_last_corner_of_a_sheet_costs_nothing_and_makes_its_row_too_wide(xlsx_file):
    def write(_book, sheet):
        sheet.write_row(0, 0, ["a"])
        sheet.write(1_048_575, 16_383, 1)

    path = xlsx_file(write)
    tracemalloc.start()
    ((line, width),) = [row for frame in open_table(path).chunks() for row in frame.select(LINE, WIDTH).iter_rows()]
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (line, width) == (1_048_576, 16_384)
    assert peak < 20_000_000


def test_a_workbook_beyond_the_row_limit_is_refused_and_one_at_the_limit_is_not(xlsx_file):
    def write(_book, sheet):
        sheet.write_row(0, 0, ["a"])
        for row in range(1, 51):
            sheet.write(row, 0, row)

    path = xlsx_file(write)
    assert refusal(path, Limits(xlsx_rows=49)) == "The sheet has more than 49 rows; save it as CSV."
    assert len(cells(path, Limits(xlsx_rows=50))) == 50


def repacked(path: Path, **parts: bytes) -> Path:
    """The workbook with parts added or replaced; keyword names stand for paths with / and . as _."""
    target = path.with_name("repacked.xlsx")
    names = {"vba": "xl/vbaProject.bin", "strings": "xl/sharedStrings.xml", "types": "[Content_Types].xml"}
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        replaced = {names[key]: content for key, content in parts.items()}
        for name in source.namelist():
            if name not in replaced:
                book.writestr(name, source.read(name))
        for name, content in replaced.items():
            book.writestr(name, content)
    return target


@pytest.fixture
def plain(xlsx_file) -> Path:
    return xlsx_file(lambda _book, sheet: (sheet.write_row(0, 0, ["a"]), sheet.write_row(1, 0, ["x"])))


def test_a_workbook_with_macros_is_refused(plain):
    assert "macros" in refusal(repacked(plain, vba=b"\0"))


def test_a_workbook_that_calls_itself_macro_enabled_is_refused(plain):
    with zipfile.ZipFile(plain) as book:
        types = book.read("[Content_Types].xml")
    renamed = types.replace(b"spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main")
    assert "macros" in refusal(repacked(plain, types=renamed))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(plain):
    bomb = repacked(plain, strings=b" " * 200_000_000)
    assert bomb.stat().st_size < 1_000_000
    tracemalloc.start()
    sentence = refusal(bomb)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "unpacks to far more" in sentence
    assert peak < 10_000_000


def test_a_zip_bomb_that_lies_about_its_size_is_refused(plain):
    bomb = repacked(plain, strings=b" " * 30_000_000)
    content = bytearray(bomb.read_bytes())
    small = (1000).to_bytes(4, "little")
    large = (30_000_000).to_bytes(4, "little")
    assert content.count(large) == 2
    bomb.write_bytes(bytes(content).replace(large, small))
    assert "damaged" in refusal(bomb)


def test_a_zip_of_something_else_and_a_truncated_workbook_are_refused(tmp_path, plain):
    other = tmp_path / "a.xlsx"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert "not a spreadsheet" in refusal(other)
    other.write_bytes(plain.read_bytes()[:-200])
    assert "damaged" in refusal(other)


def test_a_workbook_that_counts_dates_from_1904_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path), {"date_1904": True}) as book:
        book.add_worksheet().write_row(0, 0, ["a"])
    assert "1904" in refusal(path)


def test_any_damage_to_a_workbook_gives_a_sentence_or_a_table_and_never_a_crash(plain):
    content, step = plain.read_bytes(), 97
    for at in range(0, len(content), step):
        plain.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            cells(plain)
        except FileProblem as problem:
            assert str(problem).endswith(".")


# --- round trips ------------------------------------------------------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u00a0\u2007\u202f\u200b\ufeff"), max_size=12
).filter(lambda text: not text.startswith(("=", "'")))
TABLES = st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=8)


def expected(rows: list[list[str]]) -> list[tuple]:
    tidy = [[" ".join(cell.split("\u00a0")).strip(" \u3000") or None for cell in row] for row in rows]
    return [(number, *row) for number, row in enumerate(tidy, 2) if any(row)]


@settings(max_examples=60)
@given(rows=TABLES, encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_what_is_written_as_csv_is_read_back(tmp_path_factory, rows, encoding):
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b", "c"], *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    assert cells(path) == expected(rows)


@settings(max_examples=25)
@given(rows=TABLES)
def test_what_is_written_as_xlsx_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("xlsx") / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([["a", "b", "c"], *rows]):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    assert cells(path) == expected(rows)


@settings(max_examples=100)
@given(fen=st.integers(0, 10**12))
def test_money_in_a_workbook_is_read_to_the_cent(fen):
    """As written by programs that print all 17 digits of a binary number."""
    assert Decimal(_digits(float(f"{fen / 100:.17g}"))) == Decimal(fen) / 100
