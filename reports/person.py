"""The copy of everything held on a person, as PDF and JSON: a job, because the PDF takes seconds."""

from __future__ import annotations

from datetime import datetime, time

from flask_babel import force_locale, gettext

from portal.core import jobs
from portal.core.application import current_settings
from portal.core.clock import business_date
from portal.persons import services
from portal.persons.holding import Part
from reports import charts
from reports.document import LANGUAGES, environment
from reports.render import render_pdf
from reports.render_worker import HERE

COLUMNS_UPRIGHT = 7
"""Columns that fit side by side on the page; tables with more show each row as pairs."""


@jobs.job(services.COPY, tells_itself=True)
def copy(report: jobs.Report, request_id: int, language: str) -> None:
    """Gather, print and keep the copy as whoever asked may see it; running it twice makes it anew."""
    with force_locale(language):
        code, name, parts = services.gathered(request_id)
        report(1, 3, "")
        pdf = printed(code, name, parts, language)
        report(2, 3, "")
        services.keep_copy(request_id, {"pdf": pdf, "json": services.as_json(code, parts)})


def printed(code: str, name: str, parts: list[Part], language: str) -> bytes:
    """The PDF. Same data, same bytes. Raises RenderError."""
    settings, day = current_settings(), business_date()
    title = gettext("Personal data held on %(name)s", name=name)
    html = (
        environment(language)
        .get_template("person.html")
        .render(
            lang=LANGUAGES[language],
            title=title,
            company=settings.company_zh if language == "zh" else settings.company_en,
            code=code,
            name=name,
            day=day,
            parts=parts,
            palette=charts.PALETTE,
            most_columns=COLUMNS_UPRIGHT,
        )
    )
    return render_pdf(
        html,
        [(HERE / "print.css").read_text(encoding="utf-8")],
        [],
        title=title,
        lang=LANGUAGES[language],
        created=datetime.combine(day, time()),
    )
