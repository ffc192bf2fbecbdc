"""Handing over for some days, and taking back."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import records, role_store, scope
from portal.core.clock import business_date, calendar_date, now
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.notifications import Message, notify, register_message
from portal.core.work import current_unit, verb
from portal.delegations import rules
from portal.delegations.models import Delegation, State
from portal.delegations.rules import Days, Person, Problem
from portal.organization.models import Staff
from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameters

MOST_DAYS, AT_ONCE = "delegations.days", "delegations.at_once"

declare(Known(MOST_DAYS, _("Longest delegation of rows and approvals"), "days", "90", HOUSE, confirmed=True))
declare(Known(AT_ONCE, _("People whom one may stand in for at the same time"), "number", "3", HOUSE, confirmed=True))

register_message(Message("delegations.taken", _("You stand in for %(giver)s from %(first)s to %(last)s."), "info"))
register_message(Message("delegations.given", _("%(taker)s stands in for you from %(first)s to %(last)s."), "info"))
register_message(Message("delegations.over", _("You no longer stand in for %(giver)s."), "info"))

WORDS = {
    Problem.TO_ONESELF: _("Nobody can stand in for himself."),
    Problem.TO_THE_AUTHOR: _("Somebody else has to enter this: nobody takes another's rows for himself."),
    Problem.NO_LOGIN: _("This person has no open login, so there is nothing to hand over."),
    Problem.DELEGATE_NO_LOGIN: _("This person has no open login and cannot stand in."),
    Problem.LEAVES: _("Whoever is away leaves before this day: use a staff move instead."),
    Problem.DELEGATE_LEAVES: _("This person leaves before the last day."),
    Problem.IN_THE_PAST: _("A delegation begins today or later: what was done before stays as it was done."),
    Problem.BACKWARDS: _("The last day is before the first."),
    Problem.TOO_LONG: _("At most %(days)s days, both included; for longer use a staff move."),
    Problem.TWICE: _("This person stands in on some of these days already."),
    Problem.TOO_MANY: _("On some of these days this person stands in for %(most)s people already, which is the most."),
}


@verb("delegations.add")
def hand_over(values: dict[str, Any]) -> Delegation:
    """A new delegation. InvalidValues by field; both persons are told."""
    _check(values)
    row: Delegation = records.add(Delegation, values)
    giver, taker = _staff(row.manager_id), _staff(row.delegate_id)
    unit = current_unit()
    unit.about(row)
    unit.note(first=row.first_day.isoformat(), last=row.last_day.isoformat(), extent=row.extent.value)
    role_store.changed()
    days = {"first": row.first_day.isoformat(), "last": row.last_day.isoformat()}
    notify([taker.user_id], "delegations.taken", "/account/", giver=str(giver), **days)
    if giver.user_id != scope.actor().user_id:
        notify([giver.user_id], "delegations.given", "/account/", taker=str(taker), **days)
    return row


@verb("delegations.withdraw")
def withdraw(delegation_id: int) -> Delegation:
    """End a delegation now, or call a planned one off. Refused when it is over."""
    row: Delegation = records.load(Delegation, delegation_id)
    if row.state not in (State.PLANNED, State.RUNNING):
        raise Refused(gettext("This delegation is over already."))
    _end(row)
    current_unit().about(row)
    return row


def end_all_of(staff_id: int) -> int:
    """End what somebody handed over and what was handed to him: he moves or leaves. Within a unit of work."""
    with scope.unscoped("delegations of somebody who moves or leaves"):
        rows = db.session.scalars(
            select(Delegation).where(
                (Delegation.manager_id == staff_id) | (Delegation.delegate_id == staff_id),
                Delegation.withdrawn_at.is_(None),
                Delegation.last_day >= calendar_date(),
            )
        ).all()
        for row in rows:
            _end(row)
    return len(rows)


def _end(row: Delegation) -> None:
    row.withdrawn_at = now()
    db.session.flush()
    role_store.changed()
    giver, taker = _staff(row.manager_id), _staff(row.delegate_id)
    notify([taker.user_id], "delegations.over", "/account/", giver=str(giver))


def _staff(staff_id: int) -> Staff:
    with scope.unscoped("whom a delegation is about"):
        return db.session.get_one(Staff, staff_id)


def _person(row: Staff) -> Person:
    return Person(row.id, row.user is not None and bool(row.user.is_active), row.left_on)


def _check(values: dict[str, Any]) -> None:
    wrong = records.problems(Delegation, values)
    if wrong:
        raise InvalidValues(wrong)
    giver: Any = db.session.get(Staff, values["manager"])
    taker: Any = db.session.get(Staff, values["delegate"])
    if not scope.actor().everything:
        with scope.doing("Delegation", "add"):
            if not scope.seen_by(Delegation, giver):
                raise InvalidValues({"manager": [gettext("You may hand over your own rows only.")]})
    limits = parameters((MOST_DAYS, AT_ONCE), business_date())
    most_days, at_once = int(limits[MOST_DAYS].value), int(limits[AT_ONCE].value)
    found = rules.problem(
        _person(giver),
        _person(taker),
        Days(giver.id, taker.id, values["first_day"], values["last_day"]),
        scope.actor().staff_id,
        calendar_date(),
        most_days,
        at_once,
        _to(taker.id),
    )
    if found is not None:
        words = str(WORDS[found]) % {"days": most_days, "most": at_once}
        raise InvalidValues({rules.FIELDS.get(found, "delegate"): [words]})


def _to(staff_id: int) -> list[Days]:
    """What was handed to somebody and is not over."""
    wanted = select(Delegation).where(
        Delegation.delegate_id == staff_id,
        Delegation.withdrawn_at.is_(None),
        Delegation.last_day >= calendar_date(),
    )
    with scope.unscoped("what somebody stands in for"):
        return [Days(r.manager_id, r.delegate_id, r.first_day, r.last_day) for r in db.session.scalars(wanted)]
