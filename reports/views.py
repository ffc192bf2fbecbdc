"""The report centre: choose a report and a date, read it in the browser, take the PDF along."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

import config
from portal.core import scope
from portal.core.application import add_page
from portal.core.clock import business_date
from portal.core.errors import PortalError
from portal.core.fields import Field
from portal.core.headers import allow_inline_styles
from portal.core.help import Help
from portal.core.values import ValueProblem, parse
from portal.core.work import record
from reports.document import print_report, render_html
from reports.reader import context_for, report_of
from reports.render import RenderError, pdf_available
from reports.report import REPORTS, Report, ReportContext

MENU = ("reports", _("Reports"))
DATE = Field(_("As at"), type="date")


class ReportView(BaseView):
    """`/reports/`: the catalogue; `/reports/<key>`: preview; `/reports/<key>/page` and `/pdf`: the document."""

    help = Help(
        _(
            "The reports that leave the house, such as the five-category return with provisions: read them here, "
            "take the PDF along."
        ),
        _(
            "Compliance prints them for a date and keeps the PDF: the data are attached to it. A report for a "
            "past date can be printed again as it was."
        ),
    )
    route_base = "/reports"
    default_view = "list"
    resource = "Report"
    method_actions = {"preview": "show", "page": "show", "pdf": "run"}

    @expose("/")
    @has_access
    def list(self) -> Any:
        self.update_redirect()
        open_to_role = [report for report in REPORTS.values() if scope.actor().may(*report.permission)]
        printable, why_not = pdf_available()
        return self.render_template(
            "reports/list.html", title=_("Report centre"), reports=open_to_role, printable=printable, why_not=why_not
        )

    @expose("/<string:key>")
    @has_access
    def preview(self, key: str) -> Any:
        report = self._report(key)
        as_of, problem = self._as_of()
        if problem:
            flash(problem, "warning")
        asked: dict[str, Any] = {"as_of": as_of.isoformat(), "language": self._language()}
        printable, why_not = pdf_available()
        return self.render_template(
            "reports/preview.html",
            title=report.title,
            report=report,
            as_of=as_of,
            language=asked["language"],
            page_url=url_for("ReportView.page", key=key, **asked),
            pdf_url=url_for("ReportView.pdf", key=key, **asked),
            printable=printable,
            why_not=why_not,
        )

    @expose("/<string:key>/page")
    @has_access
    def page(self, key: str) -> Any:
        """The document as it will be printed, for the preview's frame."""
        report = self._report(key)
        allow_inline_styles()
        try:
            html = render_html(report, self._context())
        except PortalError as error:
            html = self.render_template("reports/problem.html", text=str(error))
        return Response(html, mimetype="text/html")

    @expose("/<string:key>/pdf")
    @has_access
    def pdf(self, key: str) -> Any:
        report = self._report(key)
        context = self._context()
        try:
            content = print_report(report, context)
        except (RenderError, PortalError) as error:
            flash(str(error), "danger")
            return redirect(url_for("ReportView.preview", key=key))
        record(
            "reports.print", "Report", facts={"report": key, "as_of": context.as_of.isoformat(), "bytes": len(content)}
        )
        name = f"{key}_{context.as_of.isoformat()}_{context.locale}.pdf"
        return Response(
            content, mimetype="application/pdf", headers={"Content-Disposition": f"attachment; filename={name}"}
        )

    def _report(self, key: str) -> Report:
        if key not in REPORTS:
            abort(404)
        report = report_of(key)
        if not scope.actor().may(*report.permission):
            abort(403)
        return report

    def _as_of(self) -> tuple[date, str]:
        """The day asked for and what was wrong with it; the business date where it makes no sense."""
        today = business_date()
        try:
            day = parse(DATE, request.args.get("as_of", "")) or today
        except ValueProblem as problem:
            return today, str(problem)
        if day > today:
            return today, gettext("%(day)s has not happened yet: the business date is %(open)s.", day=day, open=today)
        return day, ""

    def _language(self) -> str:
        asked = request.args.get("language", "")
        return asked if asked in config.LANGUAGES else str(get_locale() or "en")[:2]

    def _context(self) -> ReportContext:
        return context_for(self._language(), self._as_of()[0], None)


def register(builder: Any) -> None:
    """Add the report centre to the menu."""
    add_page(builder, ReportView, _("Report centre"), MENU, "fa-file-text-o")
