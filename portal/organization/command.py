"""`portal user …`: logins from the command line."""

from __future__ import annotations

import click
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from portal.core.accounts import lockout, second_factor
from portal.core.db import db
from portal.organization import users


@click.group("user")
def user() -> None:
    """Logins: list, add, give roles, set a password, let in or keep out."""


@user.command("list")
def list_users() -> None:
    """Every login with its roles."""
    for found in db.session.scalars(select(User).order_by(User.username)):
        names = ",".join(sorted(role.name for role in found.roles))
        click.echo(f"{found.username:<24} {'active' if found.active else 'closed':<8} {names}")


@user.command("add")
@click.argument("username")
@click.option("--role", "role_names", multiple=True, required=True, help="May be given several times.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--email", required=True)
@click.option("--staff", "staff_code", default="", help="Code of the staff member whose login this is.")
@click.password_option()
def add(
    username: str,
    role_names: tuple[str, ...],
    given_name: str,
    family_name: str,
    email: str,
    staff_code: str,
    password: str,
) -> None:
    """Add a login."""
    users.add_user(username, given_name, family_name, email, list(role_names), password, staff_code)
    click.echo(f"{username} was added.")


@user.command("password")
@click.argument("username")
@click.password_option()
def password_of(username: str, password: str) -> None:
    """Set a new password."""
    users.set_password(username, password)
    click.echo(f"The password of {username} was changed.")


@user.command("roles")
@click.argument("username")
@click.argument("role_names", nargs=-1, required=True)
def roles_of(username: str, role_names: tuple[str, ...]) -> None:
    """Replace the roles of a login."""
    users.set_roles(username, list(role_names))
    click.echo(f"{username}: {', '.join(role_names)}.")


@user.command("close")
@click.argument("username")
def close(username: str) -> None:
    """Keep a login out."""
    users.set_active(username, False)
    click.echo(f"{username} can no longer sign in.")


@user.command("open")
@click.argument("username")
def reopen(username: str) -> None:
    """Let a login in again."""
    users.set_active(username, True)
    click.echo(f"{username} can sign in.")


@user.command("unlock")
@click.argument("username")
def unlock(username: str) -> None:
    """Let a login try again at once after too many wrong attempts."""
    users.unlock(username)
    click.echo(f"{username} can try again.")


@user.command("unlock-address")
@click.argument("address")
def unlock_address(address: str) -> None:
    """Let a network address try again at once."""
    lockout.clear(address, lockout.ADDRESS)
    click.echo(f"{address} can try again.")


@user.command("no-second-factor")
@click.argument("username")
@click.option("--reason", required=True, help="Written into the audit trail.")
def no_second_factor(username: str, reason: str) -> None:
    """Take a login's second factor away, such as when its phone is lost."""
    second_factor.remove(users.find(username).id, reason)
    click.echo(f"{username} has no second factor any more.")
