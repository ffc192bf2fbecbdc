"""What areas add to everybody's own account page: the people one stands in for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.core import scope
from portal.core.home import Waiting
from portal.core.registry import Registry


@dataclass(frozen=True)
class OwnSection:
    """A section of the account page. `url` of what it holds leads to the screen behind it, called `more`."""

    key: str
    title: Any
    """Lazy."""
    fill: Callable[[], Waiting]
    nothing: Any
    """What it says when there is nothing (lazy)."""
    more: Any


sections: Registry[OwnSection] = Registry("sections of the account page")


def filled() -> list[tuple[OwnSection, Waiting]]:
    """Every section with what it holds for the actor."""
    with scope.doing("", "list"):
        return [(section, section.fill()) for section in sections.values()]
