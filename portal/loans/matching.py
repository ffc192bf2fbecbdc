"""Matching: what a line of the bank statement may be, the surest guess first, each with its reason."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.db import Labelled, db
from portal.core.scope import unscoped
from portal.customers.models import Customer
from portal.loans.accounts import LoanAccount
from portal.loans.bank_lines import BankLine
from portal.loans.loading import load_accounts
from portal.loans.models import Loan, LoanStatus, Repayment
from portal.loans.statement import receipt_number, unmatched_bookings

TOKEN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_/-]{3,39}")
"""What may be a loan number in a remark."""

NEAR = timedelta(days=3)
"""A payment that was booked by hand and the bank's line of it lie at most so far apart."""


class Why(Labelled):
    """Why a line is taken for something, the surest reason first."""

    REFERENCE = "reference", _("Booked under the bank's reference")
    NUMBER_AND_AMOUNT = "number_and_amount", _("Loan number in the remark, exactly what is due")
    NAME_AND_AMOUNT = "name_and_amount", _("Payer's name, exactly what is due")
    SAME_PAYMENT = "same_payment", _("A payment of this amount was booked within three days")
    NUMBER = "number", _("Loan number in the remark")
    NAME = "name", _("Payer's name")

    @property
    def sure(self) -> bool:
        """Whether it may be booked without anybody looking at it alone."""
        return self is Why.NUMBER_AND_AMOUNT


@dataclass(frozen=True, slots=True)
class Proposal:
    """A loan that a line may pay, or a booking that it may be."""

    why: Why
    loan: Loan
    due: int
    """What is due on the loan on the line's value date, in fen."""
    repayment: Repayment | None = None


def numbers_in(remark: str | None) -> set[str]:
    """Words of a remark that may be loan numbers."""
    return set(TOKEN.findall(remark or ""))


def ranked(
    line: BankLine,
    by_number: Mapping[str, Loan],
    by_name: Mapping[str, Sequence[Loan]],
    due: Mapping[int, int],
    booked: Iterable[Repayment],
) -> list[Proposal]:
    """What a line may be, the surest first; of each loan and booking only the surest reason."""
    numbered = [by_number[word] for word in sorted(numbers_in(line.remark)) if word in by_number]
    named = list(by_name.get((line.payer or "").strip(), ()))
    found = []
    for row in booked:
        if row.code == receipt_number(line.code) and row.amount == line.amount:
            found.append(Proposal(Why.REFERENCE, row.loan, due.get(row.loan_id, 0), row))
        elif _may_be(row, line) and row.loan_id in {loan.id for loan in (*numbered, *named)}:
            found.append(Proposal(Why.SAME_PAYMENT, row.loan, due.get(row.loan_id, 0), row))
    for loans, exact, alike in (
        (numbered, Why.NUMBER_AND_AMOUNT, Why.NUMBER),
        (named, Why.NAME_AND_AMOUNT, Why.NAME),
    ):
        for loan in loans:
            owed = due.get(loan.id, 0)
            found.append(Proposal(exact if owed == line.amount else alike, loan, owed))
    order = list(Why)
    best: dict[tuple[int, int], Proposal] = {}
    for proposal in sorted(found, key=lambda one: (order.index(one.why), one.loan.id)):
        best.setdefault((proposal.loan.id, proposal.repayment.id if proposal.repayment else 0), proposal)
    return list(best.values())


def _may_be(row: Repayment, line: BankLine) -> bool:
    return row.amount == line.amount and abs(row.value_date - line.value_date) <= NEAR


def proposals(lines: Sequence[BankLine]) -> dict[int, list[Proposal]]:
    """What these lines may be, by line; all looked up together. Money that went out has none."""
    incoming = [line for line in lines if line.amount > 0]
    words = set().union(*(numbers_in(line.remark) for line in incoming)) if incoming else set()
    payers = {line.payer.strip() for line in incoming if line.payer and line.payer.strip()}
    open_to_payment = Loan.status.in_((LoanStatus.ACTIVE, LoanStatus.WRITTEN_OFF))
    loans = select(Loan).options(joinedload(Loan.customer)).where(open_to_payment)
    by_number = {loan.code: loan for loan in db.session.scalars(loans.where(Loan.code.in_(words)))}
    by_name: dict[str, list[Loan]] = defaultdict(list)
    of_payers = loans.join(Customer, Customer.id == Loan.customer_id).where(Customer.name.in_(payers))
    for loan in db.session.scalars(of_payers.order_by(Loan.id)):
        by_name[loan.customer.name].append(loan)
    booked = unmatched_bookings([receipt_number(line.code) for line in incoming], {line.amount for line in incoming})
    ids = {loan.id for loan in by_number.values()} | {loan.id for some in by_name.values() for loan in some}
    with unscoped("what is due on loans that a statement may pay"):
        accounts = load_accounts(db.session(), ids | {row.loan_id for row in booked}, lock=False)
    return {
        line.id: ranked(line, by_number, by_name, _due_on(line, accounts), booked) if line.amount > 0 else []
        for line in lines
    }


def _due_on(line: BankLine, accounts: Mapping[int, LoanAccount]) -> dict[int, int]:
    return {number: account.due_by(line.value_date) for number, account in accounts.items()}
