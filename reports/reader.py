"""Reports for whoever asks: which they may open, and the context that holds exactly what they may see."""

from __future__ import annotations

from datetime import date
from functools import partial

from flask_babel import force_locale, gettext

from portal.core import scope
from portal.core.application import current_settings
from portal.core.clock import business_date
from portal.core.errors import Forbidden, NotFound
from portal.core.metric import dimensions, evaluate
from reports.report import REPORTS, Report, ReportContext


def report_of(key: str) -> Report:
    """The report of this key; NotFound when there is none, Forbidden when the actor's role does not include it."""
    if key not in REPORTS:
        raise NotFound(gettext("There is no report called %(key)s.", key=key))
    report = REPORTS[key]
    if not scope.actor().may(*report.permission):
        raise Forbidden()
    return report


def context_for(locale: str, as_of: date | None = None, known_at: date | None = None) -> ReportContext:
    """What a report may know when the present actor asks for it; as at the business date if no date is given."""
    settings = current_settings()
    return ReportContext(
        as_of=as_of or business_date(),
        locale=locale,
        company=settings.company_zh if locale == "zh" else settings.company_en,
        evaluate=partial(evaluate, known_at=known_at),
        known_at=known_at,
        scope=_reach(locale),
    )


def _reach(locale: str) -> str:
    """What part of the company the actor's figures cover; empty = all of it."""
    reader = scope.actor()
    width = reader.scope("Loan", "list")
    if width == scope.ALL:
        return ""
    with force_locale(locale):
        branch = dimensions["branch"].labels([reader.home]).get(reader.home, "")
        if width == scope.BRANCH:
            return gettext("%(branch)s and the branches below it", branch=branch)
        return gettext("Only part of the loans of %(branch)s", branch=branch)
