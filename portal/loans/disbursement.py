"""Disbursement: a loan is paid out and its schedule made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, PortalError, Refused
from portal.core.values import rate_text
from portal.core.work import current_unit, verb
from portal.customers.models import Customer
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.agreed_fees import Agreed, write_agreed
from portal.loans.booking import RowsRefused, books, not_yet, taken_codes
from portal.loans.books import Books, Entry
from portal.loans.components import Component
from portal.loans.gates import Payout, pass_gates
from portal.loans.holidays import due_date_mover
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import Guarantee, Loan, LoanStatus
from portal.loans.periods import next_reset
from portal.loans.schedule import MAX_AMOUNT, Instalment, Terms, build_schedule
from portal.loans.thresholds import announced_days, charge_limits, lpr_on
from portal.pricing.catalogue import Catalogue
from portal.pricing.gate import Limits, check_all_in_cost, no_rate
from portal.pricing.models import FeeItem
from portal.pricing.offers import Charge, Fee, Offer, Payee, Payment, charge_of, ppm
from portal.pricing.rules import FlowsError
from portal.products.models import Product


@dataclass(frozen=True, slots=True)
class NewLoan:
    """A loan to be paid out. Method, day count, rounding and holiday rule are the product's."""

    code: str
    customer_id: int
    product_id: int
    amount: int
    """Fen; what is paid out is the principal (民法典 670)."""
    rate: int
    """Parts per million a year."""
    count: int
    """Months."""
    disbursed_on: date
    owner: Owner
    first_due_on: date | None = None
    guarantee: Guarantee = Guarantee.CREDIT
    purpose: str | None = None
    fees: tuple[str, ...] = ()
    """Codes of items of the fee catalogue."""


@verb("loans.disburse")
def disburse(
    code: str,
    customer: Customer,
    product: Product,
    amount: int,
    rate: int,
    count: int,
    disbursed_on: date | None = None,
    first_due_on: date | None = None,
    guarantee: Guarantee = Guarantee.CREDIT,
    purpose: str | None = None,
    owner: Owner | None = None,
    fees: Sequence[str] = (),
) -> Loan:
    """Pay out a loan: contract, schedule, journal. It is looked after by `owner`, or by whoever has the customer.

    Raises InvalidValues when the terms are not the product's, it is off offer, the number is taken or the day to come,
    when a fee is not in the catalogue, the all-in cost is beyond the limit of the day, or another gate refuses.
    """
    if not product.active:
        raise InvalidValues({"product": [gettext("This product is not on offer any more.")]})
    with books() as opened:
        owner = owner or Owner(customer.branch_id, customer.team_id, customer.manager_id)
        on = disbursed_on or opened.open_date
        terms = (amount, rate, count, on, owner, first_due_on, guarantee, purpose, tuple(fees))
        new = NewLoan(code.strip(), customer.id, product.id, *terms)
        if taken_codes(Loan.code, [new.code]):
            raise taken_code(new.code)
        lender = Lender(opened, [product], gate=True)
        account = lender.pay_out(new)
        pass_gates(Payout(customer, product, amount, owner, opened.open_date))
    write_agreed(lender.agreed)
    loan = db.session.get(Loan, account.id)
    if loan is None:
        raise OutOfScope("the loan would belong to somebody else")
    current_unit().about(loan)
    current_unit().note(code=loan.code, amount=amount, rate=rate, months=count, value_date=on.isoformat())
    return loan


@verb("loans.bulk_disburse")
def bulk_disburse(rows: Sequence[NewLoan], batch_id: int | None = None) -> int:
    """Pay out many loans, all or none, as `disburse` would; for imports, which check the rights. Returns how many.

    Products need not be on offer any more, and a cost beyond the limit is marked, not refused: these loans were agreed
    long since. Raises RowsRefused with what `disburse` would say of each row that fails.
    """
    taken = set(taken_codes(Loan.code, [row.code for row in rows]))
    problems: list[tuple[int, PortalError]] = []
    with books(batch_id) as opened:
        lender = Lender(opened, products_of(rows))
        for place, row in enumerate(rows):
            try:
                if row.code in taken:
                    raise taken_code(row.code)
                lender.pay_out(row)
            except PortalError as problem:
                problems.append((place, problem))
        if problems:
            raise RowsRefused(problems)
    write_agreed(lender.agreed)
    current_unit().note(loans=len(rows), batch=batch_id)
    return len(rows)


def products_of(rows: Iterable[NewLoan]) -> list[Product]:
    wanted = {row.product_id for row in rows}
    return list(db.session.scalars(select(Product).where(Product.id.in_(wanted))))


def taken_code(code: str) -> InvalidValues:
    return InvalidValues({"code": [gettext("The loan number %(code)s is taken already.", code=code)]})


class Lender:
    """Pays out loans of these products into open books; keeps what many loans of a product share.

    `gate`: refuse what costs more than the limit of its day; otherwise such loans are only marked.
    """

    def __init__(self, opened: Books, products: Iterable[Product], gate: bool = False) -> None:
        self.books = opened
        self.gate = gate
        self.limits = Limits()
        self.agreed: list[Agreed] = []
        """Fees of the loans paid out, for `write_agreed` once these have numbers."""
        self.products = {product.id: product for product in products}
        self.movers: dict[int, Callable[[date], date]] = {}

    def pay_out(self, new: NewLoan) -> LoanAccount:
        """One loan with its schedule and journal."""
        product = self.products[new.product_id]
        if problems := problems_of(new, product, self.books.open_date):
            raise InvalidValues(problems)
        terms = Terms(
            new.amount,
            new.rate,
            new.count,
            product.method,
            new.disbursed_on,
            new.first_due_on,
            product.day_count,
            product.rounding,
            product.grace or 0,
        )
        try:
            schedule = build_schedule(terms, self.mover(product))
        except ValueError as error:
            sentence = gettext("The holiday rule of the product leaves no room between two due dates.")
            raise InvalidValues({"first_due_on": [sentence]}) from error
        items = self.fee_items(new)
        offer = offer_of(new.amount, new.count, new.disbursed_on, schedule, [item.as_fee() for item in items])
        cost = self.cost(offer)
        charges = [charge_of(fee, offer) for fee in offer.fees]
        ours = our_fees(charges)
        loan = LoanAccount(
            id=None,
            code=new.code,
            rate=new.rate,
            day_count=product.day_count,
            markup=product.penalty_markup,
            status=LoanStatus.ACTIVE,
            disbursed_on=new.disbursed_on,
            owner=new.owner,
            owner_since=new.disbursed_on,
            method=product.method,
            rounding=product.rounding,
            grace=product.grace or 0,
            prepayment_fee=product.prepayment_fee,
            holiday_rule=product.holiday_rule,
            claims_order=product.claims_order,
            limit_on=charge_limits(self.limits),
            **self.floating(product, new),
            lines=[
                Line(
                    line.number,
                    line.period_start,
                    line.period_end,
                    line.due_date,
                    line.principal,
                    line.interest,
                    ours.get(line.due_date, 0),
                )
                for line in schedule
            ],
        )
        self.agreed += [
            (loan, item, charge.total, new.disbursed_on) for item, charge in zip(items, charges, strict=True)
        ]
        contract = {
            "customer_id": new.customer_id,
            "product_id": new.product_id,
            "principal": new.amount,
            "count": new.count,
            "method": product.method,
            "rounding": product.rounding,
            "grace": product.grace or None,
            "first_due_on": new.first_due_on,
            "matures_on": schedule[-1].due_date,
            "guarantee": new.guarantee,
            "purpose": new.purpose,
            "cut_over_on": None,
            "claims_order": product.claims_order,
            "reset_rule": product.reset_rule,
            "spread": loan.spread if product.reset_rule else None,
            "next_reset_on": loan.next_reset_on,
            "misuse_markup": None,
            **cost,
            "prepayment_fee": product.prepayment_fee or None,
        }
        self.books.add(loan, contract)
        entries = [
            Entry(Account.LOANS, Component.PRINCIPAL, new.amount),
            Entry(Account.CASH, Component.PRINCIPAL, -new.amount),
        ]
        self.books.post(loan, JournalKind.DISBURSEMENT, "disbursement/{loan}", entries, new.disbursed_on)
        return loan

    def floating(self, product: Product, new: NewLoan) -> dict[str, Any]:
        """What a loan keeps of its rate that follows the LPR: the first reset comes after the open business date."""
        if product.reset_rule is None:
            return {}
        after = max(new.disbursed_on, self.books.open_date)
        return {
            "reset_rule": product.reset_rule,
            "spread": new.rate - lpr_on(new.disbursed_on),
            "next_reset_on": next_reset(product.reset_rule, new.disbursed_on, after),
        }

    def fee_items(self, new: NewLoan) -> list[FeeItem]:
        """The items of the catalogue that a loan is charged. InvalidValues for what is not in it on that day."""
        if not new.fees:
            return []
        try:
            return [self.catalogue.item(code, new.disbursed_on) for code in dict.fromkeys(new.fees)]
        except Refused as refusal:
            raise InvalidValues({"fees": [str(refusal)]}) from refusal

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue()

    def cost(self, offer: Offer) -> dict[str, Any]:
        """What is kept of the all-in cost. InvalidValues when it is beyond the limit and there is a gate."""
        try:
            verdict = check_all_in_cost(offer, self.limits)
        except FlowsError as error:
            if self.gate:
                raise InvalidValues({"rate": [no_rate(error)]}) from error
            return {"all_in_cost": None, "simple_cost": None, "above_limit": None}
        if self.gate and not verdict.passes:
            raise InvalidValues({"rate": [verdict.sentence()]})
        rates = {"all_in_cost": ppm(verdict.cost.irr), "simple_cost": ppm(verdict.cost.simple)}
        return {**rates, "above_limit": not verdict.passes}

    def mover(self, product: Product) -> Callable[[date], date]:
        if product.id not in self.movers:
            self.movers[product.id] = due_date_mover(product.holiday_rule, announced_days(self.books.open_date))
        return self.movers[product.id]


def offer_of(principal: int, months: int, start: date, schedule: Iterable[Instalment], fees: Sequence[Fee]) -> Offer:
    """An offer from a schedule that was worked out."""
    payments = [Payment(line.due_date, line.principal, line.interest) for line in schedule]
    return Offer(principal, months, start, payments, tuple(fees))


def our_fees(charges: Iterable[Charge]) -> dict[date, int]:
    """What we charge ourselves, by the day it falls due: the fees of instalments. Third parties collect their own."""
    found: dict[date, int] = {}
    for charge in charges:
        for day, amount in charge.times if charge.fee.payee is Payee.LENDER else ():
            found[day] = found.get(day, 0) + amount
    return found


def problems_of(new: NewLoan, product: Product, open_date: date) -> dict[str, list[str]]:
    """What of a new loan does not fit, per field; empty when all is well."""
    found: dict[str, list[str]] = {}
    if not new.code:
        found["code"] = [gettext("A loan needs a number.")]
    if not 0 < new.amount <= MAX_AMOUNT:
        found["amount"] = [gettext("The amount must be positive and at most 10,000,000,000,000 yuan.")]
    if not product.rate_min <= new.rate <= product.rate_max:
        low, high = rate_text(product.rate_min), rate_text(product.rate_max)
        found["rate"] = [gettext("The product allows rates from %(low)s %% to %(high)s %%.", low=low, high=high)]
    if not product.term_min <= new.count <= product.term_max:
        low, high = str(product.term_min), str(product.term_max)
        found["count"] = [gettext("The product allows terms from %(low)s to %(high)s months.", low=low, high=high)]
    elif new.count <= (product.grace or 0):
        sentence = gettext("The product has %(n)s months without principal; the term must be longer.", n=product.grace)
        found["count"] = [sentence]
    if new.disbursed_on > open_date:
        found["disbursed_on"] = [not_yet(new.disbursed_on, open_date)]
    if new.first_due_on is not None and new.first_due_on <= new.disbursed_on:
        found["first_due_on"] = [gettext("The first due date must be after the disbursement.")]
    return found
