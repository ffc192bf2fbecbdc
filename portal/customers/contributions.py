"""What customers add to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.core.db import db
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import told
from portal.core.search import records
from portal.customers.models import Customer
from portal.organization.holdings import Amount, Holding, give, holdings
from portal.organization.models import Staff

records(
    "customers",
    _("Customers"),
    "CustomerView",
    lambda row: (told(row, "code"), told(row, "branch"), told(row, "manager")),
    ("branch", "manager"),
    place=10,
)


def without_manager() -> Waiting:
    """Customers whom nobody looks after, the oldest first."""
    statement = select(Customer).where(Customer.manager_id.is_(None)).order_by(Customer.id)
    found, count = waiting_rows(statement.options(joinedload(Customer.branch)))
    lines = [Line(str(row), f"{told(row, 'code')} · {told(row, 'branch')}", url=record_url(row)) for (row,) in found]
    return Waiting(lines, count=count, url=list_url("CustomerView", {"f.manager.empty": "1"}))


register_card(
    HomeCard(
        "customers_without_manager",
        _("Customers without a manager"),
        "Customer",
        "list",
        {"team_lead": 40, "branch_head": 50},
        without_manager,
        _("Every customer has a customer manager."),
        "fa-user-o",
    )
)


def _amount(staff_id: int) -> Amount:
    count = select(func.count()).select_from(Customer).where(Customer.manager_id == staff_id)
    return Amount(db.session.scalar(count) or 0)


def _hand_over(staff_id: int, successor: Staff) -> int:
    ids = db.session.scalars(select(Customer.id).where(Customer.manager_id == staff_id).order_by(Customer.id)).all()
    return give(Customer, ids, successor)


holdings.register("customers", Holding("customers", _("Customers"), _amount, _hand_over))
