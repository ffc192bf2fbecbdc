"""Fixtures: the invented lender in a database of each engine, its rows for the brute force, and who looks at it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, Actor, acting
from portal.core.security import actor_for_username
from portal.organization.users import add_user
from tests.databases import Engine
from tests.portal.metrics.brute_force import Books
from tests.portal.metrics.company import build


@pytest.fixture(scope="session")
def company(engine: Engine, settings: Callable[[str], Settings], migrated_template: str) -> Iterator[Flask]:
    """The application over the invented lender; its context is open."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    with app.app_context():
        with acting(SYSTEM):
            build()
            _logins()
        db.session.remove()
        yield app
        db.session.remove()
        db.engine.dispose()
    engine.drop(url)


@pytest.fixture(scope="session")
def books(company: Flask) -> Books:
    """All rows of its tables."""
    return Books.read()


LOGINS: dict[str, Actor] = {}
"""Logins of the company by role, as actors."""


def _logins() -> None:
    for role, staff_id in (
        ("administrator", None),
        ("committee", None),
        ("branch_head", 9),
        ("team_lead", 5),
        ("customer_manager", 1),
    ):
        code = "" if staff_id is None else f"S{staff_id:03}"
        add_user(role, role, "", f"{role}@example.test", [role], "a long password", code)
        LOGINS[role] = actor_for_username(role)


def looking(scope: str, **place: object) -> Actor:
    """Somebody who may list loans as far as this, and nothing else: no customers, no journals, no branches."""
    return Actor(f"sees {scope}", user_id=1, grants={("Loan", "list"): scope}, **place)  # type: ignore[arg-type]


ACTORS = {
    "the system": SYSTEM,
    "head office": looking("all"),
    "one branch": looking("branch", home=2, branches=frozenset({2, 4, 5})),
    "one outlet": looking("branch", home=6, branches=frozenset({6})),
    "one team": looking("team", home=4, branches=frozenset({4}), teams=frozenset({1})),
    "oneself": looking("self", home=4, branches=frozenset({4}), staff_id=1),
    "a stranger": looking("self", home=1, branches=frozenset({1}), staff_id=999),
}
"""Who may ask; NOBODY is refused."""
