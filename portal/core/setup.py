"""What a fresh database needs besides its tables: roles for FAB, default parameters; in demo mode a company."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.roles import roles
from portal.core.work import unit_of_work

#: Called at each `db upgrade` and start, in order; each must do nothing when there is nothing to do.
steps: list[Callable[[], None]] = []


def on_prepare(step: Callable[[], None]) -> Callable[[], None]:
    """Areas add what they need in a fresh database."""
    if step not in steps:
        steps.append(step)
    return step


def prepare() -> None:
    """Bring what code declares into the database: roles, then each area's defaults."""
    held = set(db.session.scalars(select(Role.name)))
    missing = [name for name in roles if name not in held]
    if missing:
        with unit_of_work("setup.roles") as unit:
            db.session.add_all(Role(name=name) for name in missing)
            unit.note(roles=missing)
    for step in steps:
        step()


def load_demo_if_empty() -> None:
    """The demo company, when nobody is in the database yet."""
    import_module("seed.demo").load_if_empty()


def demo_lines() -> list[str]:
    """The demo logins, as the start prints them."""
    return import_module("seed.demo").login_lines()  # type: ignore[no-any-return]


def refuse_demo_logins() -> None:
    """Production does not start while somebody could sign in with a password that the demo prints."""
    found = import_module("seed.demo").open_logins()
    if found:
        raise PortalError(
            f"Logins with the demo's password are open ({', '.join(found)}): close them with `portal user close` or "
            "give them another password before production mode starts."
        )
