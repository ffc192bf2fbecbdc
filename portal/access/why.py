"""The facts behind a "why?": who is asked about, the row as the asker may see it, what covers its fields.

The screen never widens the asker's scope. A row is looked up as the asker, so one outside his area and one that does
not exist give the same answer; and a row whose owner is covered for him is not told by the verdict either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from portal.access import explaining, tables
from portal.access.explaining import Because, Person, Row, Source, Verdict
from portal.access.models import RoleVersion, VersionState
from portal.core import role_store, scope
from portal.core.accounts import lockout
from portal.core.actors import READING
from portal.core.db import db
from portal.core.fields import fields_of
from portal.core.masks import is_clear, mask_of
from portal.core.paging import key_of
from portal.core.role_store import CLEAR
from portal.core.roles import grants_of
from portal.core.scope import (
    ALL,
    BRANCH,
    NOBODY,
    NONE,
    SELF,
    TEAM,
    Actor,
    BranchOrCompany,
    Personal,
    Scoped,
    ScopedThrough,
    Shareable,
    StandIn,
)
from portal.core.security import actor_for
from portal.core.values import is_whole
from portal.organization.models import Branch, Staff, Team

NO_ROW = frozenset({"add", "import", "migrate"})
"""Actions that make rows: there is none to ask about."""
WRITES = frozenset({"edit", "delete"})
OWNERS = {BRANCH: ("branch",), TEAM: ("branch", "team"), SELF: ("branch", "manager")}
"""The references that a scope compares."""


@dataclass(frozen=True)
class Granting:
    """A role of the person and what it says to the action."""

    role: str
    label: str
    scope: str
    """NONE where the role does not grant it."""
    changed: RoleVersion | None = None
    """The version that made it so; None: as delivered."""


@dataclass(frozen=True)
class Answer:
    """A verdict with everything that its words need."""

    verdict: Verdict
    person: Person
    user: Any
    resource: str
    action: str
    roles: tuple[Granting, ...]
    locked: int = 0
    """Seconds for which the login cannot sign in, after wrong passwords."""
    row: Any = None
    """The row, if the asker sees it."""
    owner: Row | None = None
    parent: Any = None
    """The row whose owner counts, where it is not the row itself."""
    lender: StandIn | None = None
    """For whom the person stands in, where that decides."""
    places: dict[str, Any] = field(default_factory=dict)
    """branch, team, manager of the row; home, own_team of the person: as far as the asker may see them."""
    masks: tuple[tuple[str, str], ...] = ()
    """(field, mask) of the fields that the person is not shown in full."""


def answer(user: Any, view: Any, action: str, asked: str = "") -> Answer:
    """Why this login may or may not do `action` on a screen, to the record `asked` (its number or code) if given."""
    who = actor_for(user)
    person = person_of(user, who, view.resource, action)
    row: Any = None
    parent: Any = None
    owner: Row | None = None
    lender: StandIn | None = None
    if not asked or action in NO_ROW:
        verdict = explaining.of_task(person)
    else:
        row = _seen_by_asker(view, asked)
        parent = row if row is None or not isinstance(row, ScopedThrough) else _parent(row)
        if row is None:
            verdict = explaining.of_unseen(person, scope.actor().scope(view.resource, "show") == ALL)
        elif not _owner_told(row, parent, person.reach):
            verdict = explaining.of_unseen(person, all_seen=False)
        else:
            owner = owner_of(row, parent)
            verdict = explaining.of_row(person, owner, _writes(owner, action))
            if verdict.may is False and (lender := _handed_by(who, view.resource, action, owner)) is not None:
                verdict = Verdict(True, Because.STANDS_IN)
            if verdict.may and not _on_screen(view, row, who, action):
                verdict = Verdict(False, Because.SCREEN)
    return Answer(
        verdict,
        person,
        user,
        view.resource,
        action,
        _granting(user, view.resource, action),
        lockout.waiting(lockout.subject_of(user.id, "")),
        row,
        owner,
        parent if parent is not row else None,
        lender,
        _places(person, owner, parent if parent is not None else row),
        _masks(view, who),
    )


def person_of(user: Any, who: Actor, resource: str, action: str) -> Person:
    """The login as the rules see it."""
    names = tuple(sorted(role.name for role in user.roles))
    given = role_store.current().grants_with_source(names).get((resource, action), [])
    return Person(
        open=bool(user.is_active),
        left=who is NOBODY,
        user_id=user.id,
        staff_id=who.staff_id,
        home=who.home,
        branches=who.branches,
        teams=who.teams,
        whole=_is_whole(who),
        sources=tuple(Source(role, reach) for reach, role in given),
    )


def _handed_by(who: Actor, resource: str, action: str, owner: Row) -> StandIn | None:
    """Whose handing over opens the row: the person's own roles allow the action, and the other's reach the row."""
    if not who.may(resource, action):
        return None
    for other in who.standing_in:
        reach = other.scope(resource, action)
        place = Person(
            user_id=other.user_id,
            staff_id=other.staff_id,
            home=other.home,
            branches=other.branches,
            teams=other.teams,
            sources=(Source(other.name, reach),) if reach != NONE else (),
        )
        if explaining.of_row(place, owner, _writes(owner, action)).may:
            return other
    return None


def _writes(owner: Row, action: str) -> bool:
    """Whether the action changes the row, as its scope counts it."""
    return action not in READING if owner.kind == "companys" else action in WRITES


def _is_whole(who: Actor) -> bool:
    """Whether the person's branch is the head office."""
    with scope.unscoped("where the person stands"):
        return who.home != -1 and db.session.scalar(select(Branch.parent_id).where(Branch.id == who.home)) is None


def owner_of(row: Any, parent: Any = None) -> Row:
    """Whose a row is; `parent` is the row whose owner counts for one that is scoped through it."""
    if isinstance(row, ScopedThrough):
        return Row() if parent is None else owner_of(parent)
    if isinstance(row, Personal):
        shared = isinstance(row, Shareable)
        return Row(
            "shared" if shared else "personal",
            getattr(row, "branch_id", None),
            getattr(row, "team_id", None),
            owner=row.owner_id,
        )
    if not isinstance(row, Scoped):
        return Row("nobodys")
    held: Any = row
    companys = isinstance(row, BranchOrCompany) and held.branch_id is None
    return Row(
        "companys" if companys else "owned",
        *(getattr(held, name, None) for name in ("branch_id", "team_id", "manager_id")),
    )


# ---- the row, as the asker sees it -----------------------------------------------------------------------------------


def _seen_by_asker(view: Any, asked: str) -> Any:
    """The row by its number or code, if the asker may open it; None otherwise."""
    if not scope.actor().may(view.resource, "show"):
        return None
    with scope.doing(view.resource, "show"):
        statement = view.base_statement()
        known = fields_of(view.model)
        named = [name for name in ("code", "username") if name in known and is_clear(view.model, name)]
        for name in named:
            found = db.session.scalars(statement.where(getattr(view.model, name) == asked).limit(1)).first()
            if found is not None:
                return found
        if is_whole(asked) and len(asked) < 19:
            return db.session.scalars(statement.where(key_of(view.model) == int(asked))).first()
    return None


def _parent(row: Any) -> Any:
    """The row whose owner counts, if the asker may see it."""
    with scope.doing("", "list"):
        parent = db.session.get(row.scope_parent, getattr(row, row.scope_key) or 0)
    return _parent(parent) if isinstance(parent, ScopedThrough) else parent


def _owner_told(row: Any, parent: Any, reach: str) -> bool:
    """Whether the asker is shown what the verdict would tell him: the references that the scope compares."""
    if isinstance(row, ScopedThrough) and parent is None and reach in OWNERS:
        return False
    model = type(parent if isinstance(row, ScopedThrough) else row)
    return all(is_clear(model, name) for name in OWNERS.get(reach, ()))


def _on_screen(view: Any, row: Any, who: Actor, action: str) -> bool:
    """Whether the screen itself has the row for this person: some show only a part of their table."""
    key = getattr(row, key_of(view.model).key)
    with scope.acting(who, view.resource, action):
        statement = view.base_statement().where(key_of(view.model) == key).with_only_columns(key_of(view.model))
        return db.session.scalar(statement.order_by(None)) is not None


def _places(person: Person, owner: Row | None, owned: Any) -> dict[str, Any]:
    """The rows that the words name, as far as the asker may list them and is shown whose `owned` is."""
    wanted: dict[str, tuple[Any, int | None]] = {"home": (Branch, person.home)}
    wanted["own_team"] = (Team, next(iter(person.teams), None))
    if owner is not None:
        own = {"branch": (Branch, owner.branch), "team": (Team, owner.team), "manager": (Staff, owner.manager)}
        wanted |= {name: place for name, place in own.items() if is_clear(type(owned), name)}
    with scope.doing("", "list"):
        return {
            name: row
            for name, (model, key) in wanted.items()
            if key is not None and key != -1 and (row := db.session.get(model, key)) is not None
        }


# ---- roles and masks -------------------------------------------------------------------------------------------------


def _granting(user: Any, resource: str, action: str) -> tuple[Granting, ...]:
    """Every role of the login, the widest first."""
    found, in_force = [], role_store.current()
    for name in sorted(role.name for role in user.roles):
        role = in_force.roles.get(name)
        if role is None:
            continue
        reach = role.grants.get((resource, action), scope.NONE)
        delivered = grants_of(role.template).get((resource, action), scope.NONE) if role.template else scope.NONE
        changed = _changed_by(name, resource, action, reach) if reach != delivered else None
        found.append(Granting(name, str(role.label), reach, changed))
    return tuple(sorted(found, key=lambda one: -scope.WIDTH[one.scope]))


def _changed_by(name: str, resource: str, action: str, reach: str) -> RoleVersion | None:
    """The version since which a role says this: of those that were in force, the oldest in an unbroken line."""
    found: RoleVersion | None = None
    for version in tables.history(name):
        if version.state not in (VersionState.IN_FORCE, VersionState.SUPERSEDED):
            continue
        retired = bool(version.document.get("retired", False))
        said = version.document.get("grants", {}).get(resource, {}).get(action)
        if (scope.NONE if retired else said) != reach:
            break
        found = version
    return found


def _masks(view: Any, who: Actor) -> tuple[tuple[str, str], ...]:
    """How the person is shown the screen's fields, where it is not in full; what is hidden from the asker stays so."""
    if getattr(view, "model", None) is None or who is NOBODY:
        return ()
    shown = view.shown(fields_of(view.model))
    with scope.acting(who):
        masks = [(name, mask_of(view.model, known)) for name, known in fields_of(view.model).items() if name in shown]
    return tuple((name, mask) for name, mask in masks if mask != CLEAR)
