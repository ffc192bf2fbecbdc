"""Customers: persons and enterprises, with what identifies them sealed."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Name, Rate, Text, Versioned, code_point
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.core.pinyin import PERSON, Spelled
from portal.core.scope import BranchScoped, ScopedThrough
from portal.core.sealed import HasDataKey, Sealed
from portal.core.words import name_indexes
from portal.customers import rules


class CustomerType(Labelled):
    """Customer groups of the five-category return."""

    FARMER = "farmer", _("Farm household")
    INDIVIDUAL = "individual", _("Other natural person")
    SELF_EMPLOYED = "self_employed", _("Self-employed")
    SMALL_ENTERPRISE = "small_enterprise", _("Small or micro enterprise")
    ENTERPRISE = "enterprise", _("Other enterprise")
    UNIDENTIFIED = "unidentified", _("Unidentified (migrated)")


ENTERPRISES = (CustomerType.SMALL_ENTERPRISE, CustomerType.ENTERPRISE)
HAVE_RESIDENT_ID = tuple(group for group in CustomerType if group not in ENTERPRISES)
HAVE_CREDIT_CODE = (*ENTERPRISES, CustomerType.SELF_EMPLOYED, CustomerType.UNIDENTIFIED)
"""The self-employed have both: their own number and the one they are registered under."""


class Industry(Labelled):
    """Sections of GB/T 4754 that a county lender meets."""

    AGRICULTURE = "agriculture", _("Agriculture")
    MANUFACTURING = "manufacturing", _("Manufacturing")
    CONSTRUCTION = "construction", _("Construction")
    TRADE = "trade", _("Wholesale and retail")
    TRANSPORT = "transport", _("Transport and storage")
    CATERING = "catering", _("Lodging and catering")
    SERVICES = "services", _("Other services")
    WAGES = "wages", _("Wage earner")
    OTHER = "other", _("Other")


class Customer(BranchScoped, HasDataKey, Spelled, Model, Versioned):
    """A person or enterprise we lend to, or mean to (客户). The customer manager owns the relationship."""

    __table_args__ = (
        Index("ix_customer_branch_manager", "branch_id", "manager_id"),
        Index("ix_customer_branch_team", "branch_id", "team_id"),
        Index("ix_customer_branch_initials", "branch_id", "name_initials"),
        *name_indexes("customer", "name"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Customer code"), code_point(40), unique=True, search=True, section=_("Identity"))
    name: Mapped[Name] = field(
        _("Name"),
        code_point(120),
        search=True,
        pinyin=PERSON,
        index=True,
        personal=True,
        section=_("Identity"),
    )
    type: Mapped[CustomerType] = field(_("Customer group"), Choice(CustomerType), section=_("Identity"))
    resident_id_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    resident_id_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    resident_id_tail: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    resident_id = Sealed(
        Field(
            _("Resident ID"),
            section=_("Identity"),
            help=_("Persons only. 18 characters; the check digit is verified."),
            only_if=("type", HAVE_RESIDENT_ID),
            normalise=rules.normalise_resident_id,
            mask=rules.mask_resident_id,
            check=lambda text: rules.resident_id_problem(text, on=business_date()),
        ),
        tail=rules.TAIL,
    )
    uscc: Mapped[str | None] = field(
        _("Unified social credit code"),
        String(18),
        personal=True,
        unique=True,
        search=True,
        section=_("Identity"),
        help=_("Enterprises and self-employed only. 18 characters; the check digit is verified."),
        only_if=("type", HAVE_CREDIT_CODE),
        check=rules.uscc_problem,
    )
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    phone_tail: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    phone = Sealed(
        Field(
            _("Phone"),
            section=_("Contact"),
            normalise=rules.normalise_phone,
            mask=rules.mask_phone,
            check=rules.phone_problem,
        ),
        tail=rules.TAIL,
    )
    bank_account_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    bank_account_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    bank_account = Sealed(
        Field(
            _("Bank account"),
            section=_("Contact"),
            help=_("Where the money is paid out to."),
            mask=rules.mask_bank_account,
        )
    )
    address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(1_700))
    address_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    address = Sealed(
        Field(_("Address"), section=_("Contact"), mask=rules.mask_address, check=rules.address_problem, max_length=400),
        looked_up=False,
    )
    industry: Mapped[Industry | None] = field(_("Industry"), Choice(Industry), section=_("Business"))
    grid_id: Mapped[int | None] = field(
        _("Grid"),
        ForeignKey("grid.id"),
        index=True,
        section=_("Business"),
        help=_("Where the customer lives or trades."),
    )
    since: Mapped[BusinessDate | None] = field(_("Customer since"), section=_("Business"))
    disputed_on: Mapped[BusinessDate | None] = field(
        _("In dispute since"),
        section=_("Business"),
        help=_("A complaint, claim or lawsuit is pending; while it is, nothing of the customer is erased."),
    )
    erased_on: Mapped[BusinessDate | None] = field(
        _("Erased on"), readonly=True, section=_("Business"), help=_("When the personal data were erased on request.")
    )
    branch_id: Mapped[int] = field(_("Branch"), ForeignKey("branch.id"), index=True, section=_("Ownership"))
    team_id: Mapped[int | None] = field(_("Team"), ForeignKey("team.id"), index=True, section=_("Ownership"))
    manager_id: Mapped[int | None] = field(
        _("Customer manager"), ForeignKey("staff.id"), index=True, section=_("Ownership")
    )

    grid: Mapped[Any] = relationship("Grid")
    branch: Mapped[Any] = relationship("Branch")
    team: Mapped[Any] = relationship("Team")
    manager: Mapped[Any] = relationship("Staff")

    @property
    def is_enterprise(self) -> bool:
        return self.type in ENTERPRISES

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Nobody who was erased gets personal data again under the old record."""
        if row is None or row.erased_on is None:
            return {}
        given = [name for name in ("uscc", *cls.__sealed__) if values.get(name)]
        words = gettext("This customer was erased. Enter a person who comes back as a new customer.")
        return {name: [words] for name in given}

    def __str__(self) -> str:
        return told(self, "name")


class Tie(Labelled):
    """How somebody is tied to a customer: what makes several loans one risk."""

    SPOUSE = "spouse", _("Spouse")
    KIN = "kin", _("Parent, child or sibling")
    LEGAL_REPRESENTATIVE = "legal_representative", _("Legal representative")
    CONTROLLER = "controller", _("Actual controller")
    SHAREHOLDER = "shareholder", _("Shareholder")
    SENIOR_MANAGER = "senior_manager", _("Director, supervisor or senior manager")
    COMMON_CONTROL = "common_control", _("Under common control")
    MUTUAL_GUARANTEE = "mutual_guarantee", _("Guarantee each other")
    OTHER = "other", _("Other tie")


HOLDERS = (Tie.SHAREHOLDER, Tie.CONTROLLER)
"""Ties that may come with a share of the capital."""


class RelatedParty(ScopedThrough, Model, Versioned):
    """A person or enterprise tied to a customer (关联方); seen by whoever sees the customer."""

    scope_parent, scope_key = Customer, "customer_id"

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Tie number"), unique=True, search=True, section=_("Tie"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Tie"))
    related_id: Mapped[int | None] = field(
        _("Related customer"),
        ForeignKey("customer.id"),
        index=True,
        section=_("Tie"),
        help=_("If we know the party as a customer, so that the loans of both can be seen together."),
    )
    name: Mapped[Name | None] = field(
        _("Outside party"),
        search=True,
        personal=True,
        section=_("Tie"),
        help=_("The name of a party that is not a customer of ours."),
    )
    tie: Mapped[Tie] = field(_("Kind of tie"), Choice(Tie), section=_("Tie"))
    share: Mapped[Rate | None] = field(
        _("Share held"),
        section=_("Tie"),
        minimum=0,
        maximum=1_000_000,
        only_if=("tie", HOLDERS),
        help=_("Part of the capital that the shareholder holds, if the tie is a shareholding."),
    )
    note: Mapped[Text | None] = field(
        _("Note"), section=_("Tie"), personal=True, help=_("Where the tie is known from.")
    )

    customer: Mapped[Customer] = relationship(foreign_keys=[customer_id])
    related: Mapped[Customer | None] = relationship(foreign_keys=[related_id])

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Either a customer of ours or a name, and nobody is tied to himself."""
        related, name = values.get("related"), values.get("name")
        if bool(related) == bool(name):
            return {"related": [gettext("Give either a customer or the name of an outside party.")]}
        if related and related == values.get("customer"):
            return {"related": [gettext("A customer is not tied to itself.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "code")
