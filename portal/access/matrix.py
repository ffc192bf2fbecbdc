"""The matrix of a role: its cells as the page draws them, and what a form says of them.

A cell is a select named `g.<resource>.<action>`, a field's is `m.<resource>.<field>`. Two hundred resources make a few
thousand selects, so their options are made once each and not by the template.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from flask_babel import gettext
from markupsafe import Markup, escape

from portal.access.rules import NONE, Table, Vocabulary, check_grant, check_mask, tidied
from portal.access.words import MASK_WORDS, by_area, scope_words
from portal.core.offers import WIDE, Offer, offers
from portal.core.roles import ACTIONS, SCOPE_WORDS
from portal.core.scope import WIDTH
from portal.core.values import tidy

COLUMNS = ("list", "show", "add", "edit", "delete", "export", "import", "reveal")
"""Actions with a column of their own; the others stand together in the last."""


@dataclass(frozen=True)
class Row:
    """A resource: a cell for each column (empty where it has no such action), the others, its fields."""

    resource: str
    label: str
    cells: Sequence[tuple[str, Markup]]
    others: Sequence[tuple[str, Markup]]
    granted: int
    """How many of the others are granted."""
    fields: Sequence[tuple[str, Markup, bool]]
    """(words, select, whether it is shown otherwise than by default)."""
    differs: bool
    """From the delivered role."""
    covered: int
    """How many fields are shown otherwise than by default."""


def headings() -> list[tuple[str, str]]:
    """(action, words) of the columns."""
    return [(action, str(ACTIONS[action])) for action in COLUMNS]


def rows(table: Table, base: Mapping[tuple[str, str], str]) -> list[tuple[str, list[Row]]]:
    """(area, rows) of the whole matrix."""
    options = _Options()
    return [(area, [_row(offer, table, base, options) for offer in held]) for area, held in by_area(offers())]


def _row(offer: Offer, table: Table, base: Mapping[tuple[str, str], str], options: _Options) -> Row:
    label, differs = str(offer.label), False
    cells: list[tuple[str, Markup]] = []
    others: list[tuple[str, Markup]] = []
    for action in (*COLUMNS, *(a for a in offer.actions if a not in COLUMNS)):
        if action not in offer.actions:
            cells.append((options.action_words[action], Markup("")))
            continue
        key, words = (offer.resource, action), options.words_of(offer, action)
        value, delivered = table.grants.get(key, NONE), base.get(key, NONE)
        changed = value != delivered
        hint = gettext("Delivered: %(scope)s", scope=scope_words(offer.resource, delivered, action)) if changed else ""
        cell = _select(
            f"g.{offer.resource}.{action}",
            f"{label}: {words}",
            value,
            hint,
            options.scopes(offer.scopes_of(action), value),
        )
        (cells if action in COLUMNS else others).append((words, cell))
        differs = differs or changed
    fields = []
    for name, field in offer.fields.items():
        default = offer.default_mask(name)
        value = table.masks.get((offer.resource, name), default)
        words, at = str(field.label), f"m.{offer.resource}.{name}"
        choices = options.masks(offer.masks_of(name), value)
        fields.append((words, _select(at, f"{label}: {words}", value, "", choices), value != default))
    covered = sum(other for _words, _select, other in fields)
    granted = sum((offer.resource, action) in table.grants for action in offer.actions if action not in COLUMNS)
    return Row(offer.resource, label, cells, others, granted, fields, differs or covered > 0, covered)


def _select(name: str, label: str, value: str, hint: str, options: str) -> Markup:
    mark = f' title="{escape(hint)}"' if hint else ""
    return Markup(
        f'<select class="scope scope-{value}{" is-changed" if hint else ""}" name="{escape(name)}" '
        f'aria-label="{escape(label)}" data-was="{value}"{mark}>{options}</select>'
    )


class _Options:
    """Words and options of selects in the reader's language, each made once."""

    def __init__(self) -> None:
        self.action_words = {action: str(words) for action, words in ACTIONS.items()}
        self.scope_words = {scope: escape(str(words)) for scope, words in SCOPE_WORDS.items()}
        self.plain_words = {NONE: escape(gettext("Not allowed")), "all": escape(gettext("Allowed"))}
        self.mask_words = {mask: escape(str(words)) for mask, words in MASK_WORDS.items()}
        self.scopes_made = cache(self._scopes)
        self.masks_made = cache(self._masks)

    def words_of(self, offer: Offer, action: str) -> str:
        own = offer.actions[action]
        return self.action_words[action] if own is ACTIONS[action] else str(own)

    def scopes(self, scopes: tuple[str, ...], value: str) -> str:
        return self.scopes_made(scopes, value)

    def _scopes(self, scopes: tuple[str, ...], value: str) -> str:
        return _options(scopes, self.plain_words if scopes == WIDE else self.scope_words, value)

    def masks(self, masks: tuple[str, ...], value: str) -> str:
        return self.masks_made(masks, value)

    def _masks(self, masks: tuple[str, ...], value: str) -> str:
        return _options(masks, self.mask_words, value)


def _options(values: Sequence[str], words: Mapping[str, Any], chosen: str) -> str:
    return "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{words[value]}</option>' for value in values
    )


# ---- what a form says ------------------------------------------------------------------------------------------------


def read(form: Mapping[str, str], table: Table, vocabulary: Vocabulary) -> Table:
    """The table as the form changes it. Raises rules.Problem for a cell that is not offered."""
    grants, masks = dict(table.grants), dict(table.masks)
    for key, value in form.items():
        kind, _dot, rest = key.partition(".")
        if kind not in ("g", "m") or not rest:
            continue
        resource, _dot, name = rest.partition(".")
        if kind == "g":
            check_grant(vocabulary, resource, name, value)
            grants[resource, name] = value
        else:
            check_mask(vocabulary, resource, name, value)
            masks[resource, name] = value
    label = one_line(form.get("label", table.label))
    description = one_line(form.get("description", table.description))
    wanted = replace(table, label=label, description=description, grants=grants, masks=masks)
    return tidied(wanted, vocabulary)


def one_line(text: str) -> str:
    return tidy(text).replace("\n", " ").strip()


def narrowed(table: Table, most: str) -> Table:
    """The table with nothing reaching further than `most`, where the resource knows that scope."""
    known = offers()
    grants = {
        (resource, action): most if most in known[resource].scopes_of(action) and WIDTH[scope] > WIDTH[most] else scope
        for (resource, action), scope in table.grants.items()
    }
    return replace(table, grants=grants)


def personal() -> dict[tuple[str, str], Offer]:
    """Personal data as (resource, field): what a new role hides at one click."""
    return {
        (offer.resource, name): offer
        for offer in offers().values()
        for name, field in offer.fields.items()
        if field.sensitive
    }


def digest(table: Table) -> str:
    """Tells whether what is proposed is what was previewed."""
    grants = sorted([*key, scope] for key, scope in table.grants.items())
    masks = sorted([*key, mask] for key, mask in table.masks.items())
    content = [table.label, table.description, table.based_on, table.retired, grants, masks]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
