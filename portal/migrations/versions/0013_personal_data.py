"""Addresses are sealed; last four characters by an index of their own; consents, facts, requests of persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.core.key_ring import Ciphers, Locked, key_ring, opened, seal

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TAILED = ("resident_id", "phone")
TAIL, CHUNK = 4, 5_000

COLUMNS: tuple[sa.Column[Any], ...] = (
    *(sa.Column(f"{name}_tail", sa.LargeBinary(16), nullable=True) for name in TAILED),
    sa.Column("address_sealed", sa.LargeBinary(1_700), nullable=True),
    sa.Column("address_index", sa.LargeBinary(16), nullable=True),
    sa.Column("disputed_on", sa.Date(), nullable=True),
    sa.Column("erased_on", sa.Date(), nullable=True),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("customer", column._copy())
    _seal(op.get_bind())
    for name in TAILED:
        op.create_index(op.f(f"ix_customer_{name}_tail"), "customer", [f"{name}_tail"])
    op.drop_column("customer", "address")
    _new_tables()


def downgrade() -> None:
    for table in ("person_request", "customer_fact", "consent"):
        op.drop_table(table)
    op.add_column("customer", sa.Column("address", sa.String(400), nullable=True))
    _open(op.get_bind())
    for name in TAILED:
        op.drop_index(op.f(f"ix_customer_{name}_tail"), "customer")
    for column in COLUMNS:
        op.drop_column("customer", column.name)


def _customers() -> sa.TableClause:
    names = ["id", "data_key", "address", "address_sealed", "address_index"]
    names += [f"{name}_{part}" for name in TAILED for part in ("sealed", "tail")]
    return sa.table("customer", *map(sa.column, names))


def _batches(connection: sa.Connection) -> Iterator[tuple[sa.TableClause, Sequence[sa.Row[Any]]]]:
    rows, last = _customers(), 0
    while part := connection.execute(sa.select(rows).where(rows.c.id > last).order_by(rows.c.id).limit(CHUNK)).all():
        yield rows, part
        last = part[-1].id


def _seal(connection: sa.Connection) -> None:
    """Seal the addresses and index the endings of the numbers that are there. Raises MissingKey, changing nothing."""
    ring = key_ring()
    for rows, part in _batches(connection):
        values = []
        for row in part:
            data_key = row.data_key
            tails: dict[str, bytes | None] = {f"{name}_tail": None for name in TAILED}
            if data_key is None and not row.address:
                continue
            cipher = ring.cipher(data_key) if data_key else None
            if cipher is None:
                data_key, cipher = ring.new_cipher()
            for name in TAILED:
                sealed = getattr(row, f"{name}_sealed")
                if sealed is not None:
                    plain = opened(cipher, sealed, name.encode()).decode()
                    tails[f"{name}_tail"] = ring.blind_index(f"{name}:tail", plain[-TAIL:])
            address = (row.address or "").strip()
            values.append(
                {
                    "row": row.id,
                    "new_data_key": data_key,
                    "new_address_sealed": seal(cipher, address.encode(), b"address") if address else None,
                    "new_address_index": ring.blind_index("address", address) if address else None,
                    **{f"new_{name}": tail for name, tail in tails.items()},
                }
            )
        _write(connection, rows, values)


def _open(connection: sa.Connection) -> None:
    """The addresses in plain again."""
    ciphers = Ciphers()
    for rows, part in _batches(connection):
        values = []
        for row in part:
            cipher = ciphers[row.data_key]
            if isinstance(cipher, Locked):
                raise cipher.problem
            if row.address_sealed is not None and cipher is not None:
                plain = opened(cipher, row.address_sealed, b"address").decode()
                values.append({"row": row.id, "new_address": plain})
        ciphers.clear()
        _write(connection, rows, values)


def _write(connection: sa.Connection, rows: sa.TableClause, values: list[dict[str, object]]) -> None:
    if values:
        new: dict[str, Any] = {name.removeprefix("new_"): sa.bindparam(name) for name in values[0] if name != "row"}
        connection.execute(sa.update(rows).where(rows.c.id == sa.bindparam("row")).values(new), values)


def _new_tables() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.String(length=400), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("code", name=op.f("uq_consent_code")),
    )
    op.create_index(op.f("ix_consent_customer_id"), "consent", ["customer_id"])

    op.create_table(
        "person_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("wanted_sealed", sa.LargeBinary(length=8100), nullable=True),
        sa.Column("wanted_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("pdf_id", sa.Integer(), nullable=True),
        sa.Column("json_id", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_person_request_customer_id_customer")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_person_request_job_id_job"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["json_id"], ["stored_file.id"], name=op.f("fk_person_request_json_id_stored_file")),
        sa.ForeignKeyConstraint(["pdf_id"], ["stored_file.id"], name=op.f("fk_person_request_pdf_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_request")),
        sa.UniqueConstraint("code", name=op.f("uq_person_request_code")),
    )
    op.create_index(op.f("ix_person_request_customer_id"), "person_request", ["customer_id"])
    op.create_index(op.f("ix_person_request_state"), "person_request", ["state"])

    op.create_table(
        "customer_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(length=8100), nullable=True),
        sa.Column("content_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("verifier_id", sa.Integer(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("consent_id", sa.Integer(), nullable=True),
        sa.Column("shared_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"], name=op.f("fk_customer_fact_consent_id_consent")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_customer_fact_customer_id_customer")),
        sa.ForeignKeyConstraint(["verifier_id"], ["staff.id"], name=op.f("fk_customer_fact_verifier_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_fact")),
        sa.UniqueConstraint("code", name=op.f("uq_customer_fact_code")),
    )
    op.create_index(op.f("ix_customer_fact_consent_id"), "customer_fact", ["consent_id"])
    op.create_index(op.f("ix_customer_fact_customer_id"), "customer_fact", ["customer_id"])
    op.create_index(op.f("ix_customer_fact_verifier_id"), "customer_fact", ["verifier_id"])
