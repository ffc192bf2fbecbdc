"""Loan products: what may be lent, to whom, at what rate and for how long."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from portal.core.db import Choice, Code, Id, Labelled, Model, Name, Rate, Text, Versioned, describe
from portal.core.fields import field
from portal.core.masks import told
from portal.products.terms import GRACEFUL, ClaimsOrder, DayCount, HolidayRule, Method, ResetRule, Rounding

describe(
    Method,
    {
        Method.LEVEL: _("Level instalments"),
        Method.EQUAL_PRINCIPAL: _("Equal principal"),
        Method.INTEREST_ONLY: _("Interest only, principal at the end"),
        Method.BULLET: _("Bullet"),
    },
)
describe(
    DayCount,
    {
        DayCount.THIRTY_360: _("30/360"),
        DayCount.THIRTY_E_360: _("30E/360"),
        DayCount.ACT_365: _("Actual/365"),
        DayCount.ACT_360: _("Actual/360"),
    },
)
describe(
    Rounding,
    {
        Rounding.HALF_UP: _("Half up"),
        Rounding.UP: _("Up"),
        Rounding.WHOLE_YUAN: _("To the nearest yuan"),
    },
)
describe(
    HolidayRule,
    {
        HolidayRule.NONE: _("Not moved"),
        HolidayRule.FOLLOWING: _("Next working day"),
        HolidayRule.MODIFIED_FOLLOWING: _("Next working day within the month"),
        HolidayRule.PRECEDING: _("Previous working day"),
    },
)


describe(
    ResetRule,
    {
        ResetRule.ANNIVERSARY: _("Each year on the day of the payout"),
        ResetRule.JANUARY: _("Each 1 January"),
    },
)
describe(
    ClaimsOrder,
    {
        ClaimsOrder.FEES_FIRST: _("Costs, fees, interest, principal, penalty"),
        ClaimsOrder.PENALTY_BEFORE_PRINCIPAL: _("Costs, interest, penalty, principal, fees"),
        ClaimsOrder.CHARGES_BEFORE_PRINCIPAL: _("Costs, fees, interest, penalty, principal"),
    },
)


class Purpose(Labelled):
    """What the money is for (C125)."""

    BUSINESS = "business", _("Business")
    CONSUMER = "consumer", _("Consumer")


class Channel(Labelled):
    """How the product is sold (C125)."""

    OFFLINE = "offline", _("Offline")
    ONLINE = "online", _("Online")


class Product(Versioned, Model):
    """A loan product (产品): business or consumer, online or offline (C125), and the terms it lends on."""

    __table_args__ = (
        CheckConstraint("rate_min <= rate_max", name="rate_range"),
        CheckConstraint("term_min <= term_max", name="term_range"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Product code"), unique=True, search=True, section=_("Product"))
    name: Mapped[Name] = field(_("Product"), search=True, section=_("Product"))
    purpose: Mapped[Purpose] = field(_("Purpose"), Choice(Purpose), section=_("Product"))
    channel: Mapped[Channel] = field(_("Channel"), Choice(Channel), section=_("Product"))
    active: Mapped[bool] = field(_("On offer"), default=True, section=_("Product"))
    rate_min: Mapped[Rate] = field(_("Lowest annual rate"), minimum=0, section=_("Terms"))
    rate_max: Mapped[Rate] = field(_("Highest annual rate"), minimum=0, section=_("Terms"))
    term_min: Mapped[int] = field(_("Shortest term (months)"), minimum=1, section=_("Terms"))
    term_max: Mapped[int] = field(_("Longest term (months)"), minimum=1, maximum=600, section=_("Terms"))
    method: Mapped[Method] = field(_("Repayment method"), Choice(Method), section=_("Terms"))
    day_count: Mapped[DayCount] = field(_("Day count"), Choice(DayCount), section=_("Terms"))
    rounding: Mapped[Rounding] = field(
        _("Rounding"), Choice(Rounding), help=_("How the level instalment becomes whole fen."), section=_("Terms")
    )
    grace: Mapped[int | None] = field(
        _("Months without principal"),
        minimum=0,
        maximum=599,
        only_if=("method", GRACEFUL),
        help=_("At the beginning only interest is due; the principal is spread over the months after that."),
        section=_("Terms"),
    )
    holiday_rule: Mapped[HolidayRule] = field(
        _("Holiday rule"),
        Choice(HolidayRule),
        help=_("Where a due date goes that is no working day."),
        section=_("Terms"),
    )
    penalty_markup: Mapped[Rate] = field(
        _("Penalty mark-up"),
        default=500_000,
        minimum=0,
        help=_("Penalty interest is the contract rate plus this share of it; 50 means half as much again."),
        section=_("Terms"),
    )
    prepayment_fee: Mapped[Rate] = field(
        _("Fee on early repayment"),
        default=0,
        minimum=0,
        help=_("Share of the principal repaid before its time; 0 for none. Loans keep what was agreed when paid out."),
        section=_("Terms"),
    )
    claims_order: Mapped[ClaimsOrder | None] = field(
        _("Order of allotment"),
        Choice(ClaimsOrder),
        help=_("What a payment settles first, as the contract says; empty: the order of the law (Parameters)."),
        section=_("Terms"),
    )
    reset_rule: Mapped[ResetRule | None] = field(
        _("Rate follows the LPR"),
        Choice(ResetRule),
        help=_("When the rate is set anew: LPR plus the spread agreed at the payout. Empty: the rate is fixed."),
        section=_("Terms"),
    )
    documents: Mapped[Text | None] = field(_("Documents needed"), section=_("Application"))

    def __str__(self) -> str:
        return told(self, "name")
