"""A company of its own for each test: erasing leaves nothing as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from config import Settings
from portal import create_app
from portal.core.db import db
from tests.databases import Engine
from tests.world import World, build


@pytest.fixture
def fresh(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[World]:
    """The small company, for one test."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    yield build(app, per_manager=2)
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)
