"""Gates of other areas that a loan passes before it is paid out; they register here, since loans know none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from portal.core.registry import Registry
from portal.customers.models import Customer
from portal.loans.accounts import Owner
from portal.products.models import Product


@dataclass(frozen=True)
class Payout:
    """A loan that is about to be paid out and not in the balances yet."""

    customer: Customer
    product: Product
    amount: int
    """Fen."""
    owner: Owner
    day: date
    """The open business date."""


payout_gates: Registry[Callable[[Payout], None]] = Registry("gates of payouts")
"""Each raises InvalidValues when the loan must not be paid out; it runs within the transaction that would do so."""


def pass_gates(payout: Payout) -> None:
    """Ask every gate."""
    for gate in payout_gates.values():
        gate(payout)
