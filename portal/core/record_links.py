"""Ways from a record to pages of other areas, which add them here: why somebody may open it, viewing as a login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.core.registry import Registry


@dataclass(frozen=True)
class RecordLink:
    """A link in the head of a record."""

    words: Any
    url: str
    icon: str
    """Name of a line icon (icons.svg)."""
    about: Any = ""
    """What it leads to, where the words alone do not say it."""
    pressing: bool = False
    """Its words stand on a phone, too, where other links are icons."""


LinkOf = Callable[[Any, Any], RecordLink | None]
"""(screen, row) -> the link; None where the actor has none."""

_links: Registry[LinkOf] = Registry("links of records")


def contribute_link(key: str) -> Callable[[LinkOf], LinkOf]:
    """Offer a link on every record."""

    def register(function: LinkOf) -> LinkOf:
        return _links.register(key, function)

    return register


def links_of(view: Any, row: Any) -> list[RecordLink]:
    """The links of a record for the present actor."""
    return [link for function in _links.values() if (link := function(view, row)) is not None]
