"""What was typed into a form, kept while its author signs in again.

A session may end while somebody types. The post is then answered with the log-in page, which carries the typed values
along, sealed; signed in again, the same person comes back to the form with them, nothing saved yet. The server keeps
nothing, nobody can read the values on the way, and they open only for the login that was shown the form.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.datastructures import MultiDict

from portal.core.clock import now
from portal.core.scope import actor
from portal.core.sealed import key_ring

AUTHOR, KEPT = "typed_by", "kept"
"""Hidden inputs: who was shown the form; the sealed values on their way back to it."""
LASTS = 3600
"""Seconds in which to sign in again."""
NEVER = ("csrf_token", AUTHOR, KEPT)
PURPOSE = "typed into a form"


@dataclass(frozen=True)
class Typed:
    """Values typed into the form at `address`."""

    address: str
    values: MultiDict[str, str]


def author() -> str:
    """Who is shown this form, as a text that only the portal can write."""
    return str(_signer().dumps(actor().user_id))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=PURPOSE)


def seal(address: str, form: MultiDict[str, str]) -> str:
    """The values as a text for a hidden input; empty when nobody knows who typed them."""
    try:
        user_id = _signer().loads(form.get(AUTHOR, ""))
    except BadSignature:
        return ""
    pairs = [pair for pair in form.items(multi=True) if pair[0] not in NEVER]
    content: list[Any] = [address, user_id, int(now().timestamp()), pairs]
    return key_ring().seal_text(PURPOSE, zlib.compress(json.dumps(content).encode()))


def unseal(text: str) -> Typed | None:
    """What `seal` kept, for its author within the hour; None for anybody else."""
    try:
        address, user_id, sealed_at, pairs = json.loads(zlib.decompress(key_ring().open_text(PURPOSE, text)))
    except (InvalidTag, ValueError, zlib.error):
        return None
    if user_id is None or user_id != actor().user_id or now().timestamp() - sealed_at > LASTS:
        return None
    return Typed(address, MultiDict((name, value) for name, value in pairs))
