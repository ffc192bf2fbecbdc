"""What is borrowed when, and by whom: the seasons of an apple county.

Growers borrow for fertiliser and bags in spring and pay back after the harvest; traders borrow in autumn to buy apples
and fill the cold stores; shops, households and online borrowers come all year, with a lull around the Spring Festival.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from seed import products
from seed.customers import CustomerType
from seed.events import Guarantee
from seed.products import ProductSpec

GROWTH = 0.015
"""Each month brings so much more than the one before, seasons apart."""

_ALL_YEAR = (9, 5, 10, 10, 10, 10, 9, 9, 10, 10, 11, 12)


@dataclass(frozen=True, slots=True)
class Demand:
    """How a product is asked for. Amounts in yuan."""

    product: ProductSpec
    loans: int
    """Over the whole story."""
    season: tuple[int, ...]
    """January to December, against one another."""
    smallest: int
    usual: int
    largest: int
    terms: tuple[int, ...]
    borrowers: dict[CustomerType, int]
    returning: float
    """How often it goes to somebody who has had one before."""
    guarantees: tuple[Guarantee, ...]
    purposes: tuple[str, ...]
    risk: float = 1.0
    """Bad fates against the average loan's."""
    launched: tuple[int, int] = (2023, 7)
    due_day: int | None = None
    """Every loan falls due on this day of the month."""

    def amount(self, rng: Random) -> int:
        """In fen: whole thousands of yuan, whole ten thousands above 200,000."""
        yuan = rng.triangular(self.smallest, self.largest, self.usual)
        unit = 10_000 if yuan > 200_000 else 1_000
        return int(yuan) // unit * unit * 100

    def rate(self, rng: Random) -> int:
        """In parts per million: steps of 0.3 % between the product's limits."""
        return rng.randrange(self.product.rate_min, self.product.rate_max + 1, 3_000)

    def term(self, month: int, rng: Random) -> int:
        """In months; a spring loan to a grower is due after the harvest."""
        if self.product is products.INPUTS and month <= 5:
            return max(rng.choice((10, 11, 11, 12)) - month, self.product.term_min)
        return rng.choice(self.terms)


DEMANDS = (
    Demand(
        products.INPUTS,
        loans=930,
        season=(4, 20, 32, 24, 8, 4, 5, 9, 18, 12, 4, 2),
        smallest=10_000,
        usual=40_000,
        largest=120_000,
        terms=(6, 9, 12, 12),
        borrowers={"farmer": 1},
        returning=0.5,
        guarantees=("credit", "guarantor", "guarantor"),
        purposes=("购买化肥农药", "购买果袋反光膜", "果园更新改造", "支付疏花套袋人工"),
        risk=0.8,
    ),
    Demand(
        products.HARVEST,
        loans=290,
        season=(2, 1, 1, 1, 4, 5, 3, 12, 34, 40, 14, 4),
        smallest=50_000,
        usual=120_000,
        largest=500_000,
        terms=(4, 5, 6, 7),
        borrowers={"self_employed": 12, "small_enterprise": 5, "farmer": 2},
        returning=0.5,
        guarantees=("guarantor", "pledge", "mortgage"),
        purposes=("收购苹果", "支付冷库租金", "收购大樱桃", "购买包装纸箱"),
        risk=0.4,
    ),
    Demand(
        products.MERCHANT,
        loans=370,
        season=_ALL_YEAR,
        smallest=30_000,
        usual=80_000,
        largest=300_000,
        terms=(12, 12, 18, 24, 24, 36),
        borrowers={"self_employed": 1},
        returning=0.2,
        guarantees=("guarantor", "mortgage", "credit"),
        purposes=("进货周转", "店面装修", "购置设备"),
    ),
    Demand(
        products.QUICK,
        loans=330,
        season=_ALL_YEAR,
        smallest=10_000,
        usual=40_000,
        largest=200_000,
        terms=(6, 12, 12, 18, 24),
        borrowers={"self_employed": 6, "farmer": 4},
        returning=0.25,
        guarantees=("credit",),
        purposes=("经营周转", "进货周转"),
        launched=(2024, 1),
    ),
    Demand(
        products.MACHINERY,
        loans=190,
        season=(4, 8, 14, 12, 9, 7, 7, 9, 12, 8, 5, 4),
        smallest=15_000,
        usual=45_000,
        largest=180_000,
        terms=(12, 24, 24, 36),
        borrowers={"farmer": 8, "self_employed": 1},
        returning=0.1,
        guarantees=("mortgage", "guarantor"),
        purposes=("购置打药机", "购置田园管理机", "购置选果设备", "购置农用三轮车"),
        risk=0.7,
    ),
    Demand(
        products.ENTERPRISE,
        loans=150,
        season=(8, 4, 10, 9, 9, 9, 9, 11, 14, 12, 9, 8),
        smallest=150_000,
        usual=350_000,
        largest=1_000_000,
        terms=(6, 12, 12, 12),
        borrowers={"small_enterprise": 1},
        returning=0.45,
        guarantees=("mortgage", "mortgage", "pledge", "guarantor"),
        purposes=("流动资金周转", "采购原料果", "购置生产设备"),
        risk=0.4,
    ),
    Demand(
        products.HOUSEHOLD,
        loans=320,
        season=_ALL_YEAR,
        smallest=20_000,
        usual=50_000,
        largest=150_000,
        terms=(12, 24, 24, 36),
        borrowers={"individual": 8, "farmer": 2},
        returning=0.1,
        guarantees=("credit", "guarantor"),
        purposes=("房屋装修", "子女教育", "购置家电", "医疗支出"),
        risk=0.9,
        due_day=20,
    ),
    Demand(
        products.ONLINE_CONSUMER,
        loans=420,
        season=_ALL_YEAR,
        smallest=3_000,
        usual=10_000,
        largest=50_000,
        terms=(6, 12, 12, 12, 24),
        borrowers={"individual": 14, "farmer": 4, "self_employed": 2},
        returning=0.25,
        guarantees=("credit",),
        purposes=("日常消费", "购置手机家电", "旅游", "装修"),
        launched=(2024, 5),
    ),
)
