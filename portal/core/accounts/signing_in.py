"""Signing in, step by step: the password, or whoever vouches for somebody; then what the login still owes."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import select

from portal.core import scope
from portal.core.accounts import events, lockout, passwords, second_factor, sessions
from portal.core.accounts.device import address
from portal.core.accounts.events import Outcome, Way
from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.work import unit_of_work

LONGEST_NAME = 256


class NotSignedIn(PortalError):
    """Who asks is not let in. `str()` tells no more than a stranger may know."""

    status = 401


def _manager() -> Any:
    return current_app.extensions["appbuilder"].sm


def _named(name: str) -> Any:
    """The login with this name or email; the second question is asked in any case, so that both take as long."""
    by_name = db.session.scalars(select(User).where(User.username == name)).one_or_none()
    by_email = db.session.scalars(select(User).where(User.email == name)).first()
    return by_name or by_email


def wrong(subject: str) -> NotSignedIn:
    """The same sentence whatever was wrong; and how long to wait, once there have been too many."""
    sentence, wait = gettext("Wrong user name or password."), lockout.waiting(subject)
    return NotSignedIn(f"{sentence} {lockout.in_words(wait)}" if wait else sentence)


def by_password(name: str, password: str) -> tuple[Any, Way]:
    """The login that this name and password belong to, and who vouched for it. Raises NotSignedIn, telling nothing."""
    name, password = name[:LONGEST_NAME], password[: passwords.LONGEST + 1]
    user = _named(name)
    user_id = None if user is None else user.id
    subject = lockout.subject_of(user_id, name)
    wait = lockout.begin(subject, address())
    if wait:
        events.note(Outcome.LOCKED, Way.PASSWORD, user)
        raise NotSignedIn(lockout.in_words(wait))
    found, way = _checked(user_id, name, password)
    if found is None:
        with unit_of_work("account.login_failed"):
            if user_id is not None and way is Way.PASSWORD:
                _manager().update_user_auth_stat(_again(user_id), False)
            events.note(Outcome.WRONG_PASSWORD, way, _again(user_id))
        raise wrong(subject)
    if not _manager().may_enter(found):
        events.note(Outcome.CLOSED, way, found)
        raise wrong(subject)
    lockout.give_back(subject, address())
    return _again(found.id), way


def _checked(user_id: int | None, name: str, password: str) -> tuple[Any, Way]:
    """The local password, where the login has one; else the company's directory, where there is one."""
    user, manager = _again(user_id), _manager()
    if manager.asks_directory and (user is None or not user.password):
        return manager.auth_user_ldap(name, password) or None, Way.LDAP
    right = passwords.is_right(user, password) and manager.takes_passwords
    return (user if right else None), Way.PASSWORD


def _again(user_id: int | None) -> Any:
    """The row as it is now: a unit of work ended since it was read."""
    return db.session.get(User, user_id) if user_id is not None else None


def owed(user: Any, way: Way) -> list[str]:
    """What stands between this login and the portal. A provider of single sign-on asks for its own second factor."""
    has_factor = second_factor.of(user.id) is not None
    steps = {
        sessions.CODE: has_factor,
        sessions.PASSWORD: way is Way.PASSWORD and passwords.must_be_changed(user.id),
        sessions.ENROL: not has_factor
        and way is not Way.OIDC
        and second_factor.required(role.name for role in user.roles),
    }
    return [step for step, is_owed in steps.items() if is_owed]


def enter(user: Any, way: Way) -> list[str]:
    """Give this browser a session; the steps that the login still owes."""
    steps = owed(user, way)
    user_id = user.id
    token = sessions.begin(user_id, way, steps)
    if steps:
        sessions.give_cookie(token)
    else:
        entered(_again(user_id), way)
        sessions.give_cookie(token, _again(user_id))
    return steps


def entered(user: Any, way: Way) -> None:
    """Everything is settled: written down, and the wrong attempts forgotten."""
    user_id = user.id
    with scope.acting(scope.Actor(user.username, user_id=user_id)), unit_of_work("account.login"):
        if way is Way.PASSWORD:  # FAB counts the others itself
            _manager().update_user_auth_stat(_again(user_id))
        events.note(Outcome.SIGNED_IN, way, _again(user_id))
        lockout.clear(lockout.subject_of(user_id, ""))


def settle(row: sessions.AccountSession, step: str) -> list[str]:
    """One step of a waiting session is taken; those that remain."""
    way, user_id = row.way, row.user_id
    left = sessions.settle(row, step)
    if not left:
        entered(_again(user_id), way)
    return left


def with_code(user_id: int, way: Way, code: str) -> None:
    """Spend a code of the second factor; counted like a password, so that it cannot be guessed either.

    Raises NotSignedIn while the login has to wait, WrongCode or UsedCode otherwise.
    """
    subject = lockout.subject_of(user_id, "")
    wait = lockout.begin(subject, address())
    if wait:
        events.note(Outcome.LOCKED, way, _again(user_id), step="code")
        raise NotSignedIn(lockout.in_words(wait))
    try:
        second_factor.use(user_id, code)
    except second_factor.WrongCode as problem:
        used = isinstance(problem, second_factor.UsedCode)
        events.note(Outcome.USED_CODE if used else Outcome.WRONG_CODE, way, _again(user_id))
        wait = lockout.waiting(subject)
        raise type(problem)(f"{problem} {lockout.in_words(wait)}" if wait else str(problem)) from None
    lockout.give_back(subject, address())
