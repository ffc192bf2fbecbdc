"""What the walks share: who walks, the company with something private in it, and what a login may be shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from portal.core import filters, jobs, scope
from portal.core.db import db
from portal.core.notifications import notify
from portal.core.saved_lists import SavedFilter
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from tests.contracts.owners import Company, fingerprint
from tests.contracts.visitor import Prober
from tests.world import World

LOGINS = (
    *("administrator", "committee", "committee_office", "branch_head", "team_lead", "customer_manager"),
    *("product_manager", "risk", "approver", "finance", "collections", "compliance", "audit", "hr", "a1", "a2", "b1"),
)
NARROW = ("branch_head", "team_lead", "a1", "b1")
"""One login of each scope that is less than the company."""
TYPICAL = (*NARROW, "administrator", "finance", "hr")
"""Those, one that sees all the business, and two that see only the organisation."""
TERMS = ("cust", "cust-B-b1-1", "LOAN-B", "J-B", "branch", "team-T")


@pytest.fixture(scope="module")
def company(world: World) -> Company:
    """The small company, with something of a1's and of b1's that no role opens to anybody else."""
    with world.app.app_context():
        for name in ("a1", "b1"):
            with acting(actor_for_username(name)) as who, unit_of_work("tests.walk"):
                tag = "cust-A-a1-0" if name == "a1" else "cust-B-b1-0"
                kept = {"screen": "CustomerView", "arguments": [["q", tag]], "created_at": dt.datetime.now(dt.UTC)}
                db.session.add(SavedFilter(owner_id=who.user_id, name=f"filter of {tag}", **kept))
                notify([who.user_id], jobs.DONE, f"/customerview/list/?q={tag}", job=f"job of {tag}")
    return Company(world)


@pytest.fixture
def prober(request: pytest.FixtureRequest, company: Company, count_probes: None) -> Iterator[Prober]:
    """A login at work; whatever it did, the company is afterwards as it was before."""
    login = next(one for one in company.logins if one.name == request.param)
    with company.world.app.app_context(), acting(SYSTEM):
        before = fingerprint()
    yield Prober(company, login)
    with company.world.app.app_context(), acting(SYSTEM):
        after = fingerprint()
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"{login.name} changed {changed}"


each_login = pytest.mark.parametrize("prober", LOGINS, indirect=True)
typical_logins = pytest.mark.parametrize("prober", TYPICAL, indirect=True)
narrow_logins = pytest.mark.parametrize("prober", NARROW, indirect=True)


def screens(company: Company) -> list[tuple[str, Any]]:
    return sorted(company.screens.items())


def granted(prober: Prober, view: Any, action: str) -> bool:
    return prober.login.scope(view.resource, action) != "none"


def base(view: Any) -> str:
    return str(view.route_base)


def rest(view: Any) -> str:
    return f"/api/v1/{view.endpoint_name}/"


def references(view: Any) -> list[Any]:
    return [field for field in view.fields.values() if field.type == "ref"]


MOST = 200
"""The most rows that one answer of REST holds."""


def holds(listed: Any, wanted: set[int]) -> bool:
    """Whether a list holds these rows and no other; of more than fit on a page, that it counts them all."""
    found = ids(listed)
    return listed["count"] == len(wanted) and (found == wanted if len(wanted) <= MOST else found <= wanted)


def ids(listed: Any) -> set[int]:
    return {row["id"] for row in listed["result"]}


def listed_by(company: Company, prober: Prober, view: Any, action: str = "list") -> set[int]:
    """The ids that the list should hold; screens over a part of their table show that part of it."""
    inside = company.inside(prober.login, view, action)
    with company.world.app.test_request_context(), acting(actor_for_username(prober.login.name), view.resource):
        narrowed = view.base_statement().with_only_columns(view.pk)
        with scope.unscoped("the part of the table that a screen is for"):
            return inside & set(db.session.scalars(narrowed))


def screen_of(company: Company, model: type) -> Any:
    return next((view for _n, view in screens(company) if view.model is model and not view.record_view), None)


def foreign_keys(company: Company, prober: Prober, field: Any, listed: Any = None) -> list[int]:
    """Two rows that a reference could name and the login may not see; none where it sees all.

    With a screen, rows that none of the login's own names there: the own branch's parent stands in the own row.
    """
    view = screen_of(company, field.target)
    if view is None:
        return []
    hidden = company.outside(prober.login, view, "list")
    if listed is not None:
        column, own = filters.column_of(listed.model, field), company.inside(prober.login, listed, "list")
        with company.world.app.app_context(), acting(SYSTEM):
            hidden -= set(db.session.scalars(select(column).where(listed.pk.in_(own))))
    return [min(hidden), max(hidden)] if hidden else []
