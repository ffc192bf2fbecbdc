"""The demo company's story, replayed through the portal's own loan accounts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.allocation import CIVIL_CODE_ORDER, allocate
from portal.loans.models import LoanStatus
from portal.loans.periods import add_months
from seed.behaviour import LIMIT
from seed.company import BUSINESS_DATE
from seed.events import EarlySettlementSpec, Event, LoanSpec, PaymentSpec, RecoverySpec, WriteOffSpec
from seed.products import PRODUCTS
from seed.story import STARTS_ON, schedule, story

PRODUCT = {product.code: product for product in PRODUCTS}
MONTH_ENDS = [add_months(STARTS_ON, nth) - timedelta(1) for nth in range(1, 37)]


@dataclass(frozen=True)
class Position:
    """An open loan at a month-end."""

    as_of: date
    loan: LoanSpec
    balance: int
    days_past_due: int


@dataclass
class Replay:
    """What came of the story."""

    positions: list[Position]
    accounts: dict[str, LoanAccount]
    surprises: list[str]
    """Events that the portal would have booked otherwise."""

    def at(self, as_of: date, **where: str) -> list[Position]:
        """The open loans at a month-end that have these values."""
        return [
            position
            for position in self.positions
            if position.as_of == as_of and all(getattr(position.loan, key) == value for key, value in where.items())
        ]


def par(positions: list[Position], days: int) -> float:
    """Balance of what is more than so many days late ÷ balance, in per cent."""
    balance = sum(position.balance for position in positions)
    return 100 * sum(position.balance for position in positions if position.days_past_due > days) / balance


@pytest.fixture(scope="session")
def replay() -> Replay:
    """Every loan's account after every event, looked at each month-end."""
    happened: dict[str, list[Event]] = defaultdict(list)
    for event in story().events:
        happened[event.loan_code].append(event)
    found = Replay([], {}, [])
    for loan in story().loans:
        account = found.accounts[loan.code] = _opened(loan)
        events = iter(happened[loan.code])
        event = next(events, None)
        for month_end in MONTH_ENDS:
            if month_end < loan.disbursed_on:
                continue
            while event is not None and event.on <= month_end:
                found.surprises += _book(account, event)
                event = next(events, None)
            if account.balance:
                position = Position(month_end, loan, account.balance, account.days_past_due(month_end, 0))
                found.positions.append(position)
        assert event is None, f"{event} is later than the business date {BUSINESS_DATE}"
    return found


def _opened(loan: LoanSpec) -> LoanAccount:
    return LoanAccount(
        id=None,
        code=loan.code,
        rate=loan.rate,
        day_count=loan.day_count,
        markup=PRODUCT[loan.product_code].penalty_markup,
        status=LoanStatus.ACTIVE,
        disbursed_on=loan.disbursed_on,
        owner=Owner(0, None, None),
        owner_since=loan.disbursed_on,
        lines=[
            Line(line.number, line.period_start, line.period_end, line.due_date, line.principal, line.interest)
            for line in schedule(loan)
        ],
        balance=loan.principal,
        limit_on=lambda _day: LIMIT,
    )


def _book(account: LoanAccount, event: Event) -> list[str]:
    """Book an event as the ledger's verbs do; what does not fit is told."""
    surprises = []
    if isinstance(event, RecoverySpec):
        account.off_balance["principal"] -= event.amount
        return [] if account.off_balance["principal"] >= 0 else [f"{event}: more than was written off"]
    if account.status is not LoanStatus.ACTIVE:
        surprises.append(f"{event}: the loan is closed")
    if isinstance(event, WriteOffSpec):
        if event.principal != account.balance or account.days_past_due(event.on, 0) <= 360:
            surprises.append(f"{event}: {account.balance} fen, {account.days_past_due(event.on, 0)} days")
        account.off_balance["principal"], account.balance = account.balance, 0
        account.close(LoanStatus.WRITTEN_OFF, event.on)
        return surprises
    penalties = account.penalties(event.on)
    for line, amount in penalties:
        line.penalty += amount
    if isinstance(event, EarlySettlementSpec):
        for line, amount in account.unearned(event.on):
            line.interest -= amount
        if event.amount != account.owed or event.principal != account.balance or penalties:
            surprises.append(f"{event}: {account.owed} fen are owed")
    elif [(charge.instalment, charge.amount) for charge in event.charges] != [(ln.number, n) for ln, n in penalties]:
        surprises.append(f"{event}: penalties {[(line.number, amount) for line, amount in penalties]}")
    _pay(account, event, surprises)
    return surprises


def _pay(account: LoanAccount, event: PaymentSpec | EarlySettlementSpec, surprises: list[str]) -> None:
    owed = [line.as_owed() for line in account.lines if line.owed]
    named = [item.instalment for item in owed] if isinstance(event, EarlySettlementSpec) else None
    parts, rest = allocate(event.amount, owed, CIVIL_CODE_ORDER, event.on, named)
    for part in parts:
        account.lines[part.instalment - 1].pay(part.component, part.amount)
        account.balance -= part.amount if part.component == "principal" else 0
    account.mark_settled(event.on, account.lines)
    account.last_on = event.on
    if rest:
        surprises.append(f"{event}: {rest} fen are left over")
    if not account.owed:
        account.close(LoanStatus.SETTLED, event.on)
