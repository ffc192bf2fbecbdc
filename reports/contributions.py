"""What reports add to search and home pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask import url_for
from flask_babel import format_date, gettext, ngettext
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.clock import business_date, month_end
from portal.core.home import HomeCard, Line, Waiting, register_card
from portal.core.search import Hit, Query, Source, register_source
from reports.report import REPORTS, Report


def _open_to_actor() -> list[Report]:
    return [report for report in REPORTS.values() if scope.actor().may(*report.permission)]


def find(query: Query, limit: int) -> Sequence[Hit]:
    """Reports by their titles."""
    found = [report for report in _open_to_actor() if query.meets(str(report.title))]
    return [
        Hit(str(report.title), url_for("ReportView.preview", key=report.key), icon="fa-file-text-o")
        for report in found[:limit]
    ]


register_source(Source("reports", _("Reports"), find, 70))


def upcoming() -> Waiting:
    """Each report as at the last month-end, ready to print, and when the next ones are due."""
    today = business_date()
    last, following = today.replace(day=1) - timedelta(days=1), month_end(today)
    days = (following - today).days
    lines = [
        Line(
            gettext("Next month-end"),
            ngettext("in %(num)s day", "in %(num)s days", days) if days else gettext("today"),
            format_date(following, "medium"),
            tone="warn" if days <= 5 else "",
        )
    ]
    lines += [
        Line(
            str(report.title),
            gettext("Ready as at %(day)s", day=format_date(last, "medium")),
            gettext("Open"),
            url_for("ReportView.preview", key=report.key, as_of=last.isoformat()),
        )
        for report in _open_to_actor()
    ]
    return Waiting(lines, url=url_for("ReportView.list"))


register_card(
    HomeCard(
        "month_end_reports",
        _("Month-end reports"),
        "Report",
        "list",
        {"compliance": 10, "committee": 40, "finance": 50},
        upcoming,
        _("No report is open to you."),
        "fa-file-text-o",
    )
)
