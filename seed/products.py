"""What the demo company lends: business and consumer loans, over the counter and online."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.products.terms import DayCount, HolidayRule, Method, ResetRule, Rounding

Purpose = Literal["business", "consumer"]
Channel = Literal["offline", "online"]

PENALTY_MARKUP = 500_000
"""Penalty interest is half as much again as the contract rate."""


@dataclass(frozen=True, slots=True)
class ProductSpec:
    """A loan product. Rates in parts per million a year, terms in months."""

    code: str
    name: str
    purpose: Purpose
    channel: Channel
    rate_min: int
    rate_max: int
    term_min: int
    term_max: int
    method: Method
    day_count: DayCount
    rounding: Rounding
    holiday_rule: HolidayRule
    documents: str
    penalty_markup: int = PENALTY_MARKUP
    reset_rule: ResetRule | None = None


INPUTS = ProductSpec(
    "P01", "苹果贷", "business", "offline", 72_000, 96_000, 6, 12,
    Method.BULLET, DayCount.THIRTY_360, Rounding.HALF_UP, HolidayRule.FOLLOWING,
    "身份证、户口簿、果园承包合同、征信授权书",
)  # fmt: skip
HARVEST = ProductSpec(
    "P02", "果品收购贷", "business", "offline", 84_000, 108_000, 3, 9,
    Method.INTEREST_ONLY, DayCount.ACT_360, Rounding.HALF_UP, HolidayRule.FOLLOWING,
    "身份证、营业执照、收购合同或冷库租赁合同、征信授权书",
)  # fmt: skip
MERCHANT = ProductSpec(
    "P03", "商户经营贷", "business", "offline", 84_000, 120_000, 12, 36,
    Method.LEVEL, DayCount.THIRTY_360, Rounding.HALF_UP, HolidayRule.FOLLOWING,
    "身份证、营业执照、近六个月流水、经营场所证明、征信授权书",
)  # fmt: skip
QUICK = ProductSpec(
    "P04", "经营快贷", "business", "online", 90_000, 132_000, 6, 24,
    Method.LEVEL, DayCount.ACT_365, Rounding.HALF_UP, HolidayRule.NONE,
    "身份证、营业执照、线上征信授权",
)  # fmt: skip
MACHINERY = ProductSpec(
    "P05", "农机贷", "business", "offline", 60_000, 90_000, 12, 36,
    Method.EQUAL_PRINCIPAL, DayCount.ACT_365, Rounding.HALF_UP, HolidayRule.MODIFIED_FOLLOWING,
    "身份证、购机合同、首付凭证、征信授权书",
)  # fmt: skip
ENTERPRISE = ProductSpec(
    "P06", "小微企业贷", "business", "offline", 60_000, 84_000, 6, 12,
    Method.INTEREST_ONLY, DayCount.ACT_360, Rounding.HALF_UP, HolidayRule.MODIFIED_FOLLOWING,
    "营业执照、公司章程、近两年财务报表、抵押物权属证明、企业及法人征信授权书",
    reset_rule=ResetRule.JANUARY,
)  # fmt: skip
HOUSEHOLD = ProductSpec(
    "P07", "家庭消费贷", "consumer", "offline", 84_000, 126_000, 12, 36,
    Method.LEVEL, DayCount.THIRTY_360, Rounding.HALF_UP, HolidayRule.FOLLOWING,
    "身份证、收入证明、用途证明、征信授权书",
)  # fmt: skip
ONLINE_CONSUMER = ProductSpec(
    "P08", "果乡e贷", "consumer", "online", 120_000, 180_000, 6, 24,
    Method.LEVEL, DayCount.ACT_365, Rounding.UP, HolidayRule.NONE,
    "身份证、人脸识别、线上征信授权",
)  # fmt: skip

PRODUCTS = (INPUTS, HARVEST, MERCHANT, QUICK, MACHINERY, ENTERPRISE, HOUSEHOLD, ONLINE_CONSUMER)
