"""Imports: the saved mappings, each file that was read, and what it added or changed."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import BigId, BigKey, BusinessDate, Choice, Code, Id, Labelled, Model, Moment, Name, Versioned
from portal.core.fields import field
from portal.core.files import StoredFile
from portal.core.masks import told


class BatchState(Labelled):
    """How far a batch has come."""

    DRAFT = "draft", _("Uploaded")
    CHECKED = "checked", _("Checked")
    RUNNING = "running", _("Running")
    DONE = "done", _("Imported")
    FAILED = "failed", _("Refused")
    UNDONE = "undone", _("Undone")


class ImportMapping(Versioned, Model):
    """How the columns of a certain kind of file become our fields (列映射), under a name."""

    id: Mapped[Id]
    name: Mapped[Name] = field(_("Mapping"), unique=True, search=True)
    kind: Mapped[Code] = field(_("Kind"))
    definition: Mapped[Any] = mapped_column(JSON)

    def __str__(self) -> str:
        return self.name


class ImportBatch(Model):
    """One file of one kind, from upload to result (导入批次)."""

    __table_args__ = (Index("ix_import_batch_sha256", "sha256"),)

    id: Mapped[Id]
    kind: Mapped[Code] = field(_("Kind"))
    file_name: Mapped[Name] = field(_("File"), search=True)
    state: Mapped[BatchState] = field(_("State"), Choice(BatchState), default=BatchState.DRAFT)
    rows_new: Mapped[int] = field(_("New"), default=0)
    rows_changed: Mapped[int] = field(_("Changed"), default=0)
    rows_unchanged: Mapped[int] = field(_("Unchanged"), default=0)
    rows_wrong: Mapped[int] = field(_("Wrong"), default=0)
    mapping_name: Mapped[str] = field(_("Mapping"), String(120), default="")
    definition: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    """The mapping as it was when the file was read."""
    cut_over_on: Mapped[BusinessDate | None] = field(_("Cut-over date"))
    sha256: Mapped[str] = field(_("SHA-256 of the file"), String(64))
    size: Mapped[int] = field(_("Size (bytes)"), BigInteger)
    created_by: Mapped[str] = field(_("Uploaded by"), String(80), search=True)
    created_at: Mapped[Moment] = field(_("Uploaded at"))
    finished_at: Mapped[Moment | None] = field(_("Finished at"))
    message: Mapped[str] = field(_("Remark"), String(400), default="")
    report: Mapped[Any] = mapped_column(JSON, default=None, nullable=True)
    """Warnings, the first rows and the first errors of the last check, as shown (personal data masked)."""
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    error_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))

    file: Mapped[StoredFile | None] = relationship(foreign_keys=[file_id])
    error_file: Mapped[StoredFile | None] = relationship(foreign_keys=[error_file_id])

    def __str__(self) -> str:
        return f"{told(self, 'file_name')} #{self.id}"


class ImportedRange(Model):
    """Rows that a batch added: all ids of one model from the first to the last."""

    __table_args__ = (Index("ix_imported_range_resource_ids", "resource", "first_id", "last_id"),)

    id: Mapped[BigId]
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"), index=True)
    resource: Mapped[Code]
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)


class ImportedChange(Model):
    """A row that a batch changed, with what it held before; personal data in it is sealed with the row's own key."""

    __table_args__ = (Index("ix_imported_change_resource_row", "resource", "row_id"),)

    id: Mapped[BigId]
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"), index=True)
    resource: Mapped[Code]
    row_id: Mapped[int] = mapped_column(BigKey)
    row_version: Mapped[int]
    """The row's version after the change: undone only while it is still this one."""
    before: Mapped[Any] = mapped_column(JSON)
