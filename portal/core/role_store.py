"""Roles in force: the table in code, and over it what administrators decided.

The database holds only differences, so what an upgrade adds to the table reaches every role. Each process keeps the
roles until the counter, read once in each request, says that something was decided since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import current_app, g, has_request_context
from flask_appbuilder.security.sqla.models import Role as Held
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Model, db
from portal.core.errors import Refused
from portal.core.registry import RegistryError
from portal.core.roles import ACTIONS, grants_of, merged, reaches, roles
from portal.core.scope import NONE, SCOPES, WIDTH

log = structlog.get_logger("portal.roles")

KEEPING = ("Role", "edit")
"""Whoever may do this keeps the roles; somebody always can."""

CLEAR, MASKED, HIDDEN = "clear", "masked", "hidden"
MASKS = (CLEAR, MASKED, HIDDEN)
"""How much of a field a role shows, from most to least."""

Task = tuple[str, str]
"""(resource, action)."""
FieldOf = tuple[str, str]
"""(resource, field)."""


class RoleCounter(Model):
    """One row: how often roles were changed. Every process compares it with what it holds."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    value: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True)
class Difference:
    """What administrators made of a role: only where it differs from the delivered role that it is or is based on."""

    number: int
    label: str = ""
    description: str = ""
    based_on: str = ""
    retired: bool = False
    grants: Mapping[Task, str] = field(default_factory=dict)
    masks: Mapping[FieldOf, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EffectiveRole:
    """A role as it is now."""

    name: str
    label: Any
    description: Any
    template: str
    """The delivered role that it is or is based on; empty for one made from nothing."""
    number: int = 0
    """Of the version in force; 0 = as delivered."""
    retired: bool = False
    grants: Mapping[Task, str] = field(default_factory=dict)
    masks: Mapping[FieldOf, str] = field(default_factory=dict)

    @property
    def delivered(self) -> bool:
        """Comes with the portal, so it cannot be retired."""
        return self.name in roles


class RolesInForce:
    """Every role at one count of the counter."""

    def __init__(self, counter: int, differences: Mapping[str, Difference]) -> None:
        self.counter = counter
        names = [*roles, *(name for name in differences if name not in roles)]
        self.roles = {name: effective(name, differences.get(name, Difference(0))) for name in names}

    def _of(self, names: Iterable[str]) -> list[EffectiveRole]:
        return [self.roles[name] for name in names if name in self.roles]

    def widest(self, names: Iterable[str]) -> dict[Task, str]:
        """What several roles allow together."""
        return merged(role.grants for role in self._of(names))

    def grants_with_source(self, names: Iterable[str]) -> dict[Task, list[tuple[str, str]]]:
        """(scope, role) of every role that grants a task, the widest first."""
        found: dict[Task, list[tuple[str, str]]] = {}
        for role in self._of(names):
            for task, scope in role.grants.items():
                if scope != NONE:
                    found.setdefault(task, []).append((scope, role.name))
        return {task: sorted(given, key=lambda pair: -WIDTH[pair[0]]) for task, given in found.items()}

    def templates(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(role.template for role in self._of(names) if role.template))

    def masks(self, names: Iterable[str]) -> dict[FieldOf, str]:
        """What several roles leave covered together: what each of those that open the resource covers."""
        held = self._of(names)
        opened = {resource for role in held for (resource, _action), s in role.grants.items() if s != NONE}
        asked = {key for role in held for key in role.masks}
        found = {}
        for key in asked:
            concerned = [r for r in held if key[0] not in opened or any(k[0] == key[0] for k in r.grants)]
            # A role that says nothing shows the field as it is by default: masked at most, and then `hidden` falls.
            given = [role.masks.get(key) for role in concerned]
            if None not in given:
                found[key] = min((mask for mask in given if mask), key=MASKS.index)
        return found


def effective(name: str, difference: Difference) -> EffectiveRole:
    """A role from its delivered table and what was decided over it. What the code no longer knows is passed over."""
    template = name if name in roles else difference.based_on if difference.based_on in roles else ""
    delivered = roles.get(template)
    grants = {} if difference.retired else dict(grants_of(template))
    for (resource, action), scope in difference.grants.items():
        if difference.retired or action not in ACTIONS or scope not in SCOPES or not reaches(resource, scope):
            continue
        grants[resource, action] = scope
    own = delivered if name in roles else None
    return EffectiveRole(
        name=name,
        label=difference.label or (own.label if own else name),
        description=difference.description or (own.description if own else ""),
        template=template,
        number=difference.number,
        retired=difference.retired,
        grants={task: scope for task, scope in grants.items() if scope != NONE},
        masks={key: mask for key, mask in difference.masks.items() if mask in MASKS},
    )


_differences: list[Callable[[], Mapping[str, Difference]]] = []


def register_differences(function: Callable[[], Mapping[str, Difference]]) -> Callable[[], Mapping[str, Difference]]:
    """Who reads the differences in force from the database."""
    _differences[:] = [function]
    return function


def counter_column() -> ScalarSelect[int]:
    """The counter as a column of another statement."""
    return select(RoleCounter.value).scalar_subquery()


def counted(value: int | None) -> None:
    """What another statement of this request read: the roles in force need not ask again."""
    if has_request_context():
        g.roles_counter = value or 0


def current() -> RolesInForce:
    """The roles in force. At most one small statement in each request."""
    if has_request_context() and "roles_in_force" in g:
        return g.roles_in_force  # type: ignore[no-any-return]
    counter = g.pop("roles_counter", None) if has_request_context() else None
    if counter is None:
        counter = db.session.scalar(select(RoleCounter.value)) or 0
    held: RolesInForce | None = current_app.extensions.get("roles_in_force")
    if held is None or held.counter != counter:
        if not _differences:
            raise RegistryError("nobody reads the roles' versions")
        held = RolesInForce(counter, _differences[0]())
        # Within a unit of work the count may be undone and given again to something else.
        if db.session().info.get("unit_of_work") is None:
            current_app.extensions["roles_in_force"] = held
    if has_request_context():
        g.roles_in_force = held
    return held


def known(name: str) -> EffectiveRole | None:
    """A role that people may be given; None when there is none or it is retired."""
    role = current().roles.get(name)
    return None if role is None or role.retired else role


def changed() -> None:
    """Tell every process that roles were changed (inside a unit of work)."""
    row = db.session.get(RoleCounter, 1)
    if row is None:
        db.session.add(RoleCounter(id=1, value=1))
    else:
        row.value += 1
    db.session.flush()
    if has_request_context():
        g.pop("roles_in_force", None)
        g.pop("roles_counter", None)


def holders() -> list[tuple[User, tuple[str, ...]]]:
    """Every active login with the names of its roles, by username."""
    rows = db.session.execute(
        select(User, Held.name).join(User.roles).where(User.active.is_(True)).order_by(User.username, Held.name)
    )
    found: dict[int, tuple[User, list[str]]] = {}
    for user, name in rows:
        found.setdefault(user.id, (user, []))[1].append(name)
    return [(user, tuple(names)) for user, names in found.values()]


def allowed(task: Task) -> list[User]:
    """The active logins whose roles allow it."""
    in_force = current()
    names = [name for name, role in in_force.roles.items() if task in role.grants]
    if not names:
        return []
    held = User.roles.any(Held.name.in_(names))
    return list(db.session.scalars(select(User).where(User.active.is_(True), held).order_by(User.username)))


def user_counts() -> dict[str, int]:
    """How many active logins have each role."""
    counted = select(Held.name, func.count()).join(User.roles).where(User.active.is_(True)).group_by(Held.name)
    return dict(db.session.execute(counted).all())


@contextlib.contextmanager
def someone_stays() -> Iterator[None]:
    """Whatever happens inside, somebody active can still change roles afterwards; Refused otherwise."""
    had = bool(allowed(KEEPING))
    yield
    db.session.flush()
    if had and not allowed(KEEPING):
        log.warning("lock-out refused")
        raise Refused(locked_out_words())


def locked_out_words() -> str:
    return str(
        gettext("Nobody could change roles any more after this: at least one active person must keep that right.")
    )
