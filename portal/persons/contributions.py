"""What this area adds: words of the trail, the limit of reveals and its alert, requests that wait."""

from __future__ import annotations

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import scope, timeline
from portal.core.clock import business_date
from portal.core.db import db, label_of
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.notifications import Message, notify, register_message
from portal.core.reveal import BEYOND, REVEALED, Limits, register_limits
from portal.parameters.services import parameter
from portal.persons.models import PersonRequest, RequestState

LIMIT = "persons.reveals_per_day"
ALERT = "reveal_limit"
AUDIT = "audit"
"""The role that is told."""

timeline.call(REVEALED, _("A masked value was shown"))
timeline.call(BEYOND, _("A masked value was refused: the day's limit was reached"))
timeline.call("persons.erasure", _("Personal data erased on request"))
timeline.call("persons.erase", _("Personal data erased"))
timeline.call("persons.decide", _("Request decided"))
timeline.call("persons.copy_asked", _("Copy of the data asked for"))
timeline.call("persons.copy", _("Copy of the data made"))
timeline.call("persons.copy_taken", _("Copy of the data downloaded"))
timeline.call("persons.change_request", _("Request edited"))

register_message(Message(ALERT, _("%(who)s reached the limit of %(most)s masked values shown in a day"), "warn"))


def _a_day() -> int:
    return int(parameter(LIMIT, business_date()).value)


def _tell_audit() -> None:
    """Internal audit learns who wanted more than the limit."""
    auditors = db.session.scalars(select(User.id).join(User.roles).where(Role.name == AUDIT, User.active.is_(True)))
    notify(auditors.all(), ALERT, who=scope.actor().name, most=_a_day())


register_limits(Limits(_a_day, _tell_audit))


def waiting_requests() -> Waiting:
    """Requests that nobody has decided, the oldest first."""
    statement = select(PersonRequest).where(PersonRequest.state == RequestState.OPEN)
    statement = statement.order_by(PersonRequest.received_on).options(joinedload(PersonRequest.customer))
    found, count = waiting_rows(statement)
    lines = [
        Line(
            f"{label_of(row.kind)} · {row.customer}",
            gettext("received on %(day)s", day=row.received_on),
            url=record_url(row),
        )
        for (row,) in found
    ]
    return Waiting(lines, count=count, url=list_url("PersonRequestView", {"f.state.in": RequestState.OPEN.value}))


register_card(
    HomeCard(
        "requests_of_persons",
        _("Requests about personal data"),
        "PersonRequest",
        "run",
        {"compliance": 25},
        waiting_requests,
        _("Nobody waits for an answer about personal data."),
        "fa-user-secret",
    )
)
