"""What limits add to other screens: how much room a customer has, and limits that are broken on home pages."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

import portal.limits.daily
import portal.limits.gate  # noqa: F401 - payouts pass it, days are measured
from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import told
from portal.core.record_links import RecordLink, contribute_link
from portal.core.scope import actor
from portal.core.values import money_text
from portal.customers.models import Customer
from portal.limits.models import LimitBreach
from portal.limits.rules import Standing


@contribute_link("limits")
def _room_link(_view: Any, row: Any) -> RecordLink | None:
    """From a customer to the room that limits leave."""
    if not isinstance(row, Customer) or not actor().may("LimitCheck", "run"):
        return None
    url = url_for("LimitCheckView.index", customer=row.id)
    return RecordLink(_("Room left"), url, "help", _("How much may still be lent to this customer, and to the group"))


def broken() -> Waiting:
    """Limits that are beyond their bound now, the latest first."""
    statement = (
        select(LimitBreach)
        .where(LimitBreach.level == Standing.BEYOND, LimitBreach.ended_on.is_(None))
        .order_by(LimitBreach.first_day.desc(), LimitBreach.id)
        .options(joinedload(LimitBreach.limit), joinedload(LimitBreach.customer))
    )
    found, count = waiting_rows(statement)
    lines = [
        Line(
            str(row.customer or label_of(row.limit.kind)),
            gettext("%(limit)s, since %(day)s", limit=told(row, "limit"), day=format_date(row.first_day, "medium")),
            money_text(row.highest, thousands=True),
            record_url(row),
            "danger",
        )
        for (row,) in found
    ]
    arguments = {"f.level.in": Standing.BEYOND.value, "f.ended_on.empty": "1"}
    return Waiting(lines, count=count, url=list_url("LimitBreachView", arguments))


register_card(
    HomeCard(
        "limits_broken",
        _("Limits broken"),
        "LimitBreach",
        "list",
        {"risk": 12, "committee": 14, "compliance": 20},
        broken,
        _("No limit is broken."),
        "fa-tachometer",
        quiet=True,
        later=True,
    )
)
