"""The fee catalogue in use: which items are in force, and that nothing outside it is charged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import Refused
from portal.core.setup import on_prepare
from portal.core.work import unit_of_work
from portal.parameters.known import FROM_THE_START, HOUSE
from portal.pricing.models import FeeItem
from portal.pricing.offers import ON_NEW_LOANS, Basis, Charged, Payee

TAKEN_OVER = "TAKEN-OVER"


class Catalogue:
    """All items, read once; for verbs that charge many loans."""

    def __init__(self) -> None:
        self.items = list(db.session.scalars(select(FeeItem).order_by(FeeItem.code)))

    def in_force(self, on: date, charged: Iterable[Charged] = ON_NEW_LOANS) -> list[FeeItem]:
        """The items that a contract of this day may name."""
        wanted = tuple(charged)
        return [item for item in self.items if item.charged in wanted and _holds(item, on)]

    def item(self, code: str, on: date) -> FeeItem:
        """The item of this code. Refused unless a new contract of this day may name it."""
        for item in self.items:
            if item.code == code and item.charged in ON_NEW_LOANS and _holds(item, on):
                return item
        raise Refused(
            gettext(
                "%(code)s is no item of the fee catalogue in force on %(day)s: nothing outside it is charged.",
                code=code,
                day=on,
            )
        )

    def taken_over(self, on: date) -> FeeItem:
        """The item under which fees of loans from another ledger come in. Refused when there is none on that day."""
        for item in self.in_force(on, [Charged.TAKEN_OVER]):
            return item
        raise Refused(
            gettext(
                "The fee catalogue has no item for fees of loans taken over in force on %(day)s. Nothing outside the "
                "catalogue is charged.",
                day=on,
            )
        )


def _holds(item: FeeItem, on: date) -> bool:
    return item.valid_from <= on and (item.valid_until is None or on <= item.valid_until)


@on_prepare
def load_taken_over() -> None:
    """Give an empty catalogue the one item that a ledger with a history needs. Does nothing when run again."""
    if db.session.scalar(select(FeeItem.id).where(FeeItem.charged == Charged.TAKEN_OVER).limit(1)) is not None:
        return
    with unit_of_work("pricing.load_defaults") as unit:
        item = FeeItem(
            code=TAKEN_OVER,
            name="存量贷款费用",
            payee=Payee.LENDER,
            charged=Charged.TAKEN_OVER,
            basis=Basis.FIXED,
            counted=False,
            valid_from=FROM_THE_START,
            source=HOUSE,
        )
        db.session.add(item)
        db.session.flush()
        unit.about(item)
