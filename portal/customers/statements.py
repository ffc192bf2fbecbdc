"""Financial statements of customers: what a borrower owns, owes, turns over and earns, from whom, and known since when.

Enterprises hand in a balance sheet and a profit statement; of sole traders and farm households the customer manager
writes down a simple one of the same few lines. What is entered is what was seen: liabilities may exceed assets, and
both may be 0.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, case, cast, inspect, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, relationship

from portal.core.clock import business_date
from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Money, Text, Versioned, db
from portal.core.fields import Field, field
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.customers.models import Customer
from portal.customers.rules import RATIO_STEP, RATIO_STEPS, debt_ratio

LARGEST = 10**12
"""Ten billion yuan, in fen: far above any borrower of a small lender, and products with it stay within 64 bits."""
MOST_MONTHS = 24
"""The longest period: a first business year may be longer than twelve months."""


class StatementSource(Labelled):
    """Where the figures come from, the most reliable first."""

    AUDITED = "audited", _("Audited statement")
    TAX_RETURN = "tax_return", _("Tax return")
    BANK_FLOW = "bank_flow", _("Bank flow")
    ESTIMATE = "estimate", _("Customer manager's estimate")


class FinancialStatement(ScopedThrough, Model, Versioned):
    """A customer's figures at the end of a period (财务报表); seen by whoever sees the customer.

    It counts from the day it was collected: what was not known on a day is no part of what is said about that day.
    """

    scope_parent, scope_key = Customer, "customer_id"
    __table_args__ = (
        UniqueConstraint("customer_id", "period_end"),
        CheckConstraint("months > 0", name="months_positive"),
        CheckConstraint("total_assets >= 0 AND total_liabilities >= 0 AND turnover >= 0", name="not_negative"),
        CheckConstraint("collected_on >= period_end", name="collected_afterwards"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Statement number"), unique=True, search=True, section=_("Statement"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), section=_("Statement"))
    period_end: Mapped[BusinessDate] = field(
        _("Period ends on"), section=_("Statement"), help=_("The day of the balance sheet, or of the visit.")
    )
    months: Mapped[int] = field(
        _("Months of the period"),
        minimum=1,
        maximum=MOST_MONTHS,
        section=_("Statement"),
        help=_("How many months turnover and profit are of. Turnover is compared with the same months a year before."),
    )
    total_assets: Mapped[Money] = field(
        _("Total assets"), maximum=LARGEST, section=_("Figures"), help=_("House, stock, machines, receivables, cash.")
    )
    total_liabilities: Mapped[Money] = field(
        _("Total liabilities"),
        maximum=LARGEST,
        section=_("Figures"),
        help=_("All debts, ours included. They may exceed the assets."),
    )
    turnover: Mapped[Money] = field(_("Turnover of the period"), maximum=LARGEST, section=_("Figures"))
    net_profit: Mapped[Money] = field(
        _("Net profit of the period"),
        minimum=-LARGEST,
        maximum=LARGEST,
        section=_("Figures"),
        help=_("Below 0 for a loss. Of a household: what is left after costs and living."),
    )
    repaid_elsewhere: Mapped[Money | None] = field(
        _("Repayments elsewhere, a month"),
        maximum=LARGEST,
        section=_("Figures"),
        help=_("What is paid each month on loans of other lenders; blank: not known."),
    )
    source: Mapped[StatementSource] = field(_("Source"), Choice(StatementSource), section=_("Collection"))
    collector_id: Mapped[int] = field(_("Collected by"), ForeignKey("staff.id"), index=True, section=_("Collection"))
    collected_on: Mapped[BusinessDate] = field(
        _("Collected on"), section=_("Collection"), help=_("It counts in early warning from this day on.")
    )
    evidence: Mapped[Text | None] = field(
        _("Evidence"), personal=True, section=_("Collection"), help=_("Where the papers are kept: box and sheet.")
    )

    customer: Mapped[Customer] = relationship()
    collector: Mapped[Any] = relationship("Staff")

    @hybrid_property
    def debt_ratio(self) -> int | None:
        """Liabilities as a share of assets, in parts per million, to hundredths of a percent; None without assets."""
        return debt_ratio(self.total_liabilities, self.total_assets)

    @debt_ratio.inplace.expression
    @classmethod
    def _debt_ratio_expression(cls) -> Any:
        return case(
            (
                cls.total_assets > 0,
                cast(cls.total_liabilities, BigInteger)
                * RATIO_STEPS
                // cast(cls.total_assets, BigInteger)
                * RATIO_STEP,
            )
        )

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """Collected after the period and not in the future; one statement of a customer for each end of a period."""
        ended, collected = values.get("period_end"), values.get("collected_on")
        if ended and collected and collected < ended:
            return {"collected_on": [gettext("This lies before the end of the period.")]}
        if collected and collected > business_date():
            return {"collected_on": [gettext("This day has not come yet.")]}
        other = cls._same_period(values, row)
        if other is not None:
            return {"period_end": [gettext("The statement %(code)s is of the same customer and day.", code=other)]}
        return {}

    @classmethod
    def _same_period(cls, values: dict[str, Any], row: Any) -> str | None:
        """The code of another statement of the customer for the same end of a period."""
        customer = values.get("customer")
        same = select(cls.code).where(
            cls.customer_id == getattr(customer, "id", customer),
            cls.period_end == values.get("period_end"),
            cls.id != row.id if row is not None else cls.code != values.get("code"),  # a file names rows by code
        )
        with db.session.no_autoflush:
            return db.session.scalar(same.limit(1))

    def __str__(self) -> str:
        return told(self, "code")


inspect(FinancialStatement).all_orm_descriptors["debt_ratio"].info["field"] = Field(
    _("Debt ratio"), type="rate", section=_("Figures"), help=_("Liabilities ÷ assets; empty without assets.")
)
