"""Loan accounts in memory: a loan, its schedule and its balances, as the verbs work on them. No session, no SQL.

The verbs for one loan and the bulk writers for thousands load accounts, work on these, and write what came of it, so
that both book the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from portal.loans.allocation import AGREED_ORDERS, PPM, Owed, misuse_interest, penalty_interest, within_cap
from portal.loans.classification import days_past_due
from portal.loans.components import Component
from portal.loans.models import LoanStatus
from portal.loans.terms import LoanTerms
from portal.products.terms import ClaimsOrder, DayCount, HolidayRule, Method, ResetRule, Rounding


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
    cost: int = 0
    paid_cost: int = 0
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
            case Component.COST:
                return self.cost - self.paid_cost

    @property
    def ageing(self) -> int:
        """Unpaid principal and contractual interest: what ages a loan."""
        return self.principal - self.paid_principal + self.interest - self.paid_interest

    @property
    def owed(self) -> int:
        """Everything unpaid."""
        asked = self.principal + self.interest + self.fee + self.penalty + self.cost
        paid = self.paid_principal + self.paid_interest + self.paid_fee + self.paid_penalty + self.paid_cost
        return asked - paid

    def as_owed(self, penalty: int = 0) -> Owed:
        """What is unpaid; `penalty` is what is about to be charged on it."""
        return Owed(
            self.number,
            self.due_date,
            self.fee - self.paid_fee,
            self.penalty - self.paid_penalty + penalty,
            self.interest - self.paid_interest,
            self.principal - self.paid_principal,
            self.cost - self.paid_cost,
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
    changes_of_terms: int = 0
    """How many were ever booked, reversed ones included."""
    closed_on: date | None = None
    changed: bool = False
    method: Method = Method.LEVEL
    rounding: Rounding = Rounding.HALF_UP
    grace: int = 0
    """How many of the first instalments ask for interest only."""
    prepayment_fee: int = 0
    """Of principal repaid before its time, in parts per million, as agreed."""
    matures_on: date | None = None
    """None until a new loan is written."""
    holiday_rule: HolidayRule = HolidayRule.NONE
    claims_order: ClaimsOrder | None = None
    """As agreed; None: the order of the law."""
    reset_rule: ResetRule | None = None
    """None: the rate is fixed."""
    spread: int = 0
    """Of a rate that follows the loan prime rate, in parts per million."""
    next_reset_on: date | None = None
    misuse_markup: int | None = None
    """Of penalty interest for misuse, in parts per million of the contract rate; None: no misuse."""
    limit_on: Callable[[date], int | None] = lambda _on: None
    """What all charges together may come to in a year on a date, in parts per million; None: no limit."""

    @property
    def terms(self) -> LoanTerms:
        """What of the terms may change."""
        return LoanTerms(self.rate, self.matures_on, self.misuse_markup, self.next_reset_on)

    def agree(self, terms: LoanTerms) -> None:
        """These terms hold from now on; the maturity follows the schedule (`note_maturity`)."""
        self.rate, self.misuse_markup, self.next_reset_on = terms.rate, terms.misuse_markup, terms.next_reset_on
        self.changed = True

    def order(self, lawful: Sequence[Component]) -> Sequence[Component]:
        """What a payment settles first: as the contract says, else the order of the law."""
        return lawful if self.claims_order is None else AGREED_ORDERS[self.claims_order]

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
        """Penalty interest that has run up by a date since the last booking, within the limit on all charges.

        Per instalment: on what is overdue, at the higher of the two mark-ups; in a case of misuse also on principal
        that is not due yet, the mark-up alone.
        """
        run_up = self._run_up(on)
        kept = self._within_cap([(line, amount) for line, amount, _since in run_up], run_up, on)
        return [(line, amount) for line, amount in kept if amount]

    def cut_by_cap(self, on: date) -> int:
        """Penalty interest since the last booking that is not charged: it is beyond the limit on all charges."""
        run_up = sum(amount for _line, amount, _since in self._run_up(on))
        return run_up - sum(amount for _line, amount in self.penalties(on))

    def _run_up(self, on: date) -> list[tuple[Line, int, date]]:
        """Penalty interest before the limit, and since when, per instalment."""
        found = []
        markup = max(self.markup, self.misuse_markup or 0)
        for line in self.lines:
            if line.settled_on is not None or not line.ageing:
                continue
            since = line.due_date if self.last_on is None else max(line.due_date, self.last_on)
            if since < on:
                amount = penalty_interest(line.ageing, self.rate, markup, (on - since).days, self.day_count)
                if amount:
                    found.append((line, amount, since))
            if self.misuse_markup and self.last_on is not None and (until := min(on, line.due_date)) > self.last_on:
                principal, days = line.unpaid(Component.PRINCIPAL), (until - self.last_on).days
                amount = misuse_interest(principal, self.rate, self.misuse_markup, days, self.day_count)
                if amount:
                    found.append((line, amount, self.last_on))
        return found

    def _within_cap(
        self, amounts: list[tuple[Line, int]], run_up: Sequence[tuple[Line, int, date]], on: date
    ) -> list[tuple[Line, int]]:
        limit = self.limit_on(on) if run_up else None
        if limit is not None:
            since = min(first for _line, _amount, first in run_up)
            days = (on - since).days
            charged = self.earned(on) - self.earned(since) + self._fees_of(days)
            principal = sum(line.unpaid(Component.PRINCIPAL) for line in self.lines)
            kept = within_cap([amount for _line, amount in amounts], principal, limit, days, charged)
            amounts = [(line, amount) for (line, _amount), amount in zip(amounts, kept, strict=True)]
        together: dict[int, tuple[Line, int]] = {}
        for line, amount in amounts:
            together[line.number] = (line, together.get(line.number, (line, 0))[1] + amount)
        return list(together.values())

    def _fees_of(self, days: int) -> int:
        """The share of so many days in the fees of the loan, which are spread evenly over its term."""
        term = ((self.matures_on or self.disbursed_on) - self.disbursed_on).days
        return sum(line.fee for line in self.lines) * min(days, term) // term if term > 0 else 0

    def unearned(self, on: date) -> list[tuple[Line, int]]:
        """Interest of coming instalments that falls away if everything is paid on a date (民法典 677), per instalment.

        What was earned by then stays owed, and what was paid already stays paid.
        """
        coming = ((line, line.interest - max(line.earned(on), line.paid_interest)) for line in self.lines)
        return [(line, amount) for line, amount in coming if line.due_date > on and amount > 0]

    def coming(self, on: date) -> list[Line]:
        """Instalments that fall due after a date, the first first."""
        return sorted(
            (line for line in self.lines if line.due_date > on), key=lambda line: (line.due_date, line.number)
        )

    def due_by(self, on: date) -> int:
        """What is due by a date, with the penalty interest that a payment on it would bring."""
        unpaid = sum(line.owed for line in self.lines if line.due_date <= on)
        return unpaid + sum(amount for line, amount in self.penalties(on) if line.due_date <= on)

    def early_fee(self, principal: int) -> int:
        """What was agreed for principal that is repaid before its time, rounded half-up."""
        return (principal * self.prepayment_fee + PPM // 2) // PPM

    def settlement_fee(self, on: date) -> int:
        """The agreed fee for repaying everything that is not due yet on a date; none once the claim was written off."""
        if self.status is LoanStatus.WRITTEN_OFF:
            return 0
        return self.early_fee(sum(line.unpaid(Component.PRINCIPAL) for line in self.coming(on)))

    def payoff(self, on: date) -> int:
        """What settles the loan on a date: everything owed, penalty interest up to then and the agreed fee, without
        unearned interest."""
        penalties = sum(amount for _line, amount in self.penalties(on))
        return self.owed + penalties + self.settlement_fee(on) - sum(amount for _line, amount in self.unearned(on))

    def note_maturity(self) -> None:
        """When the last principal falls due, after the schedule was changed."""
        last = max((line.due_date for line in self.lines if line.principal), default=self.matures_on)
        if self.matures_on is not None and last != self.matures_on:
            self.matures_on, self.changed = last, True

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
