"""The chain's arithmetic: each seal's hash covers the hash before it. Pure."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

GENESIS = "0" * 64
"""What stands before the first seal."""


class Head(NamedTuple):
    """A place of the chain and its hash. Kept outside, it proves everything up to it."""

    position: int
    hash: str


def link(before: str, position: int, entry_id: int, digest: str, sealed_at: str) -> str:
    """The hash of the seal at `position`: SHA-256 over the hash before it and all that the seal says.

    `sealed_at` is a time in UTC as `datetime.isoformat` writes it.
    """
    return hashlib.sha256(f"{before}|{position}|{entry_id}|{digest}|{sealed_at}".encode()).hexdigest()
