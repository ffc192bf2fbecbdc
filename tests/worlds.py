"""Fixtures: the small company of world.py on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from config import Settings
from portal import create_app
from portal.core.db import db
from tests.databases import Engine
from tests.world import World, build


@pytest.fixture(scope="module")
def world(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[World]:
    """The small company, shared by a module's tests, which leave it as it was."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    yield build(app)
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)
