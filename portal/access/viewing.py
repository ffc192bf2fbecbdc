"""Beginning to view the portal as a login or as a role at a place: who may, whom, for how long, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core import role_store, view_as
from portal.core.accounts import sessions
from portal.core.accounts.viewings import Viewing
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, NotFound, Refused
from portal.core.scope import NOBODY, actor
from portal.core.security import actor_for
from portal.core.values import tidy
from portal.organization.models import Branch, Team
from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameter

MINUTES = "access.view_as_minutes"
SHORTEST_REASON, LONGEST_REASON = 3, 400

declare(Known(MINUTES, _("Viewing as somebody else lasts at most (minutes)"), "times", "30", HOUSE, confirmed=True))


def minutes() -> int:
    """How long a viewing lasts at most."""
    return int(parameter(MINUTES, business_date()).text)


def as_login(user_id: int, reason: str) -> Viewing:
    """See the portal as a login does. Without a reason InvalidValues; Refused for oneself and who is not let in."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(gettext("There is no such login."))
    if user.id == actor().user_id:
        raise Refused(gettext("This is your own login: you see the portal as yourself already."))
    if not user.is_active or actor_for(user) is NOBODY:
        raise Refused(gettext("This login is closed or its person has left: it sees nothing."))
    return _begin({"login": user.username}, reason, viewed_id=user.id)


def as_role(name: str, place: str, reason: str) -> Viewing:
    """See the portal as somebody with only this role would at a place (`b<branch>` or `t<team>`)."""
    role = role_store.known(name)
    if role is None:
        raise NotFound(gettext("There is no role “%(name)s”.", name=name[:60]))
    wrong = _wrong_reason(reason)
    offered = {key: (words, branch_id, team_id) for key, words, branch_id, team_id, _depth in places()}
    if place not in offered:
        wrong["place"] = [gettext("Choose where somebody with this role works.")]
    if wrong:
        raise InvalidValues(wrong)
    words, branch_id, team_id = offered[place]
    return _begin(
        {"role": name, "place": words}, reason, role=name, branch_id=branch_id, team_id=team_id, place=words[:250]
    )


def places() -> Sequence[tuple[str, str, int, int | None, int]]:
    """(key, words, branch, team, depth) of every place the asker may know: each branch, below it its teams."""
    teams: dict[int, list[Team]] = {}
    for team in db.session.scalars(select(Team).options(joinedload(Team.branch)).order_by(Team.code)):
        teams.setdefault(team.branch_id, []).append(team)
    found: list[tuple[str, str, int, int | None, int]] = []
    for branch in db.session.scalars(select(Branch).order_by(Branch.code)):
        found.append((f"b{branch.id}", str(branch), branch.id, None, 0))
        found += [(f"t{t.id}", f"{branch} · {t}", branch.id, t.id, 1) for t in teams.get(branch.id, ())]
    return found


def _wrong_reason(reason: str) -> dict[str, list[Any]]:
    if len(reason) < SHORTEST_REASON:
        return {"reason": [gettext("Please give a reason.")]}
    if len(reason) > LONGEST_REASON:
        told = gettext("At most %(most)s characters; this has %(have)s.", most=LONGEST_REASON, have=len(reason))
        return {"reason": [told]}
    return {}


def _begin(facts: dict[str, Any], reason: str, **what: Any) -> Viewing:
    reason, session_id, moment, lasts = tidy(reason).strip(), sessions.current_id(), now(), minutes()
    if not actor().may(*view_as.RIGHT):
        raise Forbidden(gettext("Your roles do not let you view the portal as others."))
    if session_id is None:
        raise Refused(gettext("Viewing as others needs a session in a browser."))
    if wrong := _wrong_reason(reason):
        raise InvalidValues(wrong)
    row = Viewing(
        session_id=session_id, reason=reason, began_at=moment, ends_at=moment + dt.timedelta(minutes=lasts), **what
    )
    view_as.begin(row, {**facts, "reason": reason, "minutes": lasts})
    return row
