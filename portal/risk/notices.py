"""Industry notices: what happens in an industry in which customers borrow, entered by hand from public sources."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, Index, Select, or_, select
from sqlalchemy.orm import Mapped

from portal.core.clock import business_date, calendar_date
from portal.core.db import BusinessDate, Choice, Code, Id, Labelled, Model, Name, Text, Versioned
from portal.core.fields import field
from portal.core.masks import told
from portal.customers.models import Industry

RECENT = timedelta(days=60)
"""So long after it was published a notice is news."""
ADDRESS = re.compile(r"https://\w[\w.-]*(:[0-9]{1,5})?([/?#]\S*)?", re.IGNORECASE)
"""A page that is fetched over https from a host that is named; no login before it."""


class Outlook(Labelled):
    """Where a notice says that an industry is heading."""

    BETTER = "better", _("Improving")
    UNCHANGED = "unchanged", _("Steady")
    WORSE = "worse", _("Weakening")


def link_problem(text: str) -> str | None:
    """What is wrong with the address of a page: only what a browser opens as a page over https may become a link."""
    if ADDRESS.fullmatch(text):
        return None
    return str(gettext("Give the address of a page that begins with https:// and names its host."))


class IndustryNotice(Versioned, Model):
    """What happened in an industry, and what it means for those who borrow in it (行业资讯)."""

    __table_args__ = (
        Index("ix_industry_notice_industry_published_on", "industry", "published_on"),
        CheckConstraint("valid_until IS NULL OR published_on <= valid_until", name="period"),
    )

    id: Mapped[Id]
    code: Mapped[Code] = field(_("Notice number"), unique=True, search=True, section=_("Notice"))
    industry: Mapped[Industry] = field(
        _("Industry"),
        Choice(Industry),
        section=_("Notice"),
        help=_("Whoever has open loans to customers of this industry is shown the notice on the home page."),
    )
    published_on: Mapped[BusinessDate] = field(
        _("Published on"), section=_("Notice"), help=_("The day on which the source published it.")
    )
    title: Mapped[Name] = field(_("Title"), search=True, section=_("Notice"))
    summary: Mapped[Text] = field(
        _("Summary"), section=_("Notice"), help=_("What happened, where, and what it means for those who borrow.")
    )
    outlook: Mapped[Outlook] = field(
        _("Industry outlook"),
        Choice(Outlook),
        section=_("Notice"),
        help=_("Where the notice says that the industry is heading; no judgement on a customer."),
    )
    valid_until: Mapped[BusinessDate | None] = field(
        _("Valid until"), section=_("Notice"), help=_("The last day on which it counts; blank: until further notice.")
    )
    source: Mapped[Text] = field(_("Source"), section=_("Origin"), help=_("Who says so, and where it was published."))
    link: Mapped[Text | None] = field(
        _("Link to the source"),
        check=link_problem,
        section=_("Origin"),
        help=_("Address of the published page; it begins with https://."),
    )

    @classmethod
    def check_values(cls, values: dict[str, Any], row: Any) -> dict[str, list[str]]:
        published, last = values.get("published_on"), values.get("valid_until")
        if published and published > latest_day():
            return {"published_on": [gettext("This day has not come yet.")]}
        if published and last and last < published:
            return {"valid_until": [gettext("This is before it was published.")]}
        return {}

    def __str__(self) -> str:
        return told(self, "title")


def latest_day() -> date:
    """The latest day on which something can have been published: the world goes on while the books stay open."""
    return max(business_date(), calendar_date())


def news_of(industries: Collection[Industry], today: date) -> Select[tuple[IndustryNotice]]:
    """Recent notices of these industries that still count, the latest first."""
    return (
        select(IndustryNotice)
        .where(
            IndustryNotice.industry.in_(industries),
            IndustryNotice.published_on >= today - RECENT,
            or_(IndustryNotice.valid_until.is_(None), IndustryNotice.valid_until >= today),
        )
        .order_by(IndustryNotice.published_on.desc(), IndustryNotice.id.desc())
    )
