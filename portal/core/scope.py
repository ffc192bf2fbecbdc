"""Row scope lives in the session: one listener adds it to every statement. No actor, no rows.

The actor and the task (resource, action) are context variables, read when the SQL runs, so nothing can go stale.
The task's own resource is seen as far as that action reaches; every other resource as far as `list` reaches.
Writes are checked after the flush, when keys are final. Core and text SQL on scoped tables is refused unless it
runs inside `unscoped(reason)` or as an actor who sees everything (guard.py).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Integer, and_, bindparam, event, false, inspect, or_, select
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, with_loader_criteria

from portal.core.errors import OutOfScope

ALL, BRANCH, TEAM, SELF, NONE = "all", "branch", "team", "self", "none"
SCOPES = (NONE, SELF, TEAM, BRANCH, ALL)
OWNER, SHARED = "owner", "shared"
"""How far personal rows are seen; no role grants or widens it."""
WIDTH = {scope: width for width, scope in enumerate(SCOPES)}


class Unscoped(Exception):
    """SQL touches a scoped table without passing the scope: a mistake in our code, never the user's."""


@dataclass(frozen=True)
class Actor:
    """Who asks. `grants` maps (resource, action) to a scope; what is absent is refused."""

    name: str
    user_id: int | None = None
    staff_id: int = -1
    home: int = -1
    """The branch the person belongs to."""
    branches: frozenset[int] = frozenset()
    """The branch and everything below it."""
    teams: frozenset[int] = frozenset()
    grants: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False, hash=False)
    roles: tuple[str, ...] = ()
    everything: bool = False
    """Named system actors only."""

    def scope(self, resource: str, action: str) -> str:
        return ALL if self.everything else self.grants.get((resource, action), NONE)

    def may(self, resource: str, action: str) -> bool:
        return self.scope(resource, action) != NONE


NOBODY = Actor("nobody")
SYSTEM = Actor("system", everything=True)

_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)
_task: ContextVar[tuple[str, str]] = ContextVar("task", default=("", "list"))
_flushing: ContextVar[bool] = ContextVar("flushing", default=False)
_open: ContextVar[str] = ContextVar("open", default="")


def actor() -> Actor:
    return _actor.get()


def task() -> tuple[str, str]:
    return _task.get()


@contextlib.contextmanager
def acting(who: Actor, resource: str = "", action: str = "list") -> Iterator[Actor]:
    """Run as this actor (jobs, the command line, tests)."""
    a, t = _actor.set(who), _task.set((resource, action))
    try:
        yield who
    finally:
        _actor.reset(a)
        _task.reset(t)


def enter(who: Actor, resource: str = "", action: str = "list") -> None:
    """Set actor and task for the rest of the request."""
    _actor.set(who)
    _task.set((resource, action))


@contextlib.contextmanager
def doing(resource: str, action: str) -> Iterator[None]:
    """Do one step of the request as this action on this resource."""
    token = _task.set((resource, action))
    try:
        yield
    finally:
        _task.reset(token)


def passes_unscoped() -> bool:
    """Whether statements need no scope now: a reason was stated, the session flushes, or the actor sees everything."""
    return bool(_open.get()) or _flushing.get() or actor().everything


@contextlib.contextmanager
def unscoped(reason: str) -> Iterator[None]:
    """Lift the scope for a stated reason: loading the actor himself, or a set-based writer of a named batch."""
    token = _open.set(reason)
    try:
        yield
    finally:
        _open.reset(token)


class Scoped:
    """Any model whose rows belong to somebody."""

    scoped_classes: ClassVar[list[type[Scoped]]] = []
    scope_resource: ClassVar[str] = ""
    """The resource whose grants count; empty = the class's own name."""

    def __init_subclass__(cls, **kw: Any) -> None:
        super().__init_subclass__(**kw)
        if "__tablename__" in vars(cls) or any("__tablename__" in vars(base) for base in cls.__mro__[1:]):
            Scoped.scoped_classes.append(cls)

    @classmethod
    def resource_name(cls) -> str:
        return cls.scope_resource or cls.__name__

    @classmethod
    def reaches(cls, scope: str) -> bool:
        """Whether a scope has a meaning here: a branch belongs to no team, a team to no single manager."""
        owner = getattr(cls, "scope_parent", cls)
        needed = {BRANCH: "branch_id", TEAM: "team_id", SELF: "manager_id"}.get(scope)
        return needed is None or hasattr(owner, needed)


class BranchScoped(Scoped):
    """A row with its own owner: branch, team and customer manager."""

    @declared_attr
    def branch_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("branch.id"), index=True)

    @declared_attr
    def team_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("team.id"), index=True)

    @declared_attr
    def manager_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("staff.id"), index=True)


class Personal(Scoped):
    """A row that belongs to a login, whatever its role: only its owner sees and changes it."""

    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)


class Shareable(Personal):
    """A personal row that its owner may let a team or a branch see; changed by the owner alone."""

    @declared_attr
    def team_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("team.id", ondelete="SET NULL"), index=True)

    @declared_attr
    def branch_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("branch.id", ondelete="SET NULL"), index=True)


class ScopedThrough(Scoped):
    """A row that belongs to whoever owns its parent: `scope_parent` (a BranchScoped class) by `scope_key`."""

    scope_parent: ClassVar[Any]
    scope_key: ClassVar[str]


_IDS = bindparam("scope_ids", callable_=lambda: sorted(actor().branches) or [-1], expanding=True, type_=Integer())
_TEAMS = bindparam("scope_teams", callable_=lambda: sorted(actor().teams) or [-1], expanding=True, type_=Integer())
_HOME = bindparam("scope_home", callable_=lambda: actor().home, type_=Integer())
_ME = bindparam("scope_me", callable_=lambda: actor().staff_id, type_=Integer())
_USER = bindparam("scope_user", callable_=lambda: actor().user_id or -1, type_=Integer())

# Each criterion is a lambda of the entity, because a plain expression is not adapted to an alias; and one lambda per
# scope, because an `if` inside a lambda would be frozen by SQLAlchemy's lambda cache. Branch comes with team and
# manager, because SQLite plans badly with `manager_id = ?` alone.
_OWN = {
    BRANCH: lambda c: c.branch_id.in_(_IDS),
    TEAM: lambda c: and_(c.branch_id.in_(_IDS), c.team_id.in_(_TEAMS)),
    SELF: lambda c: and_(c.branch_id == _HOME, c.manager_id == _ME),
    OWNER: lambda c: c.owner_id == _USER,
    SHARED: lambda c: or_(c.owner_id == _USER, c.team_id.in_(_TEAMS), c.branch_id == _HOME),
    NONE: lambda c: false(),
}


_THROUGH = {
    BRANCH: lambda c: getattr(c, c.scope_key).in_(select(c.scope_parent.id).where(c.scope_parent.branch_id.in_(_IDS))),
    TEAM: lambda c: getattr(c, c.scope_key).in_(
        select(c.scope_parent.id).where(c.scope_parent.branch_id.in_(_IDS), c.scope_parent.team_id.in_(_TEAMS))
    ),
    SELF: lambda c: getattr(c, c.scope_key).in_(
        select(c.scope_parent.id).where(c.scope_parent.branch_id == _HOME, c.scope_parent.manager_id == _ME)
    ),
    NONE: lambda c: false(),
}


@functools.cache
def _criterion(cls: Any, scope: str) -> Any:
    rule = (_THROUGH if issubclass(cls, ScopedThrough) else _OWN)[scope]
    return with_loader_criteria(cls, rule, include_aliases=True, propagate_to_loaders=True)


def scope_of(cls: Any) -> str:
    """How far the actor sees this class in the present task."""
    if issubclass(cls, Personal):
        return ALL if actor().everything else SHARED if issubclass(cls, Shareable) else OWNER
    resource, action = task()
    name = cls.resource_name()
    return actor().scope(name, action if name == resource else "list")


@functools.lru_cache(4096)
def _profile(scopes: tuple[str, ...]) -> tuple[Any, ...]:
    classes: list[Any] = list(Scoped.scoped_classes)
    pairs = zip(classes, scopes, strict=True)
    return tuple(_criterion(cls, scope) for cls, scope in pairs if scope != ALL)


def _options(described_by: frozenset[type] = frozenset()) -> tuple[Any, ...]:
    return _profile(tuple(ALL if cls in described_by else scope_of(cls) for cls in Scoped.scoped_classes))


def visible(row: Any, scope: str | None = None) -> bool:
    """The same rule in Python, for rows in the identity map and rows just written."""
    who, scope = actor(), scope or scope_of(type(row))
    if scope == ALL:
        return True
    if scope == NONE:
        return False
    if isinstance(row, ScopedThrough):
        parent_id = getattr(row, row.scope_key)
        session = Session.object_session(row)
        if parent_id is None or session is None:
            return False
        with session.no_autoflush, unscoped("the owner of a parent row"):
            parent = session.get(row.scope_parent, parent_id)
        return parent is not None and visible(parent, scope)
    if isinstance(row, Personal):
        shared = scope == SHARED and (row.team_id in who.teams or row.branch_id == who.home)  # type: ignore[attr-defined]
        return shared or row.owner_id == who.user_id
    if row.branch_id is None:
        return False
    if scope == SELF:
        return bool(row.branch_id == who.home and row.manager_id == who.staff_id)
    return row.branch_id in who.branches and (scope == BRANCH or row.team_id in who.teams)


def writable(row: Any) -> bool:
    """Whether the actor may write the row; what others share may be seen only."""
    return visible(row, OWNER if isinstance(row, Personal) and not actor().everything else None)


class ScopedSession(Session):
    """`get` may answer from the identity map without SQL: it is checked here."""

    def get(self, entity: Any, ident: Any, **kw: Any) -> Any:
        row = super().get(entity, ident, **kw)
        return None if isinstance(row, Scoped) and not _open.get() and not visible(row) else row


@event.listens_for(Session, "do_orm_execute")
def _scope_reads(state: Any) -> None:
    if _open.get():
        return
    loader = state.is_relationship_load or state.is_column_load
    state.update_execution_options(_scoped="loader" if loader else "query")
    if state.is_column_load:  # a row that just moved out of scope must not look deleted when it is refreshed
        return
    bulk_by_key = isinstance(state.parameters, list) and bool(state.parameters) and not state.is_select
    if (state.is_insert or bulk_by_key) and not actor().everything:
        raise Unscoped("bulk INSERT and UPDATE by primary key do not pass the scope")
    statement = state.statement
    present = getattr(statement, "_with_options", ())
    # Figures name the classes that only describe scoped rows: a loan in scope keeps its customer's group.
    described_by = state.execution_options.get("described_by", frozenset())
    options = tuple(o for o in _options(described_by) if o not in present)  # loaders carry them along
    if not options:
        return
    if state.is_update and state.bind_mapper is not None:
        _refuse_moving(state.bind_mapper.local_table, statement)
    if state.is_select or state.is_update or state.is_delete:
        state.statement = statement.options(*options)


def _refuse_moving(table: Any, statement: Any) -> None:
    """The WHERE of a bulk update is scoped, its SET is not: it could move rows out of scope."""
    changed = {getattr(c, "key", c) for c in dict(statement._values or {})}
    changed |= {getattr(c, "key", c) for c, _value in getattr(statement, "_ordered_values", None) or ()}
    if any(table.c[name].foreign_keys for name in changed if name in table.c):
        raise Unscoped("bulk UPDATE may not set keys")


@event.listens_for(Session, "before_flush")
def _scope_deletes(session: Session, _context: Any, _instances: Any) -> None:
    if not _open.get():
        for row in session.deleted:
            if isinstance(row, Scoped) and not writable(row):
                raise OutOfScope("delete")
    _flushing.set(True)


@event.listens_for(Session, "after_flush")
def _scope_writes(session: Session, _context: Any) -> None:
    _flushing.set(False)
    if _open.get() or actor().everything:
        return
    for row in [*session.new, *(o for o in session.dirty if session.is_modified(o))]:
        if isinstance(row, Scoped) and not writable(row):
            raise OutOfScope(f"{type(row).__name__} would lie outside the scope")
        _check_links(session, row)


def _check_links(session: Session, row: Any) -> None:
    """No key may point to a row that the actor cannot see."""
    state = inspect(row)
    for relation in state.mapper.relationships:
        target = relation.mapper.class_
        if relation.viewonly or not issubclass(target, Scoped) or relation.direction.name == "ONETOMANY":
            continue
        if relation.direction.name == "MANYTOONE":
            key = state.mapper.get_property_by_column(next(iter(relation.local_columns))).key
            changed = row in session.new or state.attrs[key].history.has_changes()
            wanted = {getattr(row, key)} - {None} if changed else set()
        else:
            added = state.attrs[relation.key].history.added or ()
            wanted = {inspect(o).identity[0] for o in added if inspect(o).identity}
        if not wanted:
            continue
        pk = getattr(target, relation.mapper.get_property_by_column(relation.mapper.primary_key[0]).key)
        with session.no_autoflush:
            seen = set(session.scalars(select(pk).where(pk.in_(wanted))))
        if wanted - seen:
            raise OutOfScope(f"{relation.key} {sorted(wanted - seen)} is not visible")


@event.listens_for(Session, "after_soft_rollback")
def _flush_undone(_session: Session, _previous: Any) -> None:
    _flushing.set(False)
