"""Passwords: what one must be like, when it has to be changed, and the only place that sets one."""

from __future__ import annotations

import datetime as dt
import secrets
import string
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import ForeignKey, Index, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

from portal.core.accounts import sessions
from portal.core.accounts.common_passwords import is_common
from portal.core.accounts.policy import Policy, policy
from portal.core.clock import now
from portal.core.db import BigId, Model, Moment, db
from portal.core.errors import Refused
from portal.core.work import unit_of_work

LONGEST = 256
"""Characters; beyond that somebody only wants the server to hash."""
NOBODYS = generate_password_hash(secrets.token_urlsafe(24))
"""Checked for a login that does not exist, so that it takes as long as one that does."""


class PasswordState(Model):
    """Since when a login has its password, and whether it must be changed before anything else."""

    user_id: Mapped[int] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    set_at: Mapped[Moment]
    must_change: Mapped[bool] = mapped_column(default=False)


class FormerPassword(Model):
    """A hash that a login had, so that it does not come back."""

    __table_args__ = (Index("ix_former_password_user_set", "user_id", "set_at"),)

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    hash: Mapped[str] = mapped_column(String(256))
    set_at: Mapped[Moment]


def kinds(password: str) -> int:
    """How many kinds of characters: small letters, capitals, digits, others."""
    tests = (str.islower, str.isupper, str.isdigit, lambda c: not (c.islower() or c.isupper() or c.isdigit()))
    return sum(any(test(character) for character in password) for test in tests)


def problems(password: str, name: str, rules: Policy | None = None) -> list[str]:
    """Why this cannot be a password, a sentence each; empty when it can."""
    rules = rules or policy()
    found = []
    if len(password) < rules.password_length:
        found.append(gettext("A password has at least %(least)s characters.", least=rules.password_length))
    if len(password) > LONGEST:
        found.append(gettext("A password has at most %(most)s characters.", most=LONGEST))
    if kinds(password) < rules.password_kinds:
        found.append(
            gettext(
                "Use at least %(count)s kinds of characters: small letters, capitals, digits, other signs.",
                count=rules.password_kinds,
            )
        )
    if is_common(password):
        found.append(gettext("This password is among those that are tried first."))
    if len(name) > 2 and name.casefold() in password.casefold():
        found.append(gettext("A password must not contain the user name."))
    return found


def hashed(password: str, name: str, rules: Policy | None = None) -> str:
    """The hash of a password for a new login; Refused with all that is wrong with it."""
    wrong = problems(password, name, rules)
    if wrong:
        raise Refused(" ".join(wrong))
    return generate_password_hash(password)


def _used_before(user: Any, password: str, rules: Policy) -> bool:
    held = [user.password] if user.password else []
    if rules.password_history:
        former = select(FormerPassword.hash).where(FormerPassword.user_id == user.id)
        held += db.session.scalars(former.order_by(FormerPassword.set_at.desc()).limit(rules.password_history))
    return any(check_password_hash(former, password) for former in held)


def change(user: Any, password: str, must_change: bool = False, but: int | None = None) -> None:
    """Give a login another password; its sessions end, `but` the one it is changed in.

    Refused when the policy says no; the old password then stays.
    """
    rules = policy()
    if _used_before(user, password, rules):  # before the write lock: each check takes a tenth of a second
        raise Refused(gettext("This password was used before; choose another one."))
    fresh = hashed(password, user.username, rules)
    with unit_of_work("account.password") as unit:
        user = db.session.get_one(User, user.id)
        if user.password:
            db.session.add(FormerPassword(user_id=user.id, hash=user.password, set_at=now()))
            db.session.flush()
        kept = select(FormerPassword.id).where(FormerPassword.user_id == user.id)
        kept = kept.order_by(FormerPassword.set_at.desc()).limit(rules.password_history)
        db.session.execute(
            delete(FormerPassword).where(FormerPassword.user_id == user.id, FormerPassword.id.not_in(kept))
        )
        user.password = fresh
        mark(user.id, must_change)
        sessions.end(user.id, sessions.End.REVOKED, but=but)
        unit.resource, unit.subject_id = "User", user.id
        unit.note(password="changed", must_change=must_change)


def mark(user_id: int, must_change: bool) -> None:
    """The login has its password since now; inside a unit of work."""
    state = db.session.get(PasswordState, user_id)
    if state is None:
        state = PasswordState(user_id=user_id)
        db.session.add(state)
    state.set_at, state.must_change = now(), must_change
    db.session.flush()


def state_of(user_id: int) -> PasswordState | None:
    """None for a login older than this register: nothing is known of its age."""
    return db.session.get(PasswordState, user_id)


def must_be_changed(user_id: int) -> bool:
    """Whether the login may do nothing before its password is changed: first log-in, after a reset, or too old."""
    state, days = state_of(user_id), policy().password_days
    if state is None:
        return False
    return state.must_change or (days > 0 and now() - state.set_at > dt.timedelta(days=days))


def is_right(user: Any, password: str) -> bool:
    """Whether this is the login's password; takes as long for nobody as for somebody."""
    held = user.password if user is not None and user.password else NOBODYS
    right = check_password_hash(held, password)
    return right and held is not NOBODYS


def made_up(length: int = 14) -> str:
    """A password to be told once and changed at the first log-in; without characters that look alike."""
    letters = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")
    rules = policy()
    while True:
        parts = max(length, rules.password_length) // 5 + 1
        found = "-".join("".join(secrets.choice(letters) for _place in range(5)) for _part in range(parts))
        if not problems(found, "", rules):
            return found
