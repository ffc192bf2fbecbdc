"""Locks that hold for every node: one transaction at a time does what a name stands for."""

from __future__ import annotations

import zlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def alone(session: Session, name: str) -> None:
    """Wait until no other transaction holds this name, and hold it to the end of this one.

    On SQLite the writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(name.encode()))))
