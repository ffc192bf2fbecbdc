"""What parameters add to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, short_day, waiting_rows
from portal.core.search import records
from portal.parameters.known import known
from portal.parameters.models import Parameter


def label(row: Parameter) -> str:
    """What people call it; keys outlive the rules that read them."""
    return str(known[row.key].label) if row.key in known else row.key


records("parameters", _("Parameters"), "ParameterView", lambda row: (label(row), row.valid_from))


def unconfirmed() -> Waiting:
    """Values that compliance has not confirmed, by key."""
    statement = select(Parameter).where(Parameter.confirmed.is_(False)).order_by(Parameter.key, Parameter.valid_from)
    found, count = waiting_rows(statement)
    lines = [
        Line(
            label(row),
            f"{row.key} · {short_day(row.valid_from)}",
            f"{label_of(row.operator) if row.operator else ''} {row.value}".strip(),
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
