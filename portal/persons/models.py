"""Requests of persons about their data: a copy, a correction, erasure; with what was decided and why."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Text, Versioned
from portal.core.fields import Field, field
from portal.core.files import StoredFile
from portal.core.jobs import Job, JobState
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.core.sealed import Sealed, SealedThrough
from portal.customers.models import Customer
from portal.customers.rules import LONGEST_CONTENT, content_problem


class RequestKind(Labelled):
    """What a person asks for (PIPL 45–47)."""

    ACCESS = "access", _("Copy of the data")
    CORRECTION = "correction", _("Correction")
    ERASURE = "erasure", _("Erasure")


class RequestChannel(Labelled):
    """How a request came in."""

    COUNTER = "counter", _("At the counter")
    PHONE = "phone", _("By phone")
    LETTER = "letter", _("By letter")
    APP = "in_app", _("By app or e-mail")


class RequestState(Labelled):
    """How far a request is."""

    OPEN = "open_request", _("To be decided")
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")


class PersonRequest(ScopedThrough, SealedThrough, Model, Versioned):
    """What a customer asks of us about the personal data (个人信息权利请求), and the decision."""

    scope_parent, scope_key = Customer, "customer_id"
    sealed_parent, sealed_key = Customer, "customer_id"

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Request number"), unique=True, search=True, section=_("Request"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Request"))
    kind: Mapped[RequestKind] = field(_("Asked for"), Choice(RequestKind), section=_("Request"))
    received_on: Mapped[BusinessDate] = field(_("Received on"), section=_("Request"))
    channel: Mapped[RequestChannel] = field(_("Channel"), Choice(RequestChannel), section=_("Request"))
    wanted_sealed: Mapped[bytes | None] = mapped_column(LargeBinary(8_100))
    wanted_index: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    wanted = Sealed(
        Field(
            _("In the person's words"),
            section=_("Request"),
            help=_("What is wrong and should read how, or what is to be erased. Encrypted."),
            check=content_problem,
            max_length=LONGEST_CONTENT,
        ),
        kind="request",
        looked_up=False,
    )
    state: Mapped[RequestState] = field(
        _("Decision"), Choice(RequestState), default=RequestState.OPEN, index=True, section=_("Decision")
    )
    decided_on: Mapped[BusinessDate | None] = field(_("Decided on"), readonly=True, section=_("Decision"))
    reason: Mapped[Text | None] = field(
        _("Reason"), section=_("Decision"), help=_("Needed for a refusal: the person is told. Name no person in it.")
    )
    pdf_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    json_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))

    customer: Mapped[Customer] = relationship()
    pdf: Mapped[StoredFile | None] = relationship(foreign_keys=[pdf_id])
    json: Mapped[StoredFile | None] = relationship(foreign_keys=[json_id])
    job: Mapped[Job | None] = relationship()

    @property
    def busy(self) -> bool:
        """Whether the copy is being made."""
        return self.job is not None and self.job.state in (JobState.QUEUED, JobState.RUNNING)

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A refusal says why; a copy and an erasure are granted by carrying them out, not by saying so."""
        state, kind = values.get("state"), values.get("kind")
        before = row.state if row is not None else RequestState.OPEN
        if state == RequestState.REFUSED and not values.get("reason"):
            return {"reason": [gettext("Say why it is refused.")]}
        if state == RequestState.GRANTED and before != state and kind != RequestKind.CORRECTION:
            return {"state": [gettext("Use “Carry out”: it makes the copy, or checks whether erasure is allowed.")]}
        if before != RequestState.OPEN and row is not None and state != before:
            return {"state": [gettext("This request has been decided; enter a new one.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "code")


PersonRequest.data_key = column_property(
    select(Customer.data_key)
    .where(Customer.id == PersonRequest.customer_id)
    .correlate_except(Customer)
    .scalar_subquery()
)
