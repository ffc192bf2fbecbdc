"""What customers add to search and home pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.search import records
from portal.customers.models import Customer

records(
    "customers",
    _("Customers"),
    "CustomerView",
    lambda row: (row.code, row.branch, row.manager),
    ("branch", "manager"),
    place=10,
)


def without_manager() -> Waiting:
    """Customers whom nobody looks after, the oldest first."""
    statement = select(Customer).where(Customer.manager_id.is_(None)).order_by(Customer.id)
    found, count = waiting_rows(statement.options(joinedload(Customer.branch)))
    lines = [Line(row.name, f"{row.code} · {row.branch}", url=record_url(row)) for (row,) in found]
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
