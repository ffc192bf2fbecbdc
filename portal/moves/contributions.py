"""What staff moves add to home pages: those that wait for somebody, and those that could not be carried out."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, short_day, waiting_rows
from portal.core.masks import derived, told
from portal.core.wording import for_reader
from portal.moves.models import MoveState, StaffMove


def coming() -> Waiting:
    """Moves that are not carried out, the next first."""
    wanted = select(StaffMove).where(StaffMove.state.in_((MoveState.OPEN, MoveState.CONFIRMED)))
    found, count = waiting_rows(
        wanted.order_by(StaffMove.on_day, StaffMove.id).options(
            joinedload(StaffMove.manager), joinedload(StaffMove.branch)
        )
    )
    lines = [
        Line(
            told(row, "manager") or "…",
            for_reader(row.problem) or f"{told(row, 'branch')} · {_from(row)}",
            told(row, "state"),
            record_url(row),
            "danger" if row.problem else "info" if row.state is MoveState.OPEN else "ok",
        )
        for (row,) in found
    ]
    return Waiting(lines, count=count, url=list_url("StaffMoveView", {}))


def _from(row: StaffMove) -> str:
    return derived(StaffMove, ("on_day",), gettext("from %(day)s", day=short_day(row.on_day)))


register_card(
    HomeCard(
        "staff_moves",
        _("Staff moves ahead"),
        "StaffMove",
        "list",
        {"hr": 5, "branch_head": 45, "administrator": 45},
        coming,
        _("No staff move is ahead."),
        "fa-right-left",
        quiet=True,
        later=True,
    )
)
