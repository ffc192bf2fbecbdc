"""The file store: bytes by their hash, a row for each file. A local folder for now, one interface for what follows."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, String, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import scope
from portal.core.clock import now
from portal.core.db import Id, Model, Moment, Name, db
from portal.core.errors import NotFound
from portal.core.fields import field


class StoredFile(Model):
    """A kept file: an imported ledger, its list of errors, a report."""

    id: Mapped[Id]
    name: Mapped[Name] = field(_("File name"))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mime: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[Moment]
    created_by: Mapped[str] = mapped_column(String(80))

    def __str__(self) -> str:
        return self.name


IN_USE = 60 * 60
"""Seconds: longer than any unit of work between putting a content into the store and committing its row."""


class FolderStore:
    """Files in a folder, by hash; the same content is kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def put(self, sha256: str, source: BinaryIO) -> None:
        path = self.path(sha256)
        if path.exists():
            path.touch()  # so that nobody removes it before the row that is about to name it is there
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{sha256}-{secrets.token_hex(4)}")
        with fresh.open("wb") as target:
            while chunk := source.read(1 << 20):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(path)

    def remove(self, sha256: str) -> None:
        """Remove content that no row names, unless it came or was asked for again only now."""
        path = self.path(sha256)
        if path.exists() and path.stat().st_mtime < now().timestamp() - IN_USE:
            path.unlink(missing_ok=True)

    def shred(self, sha256: str) -> None:
        """Overwrite the content and take it away; nothing happens when it is gone already."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            with path.open("r+b") as target:
                for start in range(0, size, 1 << 20):
                    target.write(bytes(min(1 << 20, size - start)))
                target.flush()
                os.fsync(target.fileno())
            path.unlink()
        except FileNotFoundError:
            return

    def open(self, sha256: str) -> BinaryIO:
        return self.path(sha256).open("rb")


def _store() -> FolderStore:
    return current_app.extensions["file_store"]  # type: ignore[no-any-return]


def store(name: str, source: bytes | BinaryIO | Path, mime: str) -> StoredFile:
    """Keep a file; inside a unit of work. The bytes are safe on disk before the row is."""
    opened: BinaryIO
    if isinstance(source, Path):
        opened = source.open("rb")
    elif isinstance(source, bytes):
        opened = io.BytesIO(source)
    else:
        opened = source
    digest, size = hashlib.sha256(), 0
    opened.seek(0)
    while chunk := opened.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    opened.seek(0)
    _store().put(digest.hexdigest(), opened)
    if isinstance(source, Path):
        opened.close()
    kept = StoredFile(
        name=name[:120],
        sha256=digest.hexdigest(),
        size=size,
        mime=mime,
        created_at=now(),
        created_by=scope.actor().name,
    )
    db.session.add(kept)
    db.session.flush()
    return kept


def forget(stored: StoredFile) -> str:
    """Delete a file's row, inside a unit of work; returns the hash of its content, for `sweep` once that is done."""
    db.session.delete(stored)
    return stored.sha256


def sweep(hashes: Iterable[str]) -> None:
    """Remove contents from the store that no file has any more."""
    for sha256 in set(hashes):
        if db.session.scalar(select(StoredFile.id).where(StoredFile.sha256 == sha256).limit(1)) is None:
            _store().remove(sha256)


def open_file(stored: StoredFile) -> BinaryIO:
    """The content, for reading; NotFound when it is gone from the store."""
    try:
        return _store().open(stored.sha256)
    except FileNotFoundError:
        raise NotFound(f"The content of {stored.name} is no longer in the file store.") from None


def destroy(sha256: str) -> None:
    """Take a content away for good, after the commit; rows stay, with name and hash. Whoever opens it is told."""
    _store().shred(sha256)


def local_path(stored: StoredFile) -> Path:
    """A path to the content on this machine."""
    return _store().path(stored.sha256)
