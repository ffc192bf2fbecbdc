"""What people keep of lists: saved filters, their own or shared; the columns of a screen and the density of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import Choice, Id, Labelled, Model, Moment, Name, db
from portal.core.errors import NotFound, Refused
from portal.core.fields import field
from portal.core.scope import Personal, Shareable
from portal.core.work import verb

MOST_FILTERS = 50
"""Saved filters of one person on one screen, and those that a menu shows."""

Pairs = Sequence[tuple[str, str]]
"""Arguments of a list's address."""


class Density(Labelled):
    """How much air the rows of a list have."""

    COMFORTABLE = "comfortable", _("Comfortable")
    COMPACT = "compact", _("Compact")


class SavedFilter(Shareable, Model):
    """A search under a name (保存的筛选): seen by its owner and by the team or branch it is shared with."""

    __table_args__ = (UniqueConstraint("owner_id", "screen", "name"),)

    id: Mapped[Id]
    screen: Mapped[str] = field(_("Screen"), String(60), index=True)
    name: Mapped[Name] = field(_("Saved filter"))
    arguments: Mapped[Any] = mapped_column(JSON)
    """Pairs of the list's address; whether they still mean something is asked when it is used."""
    created_at: Mapped[Moment]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(str(name), str(text)) for name, text in self.arguments]

    @property
    def mine(self) -> bool:
        return self.owner_id == scope.actor().user_id

    @property
    def shared(self) -> bool:
        return self.team_id is not None or self.branch_id is not None

    def url(self, path: str) -> str:
        return f"{path}?{urlencode(self.pairs)}"

    def __str__(self) -> str:
        return self.name


class ListPreference(Personal, Model):
    """A person's columns of one screen; the row without a screen holds the density of all lists (列表偏好)."""

    __table_args__ = (UniqueConstraint("owner_id", "screen"),)

    id: Mapped[Id]
    screen: Mapped[str] = mapped_column(String(60), default="")
    columns: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    density: Mapped[Density | None] = mapped_column(Choice(Density))


def filters_of(screen: str) -> list[SavedFilter]:
    """The saved filters of a screen that the actor sees, by name."""
    named = select(SavedFilter).where(SavedFilter.screen == screen).order_by(SavedFilter.name, SavedFilter.id)
    return list(db.session.scalars(named.limit(MOST_FILTERS)))


def find(screen: str, filter_id: int) -> SavedFilter:
    """A saved filter that the actor sees; NotFound otherwise."""
    row: SavedFilter | None = db.session.scalar(
        select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.screen == screen)
    )
    if row is None:
        raise NotFound(gettext("This saved filter does not exist, or it is not shared with you."))
    return row


@verb("lists.keep_filter")
def keep_filter(screen: str, name: str, pairs: Pairs, shared: bool) -> SavedFilter:
    """Keep a search under a name; one's own of that name is replaced. Refused without a name or whom to share with."""
    who = scope.actor()
    if not name:
        raise Refused(gettext("A saved filter needs a name."))
    if not pairs:
        raise Refused(gettext("Nothing to save: no filter is on."))
    own = select(SavedFilter).where(SavedFilter.screen == screen, SavedFilter.owner_id == who.user_id)
    held = {row.name: row for row in db.session.scalars(own)}
    if name not in held and len(held) >= MOST_FILTERS:
        raise Refused(gettext("At most %(most)s saved filters on a screen; delete one first.", most=MOST_FILTERS))
    row = held.get(name) or SavedFilter(owner_id=who.user_id, screen=screen, name=name, created_at=now())
    row.arguments = [list(pair) for pair in pairs]
    row.team_id, row.branch_id = _place(who) if shared else (None, None)
    db.session.add(row)
    db.session.flush()
    return row


def _place(who: scope.Actor) -> tuple[int | None, int | None]:
    """(team, branch) that a person shares with: the team, or the branch of those who are in none."""
    if who.teams:
        return min(who.teams), None
    if who.home == -1:
        raise Refused(gettext("You belong to no branch, so there is nobody to share with."))
    return None, who.home


@verb("lists.drop_filter")
def drop_filter(screen: str, filter_id: int) -> str:
    """Delete one's own saved filter; returns its name. Refused when it is somebody else's."""
    row = find(screen, filter_id)
    if not row.mine:
        raise Refused(gettext("Only its owner can delete a shared filter."))
    db.session.delete(row)
    return row.name


def preferences_of(screen: str) -> tuple[list[str] | None, Density]:
    """The actor's columns of a screen (None = the screen's own) and the density of lists. One statement."""
    rows = db.session.scalars(select(ListPreference).where(ListPreference.screen.in_((screen, ""))))
    held = {row.screen: row for row in rows}
    columns = held[screen].columns if screen in held else None
    return columns, (held[""].density if "" in held else None) or Density.COMFORTABLE


@verb("lists.prefer")
def prefer(screen: str, columns: Iterable[str] | None, density: Density) -> None:
    """Keep the actor's columns of a screen (None = the screen's own again) and the density of lists."""
    _preference(screen).columns = None if columns is None else list(columns)
    _preference("").density = density


def _preference(screen: str) -> ListPreference:
    owner = scope.actor().user_id
    mine = select(ListPreference).where(ListPreference.screen == screen, ListPreference.owner_id == owner)
    row = db.session.scalar(mine)
    if row is None:
        row = ListPreference(owner_id=owner, screen=screen)
        db.session.add(row)
    return row
