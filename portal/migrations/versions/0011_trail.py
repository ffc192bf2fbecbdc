"""The chain over the audit trail, its archives, and triggers that let go only of what was archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Table -> its unique columns, by which REPLACE would find a row to delete, and which rows have been archived.
ARCHIVED_UPTO = "(SELECT coalesce(max(upto_position), 0) FROM audit_archive)"
SEALED = f"EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = OLD.%s AND s.position <= {ARCHIVED_UPTO})"  # noqa: S608 - constants
TABLES = {
    "audit_entry": (("id",), SEALED % "id"),
    "audit_row": (("id",), SEALED % "entry_id"),
    "audit_seal": (("position", "entry_id"), f"OLD.position <= {ARCHIVED_UPTO}"),
    "audit_archive": (("id", "upto_position"), "1 = 0"),
}


def upgrade() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("position", BIG, autoincrement=False, nullable=False),
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_seal_entry_id")),
    )
    op.create_table(
        "audit_archive",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_position", BIG, nullable=False),
        sa.Column("upto_position", BIG, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_audit_archive_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_archive")),
        sa.UniqueConstraint("upto_position", name=op.f("uq_audit_archive_upto_position")),
    )
    op.create_index("ix_audit_row_entry_id", "audit_row", ["entry_id"])
    op.create_index("ix_audit_entry_verb", "audit_entry", ["verb", "at"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.alter_column("audit_entry", "subject_id", type_=BIG)  # SQLite's whole numbers are that long anyway
        op.execute("DROP TRIGGER audit_entry_no_change ON audit_entry")
    else:
        op.execute("DROP TRIGGER audit_entry_no_delete")
    for table, (unique, archived) in TABLES.items():
        if postgresql:
            _postgresql(table, archived)
        else:
            _sqlite(table, unique, archived)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        events = ("change", "removal", "truncate") if postgresql else ("update", "delete", "replace")
        for event in events:
            if table != "audit_entry" or event in ("change", "removal", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{event}" + (f" ON {table}" if postgresql else ""))
        if postgresql:
            op.execute(f"DROP FUNCTION {table}_refuse()")
    if postgresql:
        op.execute(
            "CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    else:
        op.execute(
            "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry "
            "BEGIN SELECT RAISE(ABORT, 'audit_entry is immutable'); END"
        )
    if postgresql:
        op.alter_column("audit_entry", "subject_id", type_=sa.Integer())
    op.drop_index("ix_audit_entry_verb", "audit_entry")
    op.drop_index("ix_audit_row_entry_id", "audit_row")
    op.drop_table("audit_archive")
    op.drop_table("audit_seal")


def _postgresql(table: str, archived: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN IF {archived} THEN RETURN OLD; END IF; END IF; "
        f"RAISE EXCEPTION '{table} is immutable'; END $$"
    )
    for name, event in (("change", "UPDATE"), ("removal", "DELETE")):
        op.execute(
            f"CREATE TRIGGER {table}_no_{name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
        )
    if table != "audit_entry":
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
        )


def _sqlite(table: str, unique: tuple[str, ...], archived: str) -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is immutable'); END"
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT ({archived}) {refuse}")
    if table != "audit_entry":
        taken = " OR ".join(f"NEW.{column} IN (SELECT {column} FROM {table})" for column in unique)  # noqa: S608 - constants
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} {refuse}")
