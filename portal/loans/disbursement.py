"""Disbursement: a loan is paid out and its schedule made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, PortalError
from portal.core.values import rate_text
from portal.core.work import current_unit, verb
from portal.customers.models import Customer
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.booking import RowsRefused, books, not_yet, taken_codes
from portal.loans.books import Books, Entry
from portal.loans.components import Component
from portal.loans.holidays import due_date_mover
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import Guarantee, Loan, LoanStatus
from portal.loans.schedule import MAX_AMOUNT, Terms, build_schedule
from portal.loans.thresholds import announced_days
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
) -> Loan:
    """Pay out a loan: contract, schedule, journal. It is looked after by `owner`, or by whoever has the customer.

    Raises InvalidValues when the terms are not the product's, it is off offer, the number is taken or the day to come.
    """
    if not product.active:
        raise InvalidValues({"product": [gettext("This product is not on offer any more.")]})
    with books() as opened:
        owner = owner or Owner(customer.branch_id, customer.team_id, customer.manager_id)
        on = disbursed_on or opened.open_date
        terms = (amount, rate, count, on, owner, first_due_on, guarantee, purpose)
        new = NewLoan(code.strip(), customer.id, product.id, *terms)
        if taken_codes(Loan.code, [new.code]):
            raise taken_code(new.code)
        account = Lender(opened, [product]).pay_out(new)
    loan = db.session.get(Loan, account.id)
    if loan is None:
        raise OutOfScope("the loan would belong to somebody else")
    current_unit().about(loan)
    current_unit().note(code=loan.code, amount=amount, rate=rate, months=count, value_date=on.isoformat())
    return loan


@verb("loans.bulk_disburse")
def bulk_disburse(rows: Sequence[NewLoan], batch_id: int | None = None) -> int:
    """Pay out many loans, all or none, as `disburse` would; for imports, which check the rights. Returns how many.

    Products need not be on offer any more. Raises RowsRefused with what `disburse` would say of each row that fails.
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
    current_unit().note(loans=len(rows), batch=batch_id)
    return len(rows)


def products_of(rows: Iterable[NewLoan]) -> list[Product]:
    wanted = {row.product_id for row in rows}
    return list(db.session.scalars(select(Product).where(Product.id.in_(wanted))))


def taken_code(code: str) -> InvalidValues:
    return InvalidValues({"code": [gettext("The loan number %(code)s is taken already.", code=code)]})


class Lender:
    """Pays out loans of these products into open books; keeps what many loans of a product share."""

    def __init__(self, opened: Books, products: Iterable[Product]) -> None:
        self.books = opened
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
        )
        try:
            schedule = build_schedule(terms, self.mover(product))
        except ValueError as error:
            sentence = gettext("The holiday rule of the product leaves no room between two due dates.")
            raise InvalidValues({"first_due_on": [sentence]}) from error
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
            lines=[
                Line(line.number, line.period_start, line.period_end, line.due_date, line.principal, line.interest)
                for line in schedule
            ],
        )
        contract = {
            "customer_id": new.customer_id,
            "product_id": new.product_id,
            "principal": new.amount,
            "count": new.count,
            "method": product.method,
            "rounding": product.rounding,
            "first_due_on": new.first_due_on,
            "matures_on": schedule[-1].due_date,
            "guarantee": new.guarantee,
            "purpose": new.purpose,
            "cut_over_on": None,
        }
        self.books.add(loan, contract)
        entries = [
            Entry(Account.LOANS, Component.PRINCIPAL, new.amount),
            Entry(Account.CASH, Component.PRINCIPAL, -new.amount),
        ]
        self.books.post(loan, JournalKind.DISBURSEMENT, "disbursement/{loan}", entries, new.disbursed_on)
        return loan

    def mover(self, product: Product) -> Callable[[date], date]:
        if product.id not in self.movers:
            self.movers[product.id] = due_date_mover(product.holiday_rule, announced_days(self.books.open_date))
        return self.movers[product.id]


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
    if new.disbursed_on > open_date:
        found["disbursed_on"] = [not_yet(new.disbursed_on, open_date)]
    if new.first_due_on is not None and new.first_due_on <= new.disbursed_on:
        found["first_due_on"] = [gettext("The first due date must be after the disbursement.")]
    return found
