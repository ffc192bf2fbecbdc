from __future__ import annotations

import base64
import datetime as dt
import io
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pikepdf
import pypdf
import pytest

from reports import render, render_worker
from reports.render import Attachment, Limits, RenderError, pdf_available, render_pdf
from reports.render_worker import HERE, closed_fetcher

pytestmark = pytest.mark.pdf

LIMITS = Limits()
DAY = dt.datetime(2026, 9, 30, tzinfo=dt.UTC)
STYLE = (HERE / "print.css").read_text(encoding="utf-8")
DATA = Attachment("data.json", '{"余额": "1.00"}'.encode(), "application/json", "Data", DAY, DAY, "All data")
DOCUMENT = '<html lang="zh-CN"><body style="font-family: Report"><h1>标题</h1><p>姓名 㛃䶮𬭎喆堃犇</p>{}</body></html>'


def printed(body: str = "", attachments: Sequence[Attachment] = (), limits: Limits = LIMITS) -> bytes:
    return render_pdf(
        DOCUMENT.format(body), [STYLE], attachments, title="标题", lang="zh-CN", created=DAY, limits=limits
    )


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return printed(attachments=[DATA])


@pytest.fixture
def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(pdf))


def test_the_same_document_gives_the_same_bytes(pdf: bytes) -> None:
    assert printed(attachments=[DATA]) == pdf


def test_it_says_that_it_is_a_tagged_archive_file(opened: pikepdf.Pdf) -> None:
    with opened.open_metadata() as metadata:
        assert metadata["pdfaid:part"] == "3"
        assert metadata["pdfaid:conformance"] == "A"
        assert metadata["dc:title"] == "标题"
        assert metadata["xmp:CreateDate"] == metadata["xmp:ModifyDate"] == "2026-09-30T00:00:00Z"
    assert opened.Root.MarkInfo.Marked
    assert str(opened.Root.Lang) == "zh-CN"
    assert opened.Root.OutputIntents[0].S == "/GTS_PDFA1"
    assert "/StructTreeRoot" in opened.Root
    assert opened.docinfo["/CreationDate"] == "D:20260930000000+00'00"


def test_the_attachment_is_inside_once_with_its_own_date_and_relation(opened: pikepdf.Pdf) -> None:
    assert len(opened.Root.AF) == 1
    file = opened.Root.AF[0]
    assert file.AFRelationship == "/Data"
    assert str(file.UF) == "data.json"
    stream = file.EF.F
    assert stream.read_bytes() == DATA.content
    assert stream.Subtype == "/application/json"
    assert str(stream.Params.ModDate) == "D:20260930000000Z"


def test_every_font_is_ours_and_embedded(opened: pikepdf.Pdf) -> None:
    fonts = [entry for entry in opened.objects if isinstance(entry, pikepdf.Dictionary) and "/FontFile2" in entry]
    assert len(fonts) == 2  # regular, and bold of the heading
    assert all("+Report" in str(font.FontName) for font in fonts)


def test_a_font_of_the_machine_is_never_used() -> None:
    other = printed('<p style="font-family: DejaVu Sans, Liberation Sans, sans-serif">Other</p>')
    with pikepdf.open(io.BytesIO(other)) as opened:
        names = [str(e.FontName) for e in opened.objects if isinstance(e, pikepdf.Dictionary) and "/FontFile2" in e]
    assert len(names) == 2
    assert all("+Report" in name or "Noto-Sans-SC" in name for name in names), names


def test_rare_characters_of_names_have_glyphs_and_can_be_copied_out(pdf: bytes) -> None:
    assert "姓名 㛃䶮𬭎喆堃犇" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_a_character_the_font_lacks_is_printed_as_its_code_point() -> None:
    text = pypdf.PdfReader(io.BytesIO(printed("<p>姓𱍐 😀</p>"))).pages[0].extract_text()
    assert "姓〓U+31350 〓U+1F600" in text


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="no qpdf")
def test_qpdf_finds_no_fault(pdf: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def is_refused(url: str) -> bool:
    from weasyprint.urls import FatalURLFetchingError  # here, since it needs Pango

    try:
        closed_fetcher()(url)
    except FatalURLFetchingError:
        return True
    return False


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.png",
        "https://127.0.0.1:9/x.png",
        "ftp://127.0.0.1/x.png",
        "file:///etc/hostname",
        "file://localhost/etc/hostname",
        f"{HERE.parent.as_uri()}/config.py",
        f"{HERE.as_uri()}/../config.py",
        f"{HERE.as_uri()}/fonts/%2e%2e/%2e%2e/config.py",
        f"{HERE.as_uri()}/no-such-file.png",
        f"{HERE.as_uri()}/",
        f"{HERE.as_uri()}-elsewhere/x.png",
        "/etc/hostname",
        "FILE:///etc/hostname",
    ],
)
def test_nothing_is_loaded_from_outside_the_reports(url: str) -> None:
    assert is_refused(url)


def test_a_link_in_the_reports_that_points_out_of_them_is_refused() -> None:
    link = HERE / "svg" / "escape.svg"
    link.symlink_to("/etc/hostname")
    try:
        assert is_refused(link.as_uri())
    finally:
        link.unlink()


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="x" src="http://127.0.0.1:9/x.png">',
        '<link rel="attachment" href="file:///etc/hostname">',
        '<style>@import "http://127.0.0.1:9/x.css";</style>',
        '<style>@font-face { font-family: x; src: url("file:///etc/hostname") } p { font-family: x }</style>',
        '<base href="file:///etc/"><img alt="x" src="hostname">',
    ],
)
def test_a_document_that_refers_to_the_outside_is_not_printed(body: str) -> None:
    with pytest.raises(RenderError, match="may not load"):
        printed(body)


def test_a_picture_that_refers_to_the_outside_is_not_printed() -> None:
    with pytest.raises(RenderError):
        printed('<svg width="9" height="9"><title>x</title><image width="9" height="9" href="/etc/hostname"/></svg>')


def test_pictures_may_be_inside_the_document() -> None:
    square = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    printed(f'<img alt="A square" src="data:image/svg+xml;base64,{base64.b64encode(square).decode()}">')


def test_a_picture_without_a_description_is_a_fault() -> None:
    with pytest.raises(RenderError, match="no required alt"):
        printed('<img src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E">')


ROWS = "<table>" + "<tr><td>一二三四五六七八九十<td>一二三四五六七八九十" * 20_000 + "</table>"


def test_a_document_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(RenderError, match="more than 1 s"):
        printed(ROWS, limits=Limits(cpu_seconds=1))
    with pytest.raises(RenderError, match=r"more than 0\.1 s"):
        printed(limits=Limits(wall_seconds=0.1))


def test_a_document_that_takes_too_much_memory_is_stopped() -> None:
    with pytest.raises(RenderError, match="more than 300 MB"):
        printed(ROWS, limits=Limits(memory_mb=300))


def test_a_worker_that_dies_or_answers_half_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("import os; os.abort()", "print('%PDF-1.7')", "raise SystemExit(7)"):
        monkeypatch.setattr(render, "WORKER", (sys.executable, "-c", code))
        with pytest.raises(RenderError):
            printed()


def test_the_worker_gets_neither_secrets_nor_the_fonts_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", "do-not-pass-on")
    spy = "import os, sys; sys.exit(' '.join(os.environ.values()))"
    monkeypatch.setattr(render, "WORKER", (sys.executable, "-c", spy))
    with pytest.raises(RenderError) as error:
        printed()
    assert "do-not-pass-on" not in str(error.value)
    assert "fontconfig.conf" in str(error.value)


def test_this_machine_can_print() -> None:
    assert pdf_available() == (True, "")


WITHOUT = """
import sys
from reports import render_worker
def fail():
    raise OSError("cannot load library 'libpango-1.0-0'")
render_worker.{patched}
sys.exit(render_worker.main())
"""


def test_without_pango_it_says_what_to_install_and_asks_again_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    render._checked.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(render, "WORKER", (sys.executable, "-c", WITHOUT.format(patched="load_weasyprint = fail")))
        available, sentence = pdf_available()
        assert not available
        assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in sentence
        with pytest.raises(RenderError, match="apt-get install libpango"):
            printed()
    assert pdf_available() == (True, "")


def test_without_the_font_subsetter_it_works_but_says_that_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    render._checked.cache_clear()
    with monkeypatch.context() as patch:
        slow = WITHOUT.format(patched="has_subsetter = lambda: False")
        patch.setattr(render, "WORKER", (sys.executable, "-c", slow))
        available, sentence = pdf_available()
        assert available
        assert "libharfbuzz-subset0" in sentence
    render._checked.cache_clear()


def test_the_portal_does_not_load_weasyprint() -> None:
    code = "import sys, reports.catalogue; sys.exit('weasyprint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=HERE.parent, check=False).returncode == 0


def test_the_fonts_are_the_ones_that_were_vendored() -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=HERE / "fonts", capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_each_way_the_worker_ends_has_its_own_sentence() -> None:
    names = ("DONE", "FAILED", "OUT_OF_MEMORY", "REFUSED", "NO_PANGO", "NO_SUBSETTER")
    codes = [getattr(render_worker, name) for name in names]
    results = [subprocess.CompletedProcess([], code, b"", b"") for code in codes]
    assert len({render._sentence(result, Limits()) for result in results}) == len(codes)
