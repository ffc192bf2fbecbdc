"""What month-ends add to other screens: words of their verbs in timelines, and what waits on home pages."""

from __future__ import annotations

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

import portal.closing.posting  # noqa: F401 - follows day-end
from portal.closing.models import MonthEndProposal, ProposalState
from portal.core import timeline
from portal.core.db import label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows, yuan
from portal.core.masks import derived

timeline.call("closing.post", _("Month-end booked"))
timeline.call("closing.reverse", _("Month-end entry taken back"))
timeline.call("closing.propose", _("Month-end proposed"))
timeline.call("closing.decide", _("Month-end decided"))
timeline.call("closing.withdraw", _("Proposal for a month-end taken back"))


def proposals_waiting() -> Waiting:
    """Proposals for month-ends that nobody has decided on."""
    waits = (
        select(MonthEndProposal)
        .where(MonthEndProposal.state == ProposalState.PROPOSED)
        .order_by(MonthEndProposal.month_end, MonthEndProposal.id)
    )
    found, count = waiting_rows(waits)
    lines = [
        Line(
            str(label_of(row.kind)),
            gettext("month-end %(day)s", day=format_date(row.month_end, "medium")),
            derived(MonthEndProposal, ("difference",), yuan(row.difference)),
            record_url(row),
            "warn",
        )
        for (row,) in found
    ]
    arguments = {"f.state.in": ProposalState.PROPOSED.value}
    return Waiting(lines, count=count, url=list_url("MonthEndProposalView", arguments))


register_card(
    HomeCard(
        "month_ends",
        _("Month-ends to decide"),
        "MonthEndProposal",
        "approve",
        {"finance": 14, "approver": 18},
        proposals_waiting,
        _("No month-end waits for a decision."),
        "fa-calendar-check-o",
        quiet=True,
        later=True,
    )
)
