"""Loan accounts in memory: a loan, its schedule and its balances, as the verbs work on them. No session, no SQL.

The verbs for one loan and the bulk writers for thousands load accounts, work on these, and write what came of it, so
that both book the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from portal.loans.allocation import Owed, penalty_interest
from portal.loans.classification import days_past_due
from portal.loans.components import Component
from portal.loans.models import LoanStatus
from portal.products.terms import DayCount


class Owner(NamedTuple):
    """Who looks after a loan."""

    branch_id: int
    team_id: int | None
    manager_id: int | None


@dataclass(slots=True)
class Line:
    """An instalment: what it asks for and what was paid of it, in fen (see `Instalment`)."""

    number: int
    period_start: date
    period_end: date
    due_date: date
    principal: int
    interest: int
    fee: int = 0
    penalty: int = 0
    paid_principal: int = 0
    paid_interest: int = 0
    paid_fee: int = 0
    paid_penalty: int = 0
    settled_on: date | None = None
    id: int | None = None
    changed: bool = False

    def unpaid(self, component: Component) -> int:
        """What is still owed of one component."""
        match component:
            case Component.PRINCIPAL:
                return self.principal - self.paid_principal
            case Component.INTEREST:
                return self.interest - self.paid_interest
            case Component.FEE:
                return self.fee - self.paid_fee
            case Component.PENALTY:
                return self.penalty - self.paid_penalty

    @property
    def ageing(self) -> int:
        """Unpaid principal and contractual interest: what ages a loan."""
        return self.principal - self.paid_principal + self.interest - self.paid_interest

    @property
    def owed(self) -> int:
        """Everything unpaid."""
        asked = self.principal + self.interest + self.fee + self.penalty
        return asked - self.paid_principal - self.paid_interest - self.paid_fee - self.paid_penalty

    def as_owed(self) -> Owed:
        return Owed(
            self.number,
            self.due_date,
            self.fee - self.paid_fee,
            self.penalty - self.paid_penalty,
            self.interest - self.paid_interest,
            self.principal - self.paid_principal,
        )

    def pay(self, component: Component, amount: int) -> None:
        """Note a payment (or, below 0, its reversal)."""
        name = f"paid_{component.value}"
        setattr(self, name, getattr(self, name) + amount)
        self.changed = True

    def charge(self, component: Component, amount: int) -> None:
        """Ask for more or, below 0, for less."""
        setattr(self, component.value, getattr(self, component.value) + amount)
        self.changed = True

    def earned(self, as_of: date) -> int:
        """Contractual interest earned by the end of a date: the integer division of `schedule.accrued_interest`."""
        if self.period_end <= as_of:
            return self.interest
        if self.period_start >= as_of:
            return 0
        return self.interest * (as_of - self.period_start).days // (self.period_end - self.period_start).days


@dataclass(slots=True)
class LoanAccount:
    """A loan as the ledger knows it."""

    id: int | None
    """None until a new loan is written."""
    code: str
    rate: int
    day_count: DayCount
    markup: int
    """Of penalty interest, in parts per million of the contract rate."""
    status: LoanStatus
    disbursed_on: date
    owner: Owner
    owner_since: date
    lines: list[Line]
    balance: int = 0
    """Of the loans account."""
    receivable: int = 0
    """Of interest receivable: accrued, not yet paid."""
    accrued: int = 0
    """Interest ever accrued."""
    off_balance: dict[Component, int] = field(default_factory=dict)
    """Written off and not recovered, by component."""
    last_on: date | None = None
    """Value date of the last payment, write-off or recovery that stands: nothing may be booked before it."""
    write_offs: int = 0
    """How many were ever booked, reversed ones included."""
    closed_on: date | None = None
    changed: bool = False

    @property
    def owed(self) -> int:
        """Everything the customer has not paid, due or not."""
        return sum(line.owed for line in self.lines)

    @property
    def written_off(self) -> int:
        return sum(self.off_balance.values())

    def earned(self, as_of: date) -> int:
        """Contractual interest earned by the end of a date, paid or not."""
        return sum(line.earned(as_of) for line in self.lines)

    def days_past_due(self, as_of: date, tolerance: int) -> int:
        unsettled = ((line.due_date, line.ageing) for line in self.lines if line.settled_on is None)
        return days_past_due(unsettled, as_of, tolerance)

    def penalties(self, on: date) -> list[tuple[Line, int]]:
        """Penalty interest that has run up by a date since the last payment, per instalment in arrears."""
        found = []
        for line in self.lines:
            since = line.due_date if self.last_on is None else max(line.due_date, self.last_on)
            if line.settled_on is None and since < on and line.ageing:
                amount = penalty_interest(line.ageing, self.rate, self.markup, (on - since).days, self.day_count)
                if amount:
                    found.append((line, amount))
        return found

    def unearned(self, on: date) -> list[tuple[Line, int]]:
        """Interest of coming instalments that falls away if everything is paid on a date (民法典 677), per instalment.

        What was earned by then stays owed, and what was paid already stays paid.
        """
        coming = ((line, line.interest - max(line.earned(on), line.paid_interest)) for line in self.lines)
        return [(line, amount) for line, amount in coming if line.due_date > on and amount > 0]

    def payoff(self, on: date) -> int:
        """What settles the loan on a date: everything owed, penalty interest up to then, without unearned interest."""
        penalties = sum(amount for _line, amount in self.penalties(on))
        return self.owed + penalties - sum(amount for _line, amount in self.unearned(on))

    def mark_settled(self, on: date, touched: Iterable[Line]) -> None:
        """Note on the instalments that were paid in full when that was."""
        for line in touched:
            if line.settled_on is None and not line.ageing:
                line.settled_on = on
                line.changed = True

    def close(self, status: LoanStatus, on: date) -> None:
        self.status, self.closed_on, self.changed = status, on, True

    def reopen(self) -> None:
        self.status, self.closed_on, self.changed = LoanStatus.ACTIVE, None, True
