"""Risk assessments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_assessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("likelihood", sa.String(length=32), nullable=False),
        sa.Column("impact", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("findings", sa.String(length=1000), nullable=False),
        sa.Column("consequences", sa.String(length=1000), nullable=False),
        sa.Column("estimated_loss", sa.BigInteger(), nullable=True),
        sa.Column("response", sa.String(length=32), nullable=False),
        sa.Column("measures", sa.String(length=1000), nullable=True),
        sa.Column("responsible_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("measures_state", sa.String(length=32), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("done_note", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposer", sa.String(length=80), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decision_note", sa.String(length=400), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(done_on IS NULL) = (measures_state <> 'done')", name=op.f("ck_risk_assessment_done_on_a_day")
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_risk_assessment_branch_id_branch")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_risk_assessment_decided_by_id_staff")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"], name=op.f("fk_risk_assessment_proposed_by_id_staff")),
        sa.ForeignKeyConstraint(["responsible_id"], ["staff.id"], name=op.f("fk_risk_assessment_responsible_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_assessment")),
    )
    op.create_index("ix_risk_assessment_branch_id", "risk_assessment", ["branch_id"])
    op.create_index("ix_risk_assessment_responsible_id", "risk_assessment", ["responsible_id"])
    op.create_index("ix_risk_assessment_measures", "risk_assessment", ["measures_state", "due_on"])
    for state in ("proposed", "in_force"):
        of_company = sa.text(f"state = '{state}' AND branch_id IS NULL")
        of_branch = sa.text(f"state = '{state}'")
        name = f"uq_risk_assessment_{state}"
        op.create_index(
            name, "risk_assessment", ["kind"], unique=True, postgresql_where=of_company, sqlite_where=of_company
        )
        op.create_index(
            f"{name}_branch",
            "risk_assessment",
            ["kind", "branch_id"],
            unique=True,
            postgresql_where=of_branch,
            sqlite_where=of_branch,
        )


def downgrade() -> None:
    op.drop_table("risk_assessment")
