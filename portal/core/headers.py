"""Headers of every response: a content security policy with a nonce per request, the usual ones, and caching."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.security import safe_join


def csp_nonce() -> str:
    """The nonce that this page's scripts carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' {styles}; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
A_YEAR = 365 * 24 * 3600


def allow_inline_styles() -> None:
    """For a page whose styles cannot carry the nonce: Mantine's and ag-grid's are written by scripts, a report's and
    Swagger's stand in the document. Scripts stay as they are, by nonce only."""
    g.inline_styles = True


def policy() -> str:
    """The content security policy of this answer."""
    nonce = csp_nonce()
    return POLICY.format(nonce=nonce, styles="'unsafe-inline'" if "inline_styles" in g else f"'nonce-{nonce}'")


@cache
def _fingerprint(path: str, changed: float) -> str:
    """The content of a static file in twelve characters; `changed` only makes an edited file be read again."""
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=6).hexdigest()


def _status(path: str) -> os.stat_result | None:
    """One look at a file, since a page names thirty of them; None when there is none."""
    try:
        return os.stat(path)
    except OSError:
        return None


def register(app: Flask) -> None:
    app.jinja_env.globals["csp_nonce"] = csp_nonce

    @app.url_defaults
    def versioned(endpoint: str, values: dict[str, Any]) -> None:
        """Static files are cached for good, so their address changes with their content."""
        if not endpoint.endswith("static"):
            return
        owner = app if endpoint == "static" else app.blueprints.get(endpoint.removesuffix(".static"))
        path = safe_join(owner.static_folder, values.get("filename", "")) if owner and owner.static_folder else None
        found = _status(path) if path else None
        if path and found and stat.S_ISREG(found.st_mode):
            values["v"] = _fingerprint(path, found.st_mtime)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy())
        for name, text in ALWAYS.items():
            response.headers.setdefault(name, text)
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR}; includeSubDomains")
        if request.endpoint and request.endpoint.endswith("static"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        elif response.mimetype in ("text/html", "application/json"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
