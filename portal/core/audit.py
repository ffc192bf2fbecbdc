"""Who did what: one entry per unit of work, without personal data in plain.

An entry names the verb, the actor, for whom he did it where he stood in for somebody, the rows and, for rows that
people edit, each changed field with its old and new value; sensitive and personal fields are only named. Triggers
refuse to change or delete entries, and `portal.trail` chains them by their digest.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Insert,
    String,
    bindparam,
    case,
    event,
    false,
    func,
    insert,
    inspect,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.hybrid import Comparator, hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import BigId, BigKey, BusinessDate, Choice, Model, Moment
from portal.core.display import screens
from portal.core.fields import Field, field, fields_of
from portal.core.verbs import VerbGroup, group_of, resources, told, verbs_of

HIDDEN = "•••"
ADDED, CHANGED, DELETED, SUBJECT = "added", "changed", "deleted", "subject"
MOST_ROWS = 200
"""Rows listed one by one in an entry; a bulk verb states its count and the file's hash instead."""


class _Called:
    """Keys of the trail in words. A key that nobody calls anything, because it is history, stands for itself."""

    def __init__(self, words: Callable[[], Mapping[str, Any]]) -> None:
        self.words = words

    def of(self, key: Any) -> str:
        return str(self.words().get(key, key))

    def keys(self, text: str) -> list[str]:
        return [key for key, words in self.words().items() if text.lower() in str(words).lower()]


VERBS = _Called(lambda: {name: item.words for name, item in told.items()})
RESOURCES = _Called(lambda: {**{v.model.__name__: v.show_title for v in screens().values()}, **resources})


class _ByVerb(Comparator[Any]):
    """Compares the group of an entry by the verbs that belong to it, which an index finds."""

    def __clause_element__(self) -> Any:
        verb: Any = self.expression
        named = [(verb.in_(verbs_of([group])), group.value) for group in VerbGroup if group is not VerbGroup.RECORDS]
        return type_coerce(case(*named, else_=VerbGroup.RECORDS.value), Choice(VerbGroup))

    def in_(self, groups: Any) -> ColumnElement[bool]:  # type: ignore[override]
        verb: Any = self.expression
        return verb.in_(verbs_of(groups))  # type: ignore[no-any-return]

    def __eq__(self, group: Any) -> ColumnElement[bool]:  # type: ignore[override]
        return self.in_([group])

    def __ne__(self, group: Any) -> ColumnElement[bool]:  # type: ignore[override]
        return ~self.in_([group])

    __hash__ = Comparator.__hash__

    def is_(self, _nothing: Any) -> ColumnElement[bool]:  # type: ignore[override]
        return false()


class AuditEntry(Model):
    """One unit of work that changed something, or one export or reading of personal data (审计记录)."""

    __table_args__ = (
        Index("ix_audit_entry_resource_subject", "resource", "subject_id"),
        Index("ix_audit_entry_verb", "verb", "at"),
    )

    id: Mapped[BigId]
    at: Mapped[Moment] = field(_("When"), index=True)
    business_date: Mapped[BusinessDate] = field(_("Business date"))
    actor: Mapped[str] = field(_("Who"), String(80), search=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    verb: Mapped[str] = field(_("What"), String(60), search=True, words=VERBS)
    resource: Mapped[str] = field(_("Resource"), String(60), search=True, default="", words=RESOURCES)
    subject_id: Mapped[int | None] = field(_("Record"), BigKey)
    request_id: Mapped[str] = field(_("Request"), String(40), default="")
    changes: Mapped[Any] = mapped_column(JSON, default=dict)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 over the entry's content as it is stored (`digest_of`); a sequencer chains committed entries by it."""

    @hybrid_property
    def group(self) -> VerbGroup:
        """Which kind of deed it was."""
        return group_of(self.verb)

    @group.inplace.comparator
    @classmethod
    def _group_comparator(cls) -> _ByVerb:
        return _ByVerb(cls.verb)

    def __str__(self) -> str:
        return f"{VERBS.of(self.verb)} · {self.actor}"


inspect(AuditEntry).all_orm_descriptors["group"].info["field"] = Field(_("Kind"), type="choice", choices=VerbGroup)


class AuditRow(Model):
    """Which rows an entry is about: the way from a record to its history. Made from the entry, which is what counts."""

    __table_args__ = (Index("ix_audit_row_resource_row", "resource", "row_id", "entry_id"),)

    id: Mapped[BigId]
    entry_id: Mapped[int] = mapped_column(BigKey, ForeignKey("audit_entry.id"), index=True)
    resource: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(BigKey)
    what: Mapped[str] = mapped_column(String(10))
    """What happened to the row: added, changed, deleted; `subject` when the entry only names it."""


CONTENT = ("at", "business_date", "actor", "user_id", "verb", "resource", "subject_id", "request_id")
"""What an entry says besides its changes, in the order that `digest_of` takes."""

_ENTRY, _ROWS = insert(AuditEntry.__table__), insert(AuditRow.__table__)
_ARRAYS = {"resources": String, "row_ids": BigInteger, "deeds": String}


def _at_once() -> Insert:
    """An entry and its rows in one statement, which PostgreSQL can and SQLite cannot."""
    columns = [column.name for column in AuditEntry.__table__.columns if column.name != "id"]
    made = _ENTRY.values({name: bindparam(name) for name in columns}).returning(AuditEntry.__table__.c.id).cte("made")
    arrays: list[Any] = [bindparam(name, type_=ARRAY(kind)) for name, kind in _ARRAYS.items()]
    named = func.unnest(*arrays).table_valued("resource", "row_id", "what").render_derived()
    rows = select(made.c.id, *named.c).select_from(made.join(named, true()))
    return insert(AuditRow.__table__).from_select(["entry_id", *named.c.keys()], rows)


_AT_ONCE = _at_once()

_quoted = lru_cache(4096)(encode_basestring)


def canonical(changes: dict[str, Any]) -> str:
    """The one way to write down changes: keys in order, so that the column holds this very text on both engines."""
    return json.dumps(changes, sort_keys=True, allow_nan=False)


def digest_of(values: Iterable[Any], changes: str) -> str:
    """SHA-256 over an entry: the values of CONTENT as JSON has them (`plain`), and the text of its column `changes`.

    Checking a million entries has to be quick, so the JSON is put together by hand. ValueError or TypeError when a
    value is not of its column's kind, which SQLite lets pass.
    """
    at, business_date, actor, user_id, verb, resource, subject_id, request_id = values
    subject = "null" if subject_id is None else f"{subject_id:d}"
    user = "null" if user_id is None else f"{user_id:d}"
    content = (
        f'{{"actor":{_quoted(actor)},"at":"{at}","business_date":"{business_date}",'
        f'"changes":{changes},"request_id":{encode_basestring(request_id)},"resource":{_quoted(resource)},'
        f'"subject_id":{subject},"user_id":{user},"verb":{_quoted(verb)}}}'
    )
    return hashlib.sha256(content.encode()).hexdigest()


def follows(digest: str, values: Sequence[Any], changes: str) -> bool:
    """Whether a digest follows from the values of CONTENT and the changes; the first entries wrote these closer."""
    if digest_of(values, changes) == digest:
        return True
    try:
        older = json.dumps(json.loads(changes), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return False
    return digest_of(values, older) == digest


def write(
    connection: Connection,
    verb: str,
    business_date: dt.date,
    resource: str = "",
    subject_id: int | None = None,
    changes: dict[str, Any] | None = None,
    request_id: str = "",
) -> None:
    """Write an entry by the present actor; `changes` must be JSON and hold no personal data.

    Goes past the mapped classes: every change of anything pays for this.
    """
    who, at = scope.actor(), now()
    noted = canonical(changes or {})
    values = (at, business_date, who.name, who.user_id, verb, resource, subject_id, request_id)
    written = dict(zip(CONTENT, values, strict=True))
    written |= {"changes": json.loads(noted), "digest": digest_of(map(plain, values), noted)}
    about = {(resource, subject_id): SUBJECT} if subject_id is not None else {}
    about |= {(row["resource"], row["id"]): row["what"] for row in (changes or {}).get("rows", ())}
    rows = [(kind, key, what) for (kind, key), what in about.items() if isinstance(key, int)]
    if connection.dialect.name == "postgresql":
        arrays = zip(*rows, strict=True) if rows else [()] * 3
        connection.execute(_AT_ONCE, written | dict(zip(_ARRAYS, map(list, arrays), strict=True)))
        return
    entry_id = connection.execute(_ENTRY, written).lastrowid
    if rows:
        connection.execute(_ROWS, [{"entry_id": entry_id, "resource": r, "row_id": k, "what": w} for r, k, w in rows])


def plain(value: Any) -> Any:
    """A column's value as JSON."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value)


def collect(session: Session) -> None:
    """Note what this flush is about to write (rows of described models only)."""
    noted: dict[int, dict[str, Any]] = session.info.setdefault("changes", {})
    groups = ((ADDED, session.new), (CHANGED, session.dirty), (DELETED, session.deleted))
    for what, rows in groups:
        for row in rows:
            if isinstance(row, AuditEntry | AuditRow) or not fields_of(type(row)) or len(noted) >= MOST_ROWS:
                continue
            fields = _changed_fields(row, what)
            if what == DELETED or fields:
                held = noted.setdefault(id(row), {"row": row, "what": what, "fields": {}})
                held["what"] = DELETED if what == DELETED else held["what"]
                for name, (old, new) in fields.items():
                    held["fields"][name] = [held["fields"].get(name, [old])[0], new]


def _changed_fields(row: Any, what: str) -> dict[str, list[Any]]:
    state, changed = inspect(row), {}
    described = {f.relation or name: f for name, f in fields_of(type(row)).items()}
    sealed = getattr(type(row), "__sealed__", {})
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if not history.has_changes():
            continue
        old = history.deleted[0] if history.deleted else None
        new = history.added[0] if history.added else None
        if attribute.key.endswith("_sealed") and attribute.key[:-7] in sealed:
            changed[attribute.key[:-7]] = [HIDDEN if old else None, HIDDEN if new else None]
            continue
        info = attribute.columns[0].info.get("field")
        if info is None or old == new or (what == ADDED and new is None):
            continue
        known = described.get(attribute.key, info)
        changed[attribute.key] = [_noted(known, old), _noted(known, new)]
    return changed


def _noted(known: Field, value: Any) -> Any:
    """A value as the entry holds it: of a person only whether there was one."""
    if known.sensitive or known.personal:
        return None if value in (None, "") else HIDDEN
    return plain(value)


def take_collected(session: Session) -> list[dict[str, Any]]:
    """The rows noted since the last call, with their keys (call after the last flush)."""
    noted, on_behalf = session.info.pop("changes", {}), session.info.get("on_behalf", {})
    return [
        {
            "what": held["what"],
            "resource": type(held["row"]).__name__,
            "id": inspect(held["row"]).identity[0] if inspect(held["row"]).identity else None,
            "fields": held["fields"],
            **({"for": on_behalf[key][1]} if key in on_behalf else {}),
        }
        for key, held in noted.items()
    ]


@event.listens_for(Session, "before_flush")
def _collect(session: Session, _context: Any, _instances: Any) -> None:
    if session.info.get("unit_of_work"):
        collect(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: Any) -> None:
    session.info.pop("changes", None)
    session.info.pop("on_behalf", None)
