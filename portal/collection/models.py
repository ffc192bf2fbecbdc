"""Contacts with debtors about late and written-off loans, and the promises to pay that came of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    and_,
    case,
    cast,
    event,
    func,
    inspect,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Mapper, aliased, column_property, relationship

from portal.collection.rules import WRITTEN, Channel, NextStep, Outcome, PromiseState, Whom, judged
from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Id, Model, Money, Text, Versioned, describe
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.guarantees.models import Guarantor, LegalAct
from portal.loans.models import Allocation, Loan, LoanChild

describe(
    Channel,
    {
        Channel.PHONE: _("Phone call"),
        Channel.SMS: _("Text message"),
        Channel.EMAIL: _("E-mail"),
        Channel.VISIT: _("Visit"),
        Channel.LETTER: _("Letter"),
        Channel.LAWYER: _("Lawyer's letter"),
    },
)
describe(Whom, {Whom.BORROWER: _("Borrower"), Whom.GUARANTOR: _("Guarantor")})
describe(
    Outcome,
    {
        Outcome.PROMISE: _("Promises to pay"),
        Outcome.PAID: _("Has paid meanwhile"),
        Outcome.INFORMED: _("Informed, no answer yet"),
        Outcome.HARDSHIP: _("In hardship"),
        Outcome.DISPUTES: _("Disputes the debt"),
        Outcome.REFUSES: _("Refuses to pay"),
        Outcome.UNREACHABLE: _("Not reached"),
        Outcome.WRONG_NUMBER: _("Wrong number or address"),
    },
)
describe(
    PromiseState,
    {
        PromiseState.OPEN: _("Open promise"),
        PromiseState.KEPT: _("Kept promise"),
        PromiseState.BROKEN: _("Broken promise"),
        PromiseState.SUPERSEDED: _("Replaced by a newer promise"),
    },
)
describe(
    NextStep,
    {
        NextStep.CHECK_PAYMENT: _("See whether the promised payment has come"),
        NextStep.ASK_WHY: _("Ask why the promise was not kept"),
        NextStep.WAIT: _("Wait for the promised day"),
        NextStep.FIRST_CONTACT: _("Contact for the first time"),
        NextStep.CONTACT_AGAIN: _("Contact again"),
        NextStep.FIND_DEBTOR: _("Try again, or write to the agreed address"),
        NextStep.FOLLOW_UP: _("Follow up on the last contact"),
    },
)
TYPED = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
KEPT = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def clock_time(typed: str) -> str:
    """A time of day as it is kept, so that times stand in order: 9：05 becomes 09:05."""
    found = TYPED.fullmatch(typed.strip().replace("：", ":"))
    return f"{int(found[1]):02}:{found[2]}" if found else typed.strip()


def time_problem(typed: str) -> Any:
    """What is wrong with a time of day."""
    return None if KEPT.fullmatch(typed) else _("Please enter a time such as 14:30.")


class CollectionContact(LoanChild, Model, Versioned):
    """One contact with the borrower or a guarantor about a loan: when, how, with what outcome (催收记录)."""

    __table_args__ = (
        Index("ix_collection_contact_loan_id_done_on", "loan_id", "done_on"),
        Index(
            "ix_collection_contact_promised_on",
            "promised_on",
            postgresql_where=text("promised_on IS NOT NULL"),
            sqlite_where=text("promised_on IS NOT NULL"),
        ),
        CheckConstraint(
            "(outcome = 'promises_to_pay' AND promised_amount IS NOT NULL AND promised_on IS NOT NULL"
            " AND promised_amount > 0 AND promised_on >= done_on) OR"
            " (outcome <> 'promises_to_pay' AND promised_amount IS NULL AND promised_on IS NULL)",
            name="promise",
        ),
        CheckConstraint(
            "(whom = 'guarantor' AND guarantor_id IS NOT NULL) OR (whom = 'borrower' AND guarantor_id IS NULL)",
            name="debtor",
        ),
    )

    id: Mapped[Id]
    loan_id: Mapped[int] = field(
        _("Loan number"), ForeignKey("loan.id"), search=True, section=_("Contact with the debtor")
    )
    done_on: Mapped[BusinessDate] = field(_("Contacted on"), index=True, section=_("Contact with the debtor"))
    done_time: Mapped[str] = field(
        _("Time"),
        String(5),
        filter=False,
        check=time_problem,
        section=_("Contact with the debtor"),
        help=_("On the 24-hour clock, such as 14:30. Calls and visits only at the hours that the parameters allow."),
    )
    channel: Mapped[Channel] = field(_("Channel"), Choice(Channel), section=_("Contact with the debtor"))
    whom: Mapped[Whom] = field(
        _("Debtor"),
        Choice(Whom),
        default=Whom.BORROWER,
        required=True,
        section=_("Contact with the debtor"),
        help=_(
            "Only who owes is contacted: the borrower, or a guarantor of this loan. Never family, neighbours, employers"
            " or other third persons, and nothing about the debt is said to them (house rule)."
        ),
    )
    guarantor_id: Mapped[int | None] = field(
        _("Guarantor"),
        ForeignKey("guarantor.id"),
        index=True,
        only_if=("whom", (Whom.GUARANTOR,)),
        section=_("Contact with the debtor"),
        help=_("Which guarantor of this loan."),
    )
    outcome: Mapped[Outcome] = field(_("Outcome"), Choice(Outcome), section=_("Outcome"))
    promised_amount: Mapped[Money | None] = field(
        _("Promised amount"),
        minimum=1,
        only_if=("outcome", (Outcome.PROMISE,)),
        section=_("Outcome"),
        help=_("Not more than what is due now and what falls due by the promised day."),
    )
    promised_on: Mapped[BusinessDate | None] = field(
        _("Promised for"),
        only_if=("outcome", (Outcome.PROMISE,)),
        section=_("Outcome"),
        help=_("The last day on which the payment counts as promised."),
    )
    note: Mapped[Text | None] = field(
        _("Note"), personal=True, section=_("Outcome"), help=_("What was said and agreed. Name no third person in it.")
    )
    evidence: Mapped[Text | None] = field(
        _("Evidence"),
        section=_("Evidence"),
        help=_("The recording, receipt or tracking number, and where it is kept. Needed for a written demand."),
    )
    is_demand: Mapped[bool] = field(
        _("Counts as a written demand"),
        default=False,
        section=_("Evidence"),
        help=_(
            "For a letter or lawyer's letter with evidence: it is entered under Demands and acts as well, and"
            " limitation begins anew for whom it was sent to."
        ),
    )
    legal_act_id: Mapped[int | None] = field(
        _("Act"), ForeignKey("legal_act.id"), index=True, readonly=True, filter=False, section=_("Evidence")
    )
    made_by_id: Mapped[int | None] = field(
        _("By"),
        ForeignKey("staff.id", ondelete="SET NULL"),
        index=True,
        readonly=True,
        section=_("Contact with the debtor"),
    )

    loan: Mapped[Loan] = relationship()
    guarantor: Mapped[Guarantor | None] = relationship()
    legal_act: Mapped[LegalAct | None] = relationship()
    made_by: Mapped[Any] = relationship("Staff")

    if TYPE_CHECKING:
        received: int
        """Of a promise: what was allotted to the loan from its day to the promised day, in fen, net of reversals."""
        is_replaced: bool
        """Of a promise: whether a newer one was made while it could still be met."""

    @hybrid_property
    def promise(self) -> PromiseState | None:
        """What became of the promise by now; None where nothing was promised."""
        if self.promised_on is None or self.promised_amount is None:
            return None
        today = business_date()
        return judged(self.received, self.promised_amount, self.is_replaced, self.promised_on, today)

    @promise.inplace.expression
    @classmethod
    def _promise_in_sql(cls) -> Any:
        return type_coerce(state_in_sql(cls, business_date()), Choice(PromiseState))

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """A promise has amount and day, a written demand has evidence; what the loan says to it is in checking.py."""
        found: dict[str, list[str]] = {}
        if values.get("outcome") == Outcome.PROMISE:
            for name in ("promised_amount", "promised_on"):
                if not values.get(name):
                    found[name] = [gettext("A promise to pay has an amount and a day.")]
        if values.get("whom") == Whom.GUARANTOR and not values.get("guarantor"):
            found["guarantor"] = [gettext("Say which guarantor.")]
        if values.get("is_demand"):
            if values.get("channel") not in WRITTEN:
                found["is_demand"] = [gettext("Only a letter or a lawyer's letter counts as a written demand.")]
            elif not (values.get("evidence") or "").strip():
                found["evidence"] = [gettext("A written demand needs evidence that it was sent and received.")]
        return found

    def __str__(self) -> str:
        return f"{told(self, 'done_on')} {told(self, 'channel')}"


def newer_than(newer: Any, contact: Any) -> Any:
    """SQL: whether one contact of a loan comes after another, as `Promise.place` orders them."""
    same_day = newer.done_on == contact.done_on
    same_minute = and_(same_day, newer.done_time == contact.done_time)
    return and_(
        newer.loan_id == contact.loan_id,
        or_(
            newer.done_on > contact.done_on,
            and_(same_day, newer.done_time > contact.done_time),
            and_(same_minute, newer.id > contact.id),
        ),
    )


def received_in_sql(contact: Any, known_at: Any = None) -> Any:
    """SQL of `rules.received_of`; with `known_at` as it was booked by the end of that date."""
    statement = select(cast(func.coalesce(func.sum(Allocation.amount), 0), BigInteger)).where(
        Allocation.loan_id == contact.loan_id,
        Allocation.value_date >= contact.done_on,
        Allocation.value_date <= contact.promised_on,
    )
    if known_at is not None:
        statement = statement.where(Allocation.booking_date <= known_at)
    return statement.correlate(contact).scalar_subquery()


def replaced_in_sql(contact: Any, known_at: Any = None) -> Any:
    """SQL of `rules.replaced`."""
    newer: Any = aliased(CollectionContact)
    statement = select(newer.id).where(
        newer.promised_on.is_not(None), newer.done_on <= contact.promised_on, newer_than(newer, contact)
    )
    if known_at is not None:
        statement = statement.where(newer.done_on <= known_at)
    return statement.correlate(contact).exists()


def state_in_sql(contact: Any, today: Any, known_at: Any = None) -> Any:
    """SQL of `rules.judged`: NULL where nothing was promised."""
    return case(
        (contact.promised_on.is_(None), None),
        (received_in_sql(contact, known_at) >= contact.promised_amount, PromiseState.KEPT.value),
        (replaced_in_sql(contact, known_at), PromiseState.SUPERSEDED.value),
        (contact.promised_on < today, PromiseState.BROKEN.value),
        else_=PromiseState.OPEN.value,
    )


@event.listens_for(Mapper, "after_configured", once=True)
def _loaded_with_each() -> None:
    """What a promise is judged by is read with the contact; an alias of it can be made once all models are known."""
    mapper: Any = inspect(CollectionContact)
    mapper.add_property("received", column_property(received_in_sql(CollectionContact)))
    mapper.add_property("is_replaced", column_property(replaced_in_sql(CollectionContact)))


inspect(CollectionContact).all_orm_descriptors["promise"].info["field"] = Field(
    _("Promise"),
    type="choice",
    choices=PromiseState,
    section=_("Outcome"),
    help=_("Judged by what was paid on the loan from that day to the promised day, less what was reversed."),
)
