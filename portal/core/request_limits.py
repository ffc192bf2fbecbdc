"""What a request may weigh, how its body may be written, and how often requests of one kind may come.

A view that takes files says so itself: `largest_body`. Counts are kept in the process, or in Redis where it is given.
"""

from __future__ import annotations

import math
from typing import Any

import limits
import structlog
from flask import Flask, current_app, request
from flask_babel import gettext
from redis.exceptions import RedisError

import config
from portal.core import scope
from portal.core.clock import now
from portal.core.errors import PortalError, TooLarge, TooOften
from portal.core.security import views_by_name

log = structlog.get_logger("portal.limits")

WRITING = ("POST", "PUT", "PATCH", "DELETE")
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes of a form or a JSON document: a thousand rows of a bulk edit and the outline of a grid fit many times."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
JSON = ("application/json",)


class WrongContentType(PortalError):
    """The body is written in a way that this address does not read."""

    status = 415


def rates(settings: config.Settings) -> dict[str, limits.RateLimitItem]:
    """The most requests of each kind, as the settings say. SettingsError names a setting that makes no sense."""
    found = {}
    for kind in ("login", "export", "search", "rest"):
        text = getattr(settings, f"{kind}_limit")
        try:
            found[kind] = limits.parse(text)
        except ValueError:
            name = f"PORTAL_{kind.upper()}_LIMIT"
            raise config.SettingsError(f"{name} must read like “60 per minute”, not {text!r}.") from None
    return found


def _view() -> Any:
    return views_by_name().get((request.endpoint or "").partition(".")[0])


def check_body() -> None:
    """Refuse a body that is too large, or one that the address cannot read, before anything is done with it."""
    if request.method not in WRITING or request.endpoint is None:
        return
    view = _view()
    largest = getattr(view, "largest_body", LARGEST_BODY)
    request.max_content_length = largest  # a body without a stated length is cut off there while it is read
    if (request.content_length or 0) > largest:
        raise TooLarge(largest)
    if not request.content_length and not request.mimetype:
        return
    # what is no view and no API of the portal is Dash, which talks JSON
    read = FORMS if view is not None and not request.path.startswith("/api/") else JSON
    if request.mimetype not in read:
        raise WrongContentType(gettext("This address reads %(types)s only.", types=" / ".join(read)))


def kind_of_request() -> str:
    """What of the limits a request counts against; empty for none."""
    view_name, _dot, method = (request.endpoint or "").partition(".")
    if request.endpoint == "SecurityApi.login":
        return "login"
    if request.path.startswith("/api/"):
        return "rest"
    if scope.task()[1] in ("export", "run") and _view() is not None:
        return "export"
    if view_name == "SearchView" or method in ("lookup", "counts") or "q" in request.args:
        return "search"
    return ""


def check_rate() -> None:
    """Refuse with 429 what comes too often from one login, or from one address where nobody is logged in."""
    limiter = current_app.extensions["appbuilder"].sm.limiter
    kind = kind_of_request()
    if not limiter.enabled or not kind:
        return
    most, who = current_app.extensions["rates"][kind], (scope.actor().viewer or scope.actor()).user_id
    asker = f"login:{who}" if who is not None else f"address:{request.remote_addr}"
    prefix = current_app.config["RATELIMIT_KEY_PREFIX"]
    try:
        if limiter.limiter.hit(most, prefix, kind, asker):
            return
        free_at = limiter.limiter.get_window_stats(most, prefix, kind, asker).reset_time
    except RedisError as error:  # without the counters nobody is kept from working
        log.warning("limits not counted", reason=type(error).__name__)
        return
    raise TooOften(max(1, math.ceil(free_at - now().timestamp())))


def register(app: Flask, settings: config.Settings) -> None:
    """Bodies are looked at before anything is done; `check_rate` comes once it is known who asks."""
    app.extensions["rates"] = rates(settings)
    app.before_request(check_body)
