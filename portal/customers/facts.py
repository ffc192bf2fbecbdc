"""Facts collected about a customer, beyond the master data: what, from whom, who verified it, under which consent."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Versioned
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.core.sealed import Sealed, SealedThrough
from portal.customers import rules
from portal.customers.consents import Consent
from portal.customers.models import Customer


class FactKind(Labelled):
    """The four sheets of information (C68–C71)."""

    BASIC = "basic", _("Basic information")
    CREDIT = "credit", _("Credit information")
    FINANCIAL = "financial", _("Financial information")
    BUSINESS = "business", _("Business information")


class FactItem(Labelled):
    """What a fact is about."""

    OCCUPATION = "occupation", _("Occupation")
    HOUSEHOLD = "household", _("Household")
    RESIDENCE = "residence", _("Residence")
    CREDIT_RECORD = "credit_record", _("Credit record")
    CREDIT_RATING = "credit_rating", _("Credit rating")
    DEBTS = "debts", _("Other debts")
    INCOME = "income", _("Income")
    BANK_FLOW = "bank_flow", _("Bank flow")
    ASSETS = "assets", _("Assets")
    LICENCE = "licence", _("Licence")
    ARTICLES = "articles", _("Articles of association")
    STATEMENTS = "statements", _("Financial statements")
    DESCRIPTION = "description", _("Description of the business")
    OTHER = "other", _("Other")


class FactSource(Labelled):
    """How a fact was collected (C72)."""

    CUSTOMER = "customer", _("Provided by the customer")
    PHONE = "phone", _("Phone check")
    VISIT = "visit", _("Site visit")
    AGENCY = "agency", _("Agency or register")


class CustomerFact(ScopedThrough, SealedThrough, Model, Versioned):
    """A fact about a customer (客户信息); its content is sealed with the customer's key and erased with it."""

    scope_parent, scope_key = Customer, "customer_id"
    sealed_parent, sealed_key = Customer, "customer_id"

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Fact number"), unique=True, search=True, section=_("Fact"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Fact"))
    kind: Mapped[FactKind] = field(_("Sheet"), Choice(FactKind), section=_("Fact"))
    item: Mapped[FactItem] = field(_("About"), Choice(FactItem), section=_("Fact"))
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(8_100))
    content_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    content = Sealed(
        Field(
            _("Content"),
            section=_("Fact"),
            help=_("What was found. Encrypted, and shown only on request with a reason."),
            check=rules.content_problem,
            max_length=rules.LONGEST_CONTENT,
        ),
        kind="fact",
        looked_up=False,
    )
    source: Mapped[FactSource] = field(_("Source"), Choice(FactSource), section=_("Collection"))
    collected_on: Mapped[BusinessDate] = field(_("Collected on"), section=_("Collection"))
    verifier_id: Mapped[int | None] = field(
        _("Verified by"), ForeignKey("staff.id"), index=True, section=_("Collection")
    )
    verified_on: Mapped[BusinessDate | None] = field(_("Verified on"), section=_("Collection"))
    consent_id: Mapped[int | None] = field(
        _("Consent"),
        ForeignKey("consent.id"),
        index=True,
        section=_("Collection"),
        help=_("The consent under which it was collected or shared."),
    )
    shared_on: Mapped[BusinessDate | None] = field(
        _("Shared on"), section=_("Sharing"), help=_("When it was passed on to a guarantor or an agency.")
    )

    customer: Mapped[Customer] = relationship()
    verifier: Mapped[Any] = relationship("Staff")
    consent: Mapped[Consent | None] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A verification names who and when; what is shared has a consent."""
        found: dict[str, list[str]] = {}
        if bool(values.get("verifier")) != bool(values.get("verified_on")):
            name = "verified_on" if values.get("verifier") else "verifier"
            found[name] = [gettext("A verification names the day and who verified.")]
        if values.get("shared_on") and not values.get("consent"):
            found["consent"] = [gettext("What is shared needs a consent.")]
        return found

    def __str__(self) -> str:
        return told(self, "code")


CustomerFact.data_key = column_property(
    select(Customer.data_key)
    .where(Customer.id == CustomerFact.customer_id)
    .correlate_except(Customer)
    .scalar_subquery()
)
