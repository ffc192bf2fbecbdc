"""Customers of a large company: those of the demo company over and over, each time with a name and numbers of its own.

Where they live, what they do and who looks after them stays, so that a copy of a loan keeps its owner. No two customers
share a number, and the numbers belong to nobody (see `identity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.core.sealed import KeyRing, Sealed, key_ring
from portal.customers.models import Customer, CustomerType, Industry
from portal.customers.rules import Sex
from seed import geography, identity, names
from seed.customers import CustomerSpec
from seed.organisation_loading import Organisation

FIRST_BIRTHDAY, BIRTHDAYS = date(1962, 1, 1), 15_000
"""People are born over 41 years; a prime step spreads neighbours over them."""
SPREAD = 7_919


class Crowd:
    """Makes rows of customers: `models` in their order, again and again."""

    def __init__(self, models: Sequence[CustomerSpec], organisation: Organisation) -> None:
        towns = {town.code: len(f"栖霞{town.short_name}") for town in geography.towns()}
        brand_at = {grid.code: towns[grid.town_code] for grid in geography.grids()}
        self.models = [
            (
                (spec.name, spec.address),
                brand_at[spec.grid_code],
                {
                    "type": CustomerType(spec.type),
                    "industry": Industry(spec.industry),
                    "grid_id": organisation.grids[spec.grid_code],
                    "since": spec.since,
                    **dict.fromkeys(Customer.bank_account.columns),
                    "disputed_on": None,
                    "erased_on": None,
                    "version": 1,
                    **organisation.owner(spec.branch_code, spec.team_code, spec.manager_code)._asdict(),
                },
            )
            for spec in models
        ]

    def rows(self, turn: int, first_id: int, count: int) -> list[dict[str, Any]]:
        """The first `count` customers of a turn (0, 1, 2, …), with ids from `first_id` on."""
        rng = Random(f"large company: customers {turn}")
        first = turn * len(self.models)
        return [
            self._row(rng, first_id + place, first + place, *model) for place, model in enumerate(self.models[:count])
        ]

    def _row(
        self, rng: Random, row_id: int, serial: int, model: tuple[str, str], brand_at: int, rest: dict[str, Any]
    ) -> dict[str, Any]:
        ring = key_ring()
        data_key, cipher = ring.new_cipher()
        (model_name, address), uscc = model, None
        name, sealed = model_name, dict.fromkeys(Customer.resident_id.columns)
        if rest["type"] is CustomerType.SMALL_ENTERPRISE:
            name = model_name[:brand_at] + names.brand(rng) + model_name[brand_at + 2 :]
            uscc = identity.credit_code("cooperative" if name.endswith("合作社") else "enterprise", serial)
        else:
            born, sex, nth = _birth(serial)
            name = names.person(rng, sex, born.year)
            sealed |= _sealed(Customer.resident_id, cipher, identity.resident_id(born, sex, nth), ring)
        sealed |= _sealed(Customer.phone, cipher, identity.mobile(serial), ring)
        sealed |= _sealed(Customer.address, cipher, address, ring)
        return {
            "id": row_id,
            "code": f"C{serial + 1:08d}",
            "name": name,
            "uscc": uscc,
            "data_key": data_key,
            **sealed,
            **rest,
        }


def _sealed(value: Sealed, cipher: AESGCM, text: str, ring: KeyRing) -> dict[str, bytes | None]:
    return dict(zip(value.columns, value.seal_with(cipher, text, ring), strict=True))


def _birth(serial: int) -> tuple[date, Sex, int]:
    """When the serial-th person was born, as what, and as which of those born that day."""
    person, woman = divmod(serial, 2)
    nth, day = divmod(person, BIRTHDAYS)
    return FIRST_BIRTHDAY + timedelta(day * SPREAD % BIRTHDAYS), "female" if woman else "male", nth
