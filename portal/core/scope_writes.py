"""What is written passes the scope, too: before a flush what is deleted, after it what was added or changed.

The keys are set only after the flush. A row must lie inside the scope, and may point to visible rows only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, inspect, select
from sqlalchemy.orm import Session

from portal.core.errors import OutOfScope
from portal.core.scope import (
    Belonging,
    Personal,
    Scoped,
    ScopedThrough,
    StandIn,
    actor,
    flushing,
    is_open,
    on_behalf_of,
    owner_of,
    seen_by,
    unscoped,
    writable,
)


@event.listens_for(Session, "before_flush")
def _scope_deletes(session: Session, _context: Any, _instances: Any) -> None:
    if not is_open():
        for row in session.deleted:
            if isinstance(row, Scoped) and not writable(row):
                raise OutOfScope("delete")
            if name := on_behalf_of(row):
                session.info.setdefault("on_behalf", {})[id(row)] = (row, name)
    flushing(True)


@event.listens_for(Session, "after_flush")
def _scope_writes(session: Session, _context: Any) -> None:
    flushing(False)
    if is_open() or actor().everything:
        return
    for row in [*session.new, *(o for o in session.dirty if session.is_modified(o))]:
        if isinstance(row, Scoped) and not writable(row):
            raise OutOfScope(f"{type(row).__name__} would lie outside the scope")
        if actor().standing_in and isinstance(row, Scoped) and not isinstance(row, Personal):
            _check_hands(session, row)
        _check_links(session, row)


def _check_hands(session: Session, row: Any) -> None:
    """Who stands in for somebody does not carry rows from one area into the other: neither of the two could. What he
    does to rows that are not his own is noted with whose they are."""
    owned = owner_of(row)
    now = seen_by(type(row), owned)
    before = _before(session, row, owned)
    if before is not None and not set(now) & set(seen_by(type(row), before)):
        raise OutOfScope(f"{type(row).__name__} would change hands between the actor and whom he stands in for")
    if now and isinstance(now[0], StandIn):
        session.info.setdefault("on_behalf", {})[id(row)] = (row, now[0].name)


def _before(session: Session, row: Any, owned: Any) -> Any:
    """Whose the row was before this flush; None for a new one."""
    if row in session.new:
        return None
    if isinstance(row, ScopedThrough):
        old = inspect(row).attrs[row.scope_key].history.deleted
        if not old or old[0] is None:
            return owned
        with session.no_autoflush, unscoped("the owner a row had before"):
            return session.get(row.scope_parent, old[0])
    return Belonging(**{name: _held_before(row, name) for name in _OWNER_COLUMNS})


_OWNER_COLUMNS = ("branch_id", "team_id", "manager_id")


def _held_before(row: Any, name: str) -> Any:
    """What a column of ownership held, which may be another column by a synonym (the branch of a branch is itself)."""
    mapper = inspect(type(row))
    if name not in mapper.attrs and name not in mapper.synonyms:
        return None
    key = mapper.synonyms[name].name if name in mapper.synonyms else name
    history = inspect(row).attrs[key].history
    return history.deleted[0] if history.deleted else getattr(row, key)


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
    flushing(False)
