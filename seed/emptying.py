"""Back to a database without tables."""

from __future__ import annotations

from flask import current_app
from flask_migrate import downgrade

from portal.core.db import db
from portal.core.scope import unscoped


def empty_database() -> None:
    """Undo every migration; all data is gone."""
    db.session.remove()
    with unscoped("the demo is reset"):
        downgrade(directory=current_app.extensions["migrate"].directory, revision="base")
