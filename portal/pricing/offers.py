"""What a loan costs with everything that is charged for it: the items, who gets them, both rates (综合融资成本).

Pure: an offer goes in, its cost comes out. Money in fen, shares in parts per million, rates as Decimals of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from portal.pricing.rules import Flow, annual_percentage_rate, simple_annual_cost

PPM = 1_000_000


class Payee(StrEnum):
    """Who gets what is charged."""

    LENDER = "lender"
    GUARANTEE_COMPANY = "guarantee_company"
    INSURER = "insurer"
    APPRAISER = "appraiser"
    REGISTRY = "registry"
    NOTARY = "notary"
    OTHER = "other_payee"


class Basis(StrEnum):
    """What the amount of a fee follows from."""

    FIXED = "fixed"
    """So many yuan each time."""
    OF_PRINCIPAL = "of_principal"
    """A share of the amount lent, each time."""
    OF_PRINCIPAL_A_YEAR = "of_principal_a_year"
    """A share of the amount lent for each year of the term, spread over the times it is charged."""


class Charged(StrEnum):
    """When a fee falls due."""

    AT_SIGNING = "at_signing"
    FIRST_INSTALMENT = "first_instalment"
    EACH_INSTALMENT = "each_instalment"
    ON_EVENT = "on_event"
    """Only if something happens, such as a default: no part of the normal cost."""
    TAKEN_OVER = "taken_over"
    """Fees that loans from another ledger bring along; charged on no new loan."""


ON_NEW_LOANS = (Charged.AT_SIGNING, Charged.FIRST_INSTALMENT, Charged.EACH_INSTALMENT)


@dataclass(frozen=True, slots=True)
class Fee:
    """An item of the fee catalogue as it applies to an offer."""

    code: str
    name: str
    payee: Payee
    basis: Basis
    standard: int
    """Fen for FIXED, else parts per million."""
    charged: Charged
    counted: bool = True
    """Whether it is part of the all-in cost."""
    payee_name: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """What an instalment asks for, fees apart."""

    due_on: date
    principal: int
    interest: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A loan as it is offered, or was agreed: on what terms, with which fees."""

    principal: int
    months: int
    start: date
    payments: Sequence[Payment]
    fees: Sequence[Fee] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """What one item comes to: (day, fen) of each time it is paid."""

    fee: Fee
    times: Sequence[tuple[date, int]]

    @property
    def total(self) -> int:
        return sum(amount for _day, amount in self.times)


@dataclass(frozen=True, slots=True)
class AllInCost:
    """The normal cost of an offer: what is paid when nothing goes wrong."""

    principal: int
    interest: int
    charges: Sequence[Charge]
    irr: Decimal
    simple: Decimal

    @property
    def fees(self) -> int:
        """All fees that are part of the cost."""
        return sum(charge.total for charge in self.charges if charge.fee.counted)

    @property
    def total(self) -> int:
        return self.interest + self.fees


def charge_of(fee: Fee, offer: Offer) -> Charge:
    """When an item is paid and how much each time; never, for what depends on an event."""
    days = {
        Charged.AT_SIGNING: [offer.start],
        Charged.FIRST_INSTALMENT: [offer.payments[0].due_on],
        Charged.EACH_INSTALMENT: [payment.due_on for payment in offer.payments],
    }.get(fee.charged, [])
    if not days:
        return Charge(fee, ())
    if fee.basis is Basis.OF_PRINCIPAL_A_YEAR:
        total = _half_up(offer.principal * fee.standard * offer.months, 12 * PPM)
        each = total // len(days)
        amounts = [*[each] * (len(days) - 1), total - each * (len(days) - 1)]
    else:
        once = fee.standard if fee.basis is Basis.FIXED else _half_up(offer.principal * fee.standard, PPM)
        amounts = [once] * len(days)
    return Charge(fee, [(day, amount) for day, amount in zip(days, amounts, strict=True) if amount])


def flows_of(offer: Offer, charges: Sequence[Charge]) -> list[Flow]:
    """Everything that changes hands, in order of time: a payment with its fees is one flow."""
    paid: dict[date, int] = {payment.due_on: 0 for payment in offer.payments}
    for payment in offer.payments:
        paid[payment.due_on] += payment.principal + payment.interest
    for charge in charges:
        for day, amount in charge.times if charge.fee.counted else ():
            paid[day] = paid.get(day, 0) + amount
    return [Flow(offer.start, -offer.principal), *(Flow(day, paid[day]) for day in sorted(paid))]


def cost_of(offer: Offer) -> AllInCost:
    """The normal cost of an offer. Raises FlowsError when what is paid makes no sensible rate."""
    charges = [charge_of(fee, offer) for fee in offer.fees]
    flows = flows_of(offer, charges)
    interest = sum(payment.interest for payment in offer.payments)
    return AllInCost(offer.principal, interest, charges, annual_percentage_rate(flows), simple_annual_cost(flows))


def percent(rate: Decimal) -> Decimal:
    """A rate as percent with two decimals, half up: what is printed is what is judged."""
    return (rate * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def ppm(rate: Decimal) -> int:
    """A rate in whole parts per million, half up."""
    return int((rate * PPM).to_integral_value(ROUND_HALF_UP))


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
