"""Headers of every response: a content security policy with a nonce per request, the usual ones, and caching."""

from __future__ import annotations

import hashlib
import secrets
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
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)


@cache
def _fingerprint(path: str, changed: float) -> str:
    """The content of a static file in twelve characters; `changed` only makes an edited file be read again."""
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=6).hexdigest()


def register(app: Flask) -> None:
    app.jinja_env.globals["csp_nonce"] = csp_nonce

    @app.url_defaults
    def versioned(endpoint: str, values: dict[str, Any]) -> None:
        """Static files are cached for good, so their address changes with their content."""
        owner = app if endpoint == "static" else app.blueprints.get(endpoint.removesuffix(".static"))
        path = safe_join(owner.static_folder, values.get("filename", "")) if owner and owner.static_folder else None
        if endpoint.endswith("static") and path and Path(path).is_file():
            values["v"] = _fingerprint(path, Path(path).stat().st_mtime)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=csp_nonce()))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        if request.endpoint and request.endpoint.endswith("static"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        elif response.mimetype in ("text/html", "application/json"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
