"""Territories: customers on record, how many there could be, and how far the two are apart (stock figures).

No history is kept of grids or of who looks after a customer: these figures count by today's grids and owners, whatever
the date. Only when somebody became a customer is dated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_

from portal.core.clock import business_date
from portal.core.metric import Frame, Listing, Metric, Question, Unit, register
from portal.customers.models import Customer
from portal.grids.models import Grid

TERRITORY = _("Territories and coverage")
HOUSE = _("Definition of the house")
CUTS = ("branch", "team", "manager", "grid")


def customer_frame(question: Question) -> Frame:
    """Customers on record at the end of `as_of`, one row a customer; who has no first day is taken to be one."""
    return Frame(
        name="customers",
        select_from=Customer,
        columns={"customer_id": Customer.id},
        dimensions={**_owner(Customer), "grid": Customer.grid_id},
        where=(or_(Customer.since.is_(None), Customer.since <= question.as_of),),
    )


def grid_frame(question: Question) -> Frame:
    """Grids as they are today, one row a grid."""
    return Frame(
        name="grids",
        select_from=Grid,
        columns={"potential": Grid.potential_customers},
        dimensions={**_owner(Grid), "grid": Grid.id},
    )


def _owner(model: Any) -> dict[str, Any]:
    return {"branch": model.branch_id, "team": model.team_id, "manager": model.manager_id}


def _today(endpoint: str, cuts: Collection[str]) -> Listing:
    """The list of today's rows, which filters by these cuts; earlier dates have no list."""

    def filters(question: Question, within: Mapping[str, Sequence[Any]]) -> Mapping[str, str] | None:
        plain = all(key in cuts and None not in values for key, values in within.items())
        if question.as_of != business_date() or not plain:
            return None
        return {f"f.{key}.in": ",".join(map(str, values)) for key, values in within.items()}

    return Listing(endpoint, filters)


CUSTOMERS = _today("CustomerView.list", CUTS)
GRIDS = _today("GridView.list", ("branch", "team", "manager"))


def _stock(key: str, label: Any, unit: Unit, formula: Any, **kw: Any) -> None:
    register(Metric(key, label, unit, "stock", formula, HOUSE, TERRITORY, dimensions=CUTS, **kw))


_stock(
    "customer_count",
    _("Customers on record"),
    "count",
    _("Number of customers whose record began on or before the date, with a loan or without, by today's grid."),
    frame=customer_frame,
    measure=lambda frame, question: func.count(frame["customer_id"]),
    adds_up=True,
    permission=("Customer", "list"),
    listing=CUSTOMERS,
)
_stock(
    "potential_customers",
    _("Potential customers"),
    "count",
    _("Number of households and businesses of the grids that could be customers, as entered with each grid."),
    frame=grid_frame,
    measure=lambda frame, question: func.sum(frame["potential"]),
    adds_up=True,
    permission=("Grid", "list"),
    listing=GRIDS,
)
_stock(
    "coverage",
    _("Coverage"),
    "percent",
    _("Customers on record ÷ potential customers."),
    ratio=("customer_count", "potential_customers"),
    permission=("Customer", "list"),
    listing=CUSTOMERS,
)
