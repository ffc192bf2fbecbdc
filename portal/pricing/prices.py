"""The price of a loan: base (one-year LPR) plus the parts that the product manager keeps (贷款定价, C37)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import or_, select

from portal.core.db import db
from portal.customers.models import CustomerType
from portal.parameters.services import parameter
from portal.pricing.gate import LPR
from portal.pricing.models import Grade, PriceKind, PricePart
from portal.products.models import Product

PPM_OF_A_PERCENT = 10_000


@dataclass(frozen=True)
class Priced:
    """A price with what it is made of, in parts per million a year."""

    base: int
    parts: Sequence[PricePart]
    lowest: int
    highest: int
    """What the product allows."""

    @property
    def total(self) -> int:
        return self.base + sum(part.rate for part in self.parts)

    @property
    def rate(self) -> int:
        """The sum, within what the product allows."""
        return min(max(self.total, self.lowest), self.highest)

    def bounded(self) -> str:
        """Why the rate is not the sum; empty when it is."""
        if self.total < self.lowest:
            return str(gettext("raised to the lowest rate of the product"))
        if self.total > self.highest:
            return str(gettext("lowered to the highest rate of the product"))
        return ""


def price_of(
    product: Product, on: date, grade: Grade | None = None, customer_type: CustomerType | None = None
) -> Priced | None:
    """The price of a product on a day for a grade and a customer group; None when no part is kept for it.

    Of each kind one part counts: the product's own, else the one for every product.
    """
    statement = (
        select(PricePart)
        .where(
            PricePart.valid_from <= on,
            or_(PricePart.valid_until.is_(None), PricePart.valid_until >= on),
            or_(PricePart.product_id == product.id, PricePart.product_id.is_(None)),
        )
        .order_by(PricePart.product_id.is_(None).desc(), PricePart.id)
    )
    counting: dict[PriceKind, PricePart] = {}
    for part in db.session.scalars(statement):
        if part.grade in (None, grade) and part.customer_type in (None, customer_type):
            counting[part.kind] = part  # the product's own come last
    if not counting:
        return None
    base = int(parameter(LPR, on).value * PPM_OF_A_PERCENT)
    parts = [counting[kind] for kind in PriceKind if kind in counting]
    return Priced(base, parts, product.rate_min, product.rate_max)
