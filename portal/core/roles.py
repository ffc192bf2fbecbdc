"""Roles: resource x action x scope, from one declarative table; the closed action vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.registry import Registry, RegistryError
from portal.core.scope import ALL, BRANCH, NONE, SCOPES, SELF, TEAM, WIDTH, Scoped

#: What can be done to a resource. The vocabulary is closed: anything else fails at start-up. `import` writes rows from
#: a file, `migrate` lets another kind's file create what it names and misses, but changes none. `reveal` shows personal
#: data in plain, one record at a time; `approve` decides on what somebody else proposed.
ACTIONS: dict[str, Any] = {
    "list": _("See lists"),
    "show": _("Open records"),
    "add": _("Add"),
    "edit": _("Change"),
    "delete": _("Delete"),
    "export": _("Export"),
    "import": _("Import"),
    "migrate": _("Create from other imports"),
    "run": _("Run"),
    "undo": _("Undo"),
    "reveal": _("Reveal personal data"),
    "approve": _("Approve"),
}

SCOPE_WORDS: dict[str, Any] = {
    ALL: _("Company"),
    BRANCH: _("Own branch"),
    TEAM: _("Own team"),
    SELF: _("Own only"),
    NONE: _("Not allowed"),
}

READ = ("list", "show")
FULL = ("list", "show", "add", "edit", "delete", "export", "import", "migrate", "run", "undo")
"""All that can be done to what one keeps: neither `reveal` nor `approve` comes with it."""
SHORTHAND = {"read": READ, "write": ("add", "edit"), "manage": ("add", "edit", "delete"), "full": FULL}

#: Endpoint methods of views and APIs -> the action they are.
METHODS = {
    "list": "list",
    "show": "show",
    "related_rows": "show",
    "timeline": "show",
    "add": "add",
    "edit": "edit",
    "delete": "delete",
    "lookup": "list",
    "counts": "list",
    "bulk_edit": "edit",
    "saved": "list",
    "keep_filter": "list",
    "drop_filter": "list",
    "prefer": "list",
    "export": "export",
    "download": "export",
    "action": "list",
    "action_post": "list",
    "get_list": "list",
    "get": "show",
    "post": "add",
    "put": "edit",
    "info": "list",
    "reveal": "reveal",
}


@dataclass(frozen=True)
class Step:
    """One step of the tour: what it points at and what it says there."""

    at: str
    """Class name of the screen whose menu entry it points at, or one of PLACES."""
    title: Any
    text: Any


#: Parts of the frame that a tour may point at, and where they are.
PLACES = {"menu": ".sidebar-nav", "search": "[data-palette-open]", "help": "[data-help]"}


@dataclass(frozen=True)
class Role:
    """A role people are given. `label` is what they read."""

    name: str
    label: Any
    description: Any
    tour: tuple[Step, ...] = ()


roles: Registry[Role] = Registry("roles")

_grants: dict[str, dict[tuple[str, str], str]] = {}


def register_role(role: Role) -> None:
    roles.register(role.name, role)
    _grants.setdefault(role.name, {})


def grant(resource: str, **lines: str) -> None:
    """One line of the table: `grant("Loan", team_lead="read export @team; edit @self", committee="read @all")`.

    Each role's text is clauses of actions (or shorthands) and one scope, separated by semicolons.
    """
    for role, text in lines.items():
        if role not in roles:
            raise RegistryError(f"{resource}: there is no role {role!r}.")
        for clause in text.split(";"):
            *words, scope = clause.split()
            scope = scope.removeprefix("@")
            if scope not in SCOPES:
                raise RegistryError(f"{resource}, {role}: {scope!r} is no scope.")
            for word in words:
                for action in SHORTHAND.get(word, (word,)):
                    if action not in ACTIONS:
                        raise RegistryError(f"{resource}, {role}: {action!r} is no action.")
                    _grants[role][resource, action] = scope


def grants_of(role: str) -> Mapping[tuple[str, str], str]:
    return _grants.get(role, {})


def resources() -> set[str]:
    return {resource for table in _grants.values() for resource, _action in table}


def check_grants() -> None:
    """Start-up fails when a line gives a scope that its rows cannot have."""
    models = {cls.resource_name(): cls for cls in Scoped.scoped_classes}
    for role, table in _grants.items():
        for (resource, action), scope in table.items():
            model = models.get(resource)
            if model is not None and not model.reaches(scope):
                raise RegistryError(f"{role}: {action} {resource} cannot be limited to {scope!r}.")


def reaches(resource: str, scope: str) -> bool:
    """Whether rows of the resource can be limited to the scope."""
    model = next((cls for cls in Scoped.scoped_classes if cls.resource_name() == resource), None)
    return model is None or model.reaches(scope)


def merged(tables: Iterable[Mapping[tuple[str, str], str]]) -> dict[tuple[str, str], str]:
    """What several roles allow together: for each action the widest of their scopes."""
    found: dict[tuple[str, str], str] = {}
    for table in tables:
        for task, scope in table.items():
            if WIDTH[scope] > WIDTH[found.get(task, NONE)]:
                found[task] = scope
    return found
