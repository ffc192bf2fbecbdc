"""One timeline for each record: what the audit trail holds of it, and what areas contribute, newest first.

Events are ordered by business date, within a date by source and number, so that each source is read page by page from
an index. Values are shown as the record itself shows them: personal data never, references only to rows that the reader
may see. Who may open the record may read its timeline.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from flask import url_for
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, false, inspect, or_, select

from portal.core import scope
from portal.core.audit import ADDED, CHANGED, DELETED, AuditEntry, AuditRow
from portal.core.audit import HIDDEN as LEFT_OUT
from portal.core.db import db
from portal.core.display import name_of, record_url, screens
from portal.core.fields import Field, columns_of
from portal.core.masks import mask_of
from portal.core.registry import Registry
from portal.core.role_store import CLEAR, HIDDEN
from portal.core.values import CHINA, UNITS, as_shown

SIZE = 20
"""Events on a page."""


@dataclass(frozen=True)
class Change:
    """A field that was edited. Without values where they are personal or no longer described."""

    label: str
    old: Any = None
    new: Any = None
    shown: bool = False


@dataclass(frozen=True)
class Event:
    """Something that happened on a business date. `number` orders the events of one source and date."""

    day: dt.date
    number: int
    title: str
    mark: str = "neutral"
    """One of the signal colours: ok, info, warn, danger, neutral."""
    text: Any = ""
    at: dt.datetime | None = None
    """The moment, where the event is one of the clock and not only of the books."""
    who: str = ""
    changes: tuple[Change, ...] = ()
    url: str = ""
    """The record behind it, if the reader may open it."""
    source: str = ""

    @property
    def clock(self) -> str:
        """The time of day; with its date where the books were at another."""
        if self.at is None:
            return ""
        local = self.at.astimezone(CHINA)
        return f"{local:%H:%M}" if local.date() == self.day else f"{local:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Window:
    """The part of a source that a page needs: at most `size` events, older than where the page before ended."""

    source: str
    size: int = SIZE + 1
    until: tuple[dt.date, str, int] | None = None

    def condition(self, day: Any, number: Any) -> list[ColumnElement[bool]]:
        """For events whose business date and number are these columns."""
        if self.until is None:
            return []
        last, source, at = self.until
        if self.source != source:
            return [day < last if self.source > source else day <= last]
        return [or_(day < last, and_(day == last, number < at))]

    def holds(self, event: Event) -> bool:
        """The same for events that were computed."""
        return self.until is None or (event.day, self.source, event.number) < self.until


Source = Callable[[Any, Window], Iterable[Event]]
"""(row, window) -> its events, newest first; read as the actor, so that nothing outside his scope is told."""

sources: Registry[tuple[tuple[str, ...], Source]] = Registry("sources of timelines")
verbs: Registry[Any] = Registry("words for verbs in timelines")


def contribute(key: str, *models: str) -> Callable[[Source], Source]:
    """Add a source of events to the timelines of these models (by class name; none = of all)."""

    def register(function: Source) -> Source:
        sources.register(key, (models, function))
        return function

    return register


def call(verb: str, words: Any) -> None:
    """Give a verb the words of its event. None: a source tells it better, so the audit trail keeps quiet about it."""
    verbs.register(verb, words)


def page(row: Any, until: str = "") -> tuple[list[Event], str]:
    """(events, argument for the next older page or empty)."""
    start, found = _read(until), []
    for key, (models, source) in sources.items():
        if not models or type(row).__name__ in models:
            window = Window(key, until=start)
            found += [replace(event, source=key) for event in source(row, window) if window.holds(event)]
    found.sort(key=_place, reverse=True)
    shown = found[:SIZE]
    return shown, _write(_place(shown[-1])) if len(found) > SIZE else ""


def by_day(events: Sequence[Event]) -> list[tuple[dt.date, list[Event]]]:
    return [(day, list(some)) for day, some in groupby(events, key=lambda event: event.day)]


def _place(event: Event) -> tuple[dt.date, str, int]:
    return event.day, event.source, event.number


def _write(place: tuple[dt.date, str, int]) -> str:
    return "~".join((place[0].isoformat(), place[1], str(place[2])))


def _read(text: str) -> tuple[dt.date, str, int] | None:
    """Where the page before ended; nonsense begins at the top."""
    try:
        day, source, number = text.split("~")
        return dt.date.fromisoformat(day), source, int(number[:18])
    except ValueError:
        return None


for told_elsewhere in ("access.refused", "account.login", "account.login_failed", "account.logout", "account.locked"):
    call(told_elsewhere, None)  # the auditors' business, not that of whoever may open the record

# ---- the audit trail -------------------------------------------------------------------------------------------------

TITLES = {ADDED: _("Created"), CHANGED: _("Edited"), DELETED: _("Deleted")}
MARKS = {ADDED: "ok", CHANGED: "info", DELETED: "danger"}


@contribute("audit")
def _audited(row: Any, window: Window) -> list[Event]:
    """What the audit trail holds of the row, since it was made: a key may have belonged to a row that is gone."""
    resource, key = type(row).__name__, inspect(row).identity[0]
    about = (AuditRow.resource == resource, AuditRow.row_id == key)
    ended = select(AuditRow.entry_id).where(*about, AuditRow.what == DELETED).order_by(AuditRow.entry_id.desc())
    last = ended.limit(1).scalar_subquery()
    quiet = [name for name, words in verbs.items() if words is None]
    statement = (
        select(AuditEntry, AuditRow.what, User)
        .join(AuditRow, AuditRow.entry_id == AuditEntry.id)
        .outerjoin(User, User.id == AuditEntry.user_id)
        .where(*about, or_(last.is_(None), AuditEntry.id > last))
        .where(*window.condition(AuditEntry.business_date, AuditEntry.id))
        .where(or_(AuditRow.what.in_((ADDED, CHANGED)), AuditEntry.verb.not_in(quiet)))
        .order_by(AuditEntry.business_date.desc(), AuditEntry.id.desc())
        .limit(window.size)
    )
    found = db.session.execute(statement).all()
    noted = [_fields_noted(entry, resource, key) for entry, _what, _user in found]
    names = References(type(row), noted)
    principals = [_on_behalf(entry, resource, key) for entry, _what, _user in found]
    called = _people({login for logins in principals for login in logins})
    return [
        Event(
            day=entry.business_date,
            number=entry.id,
            title=_title(entry.verb, what),
            mark=MARKS.get(what, "neutral"),
            at=entry.at,
            who=_who(name_of(user) or entry.actor, [called.get(login, login) for login in logins]),
            changes=tuple(change for pair in fields.items() if (change := names.change(*pair)) is not None),
            url=_cause(entry, resource),
        )
        for (entry, what, user), fields, logins in zip(found, noted, principals, strict=True)
    ]


def _title(verb: str, what: str) -> str:
    words = verbs.get(verb)
    if words is not None:
        return str(words)
    return str(TITLES.get(what) or gettext("Recorded: %(verb)s", verb=verb))


def _cause(entry: AuditEntry, resource: str) -> str:
    """The record that the work was about, where that is another kind of record: the import batch, the grid."""
    if entry.resource in ("", resource) or entry.subject_id is None:
        return ""
    for view in screens().values():
        if view.model.__name__ == entry.resource and not view.record_view and view.may("show"):
            return url_for(f"{view.endpoint}.show", pk=entry.subject_id)
    return ""


def _fields_noted(entry: AuditEntry, resource: str, key: int) -> dict[str, list[Any]]:
    for noted in (entry.changes or {}).get("rows", ()):
        if noted["resource"] == resource and noted["id"] == key:
            return dict(noted["fields"])
    return {}


def _on_behalf(entry: AuditEntry, resource: str, key: int) -> list[str]:
    """The logins for whom the row was worked on, where the actor stood in for them."""
    held = entry.changes or {}
    for noted in held.get("rows", ()):
        if noted["resource"] == resource and noted["id"] == key:
            return [noted["for"]] if "for" in noted else []
    return list(held.get("on_behalf_of", ()))


def _people(logins: set[str]) -> dict[str, str]:
    if not logins:
        return {}
    rows = db.session.scalars(select(User).where(User.username.in_(logins)))
    return {user.username: name_of(user) for user in rows}


def _who(who: str, principals: Sequence[str]) -> str:
    if not principals:
        return who
    return str(gettext("%(who)s for %(whom)s", who=who, whom=gettext(", ").join(principals)))


class References:
    """The fields of a model, and the words for the rows that noted values refer to, each table read once."""

    def __init__(self, model: Any, noted: Sequence[dict[str, list[Any]]]) -> None:
        self.model = model
        self.fields = columns_of(model)
        wanted: dict[Any, set[int]] = {}
        for fields in noted:
            for name, pair in fields.items():
                known = self.fields.get(name)
                if known is not None and known.type == "ref":
                    wanted.setdefault(known.target, set()).update(v for v in pair if isinstance(v, int))
        self.words: dict[tuple[Any, int], str] = {}
        with scope.doing("", "list"):
            for target, keys in wanted.items():
                pk = inspect(target).primary_key[0]
                rows = db.session.scalars(select(target).where(pk.in_(sorted(keys)) if keys else false()))
                self.words.update({(target, inspect(row).identity[0]): str(row) for row in rows})

    def change(self, name: str, pair: list[Any]) -> Change | None:
        """The edit in words; without its values where they are not the reader's to see, None where the field is not."""
        field = self.fields.get(name)
        if field is None:
            return Change(name)
        mask = mask_of(self.model, field)
        if mask == HIDDEN:
            return None
        if mask != CLEAR or field.type == "json" or LEFT_OUT in pair:
            return Change(str(field.label))
        unit = str(UNITS.get(field.type, ""))
        label = f"{field.label} ({unit})" if unit else str(field.label)
        return Change(label, self._shown(field, pair[0]), self._shown(field, pair[1]), shown=True)

    def _shown(self, field: Field, value: Any) -> Any:
        if value is None or value == "":
            return ""
        try:
            match field.type:
                case "ref":
                    return self.words.get((field.target, value)) or gettext("(outside your area)")
                case "date":
                    return as_shown(field, dt.date.fromisoformat(value))
                case "datetime":
                    return as_shown(field, dt.datetime.fromisoformat(value))
                case "choice" if field.choices is not None:
                    return as_shown(field, field.choices(value))
                case _:
                    return as_shown(field, value)
        except (ValueError, TypeError, AttributeError):  # written by an older version of the field
            return str(value)


def link_to(row: Any) -> str:
    """The record screen of a row behind an event, if the reader may open it."""
    return record_url(row) if row is not None else ""
