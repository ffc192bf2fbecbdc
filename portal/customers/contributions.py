"""What customers add to search and home pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.core import timeline
from portal.core.db import db
from portal.core.display import record_url
from portal.core.home import HomeCard, Line, Waiting, list_url, register_card, waiting_rows
from portal.core.masks import derived, told
from portal.core.search import records
from portal.core.timeline import Event, Window
from portal.customers.models import Customer
from portal.customers.statements import FinancialStatement
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


@timeline.contribute("customers.statements", "Customer")
def statements(row: Any, window: Window) -> Iterator[Event]:
    """A financial statement of the customer was collected."""
    found = select(FinancialStatement).where(
        FinancialStatement.customer_id == row.id,
        *window.condition(FinancialStatement.collected_on, FinancialStatement.id),
    )
    found = found.order_by(FinancialStatement.collected_on.desc(), FinancialStatement.id.desc()).limit(window.size)
    for held in db.session.scalars(found):
        period = derived(
            FinancialStatement, ("period_end",), gettext("to %(day)s", day=format_date(held.period_end, "medium"))
        )
        ratio = told(held, "debt_ratio")
        words = [period, told(held, "source"), *([gettext("debt ratio %(share)s%%", share=ratio)] if ratio else [])]
        yield Event(
            day=held.collected_on,
            number=held.id,
            title=gettext("Financial statement collected"),
            mark="info",
            text=" · ".join(word for word in words if word),
            url=record_url(held) or "",
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
