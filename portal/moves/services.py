"""Moves from entry to the day they count: entered, arranged, confirmed by a second person, carried out whole or not."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.access.tables import four_eyes
from portal.core import records, role_store, scope
from portal.core.accounts import sessions
from portal.core.clock import business_date, now
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, PortalError, Refused
from portal.core.notifications import Message, notify, register_message
from portal.core.scope import SYSTEM, acting, actor
from portal.core.security import own_actor
from portal.core.wording import for_reader, in_every_language
from portal.core.work import current_unit, unit_of_work, verb
from portal.delegations.services import end_all_of
from portal.moves import rules
from portal.moves.models import MoveState, MoveSuccessor, StaffMove
from portal.moves.plan import WORDS, Plan, person_of, plan_of, where_to
from portal.organization import users
from portal.organization.models import Post, Staff, Team

log = structlog.get_logger("portal.moves")

register_message(Message("moves.done", _("Your new post counts from today."), "info"))
register_message(Message("moves.taken_over", _("You took over from %(person)s: see your lists."), "info"))
register_message(Message("moves.to_confirm", _("A staff move of %(person)s waits to be confirmed."), "info"))


def _stuck(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "why": for_reader(arguments["why"])}


register_message(
    Message("moves.stuck", _("The staff move of %(person)s was not carried out. %(why)s"), "danger", words=_stuck)
)


# ---- entering --------------------------------------------------------------------------------------------------------


@verb("moves.add")
def add(values: dict[str, Any]) -> StaffMove:
    """Enter a move. InvalidValues by field."""
    _raise(records.problems(StaffMove, values))
    person: Any = db.session.get(Staff, values["manager"])
    if not actor().everything:
        with scope.doing("StaffMove", "add"):
            if not scope.seen_by(StaffMove, person):
                raise InvalidValues({"manager": [gettext("This person does not belong to your area.")]})
    move = StaffMove(
        manager_id=person.id,
        branch_id=person.branch_id,
        team_id=person.team_id,
        from_post=person.post,
        from_level=person.level,
        state=MoveState.OPEN,
        entered_by_id=actor().user_id,
    )
    with db.session.no_autoflush:
        records.assign(move, {name: value for name, value in values.items() if value is not None})
    db.session.add(move)
    _check(move, person)
    db.session.flush()
    _ask(move)
    current_unit().about(move)
    return move


@verb("moves.change")
def change(move_id: int, values: dict[str, Any], version_seen: int | None = None) -> StaffMove:
    """Change a move before its day; what was confirmed has to be confirmed anew. Nothing given changes nothing."""
    move: StaffMove = records.load(StaffMove, move_id)
    if not values:
        return move
    _raise(records.problems(StaffMove, values, move, partial=True))
    _pending(move_id)
    records.change(StaffMove, move_id, values, version_seen)
    _check(move, person_of(move))
    _reopen(move)
    return move


@verb("moves.arrange")
def arrange(move_id: int, successors: Mapping[str, int | None], roles: Sequence[str] | None) -> StaffMove:
    """Say who takes over what and which roles the login has afterwards (None = by the post)."""
    move = _pending(move_id)
    known = {line.holding.key for line in plan_of(move).lines}
    wrong = {
        kind: [gettext("There is no such record within your area of responsibility.")]
        for kind, number in successors.items()
        if kind not in known or (number is not None and db.session.get(Staff, number) is None)
    }
    _raise(wrong)
    if roles is not None:
        allowed = set(choices_of_roles(move))
        if not set(roles) <= allowed:
            raise Forbidden(gettext("Only who gives roles to logins may choose these roles."))
        move.roles_after = sorted(roles)
    else:
        move.roles_after = None
    with scope.unscoped("who takes over"):
        held = {row.kind: row for row in move.successors}
        for kind, number in successors.items():
            if number is None:
                if kind in held:
                    move.successors.remove(held[kind])
            elif kind in held:
                held[kind].successor_id = number
            else:
                move.successors.append(MoveSuccessor(kind=kind, successor_id=number))
        db.session.flush()
        db.session.expire(move, ["successors"])
    wrong = {line.holding.key: [line.words] for line in plan_of(move).problems if line.successor is not None}
    _raise(wrong)
    _reopen(move)
    _ask(move)
    current_unit().about(move)
    current_unit().note(successors={k: n for k, n in successors.items() if n is not None}, roles=list(roles or ()))
    return move


def choices_of_roles(move: StaffMove) -> list[str]:
    """The roles that the actor may let the login have afterwards: what it has and what comes with the post; who gives
    roles to logins, all."""
    in_force = role_store.current().roles
    if actor().everything or actor().may("User", "edit"):
        return [name for name, role in in_force.items() if not role.retired]
    person = person_of(move)
    held = {role.name for role in person.user.roles} if person.user is not None else set()
    post = None if move.leaves else (move.to_post or person.post)
    wanted = held | ({rules.ROLE_OF_POST[post.value]} if post is not None else set())
    return [name for name in in_force if name in wanted]


def _pending(move_id: int) -> StaffMove:
    move: StaffMove = records.load(StaffMove, move_id)
    if not move.is_pending:
        raise Refused(gettext("This move is over; enter a new one."))
    return move


def _reopen(move: StaffMove) -> None:
    move.state, move.decided_by_id, move.decided_at, move.problem = MoveState.OPEN, None, None, None
    db.session.flush()


def _ask(move: StaffMove) -> None:
    """Tell those who confirm, once nothing is missing any more."""
    if not plan_of(move).problems:
        others = [user.id for user in role_store.allowed(("StaffMove", "approve")) if user.id != actor().user_id]
        link = f"/staffmoveview/show/{move.id}"
        notify(others, "moves.to_confirm", link, person=str(person_of(move)))


def _raise(wrong: Mapping[str, list[Any]]) -> None:
    if wrong:
        raise InvalidValues(dict(wrong))


def _check(move: StaffMove, person: Staff) -> None:
    """What contradicts the person's record, or another move."""
    with db.session.no_autoflush:
        if person.left_on is not None:
            raise InvalidValues({"manager": [gettext("This person has left already, or the leaving date is set.")]})
        if person.joined_on is not None and move.on_day <= person.joined_on:
            raise InvalidValues({"on_day": [gettext("The person joined on %(day)s.", day=person.joined_on)]})
        if move.to_team_id is not None and move.to_branch_id is not None:
            team = db.session.get(Team, move.to_team_id)
            if team is not None and team.branch_id != move.to_branch_id:
                raise InvalidValues({"to_team": [gettext("This team does not belong to the branch.")]})
        with scope.unscoped("whether another move is planned"):
            others = select(StaffMove.id).where(
                StaffMove.manager_id == person.id,
                StaffMove.state.in_((MoveState.OPEN, MoveState.CONFIRMED)),
                StaffMove.id != (move.id or -1),
            )
            if db.session.scalar(others.limit(1)) is not None:
                raise InvalidValues(
                    {"manager": [gettext("A move of this person is planned already: change that one.")]}
                )
    post = move.to_post or person.post
    if move.to_level is not None and post is not Post.CUSTOMER_MANAGER:
        raise InvalidValues({"to_level": [gettext("Levels are for customer managers only.")]})
    place = where_to(move, person)
    same = place is not None and (place.branch, place.team) == (person.branch_id, person.team_id)
    if same and post is person.post and (move.to_level or person.level) is person.level:
        raise InvalidValues({"to_post": [gettext("Nothing changes: this is what the person is already.")]})


# ---- deciding --------------------------------------------------------------------------------------------------------


@verb("moves.confirm")
def confirm(move_id: int) -> StaffMove:
    """Let a move come about on its day. Refused for one's own, and while somebody is missing who takes over."""
    move = _pending(move_id)
    if move.state is MoveState.CONFIRMED:
        raise Refused(gettext("This move is confirmed already."))
    person, plan = person_of(move), plan_of(move)
    if actor().acts_for(person.user_id):
        raise Refused(gettext("Nobody confirms a move of his own or of whom he stands in for."))
    if four_eyes() and actor().acts_for(move.entered_by_id):
        raise Refused(gettext("You entered this move: somebody else confirms it."))
    if plan.gives_keeping_of_roles and not (actor().everything or actor().may("User", "edit")):
        raise Forbidden(gettext("With this move the person could change roles: an administrator has to confirm it."))
    _refuse_unsettled(plan)
    move.state, move.decided_by_id, move.decided_at = MoveState.CONFIRMED, actor().user_id, now()
    move.problem = None
    db.session.flush()
    current_unit().about(move)
    return move


@verb("moves.withdraw")
def withdraw(move_id: int) -> StaffMove:
    """Call a move off before it is carried out."""
    move = _pending(move_id)
    move.state = MoveState.WITHDRAWN
    db.session.flush()
    current_unit().about(move)
    return move


def _refuse_unsettled(plan: Plan) -> None:
    if plan.problems:
        told = [_("%(what)s: %(why)s", what=p.holding.label, why=WORDS[p.problem]) for p in plan.problems if p.problem]
        raise Refused(functools.reduce(lambda one, more: _("%(one)s; %(more)s", one=one, more=more), told))


# ---- the day ---------------------------------------------------------------------------------------------------------


@verb("moves.carry_out")
def carry_out(move_id: int) -> StaffMove:
    """All of it in one unit of work: rows to their successors, staff record, roles, sessions, delegations.

    Refused before its day, when it is not confirmed, when a successor cannot take over any more, and when nobody could
    change roles afterwards; then nothing of it stays.
    """
    move = _pending(move_id)
    if move.state is not MoveState.CONFIRMED:
        raise Refused(_("This move has to be confirmed first."))
    if move.on_day > business_date():
        raise Refused(gettext("This move counts from %(day)s; until then nothing changes.", day=move.on_day))
    unit, who = current_unit(), actor()
    with acting(SYSTEM):  # who may move people need not see their customers
        facts = _do(move)
        move.state, move.done_at, move.problem = MoveState.DONE, now(), None
        person = person_of(move)
        notify([person.user_id], "moves.done", "/")
        takers = {row.successor_id: row.successor.user_id for row in move.successors if row.moved}
        notify(takers.values(), "moves.taken_over", "/", person=str(person))
        db.session.flush()
    unit.about(move)
    unit.note(**facts, decided_by=move.decided_by_id, carried_out_by=who.name)
    return move


def _do(move: StaffMove) -> dict[str, Any]:
    person, plan = person_of(move), plan_of(move)
    _refuse_unsettled(plan)
    move.branch_id, move.team_id = person.branch_id, person.team_id
    move.from_post, move.from_level = person.post, person.level
    successors = {row.kind: row for row in move.successors}
    handed = {}
    for line in plan.lines:
        if line.successor is not None:
            handed[line.holding.key] = line.holding.hand_over(person.id, line.successor)
            successors[line.holding.key].moved = handed[line.holding.key]
    records.change(Staff, person.id, _staff_values(move, person))
    delegations = end_all_of(person.id)
    ended = 0
    if person.user is not None:
        if plan.ends or plan.begins:
            users.set_roles(person.user.username, list(plan.roles_after))
        ended = sessions.end(person.user.id, sessions.End.CLOSED if move.leaves else sessions.End.MOVED)
    return {
        "person": person.id,
        "handed_over": handed,
        "successors": {kind: row.successor_id for kind, row in successors.items()},
        "roles": [list(plan.roles_before), list(plan.roles_after)],
        "delegations_ended": delegations,
        "sessions": ended,
    }


def _staff_values(move: StaffMove, person: Staff) -> dict[str, Any]:
    place = where_to(move, person)
    if place is None:
        return {"left_on": rules.last_at_work(move.on_day)}
    post = move.to_post or person.post
    level = (move.to_level or person.level) if post is Post.CUSTOMER_MANAGER else None
    return {"branch": place.branch, "team": place.team, "post": post, "level": level}


def run_due() -> tuple[int, int]:
    """Carry out every confirmed move whose day has come, one by one; (done, stuck). HR and the branch head are told of
    those that could not be."""
    wanted = select(StaffMove.id).where(StaffMove.state == MoveState.CONFIRMED, StaffMove.on_day <= business_date())
    done = stuck = 0
    for move_id in db.session.scalars(wanted.order_by(StaffMove.on_day, StaffMove.id)).all():
        try:
            carry_out(move_id)
            done += 1
        except PortalError as error:
            refusal = error
            log.warning("staff move not carried out", move=move_id)
            _tell_stuck(move_id, in_every_language(lambda: refusal))  # noqa: B023 - said at once
            stuck += 1
    return done, stuck


def _tell_stuck(move_id: int, why: dict[str, str]) -> None:
    with unit_of_work("moves.stuck") as unit:
        move = db.session.get_one(StaffMove, move_id)
        move.problem = why
        db.session.flush()
        link = f"/staffmoveview/show/{move_id}"
        notify(_concerned(move), "moves.stuck", link, person=str(person_of(move)), why=why)
        unit.about(move)
        unit.note(why=why["en"])


def _concerned(move: StaffMove) -> list[int]:
    """The logins of those who keep moves of this person: HR, administrators, the branch head."""
    found = []
    for user in role_store.allowed(("StaffMove", "edit")):
        with acting(own_actor(user), "StaffMove", "edit"):
            if actor().user_id is not None and scope.visible(move):
                found.append(user.id)
    return found


def named(staff_id: int | None) -> Staff | None:
    """Somebody whom the actor sees, for a form that names him."""
    return db.session.get(Staff, staff_id) if staff_id is not None else None
