"""What access adds to home pages and notifications: changes of roles that wait for a decision."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.access.tables import person_of, waiting
from portal.access.words import label_of_role
from portal.core import timeline
from portal.core.home import LINES, HomeCard, Line, Waiting, register_card
from portal.core.notifications import Message, register_message
from portal.core.scope import actor
from portal.core.values import CHINA

timeline.call("view_as.start", _("Somebody began to view the portal as this login"))
timeline.call("view_as.stop", _("Viewing as this login ended"))
timeline.call("view_as.seen", None)  # the auditors' business, not that of whoever may open the record


def proposals() -> Waiting:
    """Proposed changes, the oldest first."""
    found = waiting()
    lines = [
        Line(
            label_of_role(row.role, row.document.get("label", "")),
            f"{person_of(row.proposed_by)} · {row.proposed_at.astimezone(CHINA):%Y-%m-%d %H:%M} · {row.reason}",
            gettext("your own") if row.proposed_by_id == actor().user_id else gettext("decide"),
            url_for("RoleView.change", pk=row.id),
            "" if row.proposed_by_id == actor().user_id else "info",
        )
        for row in found
    ]
    return Waiting(lines[:LINES], count=str(len(found)) if found else "", url=url_for("RoleView.list"))


register_card(
    HomeCard(
        "role_changes",
        _("Changes of roles to decide on"),
        "Role",
        "list",
        {"administrator": 5, "compliance": 15},
        proposals,
        _("No change of a role waits for a decision."),
        "fa-user-shield",
    )
)


def _named(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "role": label_of_role(arguments["role"], arguments.get("label", ""))}


register_message(
    Message("access.proposed", _("%(who)s proposes a change of the role “%(role)s”."), "info", words=_named)
)
register_message(Message("access.approved", _("Your change of the role “%(role)s” is in force."), "ok", words=_named))
register_message(
    Message("access.rejected", _("Your change of the role “%(role)s” was rejected."), "warn", words=_named)
)
