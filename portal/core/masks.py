"""How much of a field the actor is shown: clear, masked or hidden. The one place that decides, for every channel.

Personal data (`Field.sensitive`) are masked unless a role hides them; anything else is clear unless a role covers it.
What is not clear can be neither filtered, sorted nor searched by; only a masked sealed value is still found by its
whole number.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from portal.core import scope
from portal.core.db import label_of
from portal.core.fields import Field, fields_of
from portal.core.role_store import CLEAR, HIDDEN, MASKED
from portal.core.values import as_text

COVER = "•••"


def resource_of(model: Any) -> str:
    """The resource whose grants and masks count for a model."""
    named = getattr(model, "resource_name", None)
    return str(named() if named is not None else model.__name__)


def mask_of(model: Any, field: Field) -> str:
    """CLEAR, MASKED or HIDDEN, for the present actor."""
    masks = scope.actor().masks
    if masks:
        said = masks.get((resource_of(model), field.name))
        if said is not None and not (said == CLEAR and field.sensitive):
            return said
    return MASKED if field.sensitive else CLEAR


def is_clear(model: Any, name: str) -> bool:
    """Whether the actor is shown the whole value; what is not described is not masked."""
    field = fields_of(model).get(name)
    return field is None or mask_of(model, field) == CLEAR


def is_hidden(model: Any, name: str) -> bool:
    field = fields_of(model).get(name)
    return field is not None and mask_of(model, field) == HIDDEN


def visible(model: Any, names: Iterable[str]) -> list[str]:
    """Those of the fields that the actor is shown at all."""
    return [name for name in names if not is_hidden(model, name)]


def covered(field: Field, value: Any) -> str:
    """A value that is not shown, as it appears: by its own mask where it has one; nothing stays nothing."""
    if value is None or value == "":
        return ""
    return field.mask(value) if field.mask is not None and isinstance(value, str) else COVER


def told(row: Any, name: str) -> str:
    """A field of a row in words: what names, notes and lines outside lists are made of."""
    model = type(row)
    field = fields_of(model)[name]
    sealed = getattr(model, "__sealed__", {}).get(name)
    mask = mask_of(model, field)
    if sealed is not None:
        return "" if mask == HIDDEN else str(sealed.masked(row))
    value = getattr(row, name)
    if mask != CLEAR:
        return "" if value is None else COVER if mask == HIDDEN else covered(field, value)
    if isinstance(value, StrEnum):
        return str(label_of(value))
    return as_text(field, value)


def derived(model: Any, names: Iterable[str], text: str) -> str:
    """Words that were made from these fields: covered as soon as one of them is not clear."""
    return text if all(is_clear(model, name) for name in names) else COVER
