"""Legal allocation: which claims a payment settles, and so what the customer still owes.

How the books show the same payment (a loan on non-accrual takes receipts against principal first) is another matter
and is settled where journals are written.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from portal.loans.components import Component
from portal.loans.day_count import year_basis
from portal.products.terms import DayCount

PPM = 1_000_000

CIVIL_CODE_ORDER: Final = (Component.FEE, Component.INTEREST, Component.PRINCIPAL, Component.PENALTY)
"""民法典 561: costs of enforcing the claim, then interest, then principal, where the contract says nothing else.

Fees stand first as costs of enforcement: where a product also books service fees as fees, its contract must give its
own order, since those are not costs. Penalty interest is not costs either and comes last.
"""


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

    def __post_init__(self) -> None:
        if min(self.fee, self.penalty, self.interest, self.principal) < 0:
            raise ValueError("What is owed cannot be negative.")

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
        raise ValueError("The order of allocation must name principal, interest, fee and penalty once each.")
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
