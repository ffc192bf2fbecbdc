"""What grids add to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import told
from portal.core.search import records
from portal.grids.models import Grid
from portal.organization.holdings import Amount, Holding, give, holdings
from portal.organization.models import Staff

records(
    "grids",
    _("Grids"),
    "GridView",
    lambda row: (told(row, "code"), told(row, "town"), told(row, "manager")),
    ("manager",),
    place=30,
)


def without_manager() -> Waiting:
    """Grids that nobody looks after, by code."""
    statement = select(Grid).where(Grid.manager_id.is_(None)).order_by(Grid.code)
    found, count = waiting_rows(statement)
    lines = [Line(str(row), f"{told(row, 'code')} · {told(row, 'town')}", url=record_url(row)) for (row,) in found]
    return Waiting(lines, count=count, url=list_url("GridView", {"f.manager.empty": "1"}))


register_card(
    HomeCard(
        "grids_without_manager",
        _("Grids without a manager"),
        "Grid",
        "list",
        {"team_lead": 50, "branch_head": 60, "administrator": 20},
        without_manager,
        _("Every grid has a customer manager."),
        "fa-map-o",
    )
)


def _amount(staff_id: int) -> Amount:
    count = select(func.count()).select_from(Grid).where(Grid.manager_id == staff_id)
    return Amount(db.session.scalar(count) or 0)


def _hand_over(staff_id: int, successor: Staff) -> int:
    ids = db.session.scalars(select(Grid.id).where(Grid.manager_id == staff_id).order_by(Grid.id)).all()
    return give(Grid, ids, successor)


holdings.register("grids", Holding("grids", _("Grids"), _amount, _hand_over))
