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
    413: _("The file is too large"),
    422: _("Some values do not fit"),
    429: _("Too many attempts"),
    500: _("Something went wrong on our side"),
}
ADVICE = {
    400: _("Go back and try again. If you followed a saved link, it may be from an older version."),
    403: _("Ask an administrator if your work needs it."),
    404: _("The address may be wrong, or the record lies outside your area of responsibility."),
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


def register(app: Flask) -> None:
    """Error pages for everything that escapes a view."""

    @app.errorhandler(PortalError)
    def refused(error: PortalError) -> Any:
        log.info(
            "refused", reference=reference(), error=type(error).__name__, detail=getattr(error, "detail", str(error))
        )
        if isinstance(error, InvalidValues) and wants_json():
            fields = {name: [str(t) for t in texts] for name, texts in error.fields.items()}
            return jsonify(
                message=gettext("Some values do not fit"), fields=fields, reference=reference()
            ), error.status
        return error_response(error.status, str(error))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:
            return error
        return error_response(error.code)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Any:
        log.error("unexpected", reference=reference(), exc_info=error)
        if app.config.get("PROPAGATE_EXCEPTIONS"):
            raise error
        return error_response(500)
