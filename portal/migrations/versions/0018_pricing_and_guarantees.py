"""Fee catalogue, parts of prices, agreed fees, the all-in cost of loans; guarantees and their clocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fee_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("payee", sa.String(length=32), nullable=False),
        sa.Column("payee_name", sa.String(length=120), nullable=True),
        sa.Column("charged", sa.String(length=32), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("share", sa.Integer(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_fee_item_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_item")),
        sa.UniqueConstraint("code", name=op.f("uq_fee_item_code")),
    )
    op.create_table(
        "price_part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(length=32), nullable=True),
        sa.Column("customer_type", sa.String(length=32), nullable=True),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name=op.f("ck_price_part_period")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_price_part_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_part")),
        sa.UniqueConstraint("code", name=op.f("uq_price_part_code")),
    )
    with op.batch_alter_table("price_part", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_price_part_product_id"), ["product_id"], unique=False)

    op.create_table(
        "agreed_fee",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("payee", sa.String(length=32), nullable=False),
        sa.Column("charged", sa.String(length=32), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("standard", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_agreed_fee_amount_positive")),
        sa.ForeignKeyConstraint(["item_id"], ["fee_item.id"], name=op.f("fk_agreed_fee_item_id_fee_item")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_agreed_fee_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreed_fee")),
    )
    with op.batch_alter_table("agreed_fee", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agreed_fee_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_agreed_fee_loan_id"), ["loan_id"], unique=False)

    op.add_column("loan", sa.Column("all_in_cost", sa.Integer(), nullable=True))
    op.add_column("loan", sa.Column("simple_cost", sa.Integer(), nullable=True))
    op.add_column("loan", sa.Column("above_limit", sa.Boolean(), nullable=True))

    op.create_table(
        "guarantee_contract",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("secured", sa.BigInteger(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("liability", sa.String(length=32), nullable=True),
        sa.Column("agreed_until", sa.Date(), nullable=True),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("secured > 0", name=op.f("ck_guarantee_contract_secured_positive")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_guarantee_contract_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guarantee_contract")),
        sa.UniqueConstraint("code", name=op.f("uq_guarantee_contract_code")),
    )
    with op.batch_alter_table("guarantee_contract", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guarantee_contract_loan_id"), ["loan_id"], unique=False)

    op.create_table(
        "repossessed_asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("thing", sa.String(length=120), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("dispose_by", sa.Date(), nullable=False),
        sa.Column("disposed_on", sa.Date(), nullable=True),
        sa.Column("proceeds", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_repossessed_asset_value_positive")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_repossessed_asset_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repossessed_asset")),
        sa.UniqueConstraint("code", name=op.f("uq_repossessed_asset_code")),
    )
    with op.batch_alter_table("repossessed_asset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_repossessed_asset_loan_id"), ["loan_id"], unique=False)

    op.create_table(
        "collateral_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("thing", sa.String(length=120), nullable=False),
        sa.Column("certificate", sa.String(length=80), nullable=True),
        sa.Column("appraised_value", sa.BigInteger(), nullable=False),
        sa.Column("appraiser", sa.String(length=120), nullable=False),
        sa.Column("appraised_on", sa.Date(), nullable=False),
        sa.Column("reappraise_on", sa.Date(), nullable=True),
        sa.Column("registration", sa.String(length=80), nullable=True),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("registered_until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("appraised_value >= 0", name=op.f("ck_collateral_item_value_not_negative")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["guarantee_contract.id"], name=op.f("fk_collateral_item_contract_id_guarantee_contract")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_collateral_item_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collateral_item")),
    )
    with op.batch_alter_table("collateral_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_collateral_item_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_collateral_item_loan_id"), ["loan_id"], unique=False)

    op.create_table(
        "guarantor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=True),
        sa.Column("resident_id_sealed", sa.LargeBinary(length=200), nullable=True),
        sa.Column("resident_id_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(length=200), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("data_key", sa.LargeBinary(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["guarantee_contract.id"], name=op.f("fk_guarantor_contract_id_guarantee_contract")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_guarantor_customer_id_customer")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_guarantor_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guarantor")),
    )
    with op.batch_alter_table("guarantor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guarantor_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_guarantor_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_guarantor_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_guarantor_phone_index"), ["phone_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_guarantor_resident_id_index"), ["resident_id_index"], unique=False)

    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("runs_out_on", sa.Date(), nullable=False),
        sa.Column("guarantor_id", sa.Integer(), nullable=True),
        sa.Column("collateral_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["repossessed_asset.id"], name=op.f("fk_clock_asset_id_repossessed_asset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["collateral_id"],
            ["collateral_item.id"],
            name=op.f("fk_clock_collateral_id_collateral_item"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guarantor_id"], ["guarantor.id"], name=op.f("fk_clock_guarantor_id_guarantor"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_clock_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clock_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clock_collateral_id"), ["collateral_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clock_guarantor_id"), ["guarantor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clock_loan_id"), ["loan_id"], unique=False)
        batch_op.create_index("ix_clock_runs_out_on", ["runs_out_on"], unique=False)

    op.create_table(
        "legal_act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("guarantor_id", sa.Integer(), nullable=True),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("evidence", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["guarantor_id"], ["guarantor.id"], name=op.f("fk_legal_act_guarantor_id_guarantor")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_legal_act_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_act")),
    )
    with op.batch_alter_table("legal_act", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_legal_act_guarantor_id"), ["guarantor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_legal_act_loan_id"), ["loan_id"], unique=False)

    op.create_table(
        "litigation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("loan_id", sa.Integer(), nullable=False),
        sa.Column("guarantor_id", sa.Integer(), nullable=True),
        sa.Column("court", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("judged_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["guarantor_id"], ["guarantor.id"], name=op.f("fk_litigation_guarantor_id_guarantor")),
        sa.ForeignKeyConstraint(["loan_id"], ["loan.id"], name=op.f("fk_litigation_loan_id_loan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_litigation")),
        sa.UniqueConstraint("code", name=op.f("uq_litigation_code")),
    )
    with op.batch_alter_table("litigation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_litigation_guarantor_id"), ["guarantor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_litigation_loan_id"), ["loan_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("litigation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_litigation_loan_id"))
        batch_op.drop_index(batch_op.f("ix_litigation_guarantor_id"))

    op.drop_table("litigation")
    with op.batch_alter_table("legal_act", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_legal_act_loan_id"))
        batch_op.drop_index(batch_op.f("ix_legal_act_guarantor_id"))

    op.drop_table("legal_act")
    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.drop_index("ix_clock_runs_out_on")
        batch_op.drop_index(batch_op.f("ix_clock_loan_id"))
        batch_op.drop_index(batch_op.f("ix_clock_guarantor_id"))
        batch_op.drop_index(batch_op.f("ix_clock_collateral_id"))
        batch_op.drop_index(batch_op.f("ix_clock_asset_id"))

    op.drop_table("clock")
    with op.batch_alter_table("guarantor", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_guarantor_resident_id_index"))
        batch_op.drop_index(batch_op.f("ix_guarantor_phone_index"))
        batch_op.drop_index(batch_op.f("ix_guarantor_loan_id"))
        batch_op.drop_index(batch_op.f("ix_guarantor_customer_id"))
        batch_op.drop_index(batch_op.f("ix_guarantor_contract_id"))

    op.drop_table("guarantor")
    with op.batch_alter_table("collateral_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_collateral_item_loan_id"))
        batch_op.drop_index(batch_op.f("ix_collateral_item_contract_id"))

    op.drop_table("collateral_item")
    with op.batch_alter_table("repossessed_asset", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_repossessed_asset_loan_id"))

    op.drop_table("repossessed_asset")
    with op.batch_alter_table("guarantee_contract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_guarantee_contract_loan_id"))

    op.drop_table("guarantee_contract")

    op.drop_column("loan", "above_limit")
    op.drop_column("loan", "simple_cost")
    op.drop_column("loan", "all_in_cost")

    with op.batch_alter_table("agreed_fee", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agreed_fee_loan_id"))
        batch_op.drop_index(batch_op.f("ix_agreed_fee_item_id"))

    op.drop_table("agreed_fee")
    with op.batch_alter_table("price_part", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_price_part_product_id"))

    op.drop_table("price_part")
    op.drop_table("fee_item")
