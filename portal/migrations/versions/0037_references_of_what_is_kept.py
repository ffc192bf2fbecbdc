"""Month-ends and sums no longer declare references that their loans hold anyway."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

PRODUCT, CUSTOMER = ("product_id", "product"), ("customer_id", "customer")
OWNERS = (("branch_id", "branch"), ("team_id", "team"), ("manager_id", "staff"))
HELD = tuple((f"held_{column}", table) for column, table in OWNERS)
DROPPED = {
    "loan_snapshot": (*OWNERS, PRODUCT, CUSTOMER),
    "loan_group": (*OWNERS, *HELD, PRODUCT),
    "borrower_group": (*OWNERS, *HELD, PRODUCT, CUSTOMER),
    "loan_move": (*OWNERS, *HELD, PRODUCT),
    "allowance_group": (*OWNERS, *HELD, PRODUCT),
    "due_group": (*OWNERS, PRODUCT),
    "vintage_group": (*OWNERS, PRODUCT),
    "vintage_step": (PRODUCT,),
}


def upgrade() -> None:
    for kept, references in DROPPED.items():
        with op.batch_alter_table(kept) as batch:
            for column, table in references:
                batch.drop_constraint(op.f(f"fk_{kept}_{column}_{table}"), type_="foreignkey")


def downgrade() -> None:
    for kept, references in DROPPED.items():
        with op.batch_alter_table(kept) as batch:
            for column, table in references:
                batch.create_foreign_key(op.f(f"fk_{kept}_{column}_{table}"), table, [column], ["id"])
