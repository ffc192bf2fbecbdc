"""A company with a second administrator, whose roles are as delivered again after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import delete, update

from portal.access import triggers
from portal.access.models import RoleVersion
from portal.core.db import db
from portal.core.notifications import Notification
from portal.core.role_store import RoleCounter
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.organization import users
from portal.parameters.models import Parameter
from tests.world import World


@pytest.fixture
def company(world: World) -> Iterator[World]:
    with world.app.app_context(), acting(SYSTEM):
        if not any(user.username == "second" for user in db.session.query(users.User)):
            users.add_user("second", "Second", "", "second@example.test", ["administrator"], "a good password")
    yield world
    with world.app.app_context(), acting(SYSTEM):
        for name in ("a1", "a2", "b1"):
            users.set_roles(name, ["customer_manager"])
        users.set_roles("second", ["administrator"])
        db.session.remove()
        with db.engine.begin() as connection:
            op = Operations(MigrationContext.configure(connection))
            triggers.drop(op)
            connection.execute(delete(RoleVersion))
            triggers.create(op)
        with unit_of_work("tests.reset"):
            db.session.execute(delete(Notification))
            db.session.execute(update(RoleCounter).values(value=RoleCounter.value + 1))
            db.session.execute(update(Parameter).where(Parameter.key == "access.four_eyes").values(value="on"))
