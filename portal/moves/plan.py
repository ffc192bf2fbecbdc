"""What a move will do, before it does it: the place after it, the roles that end and begin, who takes over what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import scope
from portal.core.db import db
from portal.core.role_store import KEEPING, current
from portal.moves import rules
from portal.moves.models import MoveState, StaffMove
from portal.moves.rules import Problem, Successor, Where
from portal.organization.holdings import Amount, Holding, amounts
from portal.organization.models import Staff, Team

WORDS = {
    Problem.MISSING: _("Somebody has to take this over."),
    Problem.HIMSELF: _("This is the person who moves."),
    Problem.LEFT: _("This person has left or leaves before the move."),
    Problem.MOVES: _("This person moves, too, by that day."),
}


@dataclass(frozen=True)
class Line:
    """One kind of what the person looks after."""

    holding: Holding
    amount: Amount
    successor: Staff | None
    problem: Problem | None
    moved: int | None = None
    """How many went over, once it is done."""

    @property
    def words(self) -> str:
        return str(WORDS[self.problem]) if self.problem is not None else ""


@dataclass(frozen=True)
class Plan:
    """A move as it would be carried out now."""

    lines: Sequence[Line]
    hands_over: bool
    """Whether everything has to go to others."""
    roles_before: Sequence[str]
    roles_after: Sequence[str]

    @property
    def ends(self) -> Sequence[str]:
        return rules.differences(self.roles_before, self.roles_after)[0]

    @property
    def begins(self) -> Sequence[str]:
        return rules.differences(self.roles_before, self.roles_after)[1]

    @property
    def problems(self) -> Sequence[Line]:
        return [line for line in self.lines if line.problem is not None]

    @property
    def gives_keeping_of_roles(self) -> bool:
        """Whether somebody gets a role that changes roles: only who gives roles decides on that."""
        in_force = current().roles
        return any(KEEPING in in_force[name].grants for name in self.begins if name in in_force)


def where_to(move: StaffMove, person: Staff) -> Where | None:
    """The branch and team afterwards; None for who leaves. Within the branch the team stays unless another is named."""
    if move.leaves:
        return None
    branch = move.to_branch_id
    if branch is None and move.to_team_id is not None:
        with scope.unscoped("the branch of a team"):
            branch = db.session.get_one(Team, move.to_team_id).branch_id
    branch = branch or person.branch_id
    stays = branch == person.branch_id and move.to_team_id is None
    return Where(branch, person.team_id if stays else move.to_team_id)


def person_of(move: StaffMove) -> Staff:
    """Who moves, whether the reader may list staff or not: the move names him."""
    with scope.unscoped("who moves"):
        return db.session.get_one(Staff, move.manager_id)


def plan_of(move: StaffMove) -> Plan:
    """The move as things stand now."""
    person = person_of(move)
    new_post = None if move.leaves else (move.to_post or person.post).value
    hands_over = rules.must_hand_over(
        Where(person.branch_id, person.team_id), where_to(move, person), person.post.value, new_post
    )
    before = sorted(role.name for role in person.user.roles) if person.user is not None else []
    chosen = move.roles_after
    after = rules.roles_after(before, person.post.value, new_post) if chosen is None else sorted(chosen)
    done = move.state is MoveState.DONE
    return Plan(
        () if done else tuple(_lines(move, hands_over)), hands_over, before, after if person.user is not None else []
    )


def _lines(move: StaffMove, hands_over: bool) -> list[Line]:
    chosen = {row.kind: row for row in successors_of(move)}
    found = []
    for holding, amount in amounts(move.manager_id):
        row = chosen.get(holding.key)
        taker = _staff(row.successor_id) if row is not None else None
        problem = rules.successor_problem(
            move.manager_id, move.on_day, _successor(taker), needed=hands_over and amount.count > 0
        )
        found.append(Line(holding, amount, taker, problem))
    return found


def successors_of(move: StaffMove) -> Sequence[Any]:
    """The successors that were named, whoever reads."""
    with scope.unscoped("who takes over"):
        return list(move.successors)


def _staff(staff_id: int) -> Staff:
    with scope.unscoped("who takes over"):
        return db.session.get_one(Staff, staff_id)


def _successor(taker: Staff | None) -> Successor | None:
    if taker is None:
        return None
    return Successor(taker.id, taker.left_on, moves_on(taker.id))


def moves_on(staff_id: int) -> dt.date | None:
    """The first day of a confirmed move that takes somebody elsewhere."""
    wanted = select(StaffMove.on_day).where(
        StaffMove.manager_id == staff_id,
        StaffMove.state == MoveState.CONFIRMED,
        StaffMove.leaves.is_(True) | StaffMove.to_branch_id.is_not(None) | StaffMove.to_team_id.is_not(None),
    )
    with scope.unscoped("whether somebody moves, too"):
        return db.session.scalar(wanted.order_by(StaffMove.on_day).limit(1))
