"""What the story is made of: loans, and what happened to each. Money in fen, rates in parts per million a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from portal.loans.schedule import Terms
from portal.products.terms import DayCount, Method, Rounding

Guarantee = Literal["credit", "guarantor", "mortgage", "pledge"]


@dataclass(frozen=True, slots=True)
class LoanSpec:
    """A loan paid out."""

    code: str
    customer_code: str
    product_code: str
    grid_code: str
    branch_code: str
    team_code: str
    manager_code: str
    """Who looks after it today."""
    originator_code: str
    """Who looked after it when it was paid out: the team's lead, where today's manager had not joined yet."""
    principal: int
    rate: int
    count: int
    method: Method
    day_count: DayCount
    rounding: Rounding
    disbursed_on: date
    first_due_on: date | None
    """None: a month later."""
    guarantee: Guarantee
    purpose: str

    @property
    def terms(self) -> Terms:
        """What the schedule is built from; the product's holiday rule comes on top."""
        return Terms(
            amount=self.principal,
            rate=self.rate,
            count=self.count,
            method=self.method,
            start=self.disbursed_on,
            first_due=self.first_due_on,
            day_count=self.day_count,
            rounding=self.rounding,
        )


@dataclass(frozen=True, slots=True)
class PenaltyCharge:
    """Penalty interest that has run up on an instalment in arrears since the last payment."""

    instalment: int
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentSpec:
    """Money that came in for what was due by then.

    With the charges booked first it is allocated in the order of the Civil Code, the oldest instalment first, and
    nothing is left over. The charges are those that `portal.loans.repayments` works out itself.
    """

    code: str
    loan_code: str
    on: date
    amount: int
    charges: tuple[PenaltyCharge, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlySettlementSpec:
    """Everything paid back before its time: the whole balance with interest for the days since the last due date.

    There are no arrears on that day, and the instalments that were to come fall away.
    """

    code: str
    loan_code: str
    on: date
    principal: int
    interest: int

    @property
    def amount(self) -> int:
        """What was paid."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class WriteOffSpec:
    """The claim leaves the balance sheet."""

    code: str
    loan_code: str
    on: date
    principal: int
    """The whole balance; what interest goes with it depends on what was accrued."""


@dataclass(frozen=True, slots=True)
class RecoverySpec:
    """Money that came in after the write-off; never more than the principal written off."""

    code: str
    loan_code: str
    on: date
    amount: int


Event = PaymentSpec | EarlySettlementSpec | WriteOffSpec | RecoverySpec
