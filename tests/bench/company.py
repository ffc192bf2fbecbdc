"""The company that is measured, its logins, and clients that are logged in as they."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import Role, User
from psycopg import sql
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from werkzeug.security import generate_password_hash

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.migrating import bring_up
from portal.core.scope import SYSTEM, acting
from portal.core.setup import prepare
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.organization.models import Staff
from seed.bulk import load_bulk
from tests.world import enter

PASSWORD = "gridlend-bench"


def opened(url: str, size: int, folder: Path) -> Flask:
    """The portal over a database with a company of this size; an empty database is filled first."""
    environment = {
        "PORTAL_MODE": "demo",
        "PORTAL_DATABASE_URL": url,
        "PORTAL_INSTANCE": str(folder),
        "PORTAL_MASTER_KEY": "7e" * 32,
        "PORTAL_LOG_LEVEL": "ERROR",
    }
    app = create_app(Settings.from_env({**os.environ, **environment}))
    with app.app_context(), acting(SYSTEM):
        bring_up()
        prepare()
        filled = load_bulk(size)
        _add_logins()
        db.session.rollback()
        if filled and db.engine.dialect.name == "postgresql":  # what autovacuum would do within the hour
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM (ANALYZE)"))
    return app


def _add_logins() -> None:
    """`bench_<role>` for whom is measured: head office, the largest branch, one of its managers, an administrator."""
    largest = db.session.execute(
        select(Customer.branch_id, Customer.manager_id)
        .group_by(Customer.branch_id, Customer.manager_id)
        .order_by(func.count().desc())
        .limit(1)
    ).one()
    heads = select(Staff.id).where(Staff.user_id.is_(None))
    places = {
        "committee": heads.where(Staff.branch.has(parent_id=None)),
        "branch_head": heads.where(Staff.branch_id == largest.branch_id, Staff.id != largest.manager_id),
        "customer_manager": heads.where(Staff.id == largest.manager_id),
        "administrator": heads.where(Staff.branch.has(parent_id=None)),
    }
    for role, place in places.items():
        name = f"bench_{role}"
        if db.session.scalar(select(User.id).where(User.username == name)) is not None:
            continue
        with unit_of_work("bench.login"):
            user = User(username=name, first_name=name, last_name="", email=f"{name}@example.test", active=True)
            user.roles = list(db.session.scalars(select(Role).where(Role.name == role)))
            user.password = generate_password_hash(PASSWORD)
            db.session.add(user)
            db.session.flush()
            db.session.scalars(select(Staff).where(Staff.id.in_(place.limit(1)))).one().user_id = user.id


def client_of(app: Flask, role: str) -> FlaskClient:
    """A client logged in as `bench_<role>`."""
    client = app.test_client()
    with app.app_context(), acting(SYSTEM):
        user_id = user_id_of(role)
    enter(app, client, user_id)
    return client


def user_id_of(role: str) -> int:
    """The number of the login `bench_<role>`."""
    return db.session.scalars(select(User.id).where(User.username == f"bench_{role}")).one()


def small_of(url: str, size: int, folder: Path) -> str:
    """A database for a small company on the same engine; made when there is none."""
    large = make_url(url)
    if large.get_backend_name() == "sqlite":
        return f"sqlite:///{folder / f'{size}.db'}"
    name = f"{large.database}_{size}"
    server = large.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return large.set(database=name).render_as_string(hide_password=False)
