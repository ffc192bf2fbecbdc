"""Refused requests in the audit trail: what a role does not allow, and writes to rows outside one's area."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, g, request
from sqlalchemy.exc import OperationalError

from portal.core import scope
from portal.core.db import db
from portal.core.values import is_whole
from portal.core.work import record

log = structlog.get_logger("portal.refusals")

REFUSED = "access.refused"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def register(app: Flask) -> None:
    @app.after_request
    def note(response: Response) -> Response:
        who = g.get("actor")
        if who is not None and who.user_id is not None and request.endpoint and _counts(response.status_code):
            with scope.acting(who.viewer or who, *scope.task()):
                _note(response.status_code)
        return response


def _counts(status: int) -> bool:
    """404 is how a row outside the area is refused; of reading it, only wrong addresses would be left to see."""
    return status == 403 or (status == 404 and request.method in WRITES)


def _note(status: int) -> None:
    facts: dict[str, Any] = {"screen": request.endpoint, "status": status}
    if request.remote_addr:
        facts["address"] = request.remote_addr
    key = str((request.view_args or {}).get("pk", ""))
    resource, _action = scope.task()
    db.session.rollback()
    try:
        record(REFUSED, resource, facts, subject_id=int(key) if is_whole(key) and len(key) < 19 else None)
    except OperationalError as error:  # a long batch holds the database: the refusal itself must still arrive
        log.error("a refusal was not written down", reason=str(error.orig), **facts)
