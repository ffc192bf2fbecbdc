"""Master data: everything comes from field metadata.

What needs more (records made on the way, rules beyond those of the fields) has a line here; every other entity that has
a code and an add form is importable without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.views import PortalView
from portal.customers.models import Customer
from portal.customers.rules import resident_id_problem
from portal.imports.checking import Checks
from portal.imports.kinds.entity import EntityKind
from portal.imports.kinds.kind import Part, kinds
from portal.imports.places import Places
from portal.organization.models import Branch, Staff, Team
from portal.parameters.models import Parameter
from portal.products.models import Product


class OwnedKind(EntityKind):
    """Rows with an owner: team and customer manager must belong where the row says."""

    has_rules = True

    def rules(self, values: dict[str, Any], part: Part) -> Mapping[str, Any]:
        if "places" not in part.kept:  # read once per file
            part.kept["places"] = Places()
        found = part.kept["places"].problems(values.get("branch"), values.get("team"), values.get("manager"))
        return {**found, **super().rules(values, part)} if super().has_rules else found


class CustomerKind(OwnedKind):
    """Customers; the day against which birth dates are checked is read once per file."""

    def checks(self) -> Checks:
        return {"resident_id": partial(resident_id_problem, on=business_date())}


EntityKind("branches", _("Branches"), Branch, creatable=True)
EntityKind("teams", _("Teams"), Team)
OwnedKind("staff", _("Staff"), Staff)
EntityKind("products", _("Products"), Product, creatable=True)
CustomerKind("customers", _("Customers"), Customer, creatable=True)
EntityKind("parameters", _("Parameters"), Parameter)


def offer_entities(views: Iterable[PortalView]) -> None:
    """A kind for each entity that has none yet, under its REST name; once per process."""
    held = {getattr(kind, "model", None) for kind in kinds.values()}
    for view in views:
        if view.can_add and "code" in view.fields and view.model not in held:
            EntityKind(view.endpoint_name, view.list_title, view.model)
