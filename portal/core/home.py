"""The home page's cards: what waits for somebody today, contributed by areas, in an order for each role.

A card shows lines (rows that wait, scoped by the session) or figures (registered metrics with change and drill link).
One that adds up many rows says `later`: it is fetched once the page is there, so that the page never waits for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from babel.dates import format_skeleton
from flask import url_for
from flask_babel import get_locale, gettext
from sqlalchemy import Select

from portal.core import scope
from portal.core.db import db
from portal.core.registry import Registry, RegistryError
from portal.core.roles import roles
from portal.core.values import money_text

LINES = 5
COUNTED = 50
"""Rows are counted up to here; more are told as 50+."""

Tone = Literal["", "ok", "info", "warn", "danger"]


@dataclass(frozen=True)
class Line:
    """One thing that waits."""

    title: str
    note: str = ""
    value: str = ""
    url: str = ""
    tone: Tone = ""
    """Of the value; never the only signal."""


@dataclass(frozen=True)
class Figure:
    """A metric as shown."""

    label: str
    value: str
    unit: str = ""
    change: str = ""
    """In words: `+1.2% since 31 May`."""
    tone: Tone = ""
    url: str = ""
    formula: str = ""


@dataclass(frozen=True)
class Waiting:
    """What a card holds now."""

    lines: Sequence[Line] = ()
    figures: Sequence[Figure] = ()
    count: str = ""
    """How many wait; empty where counting means nothing."""
    url: str = ""
    """The full list."""


@dataclass(frozen=True)
class HomeCard:
    """A contribution to the home page."""

    key: str
    title: Any
    """Lazy."""
    resource: str
    action: str
    places: Mapping[str, int]
    """Role -> place on its home page, the smallest first. Other roles do not get the card."""
    fill: Callable[[], Waiting]
    nothing: Any
    """One line for when nothing waits (lazy)."""
    icon: str = "fa-inbox"
    wide: bool = False
    """Takes the whole width of the page."""
    later: bool = False
    quiet: bool = False
    """Not a word of it when nothing waits."""


cards: Registry[HomeCard] = Registry("home cards")


def register_card(card: HomeCard) -> HomeCard:
    return cards.register(card.key, card)


def check_places() -> None:
    """Start-up fails when a card is meant for a role that does not exist."""
    for card in cards.values():
        for role in card.places:
            if role not in roles:
                raise RegistryError(f"The home card {card.key!r} is meant for {role!r}, which is no role.")


def cards_for(who: scope.Actor) -> list[HomeCard]:
    """The actor's cards in the order of his roles; only what his roles may see."""
    placed = [
        (min(card.places[role] for role in who.templates if role in card.places), card)
        for card in cards.values()
        if any(role in card.places for role in who.templates) and who.may(card.resource, card.action)
    ]
    return [card for _place, card in sorted(placed, key=lambda pair: pair[0])]


def filled(card: HomeCard) -> Waiting:
    """The card's content, with each resource as far as the actor's `list` reaches."""
    with scope.doing("", "list"):
        return card.fill()


def short_day(day: dt.date) -> str:
    """`May 31`, `5月31日`."""
    return str(format_skeleton("MMMd", day, locale=get_locale()))


def list_url(screen: str, arguments: Mapping[str, Any]) -> str:
    """A screen's list, narrowed and ordered by these arguments of its address."""
    return url_for(f"{screen}.list", **dict[str, Any](arguments))


def yuan(fen: int) -> str:
    """An amount on a line of its own, where no heading names the unit."""
    return str(gettext("%(amount)s yuan", amount=money_text(fen, thousands=True)))


def waiting_rows(statement: Select[Any], key: Any = None, load: Sequence[Any] = ()) -> tuple[list[Any], str]:
    """(the first rows, how many there are in words) by limited statements.

    For a large table name the `key` that tells the rows apart, and what to `load` with them: the keys are put in order
    alone, and only the rows that are shown are read and joined.
    """
    if key is None:
        found = list(db.session.execute(statement.limit(COUNTED + 1)).unique())
        return found[:LINES], _counted(found)
    keys = list(db.session.scalars(statement.with_only_columns(key, maintain_column_froms=True).limit(COUNTED + 1)))
    shown = statement.where(key.in_(keys[:LINES])).options(*load)
    return list(db.session.execute(shown).unique()) if keys else [], _counted(keys)


def _counted(found: Sequence[Any]) -> str:
    return f"{COUNTED}+" if len(found) > COUNTED else str(len(found)) if found else ""
