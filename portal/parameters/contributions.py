"""What parameters add to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.clock import business_date
from portal.core.display import record_url
from portal.core.export_jobs import register_kept_days
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, short_day, waiting_rows
from portal.core.masks import derived, is_clear, told
from portal.core.search import records
from portal.parameters import account_policy as _account_policy  # noqa: F401 - declares its parameters
from portal.parameters.models import Parameter
from portal.parameters.services import parameter
from portal.parameters.words import KNOWN


def label(row: Parameter) -> str:
    """What people call it; keys outlive the rules that read them."""
    return KNOWN.of(row.key) if is_clear(Parameter, "key") else told(row, "key")


@register_kept_days
def _days_exports_are_kept() -> int:
    return int(parameter("export.kept_days", business_date()).value)


records("parameters", _("Parameters"), "ParameterView", lambda row: (label(row), told(row, "valid_from")))


def unconfirmed() -> Waiting:
    """Values that compliance has not confirmed, by key."""
    statement = select(Parameter).where(Parameter.confirmed.is_(False)).order_by(Parameter.key, Parameter.valid_from)
    found, count = waiting_rows(statement)
    lines = [
        Line(
            label(row),
            f"{told(row, 'key')} · {derived(Parameter, ('valid_from',), short_day(row.valid_from))}",
            row.in_words,
            record_url(row),
        )
        for (row,) in found
    ]
    return Waiting(lines, count=count, url=list_url("ParameterView", {"f.confirmed.eq": "0"}))


register_card(
    HomeCard(
        "parameters_unconfirmed",
        _("Parameters not yet confirmed"),
        "Parameter",
        "list",
        {"compliance": 20, "administrator": 10, "risk": 50, "audit": 40},
        unconfirmed,
        _("Compliance has confirmed every parameter."),
        "fa-sliders",
    )
)
