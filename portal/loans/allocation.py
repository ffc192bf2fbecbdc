"""Legal allocation: which claims a payment settles, and so what the customer still owes.

How the books show the same payment (a loan on non-accrual takes receipts against principal first) is another matter
and is settled where journals are written.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from portal.loans.components import Component
from portal.loans.day_count import year_basis
from portal.products.terms import ClaimsOrder, DayCount

PPM = 1_000_000

CIVIL_CODE_ORDER: Final = (
    Component.COST,
    Component.INTEREST,
    Component.PRINCIPAL,
    Component.FEE,
    Component.PENALTY,
)
"""民法典 561: costs of enforcing the claim, then interest, then principal, where the contract says nothing else.

Agreed fees and penalty interest are no costs of enforcement: they come after, unless the contract puts them elsewhere.
"""


AGREED_ORDERS: Final = {
    ClaimsOrder.FEES_FIRST: (
        Component.COST,
        Component.FEE,
        Component.INTEREST,
        Component.PRINCIPAL,
        Component.PENALTY,
    ),
    ClaimsOrder.PENALTY_BEFORE_PRINCIPAL: (
        Component.COST,
        Component.INTEREST,
        Component.PENALTY,
        Component.PRINCIPAL,
        Component.FEE,
    ),
    ClaimsOrder.CHARGES_BEFORE_PRINCIPAL: (
        Component.COST,
        Component.FEE,
        Component.INTEREST,
        Component.PENALTY,
        Component.PRINCIPAL,
    ),
}
"""What a contract may say instead."""


def whole_order(named: Iterable[Component]) -> tuple[Component, ...]:
    """An order with costs of enforcement in it: they come first where it does not say where they stand."""
    order = tuple(named)
    return order if Component.COST in order else (Component.COST, *order)


class Prepayment(StrEnum):
    """What a payment beyond everything due does (after interest for the actual days, 民法典 677, has been made due)."""

    HOLD = "hold"
    """Nothing: it stays the customer's money."""
    NEXT_FIRST = "next-first"
    """Repays the principal of the next instalments: the coming ones get smaller."""
    LAST_FIRST = "last-first"
    """Repays principal from the last instalment backwards: the term gets shorter."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is still unpaid of one instalment, in fen."""

    instalment: int
    due_date: date
    fee: int = 0
    penalty: int = 0
    interest: int = 0
    principal: int = 0
    cost: int = 0

    def __post_init__(self) -> None:
        if min(self.fee, self.penalty, self.interest, self.principal, self.cost) < 0:
            raise ValueError("What is owed cannot be negative.")

    @property
    def total(self) -> int:
        return self.fee + self.penalty + self.interest + self.principal + self.cost

    def of(self, component: Component) -> int:
        """What is owed of one component."""
        return int(getattr(self, component.value))


@dataclass(frozen=True, slots=True)
class Allocated:
    """Part of a payment, in fen, always positive."""

    instalment: int
    component: Component
    amount: int


def allocate(
    amount: int,
    owed: Sequence[Owed],
    order: Sequence[Component],
    on: date,
    designation: Collection[int] | None = None,
    *,
    by: Literal["instalment", "component"] = "instalment",
    prepayment: Prepayment = Prepayment.HOLD,
) -> tuple[list[Allocated], int]:
    """Spread a payment over what is owed; return the parts, in the order they were settled, and what is left.

    `order` names every component once. `on` is the value date: only what is due by then is settled at first, the
    oldest instalment first. `by` says whether an instalment is settled whole before the next one ("instalment"), or
    a component of all due instalments before the next component ("component"). The debtor may name instalments
    (`designation`, 民法典 560): these are settled before all others, even before they are due. The surplus follows
    `prepayment`. Raises ValueError for a payment below 0, an incomplete order or an unknown instalment.
    """
    if amount < 0:
        raise ValueError("The payment cannot be negative.")
    if sorted(order) != sorted(Component):
        raise ValueError("The order of allocation must name principal, interest, fee, penalty and cost once each.")
    oldest_first = sorted(owed, key=lambda item: (item.due_date, item.instalment))
    named = frozenset(designation or ())
    if not named <= {item.instalment for item in owed}:
        raise ValueError("The payment names an instalment that is not owed.")
    designated = [item for item in oldest_first if item.instalment in named]
    due = [item for item in oldest_first if item.instalment not in named and item.due_date <= on]
    later = [item for item in oldest_first if item.instalment not in named and item.due_date > on]

    rest = amount
    parts: list[Allocated] = []
    for item, component in [*_claims(designated, order, by), *_claims(due, order, by), *_prepaid(later, prepayment)]:
        part = min(rest, item.of(component))
        if part:
            parts.append(Allocated(item.instalment, component, part))
            rest -= part
    return parts, rest


def penalty_interest(
    unpaid_principal_and_interest: int,
    contract_rate: int,
    markup: int,
    days: int,
    convention: DayCount = DayCount.ACT_360,
) -> int:
    """Penalty interest in fen for so many days past due, rounded half-up.

    `contract_rate` and `markup` are in parts per million: a markup of 500_000 makes the penalty rate one and a half
    times the contract rate (人民币利率管理规定: +30 to 50 % when overdue, +50 to 100 % on misuse; dated parameters).
    It is simple interest on unpaid principal and contractual interest; earlier penalty interest is never part of the
    base (no compound interest on penalty interest). The daily rate is the yearly one divided by the convention's year.
    """
    if min(unpaid_principal_and_interest, contract_rate, markup, days) < 0:
        raise ValueError("Penalty interest needs an amount, rates and days that are not negative.")
    numerator = unpaid_principal_and_interest * contract_rate * (PPM + markup) * days
    denominator = year_basis(convention) * PPM * PPM
    return (numerator + denominator // 2) // denominator


def misuse_interest(
    principal: int, contract_rate: int, markup: int, days: int, convention: DayCount = DayCount.ACT_360
) -> int:
    """What misuse costs on principal that is not due yet, beside the contract's interest, in fen, rounded half-up.

    Only the mark-up: the contract rate itself is in the instalments. On what is overdue it is `penalty_interest` alone.
    """
    numerator = principal * contract_rate * markup * days
    denominator = year_basis(convention) * PPM * PPM
    return (numerator + denominator // 2) // denominator


def within_cap(amounts: Sequence[int], principal: int, limit: int, days: int, other_charges: int) -> list[int]:
    """Penalty interest that still fits below the limit on all charges together, the first of the amounts first.

    `limit` is a yearly rate in parts per million; over these days everything charged on the principal may come to
    principal x limit x days / 365, rounded down; `other_charges` are the interest and fees of the same days.
    """
    room = max(principal * limit * days // (365 * PPM) - other_charges, 0)
    kept = []
    for amount in amounts:
        kept.append(min(amount, room))
        room -= kept[-1]
    return kept


def _claims(items: Sequence[Owed], order: Sequence[Component], by: str) -> Iterator[tuple[Owed, Component]]:
    if by == "instalment":
        yield from ((item, component) for item in items for component in order)
    else:
        yield from ((item, component) for component in order for item in items)


def _prepaid(later: Sequence[Owed], prepayment: Prepayment) -> Iterator[tuple[Owed, Component]]:
    if prepayment == Prepayment.NEXT_FIRST:
        yield from ((item, Component.PRINCIPAL) for item in later)
    elif prepayment == Prepayment.LAST_FIRST:
        yield from ((item, Component.PRINCIPAL) for item in reversed(later))
