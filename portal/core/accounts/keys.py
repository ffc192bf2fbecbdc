"""API keys: what a programme signs in with. A key never reaches further than its owner does at that moment."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from portal.core.accounts.policy import policy
from portal.core.clock import now
from portal.core.db import BigId, Choice, Labelled, Model, Moment, Name, db
from portal.core.errors import InvalidValues, NotFound, PortalError
from portal.core.scope import Actor
from portal.core.work import current_unit, unit_of_work, verb

log = structlog.get_logger("portal.accounts")

PREFIX = "glk_"
SHOWN = 12
"""Characters of a key that stay readable, so that its owner can tell his keys apart."""
READS = ("list", "show", "export")
USED_EVERY = dt.timedelta(minutes=1)
MOST = 20
"""Keys of one login that are in force at a time."""


class KeyScope(Labelled):
    """What a key may do."""

    READ = "read", _("Read only")
    WRITE = "write", _("Read and write")


class AccessKey(Model):
    """A key of a login. The key itself is shown once and kept nowhere; 256 random bits need no slow hash."""

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[Name]
    prefix: Mapped[str] = mapped_column(String(20))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[KeyScope] = mapped_column(Choice(KeyScope))
    resources: Mapped[Any] = mapped_column(JSON, default=list)
    """Names of the resources it may touch; empty for all of its owner's."""
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]

    user: Mapped[Any] = relationship(User)

    @property
    def state(self) -> str:
        return "revoked" if self.revoked_at else "expired" if self.expires_at <= now() else "active"


class KeyRefused(PortalError):
    """A key that opens nothing: unknown, expired, revoked, or its owner's login is closed."""

    status = 401


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def of(user_id: int) -> Sequence[AccessKey]:
    """A login's keys, the newest first."""
    found = select(AccessKey).where(AccessKey.user_id == user_id).order_by(AccessKey.created_at.desc())
    return db.session.scalars(found.limit(100)).all()


@verb("account.api_key.add")
def add(user_id: int, name: str, scope: str, days: int, resources: Sequence[str], known: Sequence[str]) -> str:
    """A new key, told this once. `known` are the resources its owner may read.

    Raises InvalidValues by field.
    """
    name, longest, wrong = name.strip(), policy().key_days, dict[str, list[Any]]()
    if not 0 < len(name) <= 120:
        wrong["name"] = [gettext("Give the key a name of at most 120 characters, such as the programme that uses it.")]
    if scope not in {choice.value for choice in KeyScope}:
        wrong["scope"] = [gettext("Choose what the key may do.")]
    if not 0 < days <= longest:
        wrong["days"] = [gettext("A key lasts between 1 and %(most)s days.", most=longest)]
    if not set(resources) <= set(known):
        wrong["resources"] = [gettext("Choose among what you may see yourself.")]
    moment = now()
    live = sum(1 for key in of(user_id) if key.state == "active")
    if live >= MOST:
        wrong["name"] = [gettext("You have %(most)s keys in force; revoke one first.", most=MOST)]
    if wrong:
        raise InvalidValues(wrong)
    key = PREFIX + secrets.token_urlsafe(32)
    row = AccessKey(
        user_id=user_id,
        name=name,
        prefix=key[:SHOWN],
        key_hash=_hash(key),
        scope=KeyScope(scope),
        resources=sorted(resources),
        created_at=moment,
        expires_at=moment + dt.timedelta(days=days),
    )
    db.session.add(row)
    db.session.flush()
    _about(user_id, row, "added")
    return key


@verb("account.api_key.revoke")
def revoke(user_id: int, key_id: int) -> None:
    """The key opens nothing from now on. NotFound for a key of somebody else."""
    row = db.session.get(AccessKey, key_id)
    if row is None or row.user_id != user_id:
        raise NotFound(gettext("There is no such key."))
    if row.revoked_at is None:
        row.revoked_at = now()
        _about(user_id, row, "revoked")


def _about(user_id: int, row: AccessKey, what: str) -> None:
    unit = current_unit()
    unit.resource, unit.subject_id = "User", user_id
    unit.note(api_key=what, prefix=row.prefix, scope=row.scope.value, resources=row.resources)


def find(given: str) -> AccessKey:
    """The key in force with its login. Raises KeyRefused with the reason."""
    wanted = select(AccessKey).where(AccessKey.key_hash == _hash(given))
    wanted = wanted.options(joinedload(AccessKey.user).joinedload(User.roles))
    row = db.session.scalars(wanted).unique().one_or_none()
    state = row.state if row is not None else "unknown"
    if row is None or state != "active" or not row.user.is_active:
        log.warning("key refused", state=state, prefix=row.prefix if row is not None else "")
        words = {
            "expired": gettext("This API key has expired."),
            "revoked": gettext("This API key was revoked."),
        }
        raise KeyRefused(words.get(state) or gettext("This API key is not valid."))
    return row


def narrowed(who: Actor, key: AccessKey) -> Actor:
    """The owner, with no more rights than the key has."""
    grants: Mapping[tuple[str, str], str] = {
        (resource, action): scope
        for (resource, action), scope in who.grants.items()
        if (key.scope is KeyScope.WRITE or action in READS) and (not key.resources or resource in key.resources)
    }
    return replace(who, grants=grants)  # what was handed to him counts only where `grants` still allow it


def touch(key: AccessKey) -> None:
    """Note that it was used; at most once a minute, and by a first use at once."""
    moment = now()
    if key.used_at is None or moment - key.used_at >= USED_EVERY:
        with unit_of_work("account.api_key.used"):
            db.session.execute(update(AccessKey).where(AccessKey.id == key.id).values(used_at=moment))
