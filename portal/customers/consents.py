"""Consents: what a customer agreed to have done with the personal data, since when, until when, on what evidence."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, relationship

from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Text, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.customers.models import Customer


class ConsentPurpose(Labelled):
    """What a consent is for. Sensitive data, sharing and credit enquiries each need one of their own (PIPL 23, 29)."""

    PROCESSING = "processing", _("Processing of personal data")
    SENSITIVE = "sensitive", _("Processing of sensitive data")
    CREDIT_ENQUIRY = "credit_enquiry", _("Credit enquiry")
    CREDIT_REPORTING = "credit_reporting", _("Reporting to the credit register")
    MARKETING = "marketing", _("Marketing contact")
    SHARING_GUARANTOR = "sharing_guarantor", _("Sharing with a guarantor")
    SHARING_AGENCY = "sharing_agency", _("Sharing with an agency")


class ConsentSource(Labelled):
    """How a consent was given."""

    PAPER = "paper", _("Signed paper")
    APP = "app", _("In the app")
    RECORDING = "recording", _("Phone recording")


class WithdrawnBy(Labelled):
    """Who ended a consent."""

    CUSTOMER = "customer", _("The customer")
    REPRESENTATIVE = "representative", _("A representative of the customer")
    COMPANY = "company", _("The company")


class Consent(ScopedThrough, Model, Versioned):
    """A consent of a customer (授权同意); seen by whoever sees the customer. A withdrawn one stays as a record."""

    scope_parent, scope_key = Customer, "customer_id"

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Consent number"), unique=True, search=True, section=_("Consent"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Consent"))
    purpose: Mapped[ConsentPurpose] = field(_("Purpose"), Choice(ConsentPurpose), section=_("Consent"))
    given_on: Mapped[BusinessDate] = field(_("Given on"), section=_("Consent"))
    valid_until: Mapped[BusinessDate | None] = field(
        _("Valid until"), section=_("Consent"), help=_("Empty: until it is withdrawn.")
    )
    source: Mapped[ConsentSource] = field(_("Given by way of"), Choice(ConsentSource), section=_("Consent"))
    evidence: Mapped[Text | None] = field(
        _("Evidence"),
        personal=True,
        section=_("Consent"),
        help=_("Where the signed paper or the recording is kept: box and sheet, or the file's number."),
    )
    withdrawn_on: Mapped[BusinessDate | None] = field(_("Withdrawn on"), section=_("Withdrawal"))
    withdrawn_by: Mapped[WithdrawnBy | None] = field(_("Withdrawn by"), Choice(WithdrawnBy), section=_("Withdrawal"))

    customer: Mapped[Customer] = relationship()

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Nothing ends before it began, and a withdrawal says when and by whom."""
        given, until, withdrawn = (values.get(name) for name in ("given_on", "valid_until", "withdrawn_on"))
        found: dict[str, list[str]] = {}
        if given and until and until < given:
            found["valid_until"] = [gettext("This lies before the day it was given.")]
        if given and withdrawn and withdrawn < given:
            found["withdrawn_on"] = [gettext("This lies before the day it was given.")]
        if bool(withdrawn) != bool(values.get("withdrawn_by")):
            name = "withdrawn_by" if withdrawn else "withdrawn_on"
            found[name] = [gettext("A withdrawal names the day and who withdrew.")]
        return found

    def __str__(self) -> str:
        return told(self, "code")
