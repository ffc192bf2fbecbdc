"""A small provider of OpenID Connect: discovery, authorization code with PKCE and nonce, RS256, userinfo."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "gridlend", "the client's secret"


@dataclass
class Provider:
    """The provider; tests say who is signed in there and what it does wrong."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token to put in place of the right ones."""
    other_key: bool = False
    """Sign with a key that is not published."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))


def build(provider: Provider) -> Flask:
    app = Flask("provider")

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        base = provider.issuer
        return jsonify(
            issuer=base,
            authorization_endpoint=f"{base}/authorize",
            token_endpoint=f"{base}/token",
            userinfo_endpoint=f"{base}/userinfo",
            jwks_uri=f"{base}/jwks",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
            code_challenge_methods_supported=["S256"],
        )

    @app.get("/jwks")
    def jwks() -> Any:
        return jsonify(keys=[provider.key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize() -> Any:
        asked = request.args
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code" and "openid" in asked["scope"]
        code = secrets.token_urlsafe(16)
        provider.codes[code] = {name: asked[name] for name in ("nonce", "code_challenge", "redirect_uri")}
        return redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    @app.post("/token")
    def token() -> Any:
        known = provider.codes.pop(request.form["code"], None)
        given = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if known is None or known["code_challenge"] != challenge or not given.startswith(f"{CLIENT}:"):
            return jsonify(error="invalid_grant"), 400
        now = int(time.time())
        claims = {"iss": provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": known["nonce"]}
        claims |= {"sub": provider.person["sub"], **provider.spoil}
        key = RSAKey.generate_key(2048, {"kid": "1"}) if provider.other_key else provider.key
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
        return jsonify(access_token=secrets.token_urlsafe(16), token_type="Bearer", expires_in=600, id_token=id_token)

    @app.get("/userinfo")
    def userinfo() -> Any:
        return jsonify(provider.person)

    return app


@contextmanager
def running() -> Iterator[Provider]:
    """The provider on a free port of this machine."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, build(provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
