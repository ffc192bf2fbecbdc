"""What roles can be given: every resource with its words, actions, scopes and fields, found from the screens.

A resource offers what some screen, REST resource or import kind of it can do, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.display import screens
from portal.core.fields import Field, fields_of
from portal.core.masks import resource_of
from portal.core.role_store import CLEAR, HIDDEN, MASKED
from portal.core.roles import ACTIONS, grants_of, reaches, roles
from portal.core.scope import ALL, NONE, SCOPES, Scoped
from portal.core.security import OPEN_VIEWS, task_of

WIDE = (NONE, ALL)
"""Scopes of what belongs to nobody: it is allowed or not."""

_more: dict[str, set[str]] = {}


def offer(resource: str, *actions: str) -> None:
    """Actions that no screen's method is named for: an import kind writes its resource."""
    _more.setdefault(resource, set()).update(actions)


@dataclass(frozen=True)
class Offer:
    """What a role can be given of one resource."""

    resource: str
    label: Any
    area: str
    """Key of the menu category its screen stands in; empty for none."""
    area_label: Any
    scopes: tuple[str, ...]
    """How far its rows can be limited, from none to the whole company."""
    actions: Mapping[str, Any] = field(default_factory=dict)
    """Action -> its words, in the order of the vocabulary."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    needed: frozenset[str] = frozenset()
    """Fields that a new row must have."""

    def scopes_of(self, action: str) -> tuple[str, ...]:
        """How far an action can reach: a file is imported for the whole company or not at all."""
        return WIDE if action in ("import", "migrate") else self.scopes

    def masks_of(self, name: str) -> tuple[str, ...]:
        """How a field can be shown: personal data are never shown in plain by a role."""
        return (MASKED, HIDDEN) if self.fields[name].sensitive else (CLEAR, MASKED, HIDDEN)

    def default_mask(self, name: str) -> str:
        return MASKED if self.fields[name].sensitive else CLEAR


def offers() -> dict[str, Offer]:
    """By resource, in the order of the menu. Found once; what code declares does not change."""
    if "offers" not in current_app.extensions:
        current_app.extensions["offers"] = _found()
    return current_app.extensions["offers"]  # type: ignore[no-any-return]


def numbers_clear(resource: str) -> bool:
    """Whether the actor is shown every number of a resource: a figure of one record is as good as the number itself."""
    covered = {name for r, name in scope.actor().masks if r == resource}
    return not any(field.numeric for name, field in offers()[resource].fields.items() if name in covered)


def _found() -> dict[str, Offer]:
    builder = current_app.extensions["appbuilder"]
    tasks: dict[str, dict[str, Any]] = {}
    for view in builder.baseviews:
        if type(view).__name__ in OPEN_VIEWS:
            continue
        for resource, action, words in _tasks(view):
            tasks.setdefault(resource, {}).setdefault(action, words)
    for resource, actions in _more.items():
        for action in actions:
            tasks.setdefault(resource, {}).setdefault(action, ACTIONS[action])
    models = {resource_of(view.model): view.model for view in reversed(screens().values())}
    fields: dict[str, dict[str, Field]] = {}
    for view in screens().values():
        fields.setdefault(view.resource, {}).update(
            {n: f for n, f in fields_of(view.model).items() if n not in fields.get(view.resource, {})}
        )
    for resource, known in fields.items():
        if any(f.sensitive for f in known.values()):
            tasks[resource].setdefault("reveal", ACTIONS["reveal"])
    named = {resource: place for place, resource in enumerate(_named(builder))}
    ordered = sorted(tasks, key=lambda resource: named.get(resource, len(named)))
    return {
        resource: Offer(
            resource,
            *_words(builder, resource),
            scopes=_scopes(resource, models.get(resource)),
            actions={action: tasks[resource][action] for action in ACTIONS if action in tasks[resource]},
            fields=fields.get(resource, {}),
            needed=frozenset(n for n, f in fields.get(resource, {}).items() if f.required and not f.readonly),
        )
        for resource in ordered
    }


def _tasks(view: Any) -> Iterator[tuple[str, str, Any]]:
    """(resource, action, words) of everything that a view can do."""
    excluded = set(getattr(view, "exclude_route_methods", None) or ())
    for permission in view.base_permissions:
        method = permission.removeprefix("can_")
        resource, action = task_of(view, method)
        if resource and not (method == "bulk_edit" and "edit" in excluded):
            yield resource, action, ACTIONS[action]
    for name, action in (getattr(view, "actions", None) or {}).items():
        if name in ACTIONS:
            yield view.resource, name, action.text


def _scopes(resource: str, model: Any) -> tuple[str, ...]:
    """A table whose rows belong to nobody, and a page that no delivered role has in part, are allowed or not."""
    in_part = any(s != ALL for name in roles for (r, _action), s in grants_of(name).items() if r == resource)
    if not issubclass(model, Scoped) if model is not None else not in_part:
        return WIDE
    return tuple(scope for scope in SCOPES if reaches(resource, scope))


def menu_entries(builder: Any) -> Iterator[tuple[str, Any, Any]]:
    """(area, its words, entry) of the menu."""
    for category in builder.menu.get_list():
        for item in category.childs or [category]:
            if item.baseview is not None:
                yield category.name.removeprefix("menu:"), category.label, item


def _named(builder: Any) -> list[str]:
    found = [getattr(item.baseview, "resource", "") for _area, _label, item in menu_entries(builder)]
    return list(dict.fromkeys(found))


#: Resources whose first screen is called otherwise than what they are.
WORDS: dict[str, Any] = {"Metrics": _("Figures and glossary"), "ViewAs": _("View as others")}


def _words(builder: Any, resource: str) -> tuple[Any, str, Any]:
    """(words, area, words of the area) of a resource, from the first menu entry that leads to it."""
    screen = next((view for view in screens().values() if view.resource == resource), None)
    words = WORDS.get(resource) or (screen.list_title if screen is not None else None)
    for area, label, item in menu_entries(builder):
        if getattr(item.baseview, "resource", "") == resource:
            return words or item.label, area, label
    return words or resource, "", _("Other")
