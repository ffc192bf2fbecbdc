"""What happened at the door: who signed in or tried to, when, from where. Kept for the login and its administrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.accounts.device import address, device
from portal.core.clock import now
from portal.core.db import BigId, Choice, Labelled, Model, Moment, db
from portal.core.work import unit_of_work

log = structlog.get_logger("portal.accounts")
SHOWN = 20


class Way(Labelled):
    """How somebody proves who he is."""

    PASSWORD = "password", _("Password")
    LDAP = "ldap", _("Company directory")
    OIDC = "oidc", _("Single sign-on")
    TOKEN = "token", _("REST token")


class Outcome(Labelled):
    """What came of it."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGNED_OUT = "signed_out", _("Signed out")
    WRONG_PASSWORD = "wrong_password", _("Wrong user name or password")
    WRONG_CODE = "wrong_code", _("Wrong code")
    USED_CODE = "used_code", _("Code used before")
    LOCKED = "locked", _("Refused: too many attempts")
    CLOSED = "closed", _("Refused: login closed")


VERBS = {
    Outcome.SIGNED_IN: "account.login",
    Outcome.SIGNED_OUT: "account.logout",
    Outcome.LOCKED: "account.locked",
}
"""Verbs of the audit trail; every other outcome is a failed log-in."""


class SignInEvent(Model):
    """One attempt to sign in, or a sign-out (登录日志). Without a login when nobody has the name that was typed."""

    __table_args__ = (Index("ix_sign_in_event_user_at", "user_id", "at"),)

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    at: Mapped[Moment]
    outcome: Mapped[Outcome] = mapped_column(Choice(Outcome))
    way: Mapped[Way] = mapped_column(Choice(Way))
    address: Mapped[str] = mapped_column(String(64), default="")
    device: Mapped[str] = mapped_column(String(80), default="")


def note(outcome: Outcome, way: Way, user: Any = None, **facts: Any) -> None:
    """Write down what happened: in the login's history, the audit trail and the log. Never what was typed."""
    user_id = None if user is None else user.id
    known = outcome in (Outcome.SIGNED_IN, Outcome.SIGNED_OUT)
    who = scope.Actor(user.username, user_id=user_id) if user is not None and known else scope.actor()
    with scope.acting(who), unit_of_work(VERBS.get(outcome, "account.login_failed")) as unit:
        db.session.add(
            SignInEvent(user_id=user_id, at=now(), outcome=outcome, way=way, address=address(), device=device())
        )
        unit.resource, unit.subject_id = "User", user_id
        unit.note(outcome=outcome.value, way=way.value, address=address(), **facts)
    log.info("sign-in", outcome=outcome.value, way=way.value, user_id=user_id, **facts)


def latest(user_id: int) -> Sequence[SignInEvent]:
    """The newest of a login's history."""
    found = select(SignInEvent).where(SignInEvent.user_id == user_id).order_by(SignInEvent.at.desc()).limit(SHOWN)
    return db.session.scalars(found).all()
