"""The chain over the audit entries: a seal for each, and the archives of those whose years are over."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigKey, Id, Model, Moment
from portal.core.files import StoredFile


class AuditSeal(Model):
    """An entry's place in the chain (审计链). `hash` covers the seal before it, so one hash stands for all before."""

    position: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=False)
    """1, 2, 3, … without gaps: the order in which entries were found, not that of their ids."""
    entry_id: Mapped[int] = mapped_column(BigKey, unique=True)
    """No foreign key: that an entry is gone is for verification to say."""
    digest: Mapped[str] = mapped_column(String(64))
    """The entry's digest when it was sealed."""
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[Moment]


class AuditArchive(Model):
    """Entries that left the database for a file, because their years were over (审计归档)."""

    id: Mapped[Id]
    from_position: Mapped[int] = mapped_column(BigKey)
    upto_position: Mapped[int] = mapped_column(BigKey, unique=True)
    """The database lets go of what stands at or before this place of the chain, and of nothing else."""
    hash: Mapped[str] = mapped_column(String(64))
    """The chain's hash there: what is left goes on from it."""
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the file."""
    made_at: Mapped[Moment]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))

    file: Mapped[StoredFile] = relationship()
