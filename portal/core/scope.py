"""Row scope lives in the session: one listener adds it to every statement. No actor, no rows.

The actor and the task (resource, action) are context variables, read when the SQL runs, so nothing can go stale.
The task's own resource is seen as far as that action reaches; every other resource as far as `list` reaches.
Writes are checked after the flush, when keys are final (scope_writes.py). Core and text SQL on scoped tables is refused
unless it runs inside `unscoped(reason)` or as an actor who sees everything (guard.py). Who asks is told in actors.py,
the SQL in criteria.py.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, event
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from portal.core.actors import ALL as ALL
from portal.core.actors import BRANCH as BRANCH
from portal.core.actors import BRANCH_AND_COMPANY, OWNER, READING, SHARED
from portal.core.actors import NOBODY as NOBODY
from portal.core.actors import NONE as NONE
from portal.core.actors import SCOPES as SCOPES
from portal.core.actors import SELF as SELF
from portal.core.actors import SYSTEM as SYSTEM
from portal.core.actors import TEAM as TEAM
from portal.core.actors import WIDTH as WIDTH
from portal.core.actors import Actor as Actor
from portal.core.actors import StandIn as StandIn
from portal.core.actors import actor as actor
from portal.core.actors import current as _current
from portal.core.criteria import Reach, criterion


class Unscoped(Exception):
    """SQL touches a scoped table without passing the scope: a mistake in our code, never the user's."""


_task: ContextVar[tuple[str, str]] = ContextVar("task", default=("", "list"))
_flushing: ContextVar[bool] = ContextVar("flushing", default=False)
_open: ContextVar[str] = ContextVar("open", default="")


def task() -> tuple[str, str]:
    return _task.get()


@contextlib.contextmanager
def acting(who: Actor, resource: str = "", action: str = "list") -> Iterator[Actor]:
    """Run as this actor (jobs, the command line, tests)."""
    a, t = _current.set(who), _task.set((resource, action))
    try:
        yield who
    finally:
        _current.reset(a)
        _task.reset(t)


def enter(who: Actor, resource: str = "", action: str = "list") -> None:
    """Set actor and task for the rest of the request."""
    _current.set(who)
    _task.set((resource, action))


@contextlib.contextmanager
def doing(resource: str, action: str) -> Iterator[None]:
    """Do one step of the request as this action on this resource."""
    token = _task.set((resource, action))
    try:
        yield
    finally:
        _task.reset(token)


def is_open() -> bool:
    """Whether the scope is lifted for a stated reason."""
    return bool(_open.get())


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


class BranchOrCompany(Scoped):
    """A row of one branch or, without one, of the company as a whole: every branch reads the company's rows, only who
    reaches the whole company writes them."""

    @declared_attr
    def branch_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("branch.id"), index=True)


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


def _asked(cls: Any) -> tuple[str, str]:
    """The task that decides on a class: the present one for its own resource, `list` for every other."""
    resource, action = task()
    name = cls.resource_name()
    return name, action if name == resource else "list"


def scope_of(cls: Any) -> str:
    """How far the actor himself sees this class in the present task."""
    if issubclass(cls, Personal):
        return ALL if actor().everything else SHARED if issubclass(cls, Shareable) else OWNER
    return actor().scope(*_asked(cls))


def _with_company(cls: Any, scope: str) -> str:
    """A branch that reads rows which may be the company's reads those, too."""
    shares = scope == BRANCH and issubclass(cls, BranchOrCompany) and _asked(cls)[1] in READING
    return BRANCH_AND_COMPANY if shares else scope


def reach_of(cls: Any) -> Reach:
    """The same with what was handed to him: never an action that his own roles do not allow at all."""
    own, who = _with_company(cls, scope_of(cls)), actor()
    if not who.standing_in or own in (ALL, NONE) or issubclass(cls, Personal):
        return own
    handed = tuple(_with_company(cls, other.scope(*_asked(cls))) for other in who.standing_in)
    if ALL in handed:
        return ALL
    return (own, *handed) if any(scope != NONE for scope in handed) else own


@functools.lru_cache(4096)
def _profile(reaches: tuple[Reach, ...]) -> tuple[Any, ...]:
    classes: list[Any] = list(Scoped.scoped_classes)
    pairs = zip(classes, reaches, strict=True)
    return tuple(criterion(cls, reach) for cls, reach in pairs if reach != ALL)


def _options(described_by: frozenset[type] = frozenset()) -> tuple[Any, ...]:
    kept, known = actor().criteria, (task(), described_by, len(Scoped.scoped_classes))
    if known not in kept:
        kept[known] = _profile(tuple(ALL if cls in described_by else reach_of(cls) for cls in Scoped.scoped_classes))
    return kept[known]


def outlook() -> tuple[Any, ...]:
    """What decides which rows are seen now: whoever has an equal outlook sees the same ones."""
    who, reach = actor(), tuple(reach_of(cls) for cls in Scoped.scoped_classes)
    if passes_unscoped() or all(scope == ALL for scope in reach):
        return (ALL,)
    return (*reach, who.branches, who.teams, who.home, who.staff_id, who.user_id, who.standing_in)


@dataclass(frozen=True)
class Belonging:
    """Whose a row is: branch, team, customer manager; for rows as they are, and as they were before a change."""

    branch_id: int | None
    team_id: int | None = None
    manager_id: int | None = None


def _covers(person: Actor | StandIn, scope: str, row: Any) -> bool:
    """The rule of `_OWN` in Python."""
    if scope in (ALL, NONE):
        return scope == ALL
    if row.branch_id is None:
        return scope == BRANCH_AND_COMPANY
    if scope == SELF:
        return bool(row.branch_id == person.home and row.manager_id == person.staff_id)
    return row.branch_id in person.branches and (scope in (BRANCH, BRANCH_AND_COMPANY) or row.team_id in person.teams)


def owner_of(row: Any) -> Any:
    """What says whose a row is: the row itself, or its parent (None when there is none)."""
    if not isinstance(row, ScopedThrough):
        return row
    parent_id, session = getattr(row, row.scope_key), Session.object_session(row)
    if parent_id is None or session is None:
        return None
    with session.no_autoflush, unscoped("the owner of a parent row"):
        return session.get(row.scope_parent, parent_id)


def seen_by(cls: Any, owned: Any) -> list[Actor | StandIn]:
    """By whose rights the actor sees a row of this class that belongs so: his own first, then those handed to him."""
    who = actor()
    found: list[Actor | StandIn] = [who] if _covers(who, _with_company(cls, scope_of(cls)), owned) else []
    if who.standing_in and scope_of(cls) != NONE:
        reaches = ((other, _with_company(cls, other.scope(*_asked(cls)))) for other in who.standing_in)
        found += [other for other, reach in reaches if _covers(other, reach, owned)]
    return found


def on_behalf_of(row: Any) -> str:
    """The login for whom the actor works on a row that only a hand-over opens to him; empty for rows of his own."""
    if not actor().standing_in or not isinstance(row, Scoped) or isinstance(row, Personal):
        return ""
    owned = owner_of(row)
    first = next(iter(seen_by(type(row), owned)), None) if owned is not None else None
    return first.name if isinstance(first, StandIn) else ""


def visible(row: Any, scope: str | None = None) -> bool:
    """The same rule in Python, for rows in the identity map and rows just written."""
    who, own = actor(), scope or _with_company(type(row), scope_of(type(row)))
    if own in (ALL, NONE):
        return own == ALL
    if isinstance(row, Personal):
        shared = own == SHARED and (row.team_id in who.teams or row.branch_id == who.home)  # type: ignore[attr-defined]
        return shared or row.owner_id == who.user_id
    owned = owner_of(row)
    if owned is None:
        return False
    return _covers(who, own, owned) or (bool(who.standing_in) and bool(seen_by(type(row), owned)))


def writable(row: Any) -> bool:
    """Whether the actor may write the row; what others share, and what is the company's, may be seen only."""
    if isinstance(row, BranchOrCompany) and row.branch_id is None:
        asked = _asked(type(row))
        return scope_of(type(row)) == ALL or any(other.scope(*asked) == ALL for other in actor().standing_in)
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


OWNING = frozenset({"branch_id", "team_id", "manager_id", "customer_id", "loan_id"})
"""What tells whose a row is, also where a table of sums does not declare it to be a reference."""


def _refuse_moving(table: Any, statement: Any) -> None:
    """The WHERE of a bulk update is scoped, its SET is not: it could move rows out of scope."""
    changed = {getattr(c, "key", c) for c in dict(statement._values or {})}
    changed |= {getattr(c, "key", c) for c, _value in getattr(statement, "_ordered_values", None) or ()}
    if any(table.c[name].foreign_keys or name in OWNING for name in changed if name in table.c):
        raise Unscoped("bulk UPDATE may not set keys")


def flushing(now: bool) -> None:
    """What a flush sends needs no scope: scope_writes.py checks it before and after."""
    _flushing.set(now)
