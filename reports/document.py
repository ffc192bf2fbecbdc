"""From a report to a document: the HTML that is previewed and printed alike, the attached data, and the PDF."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

from flask_babel import force_locale, gettext
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, figures
from reports.notes import cited
from reports.render import Attachment, render_pdf
from reports.render_worker import HERE
from reports.report import DataTable, Report, ReportContext

LANGUAGES = {"zh": "zh-CN", "en": "en"}

#: What a spreadsheet would take for the beginning of a formula, in both widths.
FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")


def render_html(report: Report, context: ReportContext) -> str:
    """The whole document as one HTML page without references: shown in the browser as it is, printed by `render`.

    Gathers the figures, so it raises whatever the report's `build` and `evaluate` raise.
    """
    return _page(report, context)[0]


def print_report(report: Report, context: ReportContext) -> bytes:
    """The report as PDF/A-3a with its data attached. Same figures, same bytes. Raises RenderError."""
    html, title, attachments = _page(report, context)
    return render_pdf(
        html,
        [(HERE / "print.css").read_text(encoding="utf-8")],
        attachments,
        title=title,
        lang=LANGUAGES[context.locale],
        created=context.dated,
    )


def attachments_of(report: Report, context: ReportContext, tables: list[DataTable]) -> list[Attachment]:
    """One CSV per table, and all of them as one JSON file that also says what they are."""
    described = {
        "report": report.key,
        "title": str(report.title),
        "company": context.company,
        "scope": context.scope,
        "as_of": context.as_of.isoformat(),
        "known_at": context.known_at.isoformat() if context.known_at else None,
        "money": "yuan",
        "tables": {table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in tables},
    }
    stem = f"{report.key}_{context.as_of.isoformat()}"
    files = [(f"{stem}.json", _as_json(described), "application/json", gettext("All data of this report"))]
    files += [(f"{stem}_{table.name}.csv", _as_csv(table), "text/csv", table.description) for table in tables]
    return [
        Attachment(name, content, mime, "Data", context.dated, context.dated, description)
        for name, content, mime, description in files
    ]


def _page(report: Report, context: ReportContext) -> tuple[str, str, list[Attachment]]:
    """HTML, title and attachments, in the language of the context."""
    with force_locale(context.locale):
        content = report.build(context)
        attachments = attachments_of(report, context, content["tables"])
        title = str(report.title)
        html = (
            environment(context.locale)
            .get_template(report.template)
            .render(
                report=report,
                context=context,
                lang=LANGUAGES[context.locale],
                title=title,
                palette=charts.PALETTE,
                attachments=[(file, hashlib.sha256(file.content).hexdigest()) for file in attachments],
                **content,
            )
        )
    return html, title, attachments


def environment(locale: str) -> Environment:
    """Templates of reports: autoescaped, strict about missing variables, with the filters that write figures."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"_": gettext, "chart": charts.svg, "share": figures.share, "stylesheet": stylesheet}
    environment.filters |= {
        "ten_thousands": figures.ten_thousands,
        "number": figures.number,
        "percent": figures.percent,
        "exact": figures.exact,
        "change": figures.change,
        "cited": cited,
        "day": lambda day: figures.written_date(day, locale),
    }
    return environment


def stylesheet(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _as_csv(table: DataTable) -> bytes:
    """UTF-8 with a byte order mark, which Excel needs; text that a spreadsheet would take for a formula is defused."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str | int | None) -> str | int | None:
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) and not _is_number(cell):
        return "'" + cell
    return cell


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdecimal()
