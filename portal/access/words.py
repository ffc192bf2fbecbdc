"""Roles in words: what a role may do, what a change means, for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from portal.access.rules import NONE, Change, Effect, Table
from portal.core import role_store
from portal.core.offers import WIDE, Offer, offers
from portal.core.role_store import CLEAR, HIDDEN, MASKED
from portal.core.roles import ACTIONS, SCOPE_WORDS
from portal.core.scope import ALL, WIDTH
from portal.core.values import CHINA

MASK_WORDS: dict[str, Any] = {CLEAR: _("Shown"), MASKED: _("Masked"), HIDDEN: _("Hidden")}
NAMES = 8
"""People named one by one in a preview."""


def moment(at: datetime) -> str:
    """As clocks in China show it."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"


def label_of_role(name: str, fallback: str = "") -> str:
    """What people call a role; a role that is only proposed has no other words than its proposal's."""
    role = role_store.current().roles.get(name)
    return str(role.label) if role is not None else fallback or name


def resource_words(resource: str) -> str:
    return str(offers()[resource].label) if resource in offers() else resource


def action_words(resource: str, action: str) -> str:
    offer = offers().get(resource)
    return str(offer.actions[action] if offer is not None and action in offer.actions else ACTIONS.get(action, action))


def scope_words(resource: str, scope: str, action: str = "list") -> str:
    """How far; yes for what is allowed or not."""
    offer = offers().get(resource)
    if scope == ALL and offer is not None and offer.scopes_of(action) == WIDE:
        return str(gettext("Allowed"))
    return str(SCOPE_WORDS[scope])


def field_words(resource: str, name: str) -> str:
    offer = offers().get(resource)
    return str(offer.fields[name].label) if offer is not None and name in offer.fields else name


@dataclass(frozen=True)
class Line:
    """One difference: what it is about, what it was, what it becomes."""

    subject: str
    before: str
    after: str
    wider: bool | None = None
    """Whether more is allowed or shown than before; None where that is no question."""


def lines_of(changes: Iterable[Change]) -> list[Line]:
    """Differences in words; actions on one resource that change alike stand in one line."""
    grouped: dict[Any, list[Change]] = {}
    for change in changes:
        key = (change.key[0], change.before, change.after) if change.what == "grants" else id(change)
        grouped.setdefault(key, []).append(change)
    return [_granted(some) if some[0].what == "grants" else _line_of(some[0]) for some in grouped.values()]


def _granted(changes: Sequence[Change]) -> Line:
    first, resource = changes[0], changes[0].key[0]
    named = {change.key[1] for change in changes}
    actions = gettext(", ").join(action_words(resource, action) for action in ACTIONS if action in named)
    before, after = (scope_words(resource, s, first.key[1]) for s in (first.before, first.after))
    return Line(f"{resource_words(resource)} · {actions}", before, after, WIDTH[first.after] > WIDTH[first.before])


def _line_of(change: Change) -> Line:
    resource, name = change.key
    if change.what == "masks":
        default = offers()[resource].default_mask(name) if resource in offers() else CLEAR
        masks = [change.before or default, change.after or default]
        order = [CLEAR, MASKED, HIDDEN]
        wider = order.index(masks[1]) < order.index(masks[0])
        subject = f"{resource_words(resource)} · {field_words(resource, name)}"
        return Line(subject, str(MASK_WORDS[masks[0]]), str(MASK_WORDS[masks[1]]), wider)
    if change.what == "retired":
        return Line(
            gettext("Retired"), *(gettext("Yes") if v else gettext("No") for v in (change.before, change.after))
        )
    called = {"label": gettext("Name"), "description": gettext("Description"), "based_on": gettext("Based on")}
    texts = [label_of_role(v) if change.what == "based_on" and v else str(v) for v in (change.before, change.after)]
    return Line(called[change.what], texts[0] or "—", texts[1] or "—")


@dataclass(frozen=True)
class Sentence:
    """What a change means for some people."""

    text: str
    gains: bool
    people: tuple[str, ...]
    """The first of them by name."""
    more: int
    """How many are not named."""


def sentences(effects: Iterable[Effect]) -> list[Sentence]:
    """Who gains and who loses what; actions on one resource that change alike stand in one sentence."""
    grouped: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for effect in effects:
        resource, action = effect.task
        grouped.setdefault((resource, effect.before, effect.after, effect.people), []).append(action)
    found = []
    for (resource, before, after, people), actions in grouped.items():
        order = [action for action in ACTIONS if action in actions]
        what = gettext(", ").join(action_words(resource, action) for action in order)
        task = gettext("%(resource)s: %(actions)s", resource=resource_words(resource), actions=what)
        text = _sentence(len(people), task, before, after, resource)
        found.append(Sentence(text, WIDTH[after] > WIDTH[before], people[:NAMES], max(0, len(people) - NAMES)))
    return sorted(found, key=lambda sentence: sentence.gains)


def _sentence(count: int, task: str, before: str, after: str, resource: str) -> str:
    words = {"task": task, "before": scope_words(resource, before), "after": scope_words(resource, after)}
    if after == NONE:
        return str(ngettext("%(num)s person loses %(task)s", "%(num)s people lose %(task)s", count, **words))
    if before == NONE:
        return str(
            ngettext(
                "%(num)s person gains %(task)s (%(after)s)", "%(num)s people gain %(task)s (%(after)s)", count, **words
            )
        )
    return str(
        ngettext(
            "%(num)s person: %(task)s, now %(after)s instead of %(before)s",
            "%(num)s people: %(task)s, now %(after)s instead of %(before)s",
            count,
            **words,
        )
    )


@dataclass(frozen=True)
class Paragraph:
    """What a role may do with one resource."""

    resource: str
    parts: Sequence[tuple[str, str, str]]
    """(how far in words, scope, actions in words), the widest first."""
    masks: Sequence[tuple[str, str]]
    """(field, how it is shown) where a role says so."""


def in_words(table: Table) -> list[tuple[str, list[Paragraph]]]:
    """(area, paragraphs) of all that a role may do, in the order of the menu."""
    found: list[tuple[str, list[Paragraph]]] = []
    for area, held in by_area(offers()):
        paragraphs = [_paragraph(offer, table) for offer in held if _says(offer.resource, table)]
        if paragraphs:
            found.append((area, paragraphs))
    return found


def _says(resource: str, table: Table) -> bool:
    return any(key[0] == resource for key in table.grants)


def _paragraph(offer: Offer, table: Table) -> Paragraph:
    by_scope: dict[str, list[str]] = {}
    for action in offer.actions:
        scope = table.grants.get((offer.resource, action), NONE)
        if scope != NONE:
            by_scope.setdefault(scope, []).append(action_words(offer.resource, action))
    ordered = sorted(by_scope.items(), key=lambda pair: -WIDTH[pair[0]])
    parts = [(scope_words(offer.resource, s), s, gettext(", ").join(actions)) for s, actions in ordered]
    masks = [
        (field_words(offer.resource, name), str(MASK_WORDS[mask]))
        for (resource, name), mask in sorted(table.masks.items())
        if resource == offer.resource
    ]
    return Paragraph(str(offer.label), parts, masks)


def by_area(known: Mapping[str, Offer]) -> list[tuple[str, list[Offer]]]:
    """(words of the menu's category, its resources)."""
    areas: dict[str, tuple[str, list[Offer]]] = {}
    for offer in known.values():
        areas.setdefault(offer.area, (str(offer.area_label), []))[1].append(offer)
    return list(areas.values())
