"""Logins: what FAB keeps of a user, described for our screens, and the verbs that change it.

Roles are given here and on the command line; what a role may do stands in the role table.
"""

from __future__ import annotations

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.accounts import lockout, passwords, sessions
from portal.core.db import db
from portal.core.errors import NotFound, Refused
from portal.core.fields import Field
from portal.core.masks import told
from portal.core.role_store import current, known, someone_stays
from portal.core.work import current_unit, verb
from portal.organization.models import Staff

DESCRIBED = {
    "username": Field(_("Login"), search=True),
    "first_name": Field(_("Given name"), search=True),
    "last_name": Field(_("Family name"), search=True),
    "email": Field(_("Email"), search=True, sensitive=True),
    "active": Field(_("Active")),
    "last_login": Field(_("Last sign-in"), type="datetime", filter=False),
}
for name, described in DESCRIBED.items():
    User.__table__.c[name].info["field"] = described


def _called(user: User) -> str:
    """A login as records name it: Flask-AppBuilder's own words would tell what a role covers."""
    family, given = told(user, "last_name"), told(user, "first_name")
    whole = f"{given} {family}" if family.isascii() else f"{family}{given}"
    return whole.strip() or told(user, "username")


User.__str__ = _called


def find(username: str) -> User:
    """The login; NotFound when there is none."""
    user = db.session.scalar(select(User).where(User.username == username))
    if user is None:
        raise NotFound(gettext("There is no login called “%(name)s”.", name=username))
    return user


def _role(name: str) -> Role:
    if known(name) is None:
        names = ", ".join(role.name for role in current().roles.values() if not role.retired)
        raise Refused(gettext("There is no role “%(name)s”; the roles are: %(known)s.", name=name, known=names))
    role = db.session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=name)
        db.session.add(role)
    return role


@verb("users.add")
def add_user(
    username: str,
    given_name: str,
    family_name: str,
    email: str,
    role_names: list[str],
    password: str,
    staff_code: str = "",
) -> User:
    """A new login, of the staff member with this code. Its owner changes the password at the first log-in."""
    if db.session.scalar(select(User.id).where((User.username == username) | (User.email == email))) is not None:
        raise Refused(gettext("This login or email is taken already."))
    user = User(
        username=username,
        first_name=given_name,
        last_name=family_name,
        email=email,
        active=True,
        password=passwords.hashed(password, username),
        roles=[_role(name) for name in role_names],
    )
    db.session.add(user)
    db.session.flush()
    passwords.mark(user.id, must_change=True)
    if staff_code:
        staff = db.session.scalar(select(Staff).where(Staff.code == staff_code))
        if staff is None:
            raise NotFound(gettext("There is no staff member with the code “%(code)s”.", code=staff_code))
        staff.user_id = user.id
    current_unit().about(user)
    current_unit().note(roles=role_names)
    return user


def set_password(username: str, password: str) -> None:
    """Set by somebody else: open sessions end, and its owner changes it at the next log-in."""
    passwords.change(find(username), password, must_change=True)


@verb("users.set_roles")
def set_roles(username: str, role_names: list[str]) -> None:
    """Replace the roles of a login. Refused when nobody could change roles any more."""
    user = find(username)
    before = sorted(role.name for role in user.roles)
    with someone_stays():
        user.roles = [_role(name) for name in role_names]
    current_unit().about(user)
    current_unit().note(roles=[before, sorted(role_names)])


@verb("users.set_active")
def set_active(username: str, active: bool) -> None:
    """Let a login in or keep it out: then its sessions end at once and its keys open nothing. Its history stays.

    Refused for the last one who can change roles.
    """
    user = find(username)
    with someone_stays():
        user.active = active
    if not active:
        sessions.end(user.id, sessions.End.CLOSED)
    current_unit().about(user)


@verb("users.unlock")
def unlock(username: str) -> None:
    """Forget a login's wrong attempts, so that it need not wait."""
    user = find(username)
    lockout.clear(lockout.subject_of(user.id, ""))
    current_unit().about(user)
    current_unit().note(unlocked=True)
