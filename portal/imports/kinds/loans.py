"""Loans that are paid out now or were before: contract, schedule made from the terms, disbursement journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.fields import Field, fields_of
from portal.core.scope import unscoped
from portal.imports import references
from portal.imports.kinds.kind import STATUS, Part, Run, Status
from portal.imports.kinds.ledger import LedgerKind, Owners, sound_rows
from portal.imports.lookups import rows_by_key
from portal.loans.accounts import Owner
from portal.loans.disbursement import problems_of
from portal.loans.models import Guarantee, Loan
from portal.loans.services import NewLoan, bulk_disburse
from portal.products.models import Product

NOWHERE = Owner(0, None, None)
CONTRACT = ("amount", "rate", "count", "disbursed_on", "customer", "product")
"""What makes two rows the same loan."""


def loan_field(name: str, source: str = "", **changes: Any) -> Field:
    """A field described as the loan's own column is."""
    return replace(fields_of(Loan)[source or name], name=name, readonly=False, **changes)


def place_fields() -> list[Field]:
    """Where a loan belongs."""
    words = _("If blank: where the customer belongs.")
    return [loan_field(name, required=False, help=words) for name in ("branch", "team", "manager")]


class LoanKind(LedgerKind):
    """New loans. Method, day count, rounding and holiday rule are the product's."""

    resource = "Loan"

    def described(self) -> Sequence[Field]:
        return (
            loan_field("code"),
            loan_field("customer"),
            loan_field("product"),
            loan_field("amount", "principal", minimum=1),
            loan_field("rate"),
            loan_field("count"),
            loan_field("disbursed_on"),
            loan_field("first_due_on"),
            loan_field("guarantee"),
            loan_field("purpose"),
            *place_fields(),
        )

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        held = rows_by_key(Loan, ["code"], frame["code"].drop_nulls())
        products = products_by_id(frame)
        owners = part.kept.setdefault("owners", Owners())
        today = business_date()
        found = [Status.NEW] * frame.height
        for place, row in sound_rows(frame, run):
            known = held.get((row["code"],))
            if known is not None:
                found[place] = Status.UNCHANGED
                note_other_contract(part, row, known)
                continue
            product = products.get(row[references.id_column("product")])
            if product is not None:
                for name, texts in problems_of(new_loan(row, NOWHERE), product, today).items():
                    part.note(row, name, " ".join(texts))
            for name, text in owners.problems(row).items():
                part.note(row, name, text)
        return found

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        rows = [
            new_loan(row, owner)
            for row, owner in owned(references.resolved(frame.filter(pl.col(STATUS) == Status.NEW), self.fields), part)
        ]
        if rows:
            bulk_disburse(rows, run.batch_id)


def owned(frame: pl.DataFrame, part: Part) -> list[tuple[dict[str, Any], Owner]]:
    """Rows with their owners, when all references have ids."""
    owners: Owners = part.kept.setdefault("owners", Owners())
    owners.load_customers(frame[references.id_column("customer")])
    return [(row, owners.of(row)) for row in frame.iter_rows(named=True)]


def new_loan(row: Mapping[str, Any], owner: Owner) -> NewLoan:
    return NewLoan(
        code=row["code"],
        customer_id=row[references.id_column("customer")] or 0,
        product_id=row[references.id_column("product")] or 0,
        amount=row["amount"],
        rate=row["rate"],
        count=row["count"],
        disbursed_on=row["disbursed_on"],
        owner=owner,
        first_due_on=row["first_due_on"],
        guarantee=Guarantee(row["guarantee"] or Guarantee.CREDIT),
        purpose=row["purpose"],
    )


def products_by_id(frame: pl.DataFrame) -> dict[int, Product]:
    """The products a frame refers to; those that the file itself creates are missing while it is checked."""
    ids = frame[references.id_column("product")].drop_nulls().unique().to_list()
    with unscoped("import: products"):
        found = [row for some in chunks(ids) for row in db.session.scalars(select(Product).where(Product.id.in_(some)))]
    return {row.id: row for row in found}


def note_other_contract(part: Part, row: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Note where the loan of this number is another one; whether it is."""
    theirs = {"amount": held["principal"], "customer": held["customer_id"], "product": held["product_id"], **held}
    for name in CONTRACT:
        ours = row[references.id_column(name)] if name in ("customer", "product") else row[name]
        if ours != theirs[name]:
            part.note(row, name, gettext("A loan of this number exists already, with another value here."))
            return True
    return False


LoanKind("loans", _("Loans"))
