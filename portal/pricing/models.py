"""Pricing: the catalogue of fees, and the parts that a price is made of; both dated, both with their source."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, or_, select
from sqlalchemy.orm import Mapped, relationship

from portal.core.db import (
    BusinessDate,
    Choice,
    Code,
    Id,
    Labelled,
    Model,
    Money,
    Name,
    Rate,
    Text,
    Versioned,
    db,
    describe,
)
from portal.core.fields import field
from portal.core.masks import told
from portal.customers.models import CustomerType
from portal.pricing.offers import ON_NEW_LOANS, Basis, Charged, Fee, Payee
from portal.products.models import Product

describe(
    Payee,
    {
        Payee.LENDER: _("Our company"),
        Payee.GUARANTEE_COMPANY: _("Guarantee company"),
        Payee.INSURER: _("Insurer"),
        Payee.APPRAISER: _("Appraiser"),
        Payee.REGISTRY: _("Registration authority"),
        Payee.NOTARY: _("Notary"),
        Payee.OTHER: _("Another third party"),
    },
)
describe(
    Basis,
    {
        Basis.FIXED: _("Fixed amount"),
        Basis.OF_PRINCIPAL: _("Share of the amount lent"),
        Basis.OF_PRINCIPAL_A_YEAR: _("Share of the amount lent, a year"),
    },
)
describe(
    Charged,
    {
        Charged.AT_SIGNING: _("At signing"),
        Charged.FIRST_INSTALMENT: _("With the first instalment"),
        Charged.EACH_INSTALMENT: _("With each instalment"),
        Charged.ON_EVENT: _("Only if it comes to that"),
        Charged.TAKEN_OVER: _("Brought along by loans taken over"),
    },
)

SHARES = (Basis.OF_PRINCIPAL, Basis.OF_PRINCIPAL_A_YEAR)


class FeeItem(Versioned, Model):
    """An item of the fee catalogue (收费目录): what may be charged for a loan, by whom. Nothing else is."""

    __table_args__ = (CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="period"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Item code"), unique=True, search=True, section=_("Item"))
    name: Mapped[Name] = field(_("Item"), search=True, section=_("Item"), help=_("As the borrower reads it."))
    payee: Mapped[Payee] = field(_("Goes to"), Choice(Payee), section=_("Item"))
    payee_name: Mapped[Name | None] = field(
        _("Name of the payee"),
        section=_("Item"),
        only_if=("payee", tuple(payee for payee in Payee if payee is not Payee.LENDER)),
        help=_("The firm or office that is paid, if it is always the same."),
    )
    charged: Mapped[Charged] = field(_("Charged"), Choice(Charged), section=_("Standard"))
    basis: Mapped[Basis] = field(_("Reckoned as"), Choice(Basis), section=_("Standard"))
    amount: Mapped[Money | None] = field(
        _("Amount each time"), section=_("Standard"), only_if=("basis", (Basis.FIXED,))
    )
    share: Mapped[Rate | None] = field(_("Share"), section=_("Standard"), minimum=0, only_if=("basis", SHARES))
    counted: Mapped[bool] = field(
        _("Part of the all-in cost"),
        default=True,
        section=_("Standard"),
        help=_("Everything that is paid when nothing goes wrong; not what only a default brings."),
    )
    valid_from: Mapped[BusinessDate] = field(_("In force from"), section=_("In force"))
    valid_until: Mapped[BusinessDate | None] = field(
        _("In force until"), section=_("In force"), help=_("The last day on which contracts may name it; blank: open.")
    )
    source: Mapped[Text] = field(
        _("Source"), section=_("In force"), help=_("The decision, price list or rule that allows it.")
    )

    @property
    def standard(self) -> int:
        """Fen of a fixed amount, else the share in parts per million; 0 for what loans bring along."""
        return (self.amount if self.basis is Basis.FIXED else self.share) or 0

    def as_fee(self) -> Fee:
        """The item as the rules take it."""
        return Fee(
            self.code,
            self.name,
            self.payee,
            self.basis,
            self.standard,
            self.charged,
            self.counted,
            self.payee_name or "",
        )

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A standard that fits its basis; nothing deducted in advance; no contingent item in the normal cost."""
        found: dict[str, list[str]] = {}
        charged, basis = values.get("charged"), values.get("basis")
        if charged != Charged.TAKEN_OVER:
            name = "amount" if basis == Basis.FIXED else "share"
            if not values.get(name):
                found[name] = [gettext("Say how much: more than 0.")]
        if charged == Charged.AT_SIGNING and values.get("payee") == Payee.LENDER:
            words = gettext(
                "What we charge ourselves falls due with instalments: at signing it would be interest deducted in "
                "advance (Civil Code, Art. 670)."
            )
            found["charged"] = [words]
        if values.get("counted") and charged not in ON_NEW_LOANS:
            found["counted"] = [gettext("What no new loan is normally charged is no part of its cost.")]
        first, last = values.get("valid_from"), values.get("valid_until")
        if first and last and last < first:
            found["valid_until"] = [gettext("This is before the first day.")]
        return found

    def __str__(self) -> str:
        return told(self, "name")


class PriceKind(Labelled):
    """What part of a price a row gives. The base, the one-year LPR, is a parameter."""

    FUNDING = "funding", _("Funding cost over the LPR")
    OPERATING = "operating", _("Operating cost")
    RISK = "risk_premium", _("Risk premium")
    DIFFERENTIAL = "differential", _("Differentiated rate")


class Grade(Labelled):
    """How risky a borrower is, from the best to the worst that is still lent to."""

    A = "grade_a", _("Grade A")
    B = "grade_b", _("Grade B")
    C = "grade_c", _("Grade C")
    D = "grade_d", _("Grade D")


class PricePart(Versioned, Model):
    """A part of the price of loans (定价要素): points over the base, from a date on. The price is their sum."""

    __table_args__ = (CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="period"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Part code"), unique=True, search=True, section=_("Price part"))
    kind: Mapped[PriceKind] = field(_("Kind of part"), Choice(PriceKind), section=_("Price part"))
    product_id: Mapped[int | None] = field(
        _("Product"),
        ForeignKey("product.id"),
        index=True,
        section=_("Price part"),
        help=_("Blank: for every product that has no part of its own."),
    )
    grade: Mapped[Grade | None] = field(
        _("Grade"), Choice(Grade), section=_("Price part"), only_if=("kind", (PriceKind.RISK,))
    )
    customer_type: Mapped[CustomerType | None] = field(
        _("Customer group"), Choice(CustomerType), section=_("Price part"), only_if=("kind", (PriceKind.DIFFERENTIAL,))
    )
    rate: Mapped[Rate] = field(
        _("Points a year"),
        section=_("Price part"),
        minimum=-1_000_000,
        maximum=1_000_000,
        help=_("Percentage points that are added to the price; below 0 for what is taken off."),
    )
    valid_from: Mapped[BusinessDate] = field(_("In force from"), section=_("In force"))
    valid_until: Mapped[BusinessDate | None] = field(_("In force until"), section=_("In force"))
    source: Mapped[Text] = field(_("Source"), section=_("In force"), help=_("Who decided it, and when."))

    product: Mapped[Product | None] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A premium is for a grade, a differentiated rate for a group; no two rows for one case on one day."""
        kind, first, last = values.get("kind"), values.get("valid_from"), values.get("valid_until")
        if kind == PriceKind.RISK and not values.get("grade"):
            return {"grade": [gettext("Say for which grade.")]}
        if kind == PriceKind.DIFFERENTIAL and not values.get("customer_type"):
            return {"customer_type": [gettext("Say for which group.")]}
        if first and last and last < first:
            return {"valid_until": [gettext("This is before the first day.")]}
        product = values.get("product")
        same = select(cls.code).where(
            cls.kind == kind,
            cls.product_id == getattr(product, "id", product),
            cls.grade == values.get("grade"),
            cls.customer_type == values.get("customer_type"),
            or_(cls.valid_until.is_(None), cls.valid_until >= first),
        )
        if last:
            same = same.where(cls.valid_from <= last)
        if row is not None:
            same = same.where(cls.id != row.id)
        with db.session.no_autoflush:
            other = db.session.scalar(same.limit(1))
        if other is not None:
            return {
                "valid_from": [gettext("The part %(code)s is for the same case and days; end it first.", code=other)]
            }
        return {}

    def __str__(self) -> str:
        return told(self, "code")
