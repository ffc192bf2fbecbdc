"""Which delegations run today, and what they add to the actor: asked for in every request, paid for by delegates only.

All that have not ended are held in each process, at one count of the counter of roles, which every request reads
anyway: whoever has nothing to stand in for costs no statement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import current_app
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core import role_store
from portal.core.clock import calendar_date
from portal.core.db import db
from portal.core.scope import Actor, StandIn, unscoped
from portal.core.security import own_actor, register_handed_over
from portal.delegations import rules
from portal.delegations.models import Delegation
from portal.organization.models import Staff


@dataclass(frozen=True)
class Held:
    """What counts of a delegation."""

    id: int
    giver_login: int
    first: dt.date
    last: dt.date
    extent: rules.Extent


def _held() -> Mapping[int, Sequence[Held]]:
    """Delegate (staff) -> the delegations to him that were not withdrawn and not over when they were read."""
    counter = role_store.current().counter
    known: tuple[int, dict[int, list[Held]]] | None = current_app.extensions.get("delegations")
    if known is not None and known[0] == counter:
        return known[1]
    found: dict[int, list[Held]] = {}
    with unscoped("which delegations run"):
        rows = db.session.execute(
            select(Delegation, Staff.user_id)
            .join(Staff, Staff.id == Delegation.manager_id)
            .where(Delegation.withdrawn_at.is_(None), Delegation.last_day >= calendar_date())
            .order_by(Delegation.id)
        )
        for row, user_id in rows:
            if user_id is not None:
                extent = rules.Extent(row.extent.value)
                held = Held(row.id, user_id, row.first_day, row.last_day, extent)
                found.setdefault(row.delegate_id, []).append(held)
    if db.session().info.get("unit_of_work") is None:  # within one, the count may be undone and given again
        current_app.extensions["delegations"] = (counter, found)
    return found


@register_handed_over
def with_handed_over(who: Actor) -> Actor:
    """The actor with everybody he stands in for today."""
    today = calendar_date()
    mine = [held for held in _held().get(who.staff_id, ()) if held.first <= today <= held.last]
    found = [one for held in mine if (one := _stand_in(held)) is not None]
    return replace(who, standing_in=tuple(found)) if found else who


def _stand_in(held: Held) -> StandIn | None:
    """Somebody as he stands now; nobody when his login is closed or he has left. What he stands in for stays behind."""
    with unscoped("load whom the actor stands in for"):
        user = db.session.get(User, held.giver_login)
        if user is None or not user.is_active:
            return None
        giver = own_actor(user)
    if giver.user_id is None:
        return None
    return StandIn(
        delegation_id=held.id,
        name=giver.name,
        user_id=giver.user_id,
        staff_id=giver.staff_id,
        home=giver.home,
        branches=giver.branches,
        teams=giver.teams,
        until=held.last,
        grants=rules.handed(giver.grants, held.extent),
    )
