"""What delegations add to home pages and to everybody's account page."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import roles, scope
from portal.core.accounts.own_sections import OwnSection, sections
from portal.core.clock import calendar_date
from portal.core.db import db
from portal.core.display import record_url
from portal.core.home import LINES, HomeCard, Line, Waiting, list_url, register_card, short_day
from portal.core.masks import derived, told
from portal.delegations.models import Delegation, State


def _mine() -> list[Delegation]:
    """What the actor handed over and what was handed to him, running first; his own affair, whatever his role reads."""
    me = scope.actor().staff_id
    concerns_me = (Delegation.manager_id == me) | (Delegation.delegate_id == me)
    wanted = select(Delegation).where(
        concerns_me, Delegation.withdrawn_at.is_(None), Delegation.last_day >= calendar_date()
    )
    with scope.unscoped("one's own delegations"):
        rows = db.session.scalars(
            wanted.order_by(Delegation.first_day, Delegation.id).options(
                joinedload(Delegation.manager), joinedload(Delegation.delegate)
            )
        )
        return list(rows)


def _lines(rows: list[Delegation]) -> Iterator[Line]:
    me = scope.actor().staff_id
    for row in rows:
        taken = row.delegate_id == me
        other = row.manager if taken else row.delegate
        name = told(row, "manager" if taken else "delegate")
        words = gettext("You stand in for %(name)s", name=name)
        if not taken:
            words = gettext("%(name)s stands in for you", name=name)
        running = row.state is State.RUNNING
        last = derived(Delegation, ("last_day",), short_day(row.last_day))
        yield Line(
            words,
            f"{told(row, 'extent')} · {derived(Delegation, ('first_day',), short_day(row.first_day))} – {last}",
            gettext("until %(day)s", day=last) if running else told(row, "state"),
            record_url(other) if taken and running and scope.visible(other) else record_url(row) if not taken else "",
            "ok" if running else "",
        )


def standing_in() -> Waiting:
    """Those whom the actor stands in for, and those who stand in for him, today."""
    rows = [row for row in _mine() if row.state is State.RUNNING]
    lines = list(_lines(rows))[:LINES]
    return Waiting(lines, count=str(len(rows)) if rows else "", url=_list())


def own() -> Waiting:
    """The same with what is planned."""
    return Waiting(list(_lines(_mine())), url=_list())


def _list() -> str:
    return list_url("DelegationView", {}) if scope.actor().may("Delegation", "list") else ""


register_card(
    HomeCard(
        "delegations",
        _("Standing in"),
        "Delegation",
        "list",
        dict.fromkeys(roles.roles, 1),
        standing_in,
        _("Nobody stands in for anybody."),
        "fa-people-arrows",
        quiet=True,
    )
)
sections.register(
    "delegations",
    OwnSection(
        "delegations",
        _("Delegations"),
        own,
        _("When you are away, hand your rows and approvals to somebody for some days."),
        _("Delegations"),
    ),
)
