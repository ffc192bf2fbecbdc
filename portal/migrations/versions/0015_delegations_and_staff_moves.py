"""Delegations, staff moves and their successors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("manager_id", sa.Integer(), nullable=False),
        sa.Column("delegate_id", sa.Integer(), nullable=False),
        sa.Column("extent", sa.String(length=32), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_delegation_branch_id_branch")),
        sa.ForeignKeyConstraint(["delegate_id"], ["staff.id"], name=op.f("fk_delegation_delegate_id_staff")),
        sa.ForeignKeyConstraint(["manager_id"], ["staff.id"], name=op.f("fk_delegation_manager_id_staff")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_delegation_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    with op.batch_alter_table("delegation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delegation_branch_id"), ["branch_id"], unique=False)
        batch_op.create_index("ix_delegation_branch_manager", ["branch_id", "manager_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegation_delegate_id"), ["delegate_id"], unique=False)
        batch_op.create_index("ix_delegation_delegate_last_day", ["delegate_id", "last_day"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegation_manager_id"), ["manager_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegation_team_id"), ["team_id"], unique=False)

    op.create_table(
        "staff_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("manager_id", sa.Integer(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("leaves", sa.Boolean(), nullable=False),
        sa.Column("to_branch_id", sa.Integer(), nullable=True),
        sa.Column("to_team_id", sa.Integer(), nullable=True),
        sa.Column("to_post", sa.String(length=32), nullable=True),
        sa.Column("to_level", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("roles_after", sa.JSON(), nullable=True),
        sa.Column("problem", sa.JSON(), nullable=True),
        sa.Column("from_post", sa.String(length=32), nullable=False),
        sa.Column("from_level", sa.String(length=32), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_staff_move_branch_id_branch")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["ab_user.id"], name=op.f("fk_staff_move_decided_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["ab_user.id"], name=op.f("fk_staff_move_entered_by_id_ab_user"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["manager_id"], ["staff.id"], name=op.f("fk_staff_move_manager_id_staff")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_staff_move_team_id_team")),
        sa.ForeignKeyConstraint(["to_branch_id"], ["branch.id"], name=op.f("fk_staff_move_to_branch_id_branch")),
        sa.ForeignKeyConstraint(["to_team_id"], ["team.id"], name=op.f("fk_staff_move_to_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_move")),
    )
    with op.batch_alter_table("staff_move", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_move_branch_id"), ["branch_id"], unique=False)
        batch_op.create_index("ix_staff_move_branch_manager", ["branch_id", "manager_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_move_manager_id"), ["manager_id"], unique=False)
        batch_op.create_index("ix_staff_move_state_day", ["state", "on_day"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_move_team_id"), ["team_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_move_to_branch_id"), ["to_branch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_move_to_team_id"), ["to_team_id"], unique=False)

    op.create_table(
        "move_successor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("move_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("successor_id", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["move_id"], ["staff_move.id"], name=op.f("fk_move_successor_move_id_staff_move"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["successor_id"], ["staff.id"], name=op.f("fk_move_successor_successor_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move_successor")),
        sa.UniqueConstraint("move_id", "kind", name=op.f("uq_move_successor_move_id_kind")),
    )
    with op.batch_alter_table("move_successor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_move_successor_move_id"), ["move_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_move_successor_successor_id"), ["successor_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("move_successor", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_move_successor_successor_id"))
        batch_op.drop_index(batch_op.f("ix_move_successor_move_id"))

    op.drop_table("move_successor")
    with op.batch_alter_table("staff_move", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_move_to_team_id"))
        batch_op.drop_index(batch_op.f("ix_staff_move_to_branch_id"))
        batch_op.drop_index(batch_op.f("ix_staff_move_team_id"))
        batch_op.drop_index("ix_staff_move_state_day")
        batch_op.drop_index(batch_op.f("ix_staff_move_manager_id"))
        batch_op.drop_index("ix_staff_move_branch_manager")
        batch_op.drop_index(batch_op.f("ix_staff_move_branch_id"))

    op.drop_table("staff_move")
    with op.batch_alter_table("delegation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delegation_team_id"))
        batch_op.drop_index(batch_op.f("ix_delegation_manager_id"))
        batch_op.drop_index("ix_delegation_delegate_last_day")
        batch_op.drop_index(batch_op.f("ix_delegation_delegate_id"))
        batch_op.drop_index("ix_delegation_branch_manager")
        batch_op.drop_index(batch_op.f("ix_delegation_branch_id"))

    op.drop_table("delegation")
