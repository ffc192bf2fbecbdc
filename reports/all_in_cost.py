"""The statement of the all-in cost (综合融资成本明示表) that a borrower reads and signs before the contract."""

from __future__ import annotations

from datetime import datetime, time

from flask_babel import force_locale, gettext

from portal.core.application import current_settings
from portal.core.db import label_of
from portal.core.values import rate_text
from portal.loans.disclosure import Disclosed
from portal.pricing.gate import plain
from portal.pricing.offers import ON_NEW_LOANS, Basis, Fee, percent
from reports import charts
from reports.document import LANGUAGES, environment
from reports.figures import exact
from reports.render import render_pdf
from reports.render_worker import HERE

TEMPLATE = "all_in_cost.html"


def printed(offer: Disclosed, language: str) -> bytes:
    """The statement as PDF, dated on the day of the contract. Same offer, same bytes. Raises RenderError."""
    with force_locale(language):
        return render_pdf(
            page(offer, language),
            [(HERE / "print.css").read_text(encoding="utf-8")],
            [],
            title=gettext("Statement of the all-in cost"),
            lang=LANGUAGES[language],
            created=datetime.combine(offer.terms.start, time()),
        )


def page(offer: Disclosed, language: str) -> str:
    """The statement as HTML, in the present language."""
    settings = current_settings()
    return (
        environment(language)
        .get_template(TEMPLATE)
        .render(
            lang=LANGUAGES[language],
            title=gettext("Statement of the all-in cost"),
            company=settings.company_zh if language == "zh" else settings.company_en,
            offer=offer,
            verdict=offer.verdict,
            cost=offer.verdict.cost,
            limit=offer.verdict.limit,
            palette=charts.PALETTE,
            label_of=label_of,
            standard=standard,
            payee=payee,
            rate_text=rate_text,
            printed_percent=percent,
            plain=plain,
        )
    )


def standard(fee: Fee) -> str:
    """What an item comes to, in words."""
    if fee.charged not in ON_NEW_LOANS and not fee.standard:
        return ""
    match fee.basis:
        case Basis.FIXED:
            return str(gettext("%(amount)s yuan", amount=exact(fee.standard)))
        case Basis.OF_PRINCIPAL:
            return str(gettext("%(share)s %% of the amount lent", share=rate_text(fee.standard)))
        case _:
            return str(gettext("%(share)s %% of the amount lent a year", share=rate_text(fee.standard)))


def payee(fee: Fee) -> str:
    """Who gets it: the kind, and the name where it is known."""
    kind = str(label_of(fee.payee))
    return f"{kind}: {fee.payee_name}" if fee.payee_name else kind
