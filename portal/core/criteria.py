"""The row scope as SQL: one criterion for each reach, with the actor's ids bound when the statement runs."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

from sqlalchemy import Integer, and_, bindparam, false, or_, select
from sqlalchemy.orm import with_loader_criteria

from portal.core.actors import BRANCH, BRANCH_AND_COMPANY, NONE, OWNER, SELF, SHARED, TEAM, actor

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
    BRANCH_AND_COMPANY: lambda c: or_(c.branch_id.in_(_IDS), c.branch_id.is_(None)),
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


Reach = str | tuple[str, ...]
"""A scope; or, for who stands in for others, his own scope and then that of each of them, in their order."""


@functools.cache
def _handed(place: int, scope: str) -> Any:
    """What the person at this place of `standing_in` sees, of a class with owners: the same rule with his ids."""

    def of(name: str, read: Any, expanding: bool = False) -> Any:
        return bindparam(f"scope_{name}_{place}", callable_=read, expanding=expanding, type_=Integer())

    ids = of("ids", lambda: sorted(actor().standing_in[place].branches) or [-1], expanding=True)
    teams = of("teams", lambda: sorted(actor().standing_in[place].teams) or [-1], expanding=True)
    home = of("home", lambda: actor().standing_in[place].home)
    person = of("me", lambda: actor().standing_in[place].staff_id)
    return {
        BRANCH: lambda c: c.branch_id.in_(ids),
        BRANCH_AND_COMPANY: lambda c: or_(c.branch_id.in_(ids), c.branch_id.is_(None)),
        TEAM: lambda c: and_(c.branch_id.in_(ids), c.team_id.in_(teams)),
        SELF: lambda c: and_(c.branch_id == home, c.manager_id == person),
    }[scope]


@functools.cache
def _union(reach: tuple[str, ...], through: bool) -> Any:
    """The criterion for several people's rows. SQLAlchemy tells such functions apart by their code alone, so each
    reach gets a code of its own name."""
    own, *others = reach
    rules = (_OWN[own], *(_handed(place, scope) for place, scope in enumerate(others) if scope != NONE))

    def owned(c: Any, rules: Any = rules) -> Any:
        return or_(*(rule(c) for rule in rules))

    def reached(c: Any, rules: Any = rules) -> Any:
        parent = c.scope_parent
        return getattr(c, c.scope_key).in_(select(parent.id).where(or_(*(rule(parent) for rule in rules))))

    made = reached if through else owned
    code = made.__code__.replace(co_name=f"{made.__name__}_{'_'.join(reach)}")
    return FunctionType(code, made.__globals__, code.co_name, made.__defaults__)


@functools.cache
def criterion(cls: Any, reach: Reach) -> Any:
    """The option that cuts a class, wherever a statement names it."""
    through = hasattr(cls, "scope_parent")
    rule = (_THROUGH if through else _OWN)[reach] if isinstance(reach, str) else _union(reach, through)
    return with_loader_criteria(
        cls, rule, include_aliases=True, propagate_to_loaders=True, track_closure_variables=isinstance(reach, str)
    )
