"""The process that turns one document into one PDF: `python -m reports.render_worker`.

It reads a job as JSON from stdin, limits itself, writes the PDF to stdout and ends. A process of its own, because
layout runs in C libraries over text that people typed: whatever it does, the portal goes on. See `reports.render`.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import unicodedata
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pydyf
    from weasyprint import Document
    from weasyprint.urls import URLFetcher

HERE = Path(__file__).resolve().parent
FONT = HERE / "fonts" / "NotoSansSC-Regular.ttf"
VARIANT = "pdf/a-3a"

#: How the process ends; `reports.render` makes a sentence of it.
DONE, FAILED, OUT_OF_MEMORY, REFUSED, NO_PANGO, NO_SUBSETTER = 0, 10, 11, 12, 13, 14

#: Bytes. Enough for the copies of the fonts that WeasyPrint keeps while it works, not enough to fill a disk.
LARGEST_FILE = 64 << 20


class FaultyDocumentError(Exception):
    """The document has a fault that must not be printed over: a picture that cannot be read or has no description, …"""


class Faults(logging.Handler):
    """Collects what WeasyPrint reports as an error (it would print over it, we do not) and passes warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())
        else:
            tell(record.getMessage())


def tell(what: object) -> None:
    """One line to the caller."""
    sys.stderr.write(f"{what}\n")


def limit(memory_mb: int, cpu_seconds: int) -> None:
    """Set the limits of this process; the kernel enforces them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def load_weasyprint() -> None:
    """Load WeasyPrint, which needs Pango. A machine may lack it: ImportError or OSError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "No fonts configured": on purpose, see fonts/fontconfig.conf
        import weasyprint  # noqa: F401


def has_subsetter() -> bool:
    """Whether harfbuzz-subset is there: without it fonts are cut down in Python, many times slower."""
    from weasyprint.text import ffi

    return ffi.harfbuzz_subset is not None


def closed_fetcher() -> URLFetcher:
    """A fetcher for `data:` and the files of this package. Anything else, or a missing file, ends the rendering."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class ClosedFetcher(URLFetcher):
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
            if url.startswith("data:"):
                return super().fetch(url, headers)
            path = URLFetcherResponse(url, b"").path  # None unless it is a file: URL
            if path is not None:
                file = Path(path).resolve()
                if file.is_relative_to(HERE) and file.is_file():
                    return URLFetcherResponse(file.as_uri(), file.read_bytes())
            raise FatalURLFetchingError(url[:200])

    return ClosedFetcher(allowed_protocols=("data",))


def with_visible_gaps(text: str) -> str:
    """The text with each character that the font lacks as 〓 and its code point.

    Otherwise it would be an empty box: a reader could not tell which character it was, and PDF/A forbids it.
    """
    from fontTools.ttLib import TTFont

    with TTFont(FONT, lazy=True) as font:
        held = font.getBestCmap()
    gaps = {
        ord(character): f"〓U+{ord(character):04X}"
        for character in set(text)
        if ord(character) not in held and unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn")
    }
    return text.translate(gaps)


def name_each_attachment_once(_document: Document, pdf: pydyf.PDF) -> None:
    """WeasyPrint 70 lists each attached file twice in the catalogue's /AF."""
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = list(dict.fromkeys(pdf.catalog["AF"]))


def render(job: dict[str, Any]) -> bytes:
    """The PDF of a job: html, css, attachments, title, lang, created. Same job, same bytes."""
    from weasyprint import CSS, HTML, Attachment
    from weasyprint.text.fonts import FontConfiguration

    faults = Faults()
    logging.getLogger("weasyprint").handlers[:] = [faults]
    fetcher, fonts, base = closed_fetcher(), FontConfiguration(), f"{HERE.as_uri()}/"
    styles = [CSS(string=css, base_url=base, url_fetcher=fetcher, font_config=fonts) for css in job["css"]]
    html = HTML(string=with_visible_gaps(job["html"]), base_url=base, url_fetcher=fetcher)
    document = html.render(stylesheets=styles, font_config=fonts, pdf_variant=VARIANT)
    document.metadata.title, document.metadata.lang = job["title"], job["lang"]
    document.metadata.created = document.metadata.modified = job["created"]
    attachments = [
        Attachment(
            url=f"data:{item['mime']};base64,{item['content']}",
            url_fetcher=fetcher,
            name=item["name"],
            description=item["description"],
            created=datetime.fromisoformat(item["created"]),
            modified=datetime.fromisoformat(item["modified"]),
            relationship=item["relationship"],
        )
        for item in job["attachments"]
    ]
    pdf: bytes = document.write_pdf(attachments=attachments, finisher=name_each_attachment_once, pdf_variant=VARIANT)
    if faults.errors:
        raise FaultyDocumentError(faults.errors[0])
    return pdf


def main() -> int:
    """Do what stdin says; how it went is the exit status, the detail is the last line of stderr."""
    job = json.load(sys.stdin)
    limit(job["memory_mb"], job["cpu_seconds"])
    try:
        load_weasyprint()
    except (ImportError, OSError) as error:
        tell(error)
        return NO_PANGO
    if job["task"] == "check":
        return DONE if has_subsetter() else NO_SUBSETTER
    from weasyprint.urls import FatalURLFetchingError

    try:
        pdf = render(job)
    except FatalURLFetchingError as error:
        tell(error)
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001 - of whatever kind: the caller must learn that there is no PDF, and why
        tell(f"{type(error).__name__}: {error}")
        return FAILED
    sys.stdout.buffer.write(pdf)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
