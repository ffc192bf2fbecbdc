"""What can go wrong in the user's words, and the pages that say so."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from flask import Flask, current_app, g, has_request_context, jsonify, request
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException

log = structlog.get_logger("portal.errors")


class PortalError(Exception):
    """Something the user can understand and act on. `str()` is the sentence to show."""

    status = 400


class Refused(PortalError):
    """A business rule says no."""

    status = 409


class OutOfScope(PortalError):
    """A row, or a foreign key, that the actor may not see."""

    status = 404

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return str(_("This record does not exist, or it lies outside your area of responsibility."))


class NotFound(PortalError):
    """No such thing."""

    status = 404


class Forbidden(PortalError):
    """The role does not allow it."""

    status = 403


class TooLarge(PortalError):
    """The body of a request is larger than its address takes."""

    status = 413

    def __init__(self, most: int) -> None:
        super().__init__(_("At most %(most)s MB are taken here; nothing was read.", most=most // 2**20))


class TooOften(PortalError):
    """More requests of a kind than one login may send; `seconds` until the next is taken."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(_("Try again in %(seconds)s seconds.", seconds=seconds))
        self.seconds = seconds


class InvalidValues(PortalError):
    """Values that do not fit. `fields` maps a field's name to its sentences."""

    status = 422

    def __init__(self, fields: dict[str, list[Any]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in fields.items()))
        self.fields = fields


def reference() -> str:
    """A short number that the error page shows and the log knows."""
    if not has_request_context():
        return secrets.token_hex(4).upper()
    if not hasattr(g, "error_reference"):
        g.error_reference = secrets.token_hex(4).upper()
    return str(g.error_reference)


TITLES = {
    400: _("This request cannot be understood"),
    403: _("You do not have permission for this"),
    404: _("Nothing was found here"),
    405: _("This cannot be done this way"),
    409: _("This is not possible now"),
    413: _("This is too large"),
    415: _("This cannot be read here"),
    422: _("Some values do not fit"),
    429: _("Too many requests"),
    500: _("Something went wrong on our side"),
}
ADVICE = {
    400: _("Go back and try again. If you followed a saved link, it may be from an older version."),
    403: _("Ask an administrator if your work needs it."),
    404: _("The address may be wrong, or the record lies outside your area of responsibility."),
    413: _("Large files are brought in as imports, a part at a time."),
    429: _("Wait a minute, then try again."),
    500: _("Nothing of this step was saved. Try again; if it happens again, pass the reference number on."),
}


def wants_json() -> bool:
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def error_response(status: int, text: str = "") -> tuple[Any, int]:
    """The error as a page or as JSON, with the reference number in both."""
    title = str(TITLES.get(status, TITLES[400 if status < 500 else 500]))
    if wants_json():
        return jsonify(message=text or title, reference=reference()), status
    # Not render_template: its context asks for the user and the business date, and the database may be what failed.
    page = current_app.jinja_env.get_template("portal/error.html").render(
        locale=str(get_locale() or "en"),
        languages=current_app.config["LANGUAGES"],
        status=status,
        title=title,
        text=text,
        advice=ADVICE.get(status, ""),
        reference=reference(),
    )
    return page, status


def written_down(error: Exception) -> tuple[int, str]:
    """Put an error into the log under `reference()`; its status, and a sentence that may be shown.

    What nobody foresaw has no sentence: TITLES and ADVICE of the status say all that may be said of it.
    """
    if isinstance(error, PortalError):
        detail = getattr(error, "detail", str(error))
        log.info("refused", reference=reference(), error=type(error).__name__, detail=detail)
        return error.status, str(error)
    if isinstance(error, HTTPException) and error.code:
        log.info("refused", reference=reference(), error=type(error).__name__, detail=error.code)
        return error.code, ""
    log.error("unexpected", reference=reference(), exc_info=error)
    return 500, ""


def _kept_headers(error: HTTPException) -> dict[str, str]:
    """What the answer's headers tell besides the page: the methods that an address knows, when to come again."""
    told = {name: text for name, text in error.get_headers() if name in ("Allow", "Retry-After")}
    return {"Retry-After": "60", **told} if error.code == 429 else told


def register(app: Flask) -> None:
    """Error pages for everything that escapes a view."""

    @app.errorhandler(PortalError)
    def refused(error: PortalError) -> Any:
        status, sentence = written_down(error)
        if isinstance(error, TooOften):
            return *error_response(status, sentence), {"Retry-After": str(error.seconds)}
        if isinstance(error, InvalidValues) and wants_json():
            fields = {name: [str(t) for t in texts] for name, texts in error.fields.items()}
            return jsonify(message=gettext("Some values do not fit"), fields=fields, reference=reference()), status
        return error_response(status, sentence)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:
            return error
        status, sentence = written_down(error)
        return *error_response(status, sentence), _kept_headers(error)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Any:
        status, _sentence = written_down(error)
        if app.config.get("PROPAGATE_EXCEPTIONS"):
            raise error
        return error_response(status)
