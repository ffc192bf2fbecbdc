"""Roles: what is in force as tables, and the verbs that change it: propose, approve, reject, withdraw.

A change is proposed by one person and decided by another, unless the parameter access.four_eyes is off. Each verb is a
unit of work with its audit entry; nothing of a refused one stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from flask_appbuilder.security.sqla.models import Role as Held
from flask_babel import gettext
from sqlalchemy import func, select

from portal.access import rules, tables
from portal.access.models import RoleVersion, VersionState
from portal.access.rules import Person, Problem, Table
from portal.core import role_store
from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import Forbidden, NotFound, Refused
from portal.core.notifications import notify
from portal.core.pinyin import TEXT, spelled
from portal.core.role_store import KEEPING, RoleCounter
from portal.core.scope import actor
from portal.core.work import current_unit, verb

log = structlog.get_logger("portal.access")

DECIDING = ("Role", "approve")
LONGEST_REASON = 400


# ---- what a change means ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What a change of a role does, and why it cannot be made, if so."""

    changes: tuple[rules.Change, ...]
    effects: tuple[rules.Effect, ...]
    holders: int
    problem: str = ""


def preview(name: str, table: Table) -> Preview:
    """What would change if the role were this table."""
    in_force = role_store.current()
    held = in_force.roles.get(name)
    before = tables.table_of(name) if held is not None else Table()
    now_granted: dict[str, Any] = {key: tables.offered(role.grants) for key, role in in_force.roles.items()}
    then_granted = {**now_granted, name: {} if table.retired else dict(table.grants)}
    logins = role_store.holders()
    people = [Person(tables.person_of(user), names) for user, names in logins]
    return Preview(
        rules.diff(before, table),
        rules.preview(people, now_granted, then_granted),
        sum(name in names for _user, names in logins),
        _problem(name, table, before, logins, now_granted, then_granted),
    )


def _problem(
    name: str, table: Table, before: Table, logins: Any, now_granted: Mapping[str, Any], then_granted: Mapping[str, Any]
) -> str:
    """Why a change cannot be made, in words; empty when it can."""
    try:
        rules.check(_new_in(table, tables.base_of(name, table.based_on)), tables.vocabulary())
    except Problem as problem:
        return words_of(problem)
    if table.retired and not before.retired and (count := sum(name in names for _user, names in logins)):
        return gettext("%(count)s people still have this role; give them another one first.", count=count)
    people = [Person(user.username, names) for user, names in logins]
    locked = rules.locks_out(people, now_granted, then_granted, KEEPING, DECIDING)
    return words_of(locked) if locked is not None else ""


def _new_in(table: Table, base: Mapping[tuple[str, str], str]) -> Table:
    """Without what the role is delivered with, which needs no check."""
    return replace(table, grants={task: scope for task, scope in table.grants.items() if base.get(task) != scope})


def words_of(problem: Problem) -> str:
    """A problem in the reader's language, with the words people know for resources and actions."""
    text = str(gettext(problem.message)) % dict(problem.arguments)
    return gettext("Line %(line)s: %(problem)s", line=problem.line, problem=text) if problem.line else text


# ---- verbs -----------------------------------------------------------------------------------------------------------


def free_name(label: str) -> str:
    """A name for a new role: how its label is spelled, with a number when that is taken."""
    _initials, spelling = spelled(label, TEXT)
    stem, number = (spelling or "role")[:40], 1
    taken = set(role_store.current().roles) | set(db.session.scalars(select(RoleVersion.role).distinct()))
    name = stem
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name


@verb("access.propose")
def propose(name: str, table: Table, reason: str, base_number: int) -> RoleVersion:
    """Propose that a role become this table; in force at once where no second person is needed.

    Refused when nothing changes, somebody else's change waits, the role was changed since `base_number`, or nobody
    could change roles any more.
    """
    held = role_store.current().roles.get(name)
    _may("edit" if held is not None else "add")
    _lock()
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise Refused(gettext("Say why: the reason stays in the role's history."))
    if held is None and not table.label.strip():
        raise Refused(gettext("A role needs a name."))
    _label_is_free(name, table.label)
    if any(row.role == name for row in tables.waiting()):
        raise Refused(gettext("A change of this role waits for a decision already."))
    if base_number != (held.number if held is not None else 0):
        raise Refused(gettext("Somebody else changed this role meanwhile. Look at it again."))
    seen = preview(name, table)
    if not seen.changes and held is not None:
        raise Refused(gettext("Nothing of the role changes."))
    _refuse(name, seen.problem)
    row = RoleVersion(
        role=name,
        number=(db.session.scalar(select(func.max(RoleVersion.number)).where(RoleVersion.role == name)) or 0) + 1,
        base_number=base_number,
        document=tables.document_of(name, table),
        state=VersionState.PROPOSED,
        reason=reason,
        proposed_by_id=actor().user_id,
        proposed_at=now(),
    )
    db.session.add(row)
    db.session.flush()
    _note(row, seen)
    if tables.four_eyes():
        others = [user.id for user in role_store.allowed(DECIDING) if user.id != actor().user_id]
        notify(others, "access.proposed", f"/roles/changes/{row.id}", role=name, label=table.label, who=actor().name)
    else:
        _put_in_force(row, table, "")
    return row


@verb("access.approve")
def approve(version_id: int, note: str = "") -> RoleVersion:
    """Let a proposed change come into force. Refused for one's own change, and for one that was overtaken."""
    _may("approve")
    row = _waiting(version_id)
    if tables.four_eyes() and row.proposed_by_id == actor().user_id:
        raise Refused(gettext("You proposed this change yourself: somebody else decides on it."))
    if tables.four_eyes() and actor().acts_for(row.proposed_by_id):
        raise Refused(gettext("You stand in for the person who proposed this change: somebody else decides on it."))
    held = role_store.current().roles.get(row.role)
    if row.base_number != (held.number if held is not None else 0):
        raise Refused(gettext("The role was changed since this was proposed. Reject it and propose it anew."))
    table = tables.table_from(row.role, row.document)
    seen = preview(row.role, table)
    _refuse(row.role, seen.problem)
    _note(row, seen)
    _put_in_force(row, table, note)
    notify([row.proposed_by_id], "access.approved", f"/roles/role/{row.role}", role=row.role, label=table.label)
    return row


@verb("access.reject")
def reject(version_id: int, note: str) -> RoleVersion:
    """Turn a proposed change down, saying why."""
    _may("approve")
    row = _waiting(version_id)
    if not note.strip():
        raise Refused(gettext("Say why: the reason stays in the role's history."))
    _decide(row, VersionState.REJECTED, note)
    label = row.document.get("label", "")
    notify([row.proposed_by_id], "access.rejected", f"/roles/changes/{row.id}", role=row.role, label=label)
    return row


@verb("access.withdraw")
def withdraw(version_id: int) -> RoleVersion:
    """Take one's own proposal back."""
    row = _waiting(version_id)
    if row.proposed_by_id != actor().user_id and not actor().everything:
        raise Refused(gettext("Only who proposed a change can take it back."))
    _decide(row, VersionState.WITHDRAWN, "")
    return row


def roll_back(name: str, number: int, reason: str) -> RoleVersion:
    """Propose that a role become what it was in an earlier version; 0 = as delivered."""
    held = role_store.current().roles.get(name)
    if held is None:
        raise NotFound(gettext("There is no role “%(name)s”.", name=name[:60]))
    if number == 0 and held.delivered:
        table = Table(grants=tables.base_of(name, ""))
    else:
        earlier = db.session.scalar(select(RoleVersion).where(RoleVersion.role == name, RoleVersion.number == number))
        if earlier is None:
            raise NotFound(gettext("There is no such change of a role."))
        table = tables.table_from(name, earlier.document)
    return propose(name, table, reason, held.number)


def _may(action: str) -> None:
    if not actor().may("Role", action):
        raise Forbidden()


def _lock() -> None:
    """One change of roles at a time, so that two of them cannot lock everybody out together."""
    db.session.scalar(select(RoleCounter.value).with_for_update())


def _waiting(version_id: int) -> RoleVersion:
    _lock()
    row = tables.version(version_id)
    if row.state is not VersionState.PROPOSED:
        raise Refused(gettext("This change was decided on already."))
    return row


def _label_is_free(name: str, label: str) -> None:
    """Two roles of one name would be mistaken for each other."""
    for other in role_store.current().roles.values():
        if other.name != name and label.strip() and str(other.label).casefold() == label.strip().casefold():
            raise Refused(gettext("There is a role of this name already."))


def _refuse(name: str, problem: str) -> None:
    if problem:
        log.warning("change of a role refused", role=name, problem=problem, actor=actor().name)
        raise Refused(problem)


def _decide(row: RoleVersion, state: VersionState, note: str) -> None:
    row.state, row.decided_by_id, row.decided_at = state, actor().user_id, now()
    row.decision_note = note.strip()[:LONGEST_REASON]
    db.session.flush()
    current_unit().about(row)
    current_unit().note(role=row.role, number=row.number, state=state.value)


def _put_in_force(row: RoleVersion, table: Table, note: str) -> None:
    before = tables.in_force(row.role)
    if before is not None:
        before.state = VersionState.SUPERSEDED
    _decide(row, VersionState.IN_FORCE, note)
    if db.session.scalar(select(Held.id).where(Held.name == row.role)) is None:
        db.session.add(Held(name=row.role))
    role_store.changed()


def _note(row: RoleVersion, seen: Preview) -> None:
    """For the audit trail: what changes, from what to what."""
    current_unit().about(row)
    current_unit().note(
        role=row.role,
        number=row.number,
        reason=row.reason,
        differences=[[change.what, *filter(None, change.key), change.before, change.after] for change in seen.changes],
        holders=seen.holders,
    )
