"""Opening positions: loans taken over at a cut-over date from a ledger that comes without its history.

What happened before is booked in sums, with `opening` set and the clearing account on the other side: the disbursement
on its own day, everything paid and written off on the cut-over date. Interest, fees and penalties paid before are not
income of these books; they go to "income before the cut-over". The balance is what is left of the amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from flask_babel import gettext
from sqlalchemy import select

from portal.core.clock import BusinessDay, move_business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, PortalError, Refused
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.agreed_fees import Agreed, write_agreed
from portal.loans.booking import RowsRefused, books, not_yet, taken_codes
from portal.loans.books import Books, Entry
from portal.loans.components import Component
from portal.loans.disbursement import taken_code
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import Guarantee, Loan, LoanStatus
from portal.loans.periods import add_months
from portal.loans.schedule import MAX_AMOUNT, MAX_COUNT, MAX_RATE
from portal.pricing.catalogue import Catalogue
from portal.pricing.gate import Limits
from portal.products.models import Product

MAX_DAYS_LATE = 36_500
"""A century: catches a date in place of a number of days."""


@dataclass(frozen=True, slots=True)
class OpeningPosition:
    """A loan as the old ledger left it; money in fen."""

    code: str
    customer_id: int
    product_id: int
    owner: Owner
    amount: int
    rate: int
    count: int
    disbursed_on: date
    paid_principal: int = 0
    paid_interest: int = 0
    paid_fees: int = 0
    paid_penalty: int = 0
    written_off: int = 0
    """Principal written off."""
    status: LoanStatus = LoanStatus.ACTIVE
    """A loan of which nothing is left counts as settled, or as written off, even when it is called active."""
    days_late: int = 0
    """Days past due at the end of the cut-over date. May exceed the age of the loan: old ledgers carry the lateness of
    a loan over to the one that renewed it."""
    guarantee: Guarantee = Guarantee.CREDIT
    purpose: str | None = None

    @property
    def balance(self) -> int:
        return self.amount - self.paid_principal - self.written_off

    @property
    def standing(self) -> LoanStatus:
        """The status that follows from the figures."""
        if self.balance:
            return LoanStatus.ACTIVE
        return LoanStatus.WRITTEN_OFF if self.written_off else LoanStatus.SETTLED


@verb("loans.open_position")
def open_position(row: OpeningPosition, cut_over: date) -> Loan:
    """Take over one loan as at the end of the cut-over date (see `bulk_open_positions`)."""
    with books_at(cut_over) as opened:
        if taken_codes(Loan.code, [row.code]):
            raise taken_code(row.code)
        product = db.session.get_one(Product, row.product_id)
        rates = Rates()
        account = take_over(opened, row, product, cut_over, rates)
    write_agreed(rates.agreed)
    loan = db.session.get(Loan, account.id)
    if loan is None:
        raise OutOfScope("the loan would belong to somebody else")
    current_unit().about(loan)
    current_unit().note(code=loan.code, amount=row.amount, balance=row.balance, cut_over=cut_over.isoformat())
    return loan


@verb("loans.bulk_open_positions")
def bulk_open_positions(rows: Sequence[OpeningPosition], cut_over: date, batch_id: int | None = None) -> int:
    """Take over many loans, all or none; for imports, which check the rights. Returns how many.

    Into empty books the cut-over date becomes the open business date; into books that are open already the positions
    enter on their business date, and are not known before it. The schedule is a placeholder until instalments are
    imported: since arrears are not known, one instalment with the whole balance. It fell due as many days before the
    cut-over as the loan is late, which is cautious: the whole balance counts as overdue. Else it is due at maturity.

    Raises RowsRefused with what is wrong with each row that fails.
    """
    problems: list[tuple[int, PortalError]] = []
    rates = Rates()
    with books_at(cut_over, batch_id) as opened:
        taken = set(taken_codes(Loan.code, [row.code for row in rows]))
        wanted = {row.product_id for row in rows}
        products = {product.id: product for product in db.session.scalars(select(Product)) if product.id in wanted}
        for place, row in enumerate(rows):
            try:
                if row.code in taken:
                    raise taken_code(row.code)
                take_over(opened, row, products[row.product_id], cut_over, rates)
            except PortalError as problem:
                problems.append((place, problem))
        if problems:
            raise RowsRefused(problems)
    write_agreed(rates.agreed)
    current_unit().note(
        loans=len(rows), balance=sum(row.balance for row in rows), cut_over=cut_over.isoformat(), batch=batch_id
    )
    return len(rows)


def books_at(cut_over: date, batch_id: int | None = None) -> AbstractContextManager[Books]:
    """The books, opened at the cut-over date if nobody has used them yet."""
    if db.session.get(BusinessDay, 1) is None:
        move_business_date(cut_over)
        db.session.flush()
    return books(batch_id)


class Rates:
    """What positions are held against: the limit of the day of each contract, and the catalogue for their fees."""

    def __init__(self) -> None:
        self.limits, self.catalogue = Limits(), Catalogue()
        self.agreed: list[Agreed] = []


def take_over(opened: Books, row: OpeningPosition, product: Product, cut_over: date, rates: Rates) -> LoanAccount:
    """Book one opening position. What it cost all in is not known; a rate that alone is beyond the limit is marked."""
    if problems := problems_of(row, cut_over, opened.open_date):
        raise InvalidValues(problems)
    if row.paid_fees:
        try:
            item = rates.catalogue.taken_over(cut_over)
        except Refused as refusal:
            raise InvalidValues({"paid_fees": [str(refusal)]}) from refusal
    status, matures_on = row.standing, add_months(row.disbursed_on, row.count)
    unpaid = row.written_off if status is LoanStatus.WRITTEN_OFF else row.balance
    due_date = cut_over - timedelta(row.days_late) if row.days_late else max(matures_on, cut_over)
    loan = LoanAccount(
        id=None,
        code=row.code,
        rate=row.rate,
        day_count=product.day_count,
        markup=product.penalty_markup,
        status=status,
        disbursed_on=row.disbursed_on,
        owner=row.owner,
        owner_since=row.disbursed_on,
        method=product.method,
        rounding=product.rounding,
        lines=[Line(1, row.disbursed_on, matures_on, due_date, unpaid, 0)] if unpaid else [],
        last_on=cut_over,
        closed_on=None if status is LoanStatus.ACTIVE else cut_over,
    )
    contract = {
        "customer_id": row.customer_id,
        "product_id": row.product_id,
        "principal": row.amount,
        "count": row.count,
        "method": product.method,
        "rounding": product.rounding,
        "grace": None,
        "first_due_on": None,
        "matures_on": matures_on,
        "guarantee": row.guarantee,
        "purpose": row.purpose,
        "cut_over_on": cut_over,
        "all_in_cost": None,
        "simple_cost": None,
        "above_limit": rates.limits.on(row.disbursed_on).exceeded_by(Decimal(row.rate).scaleb(-6)),
        "prepayment_fee": None,
    }
    opened.add(loan, contract)
    if row.paid_fees:
        rates.agreed.append((loan, item, row.paid_fees, row.disbursed_on))
    _book(opened, loan, row, cut_over)
    return loan


def _book(opened: Books, loan: LoanAccount, row: OpeningPosition, cut_over: date) -> None:
    """The journals that lead to the position."""

    def post(kind: JournalKind, entries: list[Entry], value_date: date) -> None:
        if entries:
            opened.post(loan, kind, f"opening/{{loan}}/{kind.value}", entries, value_date, opening=True)

    def cleared(account: Account, component: Component, amount: int) -> list[Entry]:
        return [Entry(Account.CLEARING, component, amount), Entry(account, component, -amount)] if amount else []

    post(JournalKind.DISBURSEMENT, cleared(Account.LOANS, Component.PRINCIPAL, -row.amount), row.disbursed_on)
    paid = [
        *cleared(Account.LOANS, Component.PRINCIPAL, row.paid_principal),
        *cleared(Account.PRIOR_INCOME, Component.INTEREST, row.paid_interest),
        *cleared(Account.PRIOR_INCOME, Component.FEE, row.paid_fees),
        *cleared(Account.PRIOR_INCOME, Component.PENALTY, row.paid_penalty),
    ]
    post(JournalKind.REPAYMENT, paid, cut_over)
    lost = cleared(Account.LOANS, Component.PRINCIPAL, row.written_off)
    if lost:
        lost.append(Entry(Account.WRITTEN_OFF, Component.PRINCIPAL, row.written_off))
        lost.append(Entry(Account.WRITTEN_OFF_CONTRA, Component.PRINCIPAL, -row.written_off))
        loan.write_offs = 1
    post(JournalKind.WRITE_OFF, lost, cut_over)


def problems_of(row: OpeningPosition, cut_over: date, open_date: date) -> dict[str, list[str]]:
    """What of an opening position does not fit, per field; empty when all is well."""
    found: dict[str, list[str]] = {}
    if cut_over > open_date:
        found["cut_over"] = [not_yet(cut_over, open_date)]
    if not row.code:
        found["code"] = [gettext("A loan needs a number.")]
    if not 0 < row.amount <= MAX_AMOUNT:
        found["amount"] = [gettext("The amount must be positive and at most 10,000,000,000,000 yuan.")]
    if not 0 <= row.rate <= MAX_RATE:
        found["rate"] = [gettext("The annual rate must be between 0 % and 1,000 %.")]
    if not 1 <= row.count <= MAX_COUNT:
        found["count"] = [gettext("The term must be between 1 and 600 months.")]
    if row.disbursed_on > cut_over:
        found["disbursed_on"] = [gettext("The loan was disbursed after the cut-over date.")]
    for name in ("paid_principal", "paid_interest", "paid_fees", "paid_penalty", "written_off"):
        if not 0 <= getattr(row, name) <= MAX_AMOUNT:
            found[name] = [
                gettext("What was paid or written off cannot be negative, nor above 10,000,000,000,000 yuan.")
            ]
    if not found and row.balance < 0:
        found["paid_principal"] = [gettext("More principal was paid and written off than was lent.")]
    if not 0 <= row.days_late <= MAX_DAYS_LATE:
        found["days_late"] = [gettext("The days past due must be between 0 and 36,500.")]
    if not found and row.status is not LoanStatus.ACTIVE and row.status is not row.standing:
        balance = money_text(row.balance, thousands=True)
        sentence = gettext(
            "The state does not fit the figures: a balance of %(balance)s yuan is left.", balance=balance
        )
        found["status"] = [sentence]
    return found
