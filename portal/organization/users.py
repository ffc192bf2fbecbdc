"""Logins: what FAB keeps of a user, described for our screens, and the verbs that change it.

Roles are given here and on the command line; what a role may do stands in the role table.
"""

from __future__ import annotations

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from portal.core.db import db
from portal.core.errors import NotFound, Refused
from portal.core.fields import Field
from portal.core.roles import roles
from portal.core.work import current_unit, verb
from portal.organization.models import Staff

SHORTEST_PASSWORD = 10

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


def find(username: str) -> User:
    """The login; NotFound when there is none."""
    user = db.session.scalar(select(User).where(User.username == username))
    if user is None:
        raise NotFound(gettext("There is no login called “%(name)s”.", name=username))
    return user


def _role(name: str) -> Role:
    if name not in roles:
        known = ", ".join(roles)
        raise Refused(gettext("There is no role “%(name)s”; the roles are: %(known)s.", name=name, known=known))
    role = db.session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=name)
        db.session.add(role)
    return role


def _hashed(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(gettext("A password has at least %(least)s characters.", least=SHORTEST_PASSWORD))
    return generate_password_hash(password)


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
    """A new login, linked to a staff member when his code is given."""
    if db.session.scalar(select(User.id).where((User.username == username) | (User.email == email))) is not None:
        raise Refused(gettext("This login or email is taken already."))
    user = User(
        username=username,
        first_name=given_name,
        last_name=family_name,
        email=email,
        active=True,
        password=_hashed(password),
        roles=[_role(name) for name in role_names],
    )
    db.session.add(user)
    db.session.flush()
    if staff_code:
        staff = db.session.scalar(select(Staff).where(Staff.code == staff_code))
        if staff is None:
            raise NotFound(gettext("There is no staff member with the code “%(code)s”.", code=staff_code))
        staff.user_id = user.id
    current_unit().about(user)
    current_unit().note(roles=role_names)
    return user


@verb("users.set_password")
def set_password(username: str, password: str) -> None:
    user = find(username)
    user.password = _hashed(password)
    current_unit().about(user)
    current_unit().note(password="changed")


@verb("users.set_roles")
def set_roles(username: str, role_names: list[str]) -> None:
    """Replace the roles of a login."""
    user = find(username)
    before = sorted(role.name for role in user.roles)
    user.roles = [_role(name) for name in role_names]
    current_unit().about(user)
    current_unit().note(roles=[before, sorted(role_names)])


@verb("users.set_active")
def set_active(username: str, active: bool) -> None:
    """Let a login in or keep it out; its history stays."""
    user = find(username)
    user.active = active
    current_unit().about(user)
