"""What the borrower is told of the cost before he signs: an offer or a loan, its normal cost, what a default brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from portal.core import records
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, Refused
from portal.core.masks import is_clear
from portal.loans.accounts import Owner
from portal.loans.agreed_fees import AgreedFee
from portal.loans.allocation import penalty_interest
from portal.loans.disbursement import NewLoan, offer_of, problems_of
from portal.loans.holidays import due_date_mover
from portal.loans.models import Loan
from portal.loans.schedule import Instalment, Terms, build_schedule
from portal.loans.thresholds import announced_days
from portal.pricing.catalogue import Catalogue
from portal.pricing.gate import Limits, Verdict, check_all_in_cost, no_rate
from portal.pricing.offers import PPM, Charged, Fee
from portal.pricing.rules import FlowsError
from portal.products.models import Product

SHOWN = ("principal", "rate", "count", "disbursed_on", "product", "all_in_cost")
"""Fields of a loan that the statement tells: whose role covers one of them gets none."""
DEFAULT_DAYS = (30, 90)
"""Days past due for which the contingent cost is shown as an example."""


@dataclass(frozen=True)
class ContingentCost:
    """What a default costs (违约情形下的或有成本): it comes on top, and is no part of the normal cost."""

    rate: int
    """Penalty interest a year, in parts per million: the contract rate and its mark-up."""
    markup: int
    examples: Sequence[tuple[int, int, int]]
    """(days, fen on the first instalment, fen on the whole principal) when they stay unpaid so long."""
    fees: Sequence[Fee]
    """Items of the catalogue that only a default brings."""


@dataclass(frozen=True)
class Disclosed:
    """All that the borrower is told of the cost before he signs."""

    terms: Terms
    product: Product
    schedule: Sequence[Instalment]
    verdict: Verdict
    contingent: ContingentCost
    code: str = ""
    borrower: str = ""
    """Both empty for an offer that nobody has taken yet."""


def typed_offer(
    product: Product, amount: int, rate: int, count: int, start: date, first_due: date | None, codes: Sequence[str]
) -> Disclosed:
    """An offer on these terms. InvalidValues, by the fields of a new loan, when they are not the product's."""
    new = NewLoan("offer", 0, product.id, amount, rate, count, start, Owner(0, None, None), first_due)
    wrong = problems_of(new, product, start)
    catalogue, fees = Catalogue(), []
    for code in dict.fromkeys(codes):
        try:
            fees.append(catalogue.item(code, start).as_fee())
        except Refused as refusal:
            wrong.setdefault("fees", []).append(str(refusal))
    if wrong:
        raise InvalidValues(wrong)
    try:
        conventions = (product.day_count, product.rounding, product.grace or 0)
        terms = Terms(amount, rate, count, product.method, start, first_due, *conventions)
    except ValueError as error:  # all else was looked at above
        sentence = gettext("The last due date must be before the year 9999.")
        raise InvalidValues({"disbursed_on": [sentence]}) from error
    return _disclosed(terms, product, fees, catalogue)


def disclosed_loan(loan_id: int) -> Disclosed:
    """The cost of a loan as it was agreed. NotFound out of scope; Refused when it came without its schedule."""
    loan: Loan = records.load(Loan, loan_id)
    if not all(is_clear(Loan, name) for name in SHOWN):
        raise Forbidden()
    if loan.cut_over_on is not None:
        raise Refused(gettext("This loan was taken over without its first schedule: what it cost all in is not known."))
    agreed = db.session.scalars(select(AgreedFee).where(AgreedFee.loan_id == loan.id).order_by(AgreedFee.id))
    terms = Terms(
        loan.principal,
        loan.rate,
        loan.count,
        loan.method,
        loan.disbursed_on,
        loan.first_due_on,
        loan.day_count,
        loan.rounding,
        loan.grace or 0,
    )
    found = _disclosed(terms, loan.product, [fee.as_fee() for fee in agreed], Catalogue())
    return replace(found, code=loan.code, borrower=str(loan.customer))


def _disclosed(terms: Terms, product: Product, fees: Sequence[Fee], catalogue: Catalogue) -> Disclosed:
    mover = due_date_mover(product.holiday_rule, announced_days(terms.start))
    try:
        schedule = build_schedule(terms, mover)
        verdict = check_all_in_cost(offer_of(terms.amount, terms.count, terms.start, schedule, fees), Limits())
    except FlowsError as error:
        raise InvalidValues({"rate": [no_rate(error)]}) from error
    except ValueError as error:
        sentence = gettext("The holiday rule of the product leaves no room between two due dates.")
        raise InvalidValues({"first_due_on": [sentence]}) from error
    events = [item.as_fee() for item in catalogue.in_force(terms.start, [Charged.ON_EVENT])]
    return Disclosed(terms, product, schedule, verdict, contingent_cost(terms, product, schedule, events))


def contingent_cost(
    terms: Terms, product: Product, schedule: Sequence[Instalment], fees: Sequence[Fee]
) -> ContingentCost:
    """As the ledger charges it: simple, on unpaid principal and interest, never on penalty interest."""
    markup = product.penalty_markup

    def penalty(unpaid: int, days: int) -> int:
        return penalty_interest(unpaid, terms.rate, markup, days, terms.day_count)

    examples = [(days, penalty(schedule[0].due, days), penalty(terms.amount, days)) for days in DEFAULT_DAYS]
    return ContingentCost(terms.rate * (PPM + markup) // PPM, markup, examples, fees)


def products_on_offer() -> list[Product]:
    """What the calculator offers, by code."""
    return list(db.session.scalars(select(Product).where(Product.active.is_(True)).order_by(Product.code)))


def product_called(product_id: int) -> Any:
    """A product on offer, or None."""
    return next((product for product in products_on_offer() if product.id == product_id), None)
