"""The customers of the demo company: 4,000 farm households, other persons, traders and small enterprises.

About half of them ever borrow; the others are known to the manager of their grid and may one day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import Literal

from portal.customers.rules import Sex
from seed import geography, identity, names
from seed.company import BUSINESS_DATE, company
from seed.names import Trade

CustomerType = Literal["farmer", "individual", "self_employed", "small_enterprise"]
Industry = Literal[
    "agriculture", "manufacturing", "construction", "trade", "transport", "catering", "services", "wages"
]

NUMBER = 4_000
KNOWN_FROM = date(2019, 1, 1)

_SHARES: dict[CustomerType, int] = {"farmer": 550, "individual": 210, "self_employed": 190, "small_enterprise": 50}

# Which grids each kind of customer lives or trades in, against one another.
_PULL: dict[CustomerType, dict[geography.GridKind, int]] = {
    "farmer": {"village": 20, "community": 3, "business_district": 1, "park": 0},
    "individual": {"village": 4, "community": 40, "business_district": 25, "park": 2},
    "self_employed": {"village": 4, "community": 15, "business_district": 60, "park": 6},
    "small_enterprise": {"village": 1, "community": 3, "business_district": 10, "park": 60},
}

_TRADES: dict[Trade, tuple[int, Industry]] = {
    "fruit": (30, "trade"),
    "cold_store": (14, "transport"),
    "inputs": (12, "trade"),
    "machinery": (9, "manufacturing"),
    "packaging": (9, "manufacturing"),
    "food": (8, "manufacturing"),
    "shop": (10, "trade"),
    "catering": (8, "catering"),
    "transport": (8, "transport"),
}

_WAGE_EARNERS: tuple[Industry, ...] = ("wages", "wages", "wages", "services", "construction", "transport")
_MEN: dict[CustomerType, float] = {"farmer": 0.72, "individual": 0.52, "self_employed": 0.6, "small_enterprise": 0.5}
_AGES: dict[CustomerType, tuple[int, int]] = {
    "farmer": (30, 62),
    "individual": (23, 52),
    "self_employed": (25, 56),
    "small_enterprise": (30, 60),
}


@dataclass(frozen=True, slots=True)
class CustomerSpec:
    """A person or an enterprise."""

    code: str
    type: CustomerType
    name: str
    sex: Sex | None
    """None for an enterprise."""
    resident_id: str | None
    uscc: str | None
    """Enterprises only."""
    shop: str | None
    """What a trader's business is called."""
    phone: str
    bank_account: str
    address: str
    industry: Industry
    grid_code: str
    branch_code: str
    team_code: str
    manager_code: str
    """Where a grid has no manager yet, the lead of its team."""
    since: date
    """First known to the company."""


@cache
def customers() -> tuple[CustomerSpec, ...]:
    """All customers in the order of their codes, which is the order in which the company came to know them."""
    rng = Random("demo company: customers")
    days = (BUSINESS_DATE - KNOWN_FROM).days
    known = sorted(KNOWN_FROM + timedelta(round(days * rng.random())) for _ in range(NUMBER))
    types = [type_ for type_, share in _SHARES.items() for _ in range(NUMBER * share // 1_000)]
    rng.shuffle(types)
    register = _Register(rng)
    return tuple(register.enter(type_, since) for type_, since in zip(types, known, strict=True))


class _Register:
    """Enters customers one after the other; no number and no firm's name twice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.entered = 0
        self.birthdays: Counter[tuple[date, Sex]] = Counter()
        self.firms: set[str] = set()
        self.grids = geography.grids()
        self.towns = {town.code: town for town in geography.towns()}
        self.territories = {territory.grid_code: territory for territory in company().territories}
        self.leads = {team.code: team.lead_code for team in company().teams}
        self.pull = {
            type_: list(accumulate(grid.potential_customers * pull[grid.kind] for grid in self.grids))
            for type_, pull in _PULL.items()
        }

    def enter(self, type_: CustomerType, since: date) -> CustomerSpec:
        """A new customer."""
        rng = self.rng
        self.entered += 1
        grid = rng.choices(self.grids, cum_weights=self.pull[type_])[0]
        town = self.towns[grid.town_code].short_name
        territory = self.territories[grid.code]
        trade = rng.choices(list(_TRADES), weights=[weight for weight, _ in _TRADES.values()])[0]
        sex: Sex = "male" if rng.random() < _MEN[type_] else "female"
        born = since - timedelta(rng.randint(*_AGES[type_]) * 365 + rng.randrange(365))
        name, resident_id, uscc, shop = "", None, None, None
        if type_ == "small_enterprise":
            name = self._firm(town, trade)
            uscc = identity.credit_code("cooperative" if name.endswith("合作社") else "enterprise", self.entered)
        else:
            name = names.person(rng, sex, born.year)
            resident_id = identity.resident_id(born, sex, self.birthdays[born, sex])
            self.birthdays[born, sex] += 1
            shop = names.shop(rng, town, trade) if type_ == "self_employed" else None
        return CustomerSpec(
            code=f"C{self.entered:06d}",
            type=type_,
            name=name,
            sex=None if uscc else sex,
            resident_id=resident_id,
            uscc=uscc,
            shop=shop,
            phone=identity.mobile(self.entered),
            bank_account=identity.bank_card(self.entered),
            address=f"山东省栖霞市{grid.town}{rng.choice(grid.villages)}{rng.randint(1, 260)}号",
            industry=self._industry(type_, trade),
            grid_code=grid.code,
            branch_code=territory.branch_code,
            team_code=territory.team_code,
            manager_code=territory.manager_code or self.leads[territory.team_code],
            since=since,
        )

    def _firm(self, town: str, trade: Trade) -> str:
        name = names.firm(self.rng, town, trade)
        while name in self.firms:
            name = names.firm(self.rng, town, trade)
        self.firms.add(name)
        return name

    def _industry(self, type_: CustomerType, trade: Trade) -> Industry:
        if type_ == "farmer":
            return "agriculture"
        if type_ == "individual":
            return self.rng.choice(_WAGE_EARNERS)
        return _TRADES[trade][1]
