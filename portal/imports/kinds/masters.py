"""Master data: everything comes from field metadata.

What needs more (records made on the way, rules beyond those of the fields) has a line here; every other entity that has
a code and an add form is importable without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import polars as pl
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.roles import grants_of, roles
from portal.core.scope import unscoped
from portal.core.views import PortalView
from portal.customers.models import Customer
from portal.customers.rules import resident_id_problem
from portal.customers.statements import FinancialStatement
from portal.guarantees.models import GuaranteeContract
from portal.guarantees.services import settle
from portal.imports.checking import Checks
from portal.imports.kinds.entity import EntityKind
from portal.imports.kinds.kind import Part, Run, kinds
from portal.organization.models import Branch, Staff, Team
from portal.parameters.models import Parameter
from portal.products.models import Product


class CustomerKind(EntityKind):
    """Customers; the day against which birth dates are checked is read once per file."""

    def checks(self) -> Checks:
        return {"resident_id": partial(resident_id_problem, on=business_date())}


class GuaranteeContractKind(EntityKind):
    """Guarantee contracts: what a loan is called secured by, and its clocks, follow from them at once."""

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        super().write(frame, part, run)
        named = select(GuaranteeContract.loan_id).distinct()
        with unscoped(f"import batch {run.batch_id}"):
            for codes in chunks(frame["code"].drop_nulls()):
                for loan_id in db.session.scalars(named.where(GuaranteeContract.code.in_(codes))).all():
                    settle(loan_id)


class FinancialStatementKind(EntityKind):
    """Financial statements: a file, too, holds one of a customer for each end of a period."""

    def _watch(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        super()._watch(frame, part, run)
        if {"customer", "period_end"} <= set(frame.columns):
            both = pl.concat_str([pl.col("customer"), pl.col("period_end").cast(pl.String)], separator=" ")
            part.watch("period_end", frame, both)


OWN_KINDS: dict[Any, type[EntityKind]] = {
    GuaranteeContract: GuaranteeContractKind,
    FinancialStatement: FinancialStatementKind,
}

EntityKind("branches", _("Branches"), Branch, creatable=True)
EntityKind("teams", _("Teams"), Team)
EntityKind("staff", _("Staff"), Staff)
EntityKind("products", _("Products"), Product, creatable=True)
CustomerKind("customers", _("Customers"), Customer, creatable=True)
EntityKind("parameters", _("Parameters"), Parameter)


def offer_entities(views: Iterable[PortalView]) -> None:
    """A kind for each entity that has none yet, under its REST name; once per process.

    None for what no delivered role imports, and for what is written by a verb of its own, which a file would pass by.
    """
    imported = {resource for role in roles for resource, action in grants_of(role) if action == "import"}
    held = {getattr(kind, "model", None) for kind in kinds.values()}
    for view in views:
        own_verb = type(view).add_verb is not PortalView.add_verb and view.model not in OWN_KINDS
        if view.resource not in imported or own_verb:
            continue
        if view.can_add and "code" in view.fields and view.model not in held:
            OWN_KINDS.get(view.model, EntityKind)(view.endpoint_name, view.list_title, view.model)
