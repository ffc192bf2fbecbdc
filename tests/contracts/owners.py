"""Whose rows are whose, worked out in plain Python from the small company: what the walk holds the portal against.

Nothing here asks the row scope of portal.core.scope: owners are read as the system actor and compared by hand.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import inspect, select, text
from sqlalchemy.orm import configure_mappers

from portal.core.db import Model, db
from portal.core.roles import grants_of, roles
from portal.core.scope import SYSTEM, BranchOrCompany, Personal, Scoped, ScopedThrough, acting
from tests.world import PLACES, World

Owner = tuple[int | None, int | None, int | None]
"""(branch, team, customer manager)."""

#: Tables that an answered or a refused request may write to: who read, signed in, was told.
NOTES = frozenset(
    {
        "ab_user",
        "account_session",
        "alembic_version",
        "audit_entry",
        "audit_row",
        "job",
        "lockout",
        "notification",
        "recent_record",
        "sign_in_event",
    }
)


@dataclass
class Login:
    """A login of the small company with what the role table gives it."""

    name: str
    role: str
    branches: frozenset[int]
    home: int
    teams: frozenset[int]
    staff_id: int
    grants: dict[tuple[str, str], str] = field(default_factory=dict)

    def scope(self, resource: str, action: str) -> str:
        return self.grants.get((resource, action), "none")

    def reaches(self, scope: str, owner: Owner | None) -> bool:
        """Whether a scope covers a row; `owner` None is a row that belongs to nobody in particular."""
        if scope in ("none", "all") or owner is None:
            return scope != "none"
        branch, team, manager = owner
        if scope == "self":
            return branch == self.home and manager == self.staff_id
        return branch in self.branches and (scope == "branch" or team in self.teams)


class Company:
    """Every row of every screen with its owner, and every login."""

    def __init__(self, world: World) -> None:
        self.world = world
        configure_mappers()
        with world.app.app_context(), acting(SYSTEM):
            self.screens = dict(world.app.extensions["screens"])
            models = {view.model for view in self.screens.values()} | set(Scoped.scoped_classes)
            self.owners: dict[type, dict[int, Owner | None]] = {}
            self.words: dict[type, dict[int, set[str]]] = {}
            for model in models:
                rows = db.session.scalars(select(model)).unique().all()
                key = inspect(model).primary_key[0].key
                self.owners[model] = {getattr(row, key): _owner(row) for row in rows}
                self.words[model] = {getattr(row, key): _words(row) for row in rows}
            parents = dict(db.session.execute(text("SELECT id, parent_id FROM branch")).all())
        self.logins = [self._login(name, parents) for name in [*roles, "a1", "a2", "b1"]]

    def _login(self, name: str, parents: dict[int, int | None]) -> Login:
        branch, team = PLACES.get(name, ("HO", None))
        home = self.world.branches[branch]
        role = name if name in roles else "customer_manager"
        below = frozenset(b for b in parents if home in _line(b, parents))
        teams = frozenset({self.world.teams[team]} if team else ())
        return Login(name, role, below, home, teams, self.world.staff[name], dict(grants_of(role)))

    def inside(self, login: Login, view: Any, action: str) -> set[int]:
        """Ids of the screen's rows that the role table opens to the login for an action."""
        scope, shared = login.scope(view.resource, action), action in ("list", "show", "export")
        return {
            i
            for i, owner in self.owners[view.model].items()
            if login.reaches(scope, owner) or (shared and scope == "branch" and self._is_companys(view.model, owner))
        }

    @staticmethod
    def _is_companys(model: type, owner: Owner | None) -> bool:
        """A row without a branch, of a table whose rows may concern the whole company: every branch reads it."""
        return issubclass(model, BranchOrCompany) and owner is not None and owner[0] is None

    def outside(self, login: Login, view: Any, action: str) -> set[int]:
        return set(self.owners[view.model]) - self.inside(login, view, action)

    def forbidden(self, login: Login) -> re.Pattern[str]:
        """Any name or code of a row that no action opens to the login."""
        words: set[str] = set()
        for model, rows in self.owners.items():
            if not issubclass(model, Scoped) or issubclass(model, Personal):
                continue
            scopes = {s for (resource, _a), s in login.grants.items() if resource == model.resource_name()}
            for row_id, owner in rows.items():
                if not any(login.reaches(scope, owner) for scope in scopes):
                    words |= self.words[model][row_id]
        return re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(map(re.escape, words)))})(?![\w-])" if words else r"(?!)")


def _line(branch: int, parents: dict[int, int | None]) -> set[int]:
    """A branch and all above it."""
    found, at = set(), branch
    while at is not None:
        found.add(at)
        at = parents[at]  # type: ignore[assignment]
    return found


def _owner(row: Any) -> Owner | None:
    if isinstance(row, ScopedThrough):
        parent = db.session.get(row.scope_parent, getattr(row, row.scope_key))
        return _owner(parent)
    if not isinstance(row, Scoped):
        return None
    return tuple(getattr(row, name, None) for name in ("branch_id", "team_id", "manager_id"))  # type: ignore[return-value]


def _words(row: Any) -> set[str]:
    """What the row is called; words too short to be told from others are left out."""
    found = {str(getattr(row, name, None) or "") for name in ("code", "name", "key")}
    return {word for word in found if len(word) >= 4 and word not in roles}  # some staff are called like their roles


def fingerprint() -> dict[str, str]:
    """The content of every table that only a successful write changes."""
    found = {}
    with acting(SYSTEM), db.engine.connect() as connection:
        for table in Model.metadata.sorted_tables:
            if table.name not in NOTES:
                rows = sorted(map(repr, connection.exec_driver_sql(f'SELECT * FROM "{table.name}"')))
                found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found
