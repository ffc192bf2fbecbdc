"""The one command-line door: `portal …`. Errors are one sentence on stderr with exit code 2, never a traceback."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
from flask import current_app
from flask.cli import FlaskGroup, with_appcontext
from sqlalchemy.exc import OperationalError

import config
from portal import create_app, supervisor
from portal.core import scope
from portal.core.application import current_settings, missing_keys
from portal.core.db import db
from portal.core.errors import PortalError
from portal.core.migrating import behind, bring_up, drift, write_revision
from portal.core.scope import SYSTEM
from portal.core.security import task_of, views_by_name
from portal.core.setup import demo_lines, load_demo_if_empty, prepare, refuse_demo_logins

#: Commands that areas bring: module and attribute, imported when asked for.
COMMANDS = {
    "apr": ("portal.pricing.apr_command", "apr"),
    "audit": ("portal.trail.command", "audit"),
    "schedule": ("portal.loans.schedule_command", "schedule"),
    "day-end": ("portal.loans.day_end_command", "day_end"),
    "import": ("portal.imports.command", "import_file"),
    "keys": ("portal.core.keys_command", "keys"),
    "metric": ("portal.metrics.command", "metric"),
    "reconcile": ("portal.loans.reconcile_command", "reconcile"),
    "report": ("reports.command", "report"),
    "seed": ("seed.command", "seed"),
    "user": ("portal.organization.command", "user"),
}
#: Commands that compute without a database, or bring it up themselves.
WITHOUT_DATABASE = ("schedule", "seed")
#: Commands that need no portal at all: they answer at once.
BARE = ("apr", "schedule")


class Door(FlaskGroup):
    """Loads an area's command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *self.commands})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return self.commands.get(name)
        module, attribute = COMMANDS[name]
        command: click.Command = getattr(import_module(module), attribute)
        return command if name in BARE else _in_portal(command, name not in WITHOUT_DATABASE)


def _in_portal(command: click.Command, needs_database: bool) -> click.Command:
    """Run in the application, as the system actor, against a database that is up to date."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _in_portal(child, needs_database)
        return command
    callback = command.callback
    if callback is None or hasattr(callback, "in_portal"):
        return command

    @with_appcontext
    def run(*args: Any, **kwargs: Any) -> Any:
        with scope.acting(SYSTEM):
            if needs_database:
                need_database()
            return callback(*args, **kwargs)

    run.in_portal = True  # type: ignore[attr-defined]
    command.callback = run
    return command


def need_database() -> None:
    """One sentence when the tables are not those that this version needs."""
    if behind():
        raise PortalError("The database is behind its migrations: run `portal db upgrade` first.")


cli = Door(
    name="portal",
    create_app=create_app,
    add_default_commands=False,
    add_version_option=False,
    load_dotenv=False,
    set_debug_flag=False,
    help="Gridlend, an admin portal for small lenders.",
)


@cli.group("db")
def database() -> None:
    """Migrations of the database."""


@database.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest migration and load what it needs."""
    with scope.acting(SYSTEM):
        bring_up()
        prepare()
    click.echo("The database is up to date.")


@database.command("revision")
@click.argument("message")
def db_revision(message: str) -> None:
    """Write the migration that brings the tables to what the models say; read it before you keep it."""
    need_database()
    write_revision(message)


@database.command("check")
def db_check() -> None:
    """Fail when models and migrations differ."""
    need_database()
    found = drift()
    if found:
        raise PortalError("Models and migrations differ: " + "; ".join(found))
    click.echo("Models and migrations agree.")


@cli.command("routes")
def routes() -> None:
    """Every address the portal answers, with the resource and action it asks of the role."""
    for rule in sorted(current_app.url_map.iter_rules(), key=str):
        view, _dot, method = rule.endpoint.partition(".")
        resource, action = task_of(views_by_name().get(view), method)
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        click.echo(f"{methods:<16} {rule.rule:<60} {resource} {action}".rstrip())


@cli.command("serve")
def serve_portal() -> None:
    """Start web and worker on PORTAL_HOST:PORT; in demo mode load the demo company if the database is empty."""
    settings = current_settings()
    demo = settings.mode == "demo"
    problem = supervisor.address_problem(settings.host, settings.port)
    if problem:  # said before minutes are spent on loading a company
        raise PortalError(problem)
    with scope.acting(SYSTEM):
        if demo:
            bring_up()
        need_database()
        prepare()
        if demo:
            _apart(load_demo_if_empty)
        elif settings.mode == "production":
            refuse_demo_logins()
        if lacking := missing_keys():  # the portal starts: all else can be worked with
            names = ", ".join(lacking)
            click.echo(f"Master keys are missing: {names}. What they protect is shown as unavailable.", err=True)
    lines = demo_lines() if demo else []
    db.session.remove()
    db.engine.dispose()  # the web server is forked from here, and no connection is shared with it
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    code = supervisor.serve(
        lambda: app,
        host=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        threads=settings.web_threads,
        announce=lambda address: [f"The portal is at {address}", *lines],
    )
    raise SystemExit(code)


def _apart(act: Callable[[], object]) -> None:
    """Do it in a process of its own: the web servers that are forked later do not carry on what it took of memory."""
    db.session.remove()
    db.engine.dispose()
    child = multiprocessing.get_context("fork").Process(target=_told, args=(act,))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(child.exitcode)


def _told(act: Callable[[], object]) -> None:
    try:
        act()
    except PortalError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


@cli.command("worker")
def worker() -> None:
    """Run background jobs and what happens every night."""
    need_database()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    import_module("portal.worker").work(app)


def main() -> None:
    """Entry point of the console script."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        _stop(error.format_message())
    except (PortalError, config.SettingsError) as error:
        _stop(str(error))
    except OperationalError as error:
        _stop(f"The database cannot be used: {str(error.orig).splitlines()[0]}")
    except click.Abort:
        raise SystemExit(130) from None
    else:
        raise SystemExit(code if isinstance(code, int) else 0)


def _stop(sentence: str) -> None:
    click.echo(" ".join(sentence.split()), err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
