"""The gate: which limits a loan touches, what it would take them to, and whether it may be paid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from flask_babel import gettext

from portal.core import scope
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues
from portal.core.locks import alone
from portal.core.values import money_text
from portal.core.work import current_unit
from portal.customers.models import Customer
from portal.limits.exposure import Book, below
from portal.limits.groups import group_of, insiders
from portal.limits.measuring import Measuring, Usage, limits_on
from portal.limits.models import LendingLimit, LimitKind
from portal.limits.parameters import NOTE, WITHOUT
from portal.limits.rules import PPM, Measure, Reading, Standing, called_after, prior_year_end
from portal.loans.gates import Payout, payout_gates
from portal.parameters.services import parameter
from portal.products.models import Product


@dataclass(frozen=True)
class Touched:
    """A limit that a loan touches, before it and after."""

    usage: Usage
    amount: int
    borrower: Customer

    @property
    def limit(self) -> LendingLimit:
        return self.usage.limit

    @property
    def before(self) -> Reading:
        return self.usage.reading

    @property
    def after(self) -> Reading:
        return self.usage.reading.with_more(self.amount)

    @property
    def refuses(self) -> bool:
        """Whether the loan would break it, and it is one that loans are refused for."""
        return self.limit.enforced and self.after.standing is Standing.BEYOND

    def whom(self) -> str:
        """Whose exposure it is. A group is called after a borrower whom the actor may see."""
        return whom(self.limit, self.usage, self.borrower)

    def sentence(self) -> str:
        """What the loan would take the limit to, in words; of a limit whose bound is known."""
        after, amount = self.after, money_text(self.amount, thousands=True)
        allowed = after.allowed
        assert allowed is not None  # unavailable limits have a sentence of their own
        said = {
            "amount": amount,
            "whom": self.whom(),
            "used": money_text(after.used, thousands=True),
            "code": self.limit.code,
            "source": self.limit.source,
        }
        said |= {"allowed": money_text(allowed.__floor__(), thousands=True)}
        if self.limit.measure is Measure.AMOUNT:
            return str(
                gettext(
                    "This loan of %(amount)s would take %(whom)s to %(used)s of %(allowed)s yuan"
                    " (limit %(code)s; %(source)s).",
                    **said,
                )
            )
        said |= {"share": percent_up(after.of_base), "bound": percent_up(Fraction(self.limit.bound.most, PPM))}
        if self.limit.measure is Measure.PORTFOLIO:
            return str(
                gettext(
                    "This loan of %(amount)s would take %(whom)s to %(share)s %% of %(bound)s %% of the loan balance"
                    " (%(used)s of %(allowed)s yuan; limit %(code)s; %(source)s).",
                    **said,
                )
            )
        return str(
            gettext(
                "This loan of %(amount)s would take %(whom)s to %(share)s %% of %(bound)s %% of net assets"
                " (%(used)s of %(allowed)s yuan; limit %(code)s; %(source)s).",
                **said,
            )
        )


def whom(limit: LendingLimit, usage: Usage, borrower: Customer | None = None) -> str:
    """Whose exposure a limit caps, in words within a sentence."""
    match limit.kind:
        case LimitKind.BORROWER:
            return str(gettext("the borrower %(name)s", name=_name(usage.named, borrower)))
        case LimitKind.GROUP:
            return str(gettext("the group of %(name)s", name=_name(usage.named, borrower)))
        case LimitKind.INSIDERS:
            return str(gettext("loans to shareholders and staff"))
        case LimitKind.PRODUCT:
            return str(gettext("the product %(name)s", name=limit.product))
        case LimitKind.INDUSTRY:
            name = label_of(limit.industry) if limit.industry else ""
            return str(gettext("the industry %(name)s", name=name))
        case LimitKind.BRANCH:
            return str(gettext("the branch %(name)s", name=limit.of_branch))
    return str(limit.kind.label)


def _name(customer_id: int | None, borrower: Customer | None) -> str:
    """The customer, where the actor may see him; else the borrower whom he asks about."""
    with scope.doing("", "list"):
        found = db.session.get(Customer, customer_id) if customer_id is not None else None
    return str(found or borrower or gettext("another branch's customer"))


def percent_up(share: Fraction | None) -> str:
    """A share as a percentage with two decimals at most, rounded up: nothing beyond a bound reads as within it."""
    if share is None:
        return "–"
    hundredths = -((-share * 10_000).__floor__())
    text = f"{(Decimal(hundredths) / 100).quantize(Decimal('0.01'), ROUND_CEILING):f}"
    return text.rstrip("0").rstrip(".")


def touched(customer: Customer, product: Product | None, amount: int, branch_id: int, day: date) -> list[Touched]:
    """Every limit in force that a loan to this customer would touch, as the loans stand now."""
    session = db.session()
    measuring = Measuring(Book(session), day)
    own = group_of(session, customer.id, day)
    owed = measuring.book.of_customers(own)
    marked = insiders(session, day, own)
    found = []
    for limit in limits_on(session, day):
        match limit.kind:
            case LimitKind.BORROWER:
                reading = measuring.reading(limit, owed.get(customer.id, 0))
                usage = Usage(limit, reading, (customer.id,), customer.id, customer.id in marked)
            case LimitKind.GROUP if len(own) > 1:
                reading = measuring.reading(limit, sum(owed.values()))
                usage = Usage(limit, reading, own, called_after(own, owed), bool(marked))
            case _ if _caps(limit, customer, product, branch_id, customer.id in marked):
                usage = Usage(limit, measuring.reading(limit, measuring.used(limit)))
            case _:
                continue
        found.append(Touched(usage, amount, customer))
    return found


def _caps(limit: LendingLimit, customer: Customer, product: Product | None, branch_id: int, insider: bool) -> bool:
    """Whether a limit with a single subject counts a loan to this customer."""
    match limit.kind:
        case LimitKind.PRODUCT:
            return product is not None and limit.product_id == product.id
        case LimitKind.INDUSTRY:
            return limit.industry is customer.industry
        case LimitKind.BRANCH:
            return branch_id in below(db.session(), limit.of_branch_id or 0)
        case LimitKind.INSIDERS:
            return insider
    return False  # what the company borrows is no loan to anybody


def check_payout(payout: Payout) -> None:
    """Refuse a loan that would break a limit. InvalidValues with a sentence for each.

    Payouts pass one after another, so that two cannot both take the last room.
    """
    alone(db.session(), "limits")
    found = touched(payout.customer, payout.product, payout.amount, payout.owner.branch_id, payout.day)
    sentences = refusals(found, payout.day)
    if sentences:
        raise InvalidValues({"amount": sentences})
    told = {t.limit.code: str(t.after.standing) for t in found if t.after.standing is not Standing.FREE}
    if told:
        current_unit().note(limits=told)


def refusals(found: Sequence[Touched], day: date) -> list[str]:
    """Why a loan is not paid out, a sentence for each limit; empty when it may be."""
    sentences = [one.sentence() for one in found if one.refuses]
    unknown = [one for one in found if one.limit.enforced and one.after.standing is Standing.UNKNOWN]
    if unknown and parameter(WITHOUT, day).text != NOTE:
        sentences.append(unavailable(unknown, day))
    return sentences


def unavailable(found: Sequence[Touched], day: date) -> str:
    """That limits cannot be told, why not, and who can help."""
    return str(
        gettext(
            "Limits unavailable (%(codes)s): the net assets of %(day)s are missing. Finance enters them under Company"
            " figures.",
            codes=gettext(", ").join(one.limit.code for one in found),
            day=prior_year_end(day),
        )
    )


payout_gates.register("limits", check_payout)
