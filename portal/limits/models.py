"""Limits: the figures they are measured against, the limits themselves, insiders, and what was measured each day."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.db import (
    BigId,
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
    label_of,
)
from portal.core.fields import field
from portal.core.masks import told
from portal.core.scope import ScopedThrough
from portal.customers.models import Customer, Industry
from portal.limits.rules import PPM, Bound, Measure, Reading, Standing
from portal.products.models import Product

describe(
    Measure,
    {
        Measure.NET_ASSETS: _("Share of net assets"),
        Measure.PORTFOLIO: _("Share of the loan balance"),
        Measure.AMOUNT: _("Amount"),
    },
)
describe(
    Standing,
    {
        Standing.FREE: _("Within the limit"),
        Standing.NEAR: _("Near the limit"),
        Standing.BEYOND: _("Beyond the limit"),
        Standing.UNKNOWN: _("Unavailable"),
    },
)


class FigureKind(Labelled):
    """What of the balance sheet limits and ratios need and loans do not tell."""

    NET_ASSETS = "net_assets", _("Net assets")
    BANK_BORROWING = "bank_borrowing", _("Borrowed from banks")
    SHAREHOLDER_BORROWING = "shareholder_borrowing", _("Borrowed from shareholders")
    BONDS = "bonds", _("Bonds outstanding")
    SECURITIES = "securities", _("Asset-backed securities outstanding")
    ALLOWANCE = "allowance", _("Loan loss allowance")


class CompanyFigure(Versioned, Model):
    """A figure of the company at a date (公司财务数据), entered or imported by finance, tied to the general ledger."""

    __table_args__ = (UniqueConstraint("kind", "on_day"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Figure code"), unique=True, search=True, section=_("Figure"))
    kind: Mapped[FigureKind] = field(_("Figure"), Choice(FigureKind), section=_("Figure"))
    on_day: Mapped[BusinessDate] = field(
        _("At the end of"),
        section=_("Figure"),
        help=_("Exposures are measured against the net assets of 31 December of the year before."),
    )
    amount: Mapped[Money] = field(
        _("Amount"), section=_("Figure"), help=_("Enter 0 where there is none: a figure that is missing is not 0.")
    )
    account: Mapped[Name] = field(
        _("General ledger account"), section=_("Origin"), help=_("Number and name of the accounts it is the sum of.")
    )
    source: Mapped[Text] = field(
        _("Source"), section=_("Origin"), help=_("The statement or report it was taken from, and whether audited.")
    )

    def __str__(self) -> str:
        return told(self, "code")


class LimitKind(Labelled):
    """What a limit caps."""

    BORROWER = "borrower", _("Single borrower")
    GROUP = "group", _("Group of related borrowers")
    INSIDERS = "insiders", _("All shareholders and staff together")
    PRODUCT = "product", _("Product")
    INDUSTRY = "industry", _("Industry")
    BRANCH = "branch", _("Branch")
    BORROWING = "borrowing", _("Borrowing from banks and shareholders")
    BONDS = "bonds", _("Bonds and asset-backed securities")


FUNDING = {
    LimitKind.BORROWING: (FigureKind.BANK_BORROWING, FigureKind.SHAREHOLDER_BORROWING),
    LimitKind.BONDS: (FigureKind.BONDS, FigureKind.SECURITIES),
}
"""What is added up for limits on the company's own borrowing."""
SHARES = (Measure.NET_ASSETS, Measure.PORTFOLIO)


class LendingLimit(Versioned, Model):
    """The most that may be lent, or borrowed, of something from a date on (限额)."""

    __table_args__ = (CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="period"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Limit code"), unique=True, search=True, section=_("Limit"))
    kind: Mapped[LimitKind] = field(_("Limit for"), Choice(LimitKind), section=_("Limit"))
    product_id: Mapped[int | None] = field(
        _("Product"),
        ForeignKey("product.id"),
        index=True,
        section=_("Limit"),
        only_if=("kind", (LimitKind.PRODUCT,)),
    )
    industry: Mapped[Industry | None] = field(
        _("Industry"), Choice(Industry), section=_("Limit"), only_if=("kind", (LimitKind.INDUSTRY,))
    )
    of_branch_id: Mapped[int | None] = field(
        _("Branch and below"),
        ForeignKey("branch.id"),
        index=True,
        section=_("Limit"),
        only_if=("kind", (LimitKind.BRANCH,)),
    )
    measure: Mapped[Measure] = field(_("Measured as"), Choice(Measure), section=_("Bound"))
    share: Mapped[Rate | None] = field(
        _("Most, as a share"),
        section=_("Bound"),
        minimum=1,
        only_if=("measure", SHARES),
        help=_("The bound itself is still allowed. Four times net assets are 400 %."),
    )
    amount: Mapped[Money | None] = field(
        _("Most, as an amount"), section=_("Bound"), only_if=("measure", (Measure.AMOUNT,))
    )
    warning: Mapped[Rate] = field(
        _("Near from"),
        default=800_000,
        section=_("Bound"),
        minimum=1,
        maximum=PPM,
        help=_("The part of the bound from which it counts as near."),
    )
    enforced: Mapped[bool] = field(
        _("Refuse loans beyond it"),
        default=True,
        section=_("Bound"),
        help=_("Otherwise it is only measured and reported."),
    )
    valid_from: Mapped[BusinessDate] = field(_("In force from"), section=_("In force"))
    valid_until: Mapped[BusinessDate | None] = field(
        _("In force until"), section=_("In force"), help=_("The last day; blank: open.")
    )
    source: Mapped[Text] = field(_("Source"), section=_("In force"), help=_("The rule or decision that sets it."))
    confirmed: Mapped[bool] = field(
        _("Confirmed by compliance"), default=False, section=_("In force"), help=_("Checked against its source.")
    )

    product: Mapped[Product | None] = relationship()
    of_branch: Mapped[Any] = relationship("Branch")

    @property
    def bound(self) -> Bound:
        """The bound as the rules take it."""
        most = self.amount if self.measure is Measure.AMOUNT else self.share
        return Bound(self.measure, most or 0, self.warning)

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        """What it is for, a bound that fits its measure, and no two limits for one case on one day."""
        kind, measure = values.get("kind"), values.get("measure")
        named = {LimitKind.PRODUCT: "product", LimitKind.INDUSTRY: "industry", LimitKind.BRANCH: "of_branch"}
        if kind in named and not values.get(named[kind]):
            return {named[kind]: [gettext("Say for which one.")]}
        if kind in FUNDING and measure == Measure.PORTFOLIO:
            return {"measure": [gettext("What the company borrows is measured against net assets or an amount.")]}
        bound = "amount" if measure == Measure.AMOUNT else "share"
        if not values.get(bound):
            return {bound: [gettext("Say how much: more than 0.")]}
        first, last = values.get("valid_from"), values.get("valid_until")
        if first and last and last < first:
            return {"valid_until": [gettext("This is before the first day.")]}
        other = cls._same_case(values, row)
        if other is not None:
            return {
                "valid_from": [gettext("The limit %(code)s is for the same case and days; end it first.", code=other)]
            }
        return {}

    @classmethod
    def _same_case(cls, values: dict[str, Any], row: Any) -> str | None:
        """The code of a limit for the same case with a day in common."""
        first, last = values.get("valid_from"), values.get("valid_until")

        def key(value: Any) -> Any:
            return getattr(value, "id", value)

        same = select(cls.code).where(
            cls.kind == values.get("kind"),
            cls.measure == values.get("measure"),
            cls.product_id == key(values.get("product")),
            cls.industry == values.get("industry"),
            cls.of_branch_id == key(values.get("of_branch")),
            or_(cls.valid_until.is_(None), cls.valid_until >= first),
        )
        if last:
            same = same.where(cls.valid_from <= last)
        if row is not None:
            same = same.where(cls.id != row.id)
        with db.session.no_autoflush:
            return db.session.scalar(same.limit(1))

    def __str__(self) -> str:
        return told(self, "code")


class InsiderKind(Labelled):
    """How a borrower belongs to the lender."""

    SHAREHOLDER = "shareholder", _("Shareholder of ours")
    DIRECTOR = "director", _("Director, supervisor or senior manager of ours")
    STAFF = "staff", _("Member of staff")
    FAMILY = "family", _("Family of one of these")


class Insider(ScopedThrough, Versioned, Model):
    """A customer who is a shareholder or member of staff of the lender, or close to one (内部人)."""

    scope_parent, scope_key = Customer, "customer_id"
    __table_args__ = (CheckConstraint("valid_until IS NULL OR valid_from <= valid_until", name="period"),)

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Entry number"), unique=True, search=True, section=_("Insider"))
    customer_id: Mapped[int] = field(_("Customer"), ForeignKey("customer.id"), index=True, section=_("Insider"))
    kind: Mapped[InsiderKind] = field(_("Belongs to us as"), Choice(InsiderKind), section=_("Insider"))
    valid_from: Mapped[BusinessDate] = field(_("Since"), section=_("Insider"))
    valid_until: Mapped[BusinessDate | None] = field(
        _("Until"), section=_("Insider"), help=_("The last day; blank: still.")
    )
    source: Mapped[Text] = field(
        _("Source"), section=_("Insider"), help=_("Register of shareholders, contract of employment, declaration.")
    )

    customer: Mapped[Customer] = relationship(backref="insiders")

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        first, last = values.get("valid_from"), values.get("valid_until")
        if first and last and last < first:
            return {"valid_until": [gettext("This is before the first day.")]}
        return {}

    def __str__(self) -> str:
        return f"{told(self, 'customer')} · {label_of(self.kind)}"


class Measured:
    """What limit was measured of whom."""

    subject: Mapped[int] = mapped_column(default=0)
    """The smallest customer number of the borrower or group, which stays while the group does; 0 without one."""


class LimitUsage(Measured, Model):
    """What was used of a limit at the end of a day (限额占用): whoever is near or beyond it, and its largest users."""

    __table_args__ = (
        UniqueConstraint("on_day", "limit_id", "subject"),
        Index("ix_limit_usage_limit_day", "limit_id", "on_day"),
    )

    id: Mapped[BigId]
    on_day: Mapped[BusinessDate] = field(_("As at"))
    limit_id: Mapped[int] = field(_("Limit"), ForeignKey("lending_limit.id"))
    customer_id: Mapped[int | None] = field(
        _("Borrower, or group of"), ForeignKey("customer.id"), index=True, help=_("The member who owes the most.")
    )
    members: Mapped[int] = field(_("Members"), default=0, help=_("Borrowers in the group that have loans or ties."))
    insider: Mapped[bool] = field(
        _("Shareholder or staff"), default=False, help=_("One of the borrowers is a shareholder or member of staff.")
    )
    used: Mapped[Money] = field(_("Used"), bar=True)
    base: Mapped[Money | None] = field(_("Measured against"), help=_("Net assets or loan balance; empty: unavailable."))
    of_base: Mapped[Rate | None] = field(_("Share"), help=_("Used ÷ what it is measured against."))
    free: Mapped[Money | None] = field(_("Free"), help=_("Below 0: beyond the limit."))
    standing: Mapped[Standing] = field(_("Standing"), Choice(Standing))

    limit: Mapped[LendingLimit] = relationship()
    customer: Mapped[Customer | None] = relationship()

    def __str__(self) -> str:
        return f"{told(self, 'limit')} · {told(self, 'on_day')}"


class LimitBreach(Measured, Versioned, Model):
    """A time during which a limit was near its bound or beyond it (限额预警与突破登记)."""

    __table_args__ = (
        Index("ix_limit_breach_limit_subject", "limit_id", "subject", "level"),
        CheckConstraint("ended_on IS NULL OR ended_on >= first_day", name="ends_after_it_begins"),
    )

    id: Mapped[Id]
    limit_id: Mapped[int] = field(_("Limit"), ForeignKey("lending_limit.id"), readonly=True, section=_("Measured"))
    customer_id: Mapped[int | None] = field(
        _("Borrower, or group of"), ForeignKey("customer.id"), index=True, readonly=True, section=_("Measured")
    )
    level: Mapped[Standing] = field(_("Standing"), Choice(Standing), readonly=True, section=_("Measured"))
    first_day: Mapped[BusinessDate] = field(_("From"), readonly=True, section=_("Measured"))
    ended_on: Mapped[BusinessDate | None] = field(
        _("Over on"),
        readonly=True,
        section=_("Measured"),
        help=_("The first day it was not so any more; empty: lasts."),
    )
    highest: Mapped[Money] = field(_("Most used"), readonly=True, section=_("Measured"))
    highest_share: Mapped[Rate | None] = field(_("Highest share"), readonly=True, section=_("Measured"))
    highest_on: Mapped[BusinessDate] = field(_("Most used on"), readonly=True, section=_("Measured"))
    note: Mapped[Text | None] = field(
        _("Reason and remedy"), section=_("Follow-up"), help=_("How it came about, what was decided, and until when.")
    )

    limit: Mapped[LendingLimit] = relationship()
    customer: Mapped[Customer | None] = relationship()

    def __str__(self) -> str:
        return f"{told(self, 'limit')} · {told(self, 'first_day')}"


def share_ppm(reading: Reading) -> int | None:
    """The share of the base in parts per million, rounded up: what is beyond a bound is never shown as within it."""
    share = reading.of_base
    return None if share is None else -((-share * PPM).__floor__())
