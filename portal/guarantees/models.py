"""Guarantees: contracts that secure loans, guarantors, collateral; legal acts, lawsuits, assets taken over."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Money, Name, Text, Versioned, db, describe
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.core.sealed import HasDataKey, Sealed
from portal.customers import rules as persons
from portal.customers.models import Customer
from portal.guarantees.rules import Act, Liability
from portal.loans.models import Guarantee, Loan, LoanChild

describe(
    Act,
    {
        Act.DEMAND: _("Demand for payment"),
        Act.ACKNOWLEDGEMENT: _("Debt acknowledged"),
        Act.PAYMENT: _("Payment"),
        Act.LAWSUIT: _("Lawsuit or arbitration"),
    },
)
describe(Liability, {Liability.JOINT: _("Joint and several liability"), Liability.GENERAL: _("General liability")})


class GuaranteeKind(Labelled):
    """What kind of security a contract gives."""

    MORTGAGE = "mortgage", _("Mortgage")
    PLEDGE = "pledge", _("Pledge")
    GUARANTOR = "guarantor", _("Guarantee")
    JOINT_GROUP = "joint_group", _("Joint guarantee of a group")


PERSONAL = (GuaranteeKind.GUARANTOR, GuaranteeKind.JOINT_GROUP)
IN_KIND = (GuaranteeKind.MORTGAGE, GuaranteeKind.PLEDGE)
STANDS_FOR = {
    GuaranteeKind.PLEDGE: Guarantee.PLEDGE,
    GuaranteeKind.MORTGAGE: Guarantee.MORTGAGE,
    GuaranteeKind.GUARANTOR: Guarantee.GUARANTOR,
    GuaranteeKind.JOINT_GROUP: Guarantee.GUARANTOR,
}
"""What the loan is called for, the strongest first: a loan with a mortgage and a guarantor is mortgaged."""


class GuaranteeContract(LoanChild, Model, Versioned):
    """A contract that secures a loan (担保合同). What the loan says of its security follows from these."""

    __table_args__ = (CheckConstraint("secured > 0", name="secured_positive"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Contract number"), unique=True, search=True, section=_("Contract"))
    kind: Mapped[GuaranteeKind] = field(_("Kind of guarantee"), Choice(GuaranteeKind), section=_("Contract"))
    secured: Mapped[Money] = field(_("Secured up to"), section=_("Contract"))
    signed_on: Mapped[BusinessDate] = field(_("Signed on"), section=_("Contract"))
    liability: Mapped[Liability | None] = field(
        _("Liability"),
        Choice(Liability),
        section=_("Guarantee period"),
        only_if=("kind", PERSONAL),
        help=_("Blank: general liability, as the law has it where nothing was agreed (Civil Code, Art. 686)."),
    )
    agreed_until: Mapped[BusinessDate | None] = field(
        _("Guarantee period agreed until"),
        section=_("Guarantee period"),
        only_if=("kind", PERSONAL),
        help=_("Blank: six months from the day the debt falls due (Civil Code, Art. 692)."),
    )
    released_on: Mapped[BusinessDate | None] = field(_("Released on"), readonly=True, section=_("Release"))
    note: Mapped[Text | None] = field(_("Note"), section=_("Release"), help=_("Name no person in it."))

    loan: Mapped[Loan] = relationship()

    @property
    def stands(self) -> Liability:
        return self.liability or Liability.GENERAL

    def __str__(self) -> str:
        return told(self, "code")


class Guarantor(LoanChild, HasDataKey, Model, Versioned):
    """Who stands in for a loan (保证人): a customer of ours, or somebody else, whose data have a key of their own."""

    scope_resource = "GuaranteeContract"

    id: Mapped[Id]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, readonly=True)
    contract_id: Mapped[int] = field(
        _("Guarantee contract"), ForeignKey("guarantee_contract.id"), index=True, section=_("Guarantor")
    )
    customer_id: Mapped[int | None] = field(
        _("Customer"),
        ForeignKey("customer.id"),
        index=True,
        section=_("Guarantor"),
        help=_("If we know the guarantor as a customer, so that all he stands for can be seen together."),
    )
    name: Mapped[Name | None] = field(
        _("Outside guarantor"),
        search=True,
        personal=True,
        section=_("Guarantor"),
        help=_("The name of a guarantor who is no customer of ours."),
    )
    resident_id_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    resident_id_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    resident_id = Sealed(
        Field(
            _("Resident ID"),
            section=_("Guarantor"),
            help=_("Of an outside guarantor. 18 characters; the check digit is verified."),
            normalise=persons.normalise_resident_id,
            mask=persons.mask_resident_id,
            check=lambda text: persons.resident_id_problem(text, on=business_date()),
        )
    )
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    phone = Sealed(
        Field(
            _("Phone"),
            section=_("Guarantor"),
            normalise=persons.normalise_phone,
            mask=persons.mask_phone,
            check=persons.phone_problem,
        )
    )

    loan: Mapped[Loan] = relationship()
    contract: Mapped[GuaranteeContract] = relationship()
    customer: Mapped[Customer | None] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Either a customer or an outsider, under a contract of persons, and never the borrower himself."""
        customer, name = values.get("customer"), values.get("name")
        if bool(customer) == bool(name):
            return {"customer": [gettext("Give either a customer or the name of an outside guarantor.")]}
        contract = _contract(values.get("contract"))
        if contract is not None and contract.kind not in PERSONAL:
            return {"contract": [gettext("This contract is secured by things, not by persons.")]}
        if contract is not None and customer and contract.loan.customer_id == getattr(customer, "id", customer):
            return {"customer": [gettext("Nobody stands in for himself: this is the borrower.")]}
        if customer and (values.get("resident_id") or values.get("phone")):
            return {"resident_id": [gettext("Leave these empty for a customer: the customer's record has them.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "customer") if self.customer_id else told(self, "name")


class CollateralItem(LoanChild, Model, Versioned):
    """A thing that secures a loan (抵质押物), what it was appraised at and where it is registered."""

    scope_resource = "GuaranteeContract"
    __table_args__ = (CheckConstraint("appraised_value >= 0", name="value_not_negative"),)

    id: Mapped[Id]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, readonly=True)
    contract_id: Mapped[int] = field(
        _("Guarantee contract"), ForeignKey("guarantee_contract.id"), index=True, section=_("Collateral")
    )
    thing: Mapped[Name] = field(_("Thing"), search=True, section=_("Collateral"), help=_("What it is and where."))
    certificate: Mapped[str | None] = field(_("Certificate of title"), String(80), section=_("Collateral"))
    appraised_value: Mapped[Money] = field(_("Appraised value"), section=_("Appraisal"))
    appraiser: Mapped[Name] = field(_("Appraised by"), section=_("Appraisal"), help=_("The firm, or our own people."))
    appraised_on: Mapped[BusinessDate] = field(_("Appraised on"), section=_("Appraisal"))
    reappraise_on: Mapped[BusinessDate | None] = field(_("Appraise again by"), section=_("Appraisal"))
    registration: Mapped[str | None] = field(_("Registration number"), String(80), section=_("Registration"))
    registered_on: Mapped[BusinessDate | None] = field(_("Registered on"), section=_("Registration"))
    registered_until: Mapped[BusinessDate | None] = field(_("Registered until"), section=_("Registration"))

    loan: Mapped[Loan] = relationship()
    contract: Mapped[GuaranteeContract] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Under a contract of things; dates in order."""
        contract = _contract(values.get("contract"))
        if contract is not None and contract.kind not in IN_KIND:
            return {"contract": [gettext("This contract is secured by persons, not by things.")]}
        if values.get("reappraise_on") and values["reappraise_on"] <= values["appraised_on"]:
            return {"reappraise_on": [gettext("This is not after the appraisal.")]}
        if values.get("registered_until") and not values.get("registered_on"):
            return {"registered_on": [gettext("Say since when it is registered.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "thing")


class LegalAct(LoanChild, Model, Versioned):
    """A demand, an acknowledgement or a lawsuit against a debtor or guarantor: it interrupts limitation (时效中断)."""

    scope_resource = "GuaranteeContract"

    id: Mapped[Id]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, section=_("Act"))
    guarantor_id: Mapped[int | None] = field(
        _("Guarantor"),
        ForeignKey("guarantor.id"),
        index=True,
        section=_("Act"),
        help=_("Blank: against the borrower."),
    )
    act: Mapped[Act] = field(_("Act"), Choice(Act), section=_("Act"))
    done_on: Mapped[BusinessDate] = field(_("Done on"), section=_("Act"))
    evidence: Mapped[Text] = field(
        _("Evidence"), section=_("Act"), help=_("The receipt, letter or case number, and where it is kept.")
    )

    loan: Mapped[Loan] = relationship()
    guarantor: Mapped[Guarantor | None] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Done by today, and against a guarantor of this very loan."""
        if values.get("done_on") and values["done_on"] > business_date():
            return {"done_on": [gettext("This day has not happened yet.")]}
        return _of_the_loan(values)

    def __str__(self) -> str:
        return told(self, "act")


class LitigationState(Labelled):
    """How far a lawsuit is."""

    FILED = "filed", _("Filed")
    JUDGED = "judged", _("Judged")
    ENFORCED = "enforced", _("In enforcement")
    CLOSED = "case_closed", _("Case closed")


class Litigation(LoanChild, Model, Versioned):
    """A lawsuit over a loan (诉讼), from filing to its end; limitation does not run while it is pending."""

    scope_resource = "GuaranteeContract"

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Case number"), unique=True, search=True, section=_("Case"))
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, section=_("Case"))
    guarantor_id: Mapped[int | None] = field(
        _("Guarantor"),
        ForeignKey("guarantor.id"),
        index=True,
        section=_("Case"),
        help=_("Blank: against the borrower."),
    )
    court: Mapped[Name] = field(_("Court"), section=_("Case"))
    state: Mapped[LitigationState] = field(
        _("Stage"), Choice(LitigationState), default=LitigationState.FILED, section=_("Course")
    )
    filed_on: Mapped[BusinessDate] = field(_("Filed on"), section=_("Course"))
    judged_on: Mapped[BusinessDate | None] = field(_("Judged on"), section=_("Course"))
    closed_on: Mapped[BusinessDate | None] = field(_("Closed on"), section=_("Course"))

    loan: Mapped[Loan] = relationship()
    guarantor: Mapped[Guarantor | None] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Every stage has its day."""
        state = values.get("state")
        if state in (LitigationState.JUDGED, LitigationState.ENFORCED) and not values.get("judged_on"):
            return {"judged_on": [gettext("Say when it was judged.")]}
        if (state == LitigationState.CLOSED) != bool(values.get("closed_on")):
            return {"closed_on": [gettext("A closed case has the day on which it was closed, any other has none.")]}
        return _of_the_loan(values)

    def __str__(self) -> str:
        return told(self, "code")


class RepossessedAsset(LoanChild, Model, Versioned):
    """A thing taken over in payment of a debt (抵债资产), until it is sold. Finance books it; this is its record."""

    scope_resource = "GuaranteeContract"
    __table_args__ = (CheckConstraint("value > 0", name="value_positive"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Asset number"), unique=True, search=True, section=_("Asset"))
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, section=_("Asset"))
    thing: Mapped[Name] = field(_("Thing"), search=True, section=_("Asset"), help=_("What it is and where."))
    received_on: Mapped[BusinessDate] = field(_("Taken over on"), section=_("Asset"))
    value: Mapped[Money] = field(_("Debt it settled"), section=_("Asset"))
    dispose_by: Mapped[BusinessDate] = field(
        _("To be sold by"), section=_("Disposal"), help=_("Real estate: within two years, as the rules for banks say.")
    )
    disposed_on: Mapped[BusinessDate | None] = field(_("Sold on"), section=_("Disposal"))
    proceeds: Mapped[Money | None] = field(_("Proceeds"), section=_("Disposal"))

    loan: Mapped[Loan] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """What is sold has a day and a price."""
        sold, proceeds = values.get("disposed_on"), values.get("proceeds")
        if bool(sold) != (proceeds is not None):
            name = "proceeds" if sold else "disposed_on"
            return {name: [gettext("What was sold has a day and a price.")]}
        if sold and sold < values["received_on"]:
            return {"disposed_on": [gettext("This is before it was taken over.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "code")


class ClockKind(Labelled):
    """What runs out."""

    LIMITATION = "limitation", _("Limitation of the debt")
    GUARANTEE_PERIOD = "guarantee_period", _("Guarantee period")
    GUARANTEE_LIMITATION = "guarantee_limitation", _("Limitation of the guarantee")
    APPRAISAL = "appraisal", _("Appraisal")
    REGISTRATION = "registration", _("Registration")
    DISPOSAL = "disposal", _("Sale of a taken-over asset")


class Clock(LoanChild, Model):
    """A date by which something must be done, or a right is lost; written by the portal from the records (到期提醒)."""

    scope_resource = "GuaranteeContract"
    __table_args__ = (Index("ix_clock_runs_out_on", "runs_out_on"),)

    id: Mapped[Id]
    loan_id: Mapped[int] = field(_("Loan number"), ForeignKey("loan.id"), index=True, search=True)
    kind: Mapped[ClockKind] = field(_("Clock"), Choice(ClockKind))
    runs_out_on: Mapped[BusinessDate] = field(_("Runs out on"))
    guarantor_id: Mapped[int | None] = field(_("Guarantor"), ForeignKey("guarantor.id", ondelete="CASCADE"), index=True)
    collateral_id: Mapped[int | None] = field(
        _("Collateral"), ForeignKey("collateral_item.id", ondelete="CASCADE"), index=True
    )
    asset_id: Mapped[int | None] = field(
        _("Taken-over asset"), ForeignKey("repossessed_asset.id", ondelete="CASCADE"), index=True
    )

    loan: Mapped[Loan] = relationship()
    guarantor: Mapped[Guarantor | None] = relationship()
    collateral: Mapped[CollateralItem | None] = relationship()
    asset: Mapped[RepossessedAsset | None] = relationship()

    def __str__(self) -> str:
        return told(self, "kind")


def _contract(given: Any) -> GuaranteeContract | None:
    if isinstance(given, GuaranteeContract) or given is None:
        return given
    return db.session.get(GuaranteeContract, given)


def _of_the_loan(values: dict[str, Any]) -> dict[str, list[str]]:
    """A guarantor who is named stands in for the loan that is named."""
    given, loan = values.get("guarantor"), values.get("loan")
    guarantor = db.session.get(Guarantor, given) if isinstance(given, int) else given
    if guarantor is not None and loan and guarantor.loan_id != getattr(loan, "id", loan):
        return {"guarantor": [gettext("This person does not stand in for this loan.")]}
    return {}
