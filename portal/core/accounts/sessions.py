"""The register of sessions. The cookie carries a random number; whether it still counts is decided here, every time.

A session that owes something (a code, an authenticator, a new password) is nobody's yet: its cookie opens the pages
that settle it and nothing else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from flask import current_app, g, session
from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from flask_login import login_user
from sqlalchemy import Connection, ForeignKey, Index, String, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from portal.core import role_store
from portal.core.accounts.device import address, device
from portal.core.accounts.events import Way
from portal.core.accounts.policy import policy
from portal.core.accounts.viewings import open_in
from portal.core.clock import now
from portal.core.db import BigId, Choice, Labelled, Model, Moment, db
from portal.core.work import unit_of_work

log = structlog.get_logger("portal.accounts")

COOKIE = "sid"
KEEP = ("locale", "csrf_token")
"""What of a visitor's cookie survives signing in and out."""
SEEN_EVERY = dt.timedelta(minutes=1)
SETTLE_WITHIN = dt.timedelta(minutes=15)
"""Time for a code, an authenticator and a new password together."""
CODE, ENROL, PASSWORD = "code", "enrol", "password"


class End(Labelled):
    """Why a session ended, as its owner is told."""

    SIGNED_OUT = "signed_out", _("You are signed out.")
    IDLE = "idle", _("Your session ended because nothing happened for a while. Please sign in again.")
    LIFETIME = "lifetime", _("Your session has reached its longest duration. Please sign in again.")
    REVOKED = "revoked", _("This session was ended from another device or by an administrator. Please sign in again.")
    CLOSED = "closed", _("This login is closed.")
    MOVED = "moved", _("Your post has changed. Please sign in again.")
    UNKNOWN = "unknown", _("This session is not valid. Please sign in again.")


class AccountSession(Model):
    """One log-in (登录会话): which login, from where, until when."""

    __table_args__ = (Index("ix_account_session_user_ended", "user_id", "ended_at"),)

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the random number in the cookie: whoever reads the table cannot become anybody."""
    way: Mapped[Way] = mapped_column(Choice(Way))
    owes: Mapped[str] = mapped_column(String(40), default="")
    """Steps that are still to be taken, in their order, separated by blanks."""
    address: Mapped[str] = mapped_column(String(64), default="")
    device: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    idle_until: Mapped[Moment]
    """Moved on with `seen_at`."""
    idle_minutes: Mapped[int]
    ends_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    end: Mapped[End | None] = mapped_column(Choice(End))

    user: Mapped[Any] = relationship(User)

    @property
    def steps(self) -> list[str]:
        return self.owes.split()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def lifetime() -> dt.timedelta:
    """The longest a session lasts, whatever happens in it."""
    found: dt.timedelta = current_app.config["PERMANENT_SESSION_LIFETIME"]
    return found


def begin(user_id: int, way: Way, owes: Sequence[str] = (), idle_minutes: int | None = None) -> str:
    """Write a session into the register; the random number for its cookie."""
    token, moment = secrets.token_urlsafe(32), now()
    idle = policy().idle_minutes if idle_minutes is None else idle_minutes
    longest = SETTLE_WITHIN if owes else lifetime()
    with unit_of_work("account.session"):
        db.session.add(
            AccountSession(
                user_id=user_id,
                token_hash=_hash(token),
                way=way,
                owes=" ".join(owes),
                address=address(),
                device=device(),
                created_at=moment,
                seen_at=moment,
                idle_minutes=idle,
                idle_until=moment + dt.timedelta(minutes=idle),
                ends_at=moment + longest,
            )
        )
    return token


def give_cookie(token: str, user: Any = None) -> None:
    """This browser's session from now on; with a user when nothing is owed. Nothing of the visitor before stays."""
    kept = {name: session[name] for name in KEEP if name in session}
    session.clear()
    session.update(kept)
    session[COOKIE] = token
    if user is not None:
        login_user(user, remember=False)


def drop_cookie() -> None:
    for name in set(session) - set(KEEP):
        session.pop(name)


def _found(token: str) -> AccountSession | None:
    """With the login, its roles, the roles' counter and what it views, in one statement: every request asks for all."""
    columns = (role_store.counter_column(), open_in(AccountSession.id))
    wanted = select(AccountSession, *columns).where(AccountSession.token_hash == _hash(token))
    wanted = wanted.options(joinedload(AccountSession.user).joinedload(User.roles))
    found = db.session.execute(wanted).unique().one_or_none()
    if found is None:
        return None
    role_store.counted(found[1])
    g.viewing_id = found[2]
    return found[0]


def _why_over(row: AccountSession | None) -> End | None:
    moment = now()
    if row is None:
        return End.UNKNOWN
    if row.ended_at is not None:
        return row.end
    if row.ends_at <= moment:
        return End.LIFETIME
    if row.idle_until <= moment:
        return End.IDLE
    return None if row.user.is_active else End.CLOSED


def resume(user_id: int) -> Any:
    """The login whose session this cookie carries; None, with the reason in `g.session_end`, when it is over."""
    row = _found(str(session.get(COOKIE, "")))
    if row is not None and (row.user_id != user_id or row.owes):
        row = None
    return _living(row)


def _living(row: AccountSession | None) -> Any:
    why = _why_over(row)
    if row is None or why is not None:
        g.session_end = why
        return None
    g.account_session = row
    return row.user


def of_token(token: str) -> Any:
    """The same for a REST token, which names its session itself."""
    return _living(_found(token))


def is_unsettled() -> bool:
    """Whether this browser signed in, but still owes something. Asks no database."""
    return COOKIE in session and "_user_id" not in session


def unsettled() -> AccountSession | None:
    """The session of this browser that still owes something; None when there is none, or it waited too long."""
    row = _found(str(session[COOKIE])) if is_unsettled() else None
    return row if row is not None and row.owes and _why_over(row) is None else None


def settle(row: AccountSession, step: str) -> list[str]:
    """One step is taken; those that remain. After the last one the cookie gets a new number and is somebody's."""
    left = [other for other in row.steps if other != step]
    token, moment, user_id = secrets.token_urlsafe(32), now(), row.user_id
    with unit_of_work("account.session"):
        row = db.session.get_one(AccountSession, row.id)
        row.owes = " ".join(left)
        if not left:
            row.token_hash, row.ends_at, row.seen_at = _hash(token), moment + lifetime(), moment
            row.idle_until = moment + dt.timedelta(minutes=row.idle_minutes)
    if not left:
        give_cookie(token, db.session.get_one(User, user_id, options=[joinedload(User.roles)]))
    return left


def touch(row: AccountSession) -> None:
    """Somebody is at work: the idle time starts anew. Written at most once a minute, on a connection of its own."""
    moment = now()
    if moment - row.seen_at < SEEN_EVERY:
        return
    seen = (
        update(AccountSession)
        .where(AccountSession.id == row.id, AccountSession.seen_at < moment)
        .values(seen_at=moment, idle_until=moment + dt.timedelta(minutes=row.idle_minutes))
    )
    try:
        with (
            db.engine.connect().execution_options(write=True) as connection,
            _hardly_waiting(connection),
            connection.begin(),
        ):
            connection.execute(seen)
    except OperationalError as error:  # a long write holds the file: reading goes on, the next request tries again
        log.warning("last activity not written", session=row.id, error=str(error.orig))


@contextlib.contextmanager
def _hardly_waiting(connection: Connection) -> Iterator[None]:
    """SQLite waits fifteen seconds for another writer; nobody who only reads a page should."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    [(usual,)] = raw.execute("pragma busy_timeout").fetchall()
    raw.execute("pragma busy_timeout=200")
    try:
        yield
    finally:
        raw.execute(f"pragma busy_timeout={int(usual)}")


def list_of(user_id: int) -> Sequence[AccountSession]:
    """A login's sessions that are open now, the latest first."""
    moment = now()
    found = select(AccountSession).where(
        AccountSession.user_id == user_id,
        AccountSession.ended_at.is_(None),
        AccountSession.owes == "",
        AccountSession.ends_at > moment,
        AccountSession.idle_until > moment,
    )
    return db.session.scalars(found.order_by(AccountSession.seen_at.desc())).all()


def current_id() -> int | None:
    """The session of this request."""
    row = g.get("account_session")
    return row.id if row is not None else None


def end(user_id: int, why: End, only: int | None = None, but: int | None = None, **facts: Any) -> int:
    """End sessions of a login: one (`only`), all others (`but`), or all. How many ended."""
    moment = now()
    wanted = update(AccountSession).where(AccountSession.user_id == user_id, AccountSession.ended_at.is_(None))
    if only is not None:
        wanted = wanted.where(AccountSession.id == only)
    if but is not None:
        wanted = wanted.where(AccountSession.id != but)
    with unit_of_work("account.session_revoked" if why is End.REVOKED else "account.session_ended") as unit:
        result: Any = db.session.execute(wanted.values(ended_at=moment, end=why))
        if result.rowcount and (why is End.REVOKED or facts):
            unit.resource, unit.subject_id = "User", user_id
            unit.note(sessions=result.rowcount, why=why.value, **facts)
    return int(result.rowcount)
