"""Structured logs: one line of JSON per event, each request with id, user and duration. No secret, no personal data."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from typing import Any

import structlog
from flask import Flask, Response, g, request

from portal.core import redaction

log = structlog.get_logger("portal.request")


def configure(level: str) -> None:
    redaction.clean_libraries()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redaction.redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def register(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = uuid.uuid4().hex[:16]
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        if request.endpoint and not request.endpoint.endswith("static"):
            facts: dict[str, Any] = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "ms": round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
            }
            who = g.get("actor")
            log.info("request", user=who.name if who is not None else None, **facts)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response
