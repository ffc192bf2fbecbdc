"""`portal report`: a report as a PDF file, or as the page it is printed from."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click
from flask_babel import gettext

import config
from portal.core import scope
from portal.core.errors import PortalError
from portal.core.security import actor_for_username
from portal.core.work import record
from portal.metrics.answers import read_day
from reports.document import print_report, render_html
from reports.reader import context_for, report_of


@click.command("report")
@click.argument("key")
@click.option("--as-of", metavar="D", help="End of this date; the business date if not given.")
@click.option("--known-at", metavar="D", help="Leave out what was booked later than this; --as-of if not given.")
@click.option("--language", type=click.Choice(list(config.LANGUAGES)), default="zh", show_default=True)
@click.option("--as", "user", metavar="USER", help="As this login sees it; the whole company if not given.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="FILE.pdf or FILE.html.")
def report(key: str, as_of: str | None, known_at: str | None, language: str, user: str | None, out: Path) -> None:
    """A report as a file, such as: portal report loan_classification --as-of 2026-06-30 --out return.pdf."""
    kind = out.suffix.lower()
    if kind not in (".pdf", ".html"):
        raise PortalError(gettext("The name of the file must end in .pdf or .html."))
    with scope.acting(actor_for_username(user)) if user else contextlib.nullcontext():
        asked = report_of(key)
        known = read_day(known_at) if known_at else None
        context = context_for(language, read_day(as_of) if as_of else None, known)
        content = print_report(asked, context) if kind == ".pdf" else render_html(asked, context).encode()
        record("reports.file", "Report", {"report": key, "as_of": context.as_of.isoformat(), "bytes": len(content)})
    try:
        out.write_bytes(content)
    except OSError as error:
        raise PortalError(gettext("%(file)s cannot be written: %(reason)s.", file=out, reason=error.strerror)) from None
    click.echo(out)
